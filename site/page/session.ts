import { computed, type InjectionKey, inject, reactive, ref, shallowRef, watch } from "vue";
import { firstState, forgetPlace, nextDigit, type PageState, readAddress, writeAddress } from "./address.ts";
import { createAddressBar } from "./address-bar.ts";
import { createFailures } from "./failures.ts";
import { createGivenPicture } from "./given-picture.ts";
import { createNetworks } from "./networks.ts";
import { createPlayback } from "./playback.ts";
import { createSearch } from "./search.ts";

// What the rooms share. It flows one way: state → given picture → search, by the networks → playback of the path.

/** Session of one page. Everything but its functions is reactive. */
export type Session = ReturnType<typeof createSession>;

const KEY: InjectionKey<Session> = Symbol("session");

export { KEY as SESSION };

/** The session that Page.vue provides. */
export function useSession(): Session {
  const session = inject(KEY);
  if (!session) throw new Error("useSession: there is no session; a room has to be within Page.vue");
  return session;
}

/** The session of a page. It computes nothing before `prepare` and `start` are called, in a browser. */
export function createSession() {
  const state = reactive<PageState>(firstState());
  /** Message for the visitor about the link that was opened. */
  const notice = ref<string>();
  const isPenDown = ref(false);
  /** Files that were dropped on the page last, which the room of a visitor's own decoder opens. */
  const dropped = shallowRef<readonly File[]>([]);
  /** True once the visitor has changed anything: from then on the address has the state. */
  const isTouched = ref(false);

  const failures = createFailures(() => state.room);
  const given = createGivenPicture(state);
  const networks = createNetworks();
  const search = createSearch({
    ...{ state, given, networks, failures, isPenDown },
    showPath: () => playback.showPath(),
  });
  const { found, lastStep, solve } = search;
  const playback = createPlayback({
    lastStep: () => lastStep.value,
    chosenStep: () => state.step,
    showNext: () => nextDigit(state),
  });
  const addressBar = createAddressBar(state, { write: writeAddress, read: readAddress }, isTouched, touch);

  /** Picture of the shown point of the path. */
  const shown = computed(() => {
    const { trajectory, x } = found.value ?? {};
    const { value: step } = playback.step;
    return trajectory?.x.slice(step * x!.length, (step + 1) * x!.length) ?? x;
  });

  /** Shows why the room that is shown has failed. */
  function fail(error: unknown): void {
    failures.add(state.room, error);
  }

  /** Ends the play: the page is the visitor's from here on, and its address says what it shows. */
  function touch(): void {
    isTouched.value = true;
    notice.value = undefined;
    playback.end();
  }

  /** Changes the picture, or how its code is found. */
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

  /** Lets digits follow each other from now on. */
  function play(): void {
    forgetPlace(state);
    playback.play();
  }

  /** Decoder that the link was made with, if it is another one than the page inverts. */
  const missing = computed(() => (state.guest === networks.guest.value ? undefined : state.guest));

  async function replaceDecoder(source?: Uint8Array, name?: string): Promise<void> {
    await networks.replaceDecoder(source, name);
    state.guest = networks.guest.value;
    search.clear();
    await solve();
  }

  /**
   * Inverts another decoder of 28 × 28 pixels from now on, in all rooms; without one the page's own again. One that a link
   * lacks shows the place that the link has.
   */
  async function invite(source?: Uint8Array, name?: string): Promise<void> {
    if (missing.value !== undefined && source) touch();
    else alter({ point: undefined });
    await replaceDecoder(source, name);
  }

  /** Goes on without the decoder that the link was made with. */
  function forgetMissing(): void {
    touch();
    state.guest = networks.guest.value;
  }

  /** Starts the worker, and loads what the first picture needs. */
  function prepare(): void {
    networks.prepare().catch((error) => failures.add("loading", error));
  }

  /** Shows the first picture, the address's or one of the page's own. Called once the page is alive. */
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
    networks.description.value = files.decoder;
    await solve();
  }

  function stop(): void {
    playback.pause();
    addressBar.stop();
    networks.close();
  }

  // An address that was entered while the page is open, and has no guest.
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
    ...{ state, ...given, description, guest, engine, found, lastStep, guesses, landscape, shown },
    ...{ failure: failures.shown, loadingFailure: failures.loading, notice, isPenDown, dropped },
    ...{ missing, forgetMissing, prepare, start, stop, touch, alter, invite, fail },
    ...{ step: playback.step, isPlaying: playback.isPlaying, isInView: playback.isInView },
    ...{ play, scrub },
  };
}
