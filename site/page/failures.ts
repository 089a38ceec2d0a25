import { computed, reactive } from "vue";
import { ROOMS, type RoomName } from "./address.ts";
import { visitorsMessageOf } from "./message-of.ts";

// Messages about what has failed, each until what failed is tried again.

/** What may fail: loading the page's files, finding the picture's code, asking the encoders, or a room. */
export type Source = "loading" | "picture" | "encoders" | RoomName;

/** @param room the shown one: messages of the others are not shown */
export function createFailures(room: () => RoomName) {
  const messages = reactive(new Map<Source, string>());
  return {
    /** Message to show. */
    shown: computed(() => {
      const sources: Source[] = ["loading", "picture", "encoders", room()];
      return sources.map((source) => messages.get(source)).find((message) => message !== undefined);
    }),
    /** Reason why the page has no decoder, or no worker; undefined while nothing has failed. */
    loading: computed(() => messages.get("loading")),
    add(source: Source, error: unknown): void {
      messages.set(source, visitorsMessageOf(error));
    },
    /** Forgets the message of a source, which has succeeded. */
    clear: (source: Source) => void messages.delete(source),
    /** Forgets the messages of all rooms, which work anew. */
    clearRooms(): void {
      for (const name of ROOMS) messages.delete(name);
    },
  };
}
