import { type Ref, watch } from "vue";

// The browser's address: the state is read from it, and written to it.

/** Milliseconds from a change to the address. */
const ADDRESS_DELAY = 300;

/** Coding of a page's state as its address. */
interface AddressCoding<State> {
  write(state: State): string;
  /** Undefined if the address has no state, or a broken one. */
  read(hash: string): State | undefined;
}

/**
 * @param state reactive
 * @param isTouched the address has the state as soon as this is true
 * @param onTake called before another state is taken from an address that was entered while the page is open
 */
export function createAddressBar<State extends object>(
  state: State,
  { write, read }: AddressCoding<State>,
  isTouched: Readonly<Ref<boolean>>,
  onTake: () => void,
) {
  /** Path of the page. */
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
      // A link that was followed has changed the address before the other page is loaded and this one stops.
      if (location.pathname === path) history.replaceState(history.state, "", `#${write(state)}`);
    }, ADDRESS_DELAY);
  });

  return {
    /** Takes the state of the address, if it has one, and that of each later address. */
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
