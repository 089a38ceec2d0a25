import { withBase } from "vitepress";
import { computed, type InjectionKey, inject, reactive, ref, shallowRef, watch } from "vue";
import { firstState, nextDigit, type PageState, readAddress, writeAddress } from "./address.ts";
import { createAddressBar } from "./address-bar.ts";
import { type Engine, latestOnly, startEngine } from "./engine/client.ts";
import type {
  Encoded,
  EncoderName,
  Guess,
  NetworkDescription,
  NetworkName,
  ReplyOf,
} from "./engine/messages.ts";
import { createFailures } from "./failures.ts";
import { addNoise, BLANK, weightsOf } from "./picture.ts";
import { gridAround, type PlanePoint, planeThrough, projected, projectedPath } from "./plane.ts";
import { createPlayback } from "./playback.ts";

// What the rooms share: the state, the picture that it describes, and the code that was found for it.

/** Objective over a plane of latent space, with what is drawn on it. */
export interface Landscape {
  /** Objectives, rows of b one after the other. */
  readonly values: Float32Array;
  /** Values of both coordinates along the grid's axes. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly path: readonly PlanePoint[];
  /** Code of the plain encoder; undefined with a guest decoder, of which it has no codes. */
  readonly guess: PlanePoint | undefined;
}

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

/** URL of a file that scripts/make-page-models.ts has made. */
export const fileOf = (name: string) => new URL(withBase(`/page/${name}`), location.href).href;

