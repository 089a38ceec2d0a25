import { computed, reactive } from "vue";
import { ROOMS, type RoomName } from "./address.ts";

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
    add(source: Source, error: unknown): void {
      messages.set(source, error instanceof Error ? error.message : String(error));
    },
    /** Forgets the message of a source, which has succeeded. */
    clear: (source: Source) => void messages.delete(source),
    /** Forgets the messages of all rooms, which work anew. */
    clearRooms(): void {
      for (const name of ROOMS) messages.delete(name);
    },
  };
}
