import { type Ref, watch } from "vue";

// Keeps a page's state and the browser's address in sync.

/** Delay in milliseconds before a change of state is written to the address. */
const ADDRESS_DELAY = 300;

/** Converts a page's state to the text after the # of an address and back. */
interface AddressCoding<State> {
  write(state: State): string;
  /** Reads the state from the part of an address after #; undefined if it contains none, or one that is not valid. */
  read(hash: string): State | undefined;
}

/**
 * Makes an address bar, which synchronises a page's state with the address.
 *
 * @param state reactive state of the page
 * @param isTouched true once the visitor has changed anything; before, the address is not written
 * @param onTake called before a state is read from an address that was entered while the page is open
 */
export function createAddressBar<State extends object>(
  state: State,
  { write, read }: AddressCoding<State>,
  isTouched: Readonly<Ref<boolean>>,
  onTake: () => void,
) {
  /** Path part of the page's URL. */
  let path: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function take(): void {
    const given = read(location.hash);
    if (!given) return;
    onTake();
    Object.assign(state, given);
  }

  watch(state, () => {
    if (!isTouched.value) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      // Following a link changes the address before the other page is loaded and this one is stopped.
      if (location.pathname === path) history.replaceState(history.state, "", `#${write(state)}`);
    }, ADDRESS_DELAY);
  });

  return {
    /**
     * Reads the state from the address, if it contains one, and from each address entered later.
     *
     * @returns whether the address contained a valid state, a broken one, or none
     */
    start(): "taken" | "broken" | "none" {
      path = location.pathname;
      addEventListener("hashchange", take);
      const given = read(location.hash);
      if (!given) return /^#v=/.test(location.hash) ? "broken" : "none";
      Object.assign(state, given);
      return "taken";
    },
    stop(): void {
      clearTimeout(timer);
      removeEventListener("hashchange", take);
    },
  };
}
