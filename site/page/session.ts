import { computed, type InjectionKey, inject, reactive, ref, shallowRef, watch } from "vue";
import { firstState, forgetPlace, nextDigit, type PageState, readAddress, writeAddress } from "./address.ts";
import { createAddressBar } from "./address-bar.ts";
import { createFailures } from "./failures.ts";
import { createGivenPicture } from "./given-picture.ts";
import { createNetworks } from "./networks.ts";
import { createPlayback } from "./playback.ts";
import { createSearch } from "./search.ts";

// State shared by the rooms. Data flow in one direction: state → given picture → search, using the networks → playback of
// the path.

/** Session of the page. Everything except its functions is reactive. */
export type Session = ReturnType<typeof createSession>;

const KEY: InjectionKey<Session> = Symbol("session");

export { KEY as SESSION };

/** Returns the session that Page.vue provides. */
export function useSession(): Session {
  const session = inject(KEY);
  if (!session) throw new Error("useSession: there is no session; a room has to be within Page.vue");
  return session;
}

/** Creates the session of a page. It computes nothing until `prepare` and `start` are called, in a browser. */
export function createSession() {
  const state = reactive<PageState>(firstState());
  /** Message for the visitor about the link that was opened; undefined if there is none. */
  const notice = ref<string>();
  const isPenDown = ref(false);
  /** Files that were dropped on the page last, to be opened by the room for a visitor's own decoder. */
  const dropped = shallowRef<readonly File[]>([]);
  /** True once the visitor has changed anything; from then on the state is written to the address. */
  const isTouched = ref(false);

  const failures = createFailures(() => state.room);
  const given = createGivenPicture(state);
  const networks = createNetworks();
  const search = createSearch({
    state,
    given,
    networks,
    failures,
    isPenDown,
    showPath: () => playback.showPath(),
  });
  const { found, lastStep, solve } = search;
  const playback = createPlayback({
    lastStep: () => lastStep.value,
    chosenStep: () => state.step,
    showNext: () => nextDigit(state),
  });
  const addressBar = createAddressBar(state, { write: writeAddress, read: readAddress }, isTouched, touch);

  /** Decoded picture at the shown point of the path. */
  const shown = computed(() => {
    const { trajectory, x } = found.value ?? {};
    const { value: step } = playback.step;
    return trajectory?.x.slice(step * x!.length, (step + 1) * x!.length) ?? x;
  });

  /** Shows an error of the current room. */
  function fail(error: unknown): void {
    failures.add(state.room, error);
  }

  /** Stops the automatic play, since the visitor has taken over; from then on the state is written to the address. */
  function touch(): void {
    isTouched.value = true;
    notice.value = undefined;
    playback.end();
  }

  /** Changes the picture, or how it is encoded. */
  function alter(change: Partial<PageState>): void {
    touch();
    forgetPlace(state);
    Object.assign(state, change);
  }

  /** Shows a point of the path. */
  function scrub(step: number): void {
    touch();
    forgetPlace(state);
    state.step = step;
  }

  /** Starts showing digits one after another. */
  function play(): void {
    forgetPlace(state);
    playback.play();
  }

  /** Name of the visitor's decoder that the link was made with, if it is not loaded; undefined otherwise. */
  const missing = computed(() => (state.guest === networks.guest.value ? undefined : state.guest));

  async function replaceDecoder(source?: Uint8Array, name?: string): Promise<void> {
    await networks.replaceDecoder(source, name);
    state.guest = networks.guest.value;
    search.clear();
    await solve();
  }

  /**
   * Replaces the decoder in all rooms, by one of 28 × 28 pixels; without a source, returns to the page's own. If it is
   * the one that the link needs, the place in the link is kept.
   */
  async function invite(source?: Uint8Array, name?: string): Promise<void> {
    if (missing.value !== undefined && source) touch();
    else alter({ point: undefined });
    await replaceDecoder(source, name);
  }

  /** Drops the visitor's decoder that the link was made with, and continues with the current one. */
  function forgetMissing(): void {
    touch();
    state.guest = networks.guest.value;
  }

  /** Starts the worker, and loads what the first picture needs. */
  function prepare(): void {
    networks.prepare().catch((error) => failures.add("loading", error));
  }

  /** Shows the first picture, from the address or the page's default. Called once the page is mounted. */
  async function start(): Promise<void> {
    const address = addressBar.start();
    if (address === "broken") {
      notice.value = "This link is broken, so the page shows its own first picture. Ask for the whole link.";
    }
    isTouched.value = address === "taken";
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    playback.isPlaying.value = !isTouched.value && !isStill;
    const files = await networks.prepare().catch(() => undefined);
    if (!files) return;
    given.digits.value = files.digits.samples;
    given.labels.value = files.digits.labels;
    // A visitor may have brought a decoder before the files were there.
    networks.description.value ??= files.decoder;
    await solve();
  }

  function stop(): void {
    playback.pause();
    addressBar.stop();
    networks.close();
  }

  // An address without a visitor's decoder was entered while the page uses one.
  watch(
    () => state.guest,
    (name) => {
      if (name === undefined && networks.guest.value !== undefined) replaceDecoder().catch(fail);
    },
  );
  watch([given.y, given.weights, () => state.solver, () => state.priorWeight, isPenDown], () => void solve());

  const { description, guest, engine } = networks;
  const { guesses, landscape } = search;
  return {
    state,
    ...given,
    description,
    guest,
    engine,
    found,
    lastStep,
    guesses,
    landscape,
    shown,
    failure: failures.shown,
    loadingFailure: failures.loading,
    notice,
    isPenDown,
    dropped,
    missing,
    forgetMissing,
    prepare,
    start,
    stop,
    touch,
    alter,
    invite,
    fail,
    step: playback.step,
    isPlaying: playback.isPlaying,
    isInView: playback.isInView,
    play,
    scrub,
  };
}
