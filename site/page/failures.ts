import { computed, reactive } from "vue";
import { ROOMS, type RoomName } from "./address.ts";
import { visitorsMessageOf } from "./message-of.ts";

// Error messages of the page, each shown until the failed action is tried again.

/** Actions that can fail: loading the page's files, encoding the picture, running the encoders, or those of a room. */
export type Source = "loading" | "picture" | "encoders" | RoomName;

/**
 * Makes the store of the page's error messages.
 *
 * @param room returns the room (tab) that is shown; messages of other rooms are hidden
 */
export function createFailures(room: () => RoomName) {
  const messages = reactive(new Map<Source, string>());
  return {
    /** Message to show; undefined if there is none. */
    shown: computed(() => {
      const sources: Source[] = ["loading", "picture", "encoders", room()];
      return sources.map((source) => messages.get(source)).find((message) => message !== undefined);
    }),
    /** Reason why the page has no decoder or no worker; undefined if loading has not failed. */
    loading: computed(() => messages.get("loading")),
    add(source: Source, error: unknown): void {
      messages.set(source, visitorsMessageOf(error));
    },
    /** Removes the message of an action that has succeeded. */
    clear: (source: Source) => void messages.delete(source),
    /** Removes the messages of all rooms. */
    clearRooms(): void {
      for (const name of ROOMS) messages.delete(name);
    },
  };
}