/** The session of a page. It computes nothing before `prepare` and `start` are called, in a browser. */
export function createSession() {
  const state = reactive<PageState>(firstState());
  /** Digits of MNIST's test set, 784 levels each, and what they are. */
  const digits = shallowRef<readonly Float32Array[]>([]);
  const labels = shallowRef<readonly number[]>([]);
  const description = shallowRef<NetworkDescription>();
  /** Name of the decoder in place of the page's own; undefined for that. */
  const guest = ref<string>();
  const failures = createFailures(() => state.room);
  /** Message for the visitor about the link that was opened. */
  const notice = ref<string>();
  /** The last code that was found. */
  const found = shallowRef<Encoded>();
  const guesses = shallowRef<Readonly<Record<EncoderName, Guess>>>();
  const landscape = shallowRef<Landscape>();
  const isPenDown = ref(false);
  /** True once the visitor has changed anything: from then on the address has the state. */
  const isTouched = ref(false);

  const lastStep = () => (found.value?.trajectory?.loss.length ?? 1) - 1;
  const playback = createPlayback(lastStep, () => nextDigit(state));
  const { step } = playback;
  const addressBar = createAddressBar(state, { write: writeAddress, read: readAddress }, isTouched, touch);

  const levels = computed(() => state.drawing ?? digits.value[state.digit] ?? BLANK);
  const y = computed(() => addNoise(levels.value, state.noise, state.seed));
  const weights = computed(() => weightsOf(state.hidden));
  /** Picture of the shown point of the path. */
  const shown = computed(() => {
    const { trajectory, x } = found.value ?? {};
    return trajectory?.x.slice(step.value * x!.length, (step.value + 1) * x!.length) ?? x;
  });

  let engine: Engine | undefined;
  /** Loading of the decoder and the digits. */
  let prepared: Promise<readonly [NetworkDescription, ReplyOf<"readSamples">]> | undefined;
  /** Loading of the encoders; rejects where one cannot be loaded. */
  let encoders: Promise<unknown> | undefined;
  let mapping: AbortController | undefined;

  /** Shows why the room that is shown has failed. */
  function fail(error: unknown): void {
    failures.add(state.room, error);
  }

  const encodeLatest = latestOnly(async (isQuick: boolean, signal: AbortSignal) => {
    const warm = isQuick ? found.value?.z : undefined;
    return engine!.call(
      "encode",
      {
        ...{ y: y.value, weights: weights.value, priorWeight: state.priorWeight },
        ...(isQuick ? { quick: true, z0: warm } : { solver: state.solver, saveAt: "steps" }),
      },
      // A picture that has settled is followed to the end, whatever comes next.
      isQuick ? { signal } : {},
    );
  });

  const guessLatest = latestOnly(async (_: undefined) => {
    const given = { y: y.value, weights: weights.value };
    const ask = (encoder: EncoderName) => engine!.call("encoderGuess", { ...given, encoder });
    const [plain, masked] = await Promise.all([ask("plain"), ask("masked")]);
    return { plain, masked };
  });

  /** Finds the code of the picture as it is now. */
  async function solve(): Promise<void> {
    if (!engine || !description.value) return;
    mapping?.abort();
    const isQuick = isPenDown.value;
    if (!weights.value.includes(1)) {
      found.value = undefined;
      return;
    }
    try {
      const encoding = encodeLatest(isQuick);
      const guessing = askEncoders();
      const encoded = await encoding;
      if (encoded) {
        failures.clear("picture");
        failures.clearRooms();
        found.value = encoded;
        if (isQuick) landscape.value = undefined;
        else playback.showPath();
      }
      await guessing;
      if (encoded && !isQuick) await map();
    } catch (error) {
      failures.add("picture", error);
    }
  }

  /** Asks both encoders, once they are there. */
  async function askEncoders(): Promise<void> {
    try {
      await encoders;
      guesses.value = (await guessLatest(undefined)) ?? guesses.value;
      failures.clear("encoders");
    } catch (error) {
      failures.add("encoders", error);
    }
  }

  /** Computes the objective around the path. */
  async function map(): Promise<void> {
    const path = found.value?.trajectory;
    if (!engine || !path || !guesses.value || !found.value) return;
    const { z } = found.value;
    const guess = guest.value ? undefined : guesses.value.plain.z;
    const middle = Math.floor(path.loss.length / 2) * z.length;
    const frame = planeThrough(
      path.z.slice(0, z.length),
      z,
      guess ?? path.z.slice(middle, middle + z.length),
    );
    const points = projectedPath(frame, path.z);
    const guessed = guess && projected(frame, guess);
    const grid = gridAround(frame, guessed ? [...points, guessed] : points);
    const controller = new AbortController();
    mapping = controller;
    try {
      const values = await engine.call(
        "contours",
        { y: y.value, weights: weights.value, priorWeight: state.priorWeight, grid },
        { signal: controller.signal },
      );
      landscape.value = { values, a: grid.a, b: grid.b, path: points, guess: guessed };
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    }
  }

  /** Ends the play: the page is the visitor's from here on, and its address says what it shows. */
  function touch(): void {
    isTouched.value = true;
    notice.value = undefined;
    playback.end();
  }

  /** The worker; throws where it has not been started. */
  function startedEngine(): Engine {
    if (!engine) throw new Error("The page's worker has not been started.");
    return engine;
  }

  /** Inverts another decoder of 28 × 28 pixels from now on, in all rooms; without one the page's own again. */
  async function invite(source?: Uint8Array, name?: string): Promise<void> {
    touch();
    description.value = await startedEngine().call("setDecoder", { source });
    guest.value = name;
    found.value = undefined;
    landscape.value = undefined;
    await solve();
  }

  const load = (name: NetworkName, file: string) =>
    engine!.call("load", { name, source: fileOf(`${file}.safetensors`) });

  /** Starts the worker, and loads what the first picture needs: as soon as there is a browser, before the page is alive. */
  function prepare(): void {
    prepared = loadFirst();
    prepared.catch((error) => failures.add("loading", error));
  }

  /** Loads the decoder and the digits. Rejects where no worker can be started. */
  async function loadFirst() {
    engine = startEngine();
    const data = { source: fileOf("digits.idx.gz"), labels: fileOf("digit-labels.idx") };
    return Promise.all([load("plainDecoder", "plain-decoder"), engine.call("readSamples", data)]);
  }

  /** Shows the first picture, the address's or one of the page's own, and loads the rest. Called once the page is alive. */
  async function start(): Promise<void> {
    const address = addressBar.start();
    if (address === "broken") {
      notice.value = "This link is broken, so the page shows its own first picture. Ask for the whole link.";
    }
    isTouched.value = address === "taken";
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    playback.isPlaying.value = !isTouched.value && !isStill;
    const loaded = await prepared?.catch(() => undefined);
    if (!loaded || !engine) return;
    const [decoder, data] = loaded;
    digits.value = data.samples;
    labels.value = data.labels;
    description.value = decoder;
    // On their way while the first picture moves.
    encoders = Promise.all([
      load("plainEncoder", "plain-encoder"),
      load("maskedDecoder", "masked-decoder"),
      load("maskedEncoder", "masked-encoder"),
    ]);
    await solve();
  }

  function stop(): void {
    playback.pause();
    addressBar.stop();
    engine?.close();
    engine = undefined;
  }

  watch([y, weights, () => state.solver, () => state.priorWeight, isPenDown], () => void solve());

  return {
    ...{ state, digits, labels, description, guest, found, guesses, landscape },
    ...{ failure: failures.shown, notice },
    ...{ isPenDown, levels, y, weights, shown },
    ...{ prepare, start, stop, invite, touch, solve, fail },
    ...playback,
    engine: startedEngine,
  };
}
