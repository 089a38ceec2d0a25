import { computed, type Ref, reactive, ref, shallowRef, watch } from "vue";
import decoderUrl from "../../examples/typefaces/decoder.safetensors?url";
import { createAddressBar } from "../page/address-bar.ts";
import { Engine, latestOnly } from "../page/engine/client.ts";
import { messageOf } from "../page/message-of.ts";
import { firstState, readAddress, type TypefaceState, writeAddress } from "./address.ts";
import directions from "./data/directions.json";
import stylesUrl from "./data/styles.npy?url";
import type { Given, Loaded, Samples, TypefaceCalls } from "./engine/messages.ts";
import { drawnLetters, fontLetters, type GivenLetter, joinFields, withGiven } from "./given.ts";
import { readFontWithin } from "./read-font.ts";

// State shared by the parts of the page: what the visitor chose, the given letters, and the alphabets computed from them.

/** Letters of the visitor's font, from which the given ones are picked. */
export interface OpenedFont {
  readonly name: string;
  readonly letters: readonly GivenLetter[];
}

/** An alphabet shown for comparison with the decoder's. */
export interface Comparison {
  readonly alphabet: Float32Array;
  /** Name of the training style, with its author; undefined for a linear completion. */
  readonly credit?: string | undefined;
}

/** Comparisons that are shown on request: the nearest training style, and linear completion. */
export type ComparisonName = "nearest" | "linear";

/** Number of other completions shown. */
const SAMPLES = 6;

/** Session of the page. */
export type Session = ReturnType<typeof createSession>;

/** Creates the session of a page. It computes nothing until `start` is called, in a browser. */
export function createSession() {
  const state = reactive<TypefaceState>(firstState());
  const font = shallowRef<OpenedFont>();
  /** Letters of the font that are given. */
  const picked = ref("noa");
  const loading = ref<Loaded>();
  const isLoaded = ref(false);
  const failure = ref<string>();
  const notice = ref<string>();
  const isPenDown = ref(false);
  const isTouched = ref(false);
  /** Code of the given letters; undefined if there is none. */
  const code = shallowRef<Float32Array>();
  /** Alphabet decoded from `code` after the sliders have moved it; undefined if there is none. */
  const decoded = shallowRef<Float32Array>();
  /**
   * Code of another completion that is shown instead of the best fit, until the letters change; undefined for the best
   * fit.
   */
  const chosen = shallowRef<Float32Array>();
  /** Number of full searches in progress, for letters that have settled. */
  const searches = ref(0);
  const isFitting = computed(() => searches.value > 0);
  const samples = shallowRef<Samples>();
  const areSamplesShown = ref(false);
  const comparisons = shallowRef<Readonly<Partial<Record<ComparisonName, Comparison>>>>({});
  const compared = reactive(new Set<ComparisonName>());
  const stylesLoading = ref<Loaded>();

  let engine: Engine<TypefaceCalls> | undefined;
  let styles: Promise<unknown> | undefined;
  /** Cancels the sampling of other completions in progress. */
  let sampling: AbortController | undefined;
  const addressBar = createAddressBar(state, { write: writeAddress, read: readAddress }, isTouched, touch);

  const given = computed<readonly GivenLetter[]>(() => {
    const { drawn, pen, contrast } = state;
    if (!font.value) return drawnLetters(drawn, { radius: pen, contrast });
    return font.value.letters.filter(({ letter }) => picked.value.includes(letter));
  });
  const letters = computed(() => given.value.map(({ letter }) => letter).join(""));
  /** True if the sliders alter the style; then no letter is shown as given. */
  const isVaried = computed(() => state.weight !== 0 || state.slant !== 0 || state.width !== 0);
  /** Letters that are shown as given. */
  const asGiven = computed(() => (isVaried.value ? [] : given.value));
  /** The alphabet as it is shown. */
  const alphabet = computed(() => decoded.value && withGiven(decoded.value, asGiven.value));

  function fail(error: unknown): void {
    failure.value = messageOf(error);
  }

  /** Returns the given letters in the form that the worker needs. */
  const givenForWorker = (): Given => ({ letters: letters.value, fields: joinFields(given.value) });

  const completeLatest = latestOnly((quick: boolean, signal: AbortSignal) =>
    engine!.call(
      "complete",
      { ...givenForWorker(), quick, z0: quick ? code.value : undefined },
      // Once letters have settled, their search is never cancelled.
      quick ? { signal } : {},
    ),
  );
  const decodeLatest = latestOnly((z: Float32Array) => engine!.call("decode", { z }));
  /** Given letters for which each comparison was computed. */
  const comparedWith = new Map<ComparisonName, readonly GivenLetter[]>();
  const compareLatest = latestOnly(async (_: undefined) => {
    styles ??= loadStyles();
    await styles;
    const { value: letters } = given;
    for (const name of compared) {
      if (letters !== given.value) return;
      if (comparedWith.get(name) === letters) continue;
      const found = name === "linear" ? await completeLinearly() : await lookUp();
      comparisons.value = { ...comparisons.value, [name]: found };
      comparedWith.set(name, letters);
    }
  });
  const sampleLatest = latestOnly((z: Float32Array) => {
    sampling = new AbortController();
    const { signal } = sampling;
    return engine!
      .call("sample", { ...givenForWorker(), z, count: SAMPLES, seed: state.seed }, { signal })
      .catch((error) => {
        if (!signal.aborted) throw error;
        return undefined;
      });
  });

  async function completeLinearly(): Promise<Comparison> {
    const { ridge } = await import("./data/styles.json");
    return { alphabet: await engine!.call("linear", { ...givenForWorker(), ridge }) };
  }

  async function lookUp(): Promise<Comparison> {
    const { styles, families } = await import("./data/styles.json");
    const { style, likeness, fields } = await engine!.call("nearest", givenForWorker());
    const { family, weight, isItalic } = styles[style]!;
    const { name, author } = families[family]!;
    const own = `${name} ${weight}${isItalic ? " italic" : ""}, by ${author}`;
    const credit = `${own}. It shares ${Math.round(100 * likeness)} % of the given letters’ ink.`;
    return { alphabet: fields, credit };
  }

  function loadStyles() {
    return engine!
      .call("loadStyles", { url: absolute(stylesUrl) }, { onProgress: reportTo(stylesLoading) })
      .catch((error) => {
        styles = undefined;
        throw error;
      })
      .finally(() => {
        stylesLoading.value = undefined;
      });
  }

  /** Computes the code of the current letters, and everything that depends on it. */
  async function complete(): Promise<void> {
    if (!engine || !isLoaded.value) return;
    // Cancels sampling, which would compete with the search for the worker's time.
    sampling?.abort();
    chosen.value = undefined;
    const isQuick = isPenDown.value && code.value !== undefined;
    if (letters.value === "") {
      code.value = undefined;
      decoded.value = undefined;
      samples.value = undefined;
      comparisons.value = {};
      comparedWith.clear();
      return;
    }
    if (!isQuick) searches.value++;
    try {
      const found = await completeLatest(isQuick);
      if (!found || letters.value === "") return;
      code.value = found.z;
      failure.value = undefined;
      if (isVaried.value) await vary();
      else decoded.value = found.alphabet;
    } catch (error) {
      return fail(error);
    } finally {
      if (!isQuick) searches.value--;
    }
    await Promise.all([compare(), sample()]).catch(fail);
  }

  /** Shows another completion as the alphabet until the letters change; undefined returns to the best fit. */
  async function choose(z: Float32Array | undefined): Promise<void> {
    chosen.value = z;
    await vary().catch(fail);
  }

  /** Decodes the code after moving it in the sliders' directions. */
  async function vary(): Promise<void> {
    const z = chosen.value ?? code.value;
    if (!engine || !z) return;
    const { weight, slant, width } = state;
    const moved = z.map(
      (value, i) =>
        value + weight * directions.weight[i]! + slant * directions.slant[i]! + width * directions.width[i]!,
    );
    decoded.value = (await decodeLatest(moved)) ?? decoded.value;
  }

  /** Computes the comparisons that are shown. */
  async function compare(): Promise<void> {
    if (!engine || !code.value || compared.size === 0 || isPenDown.value || isFitting.value) return;
    await compareLatest(undefined);
  }

  /** Draws other completions if they are shown. */
  async function sample(): Promise<void> {
    if (!engine || !code.value || !areSamplesShown.value || isPenDown.value || isFitting.value) return;
    samples.value = (await sampleLatest(code.value)) ?? samples.value;
  }

  /** Marks the page as changed by the visitor; from then on the state is written to the address. */
  function touch(): void {
    isTouched.value = true;
    notice.value = undefined;
  }

  /** Font that was requested last; undefined for drawn letters. */
  let lastFont: File | undefined;

  /** Reads a visitor's font, and uses its letters as given ones, unless another font is requested meanwhile. */
  async function openFont(file: File): Promise<void> {
    touch();
    lastFont = file;
    try {
      const letters = fontLetters(await readFontWithin(file));
      if (lastFont !== file) return;
      const all = letters.map(({ letter }) => letter).join("");
      const kept = [...picked.value].filter((letter) => all.includes(letter)).join("");
      picked.value = kept || all.slice(0, 3);
      font.value = { name: file.name, letters };
      failure.value = undefined;
    } catch (error) {
      if (lastFont === file) fail(error);
    }
  }

  function closeFont(): void {
    touch();
    lastFont = undefined;
    font.value = undefined;
  }

  /** Starts the worker, and completes the first letters, from the address or ready-made. */
  async function start(): Promise<void> {
    const address = addressBar.start();
    if (address === "broken") {
      notice.value = "This link is broken, so the page shows its own first letters. Ask for the whole link.";
    }
    isTouched.value = address === "taken";
    try {
      engine = new Engine<TypefaceCalls>(
        new Worker(new URL("./engine/worker.ts", import.meta.url), { type: "module" }),
      );
      await engine.call("load", { url: absolute(decoderUrl) }, { onProgress: reportTo(loading) });
      isLoaded.value = true;
    } catch (error) {
      fail(error);
    }
    await complete();
  }

  function stop(): void {
    addressBar.stop();
    engine?.close();
    engine = undefined;
  }

  watch([given, isPenDown], () => void complete());
  watch([() => state.weight, () => state.slant, () => state.width], () => void vary().catch(fail));
  watch([() => state.seed, areSamplesShown], () => void sample().catch(fail));
  watch(compared, () => void compare().catch(fail));

  return {
    ...{ state, font, picked, loading, isLoaded, failure, notice, isPenDown, given, letters, asGiven },
    ...{
      isVaried,
      isFitting,
      alphabet,
      chosen,
      samples,
      areSamplesShown,
      comparisons,
      compared,
      stylesLoading,
    },
    ...{ start, stop, touch, choose, openFont, closeFont },
  };
}

/** Returns a callback that stores the progress of a download. */
const reportTo = (kept: Ref<Loaded | undefined>) => (loaded: Loaded) => {
  kept.value = loaded;
};

/** Returns a file's absolute URL, since a worker resolves relative ones differently from the page. */
function absolute(url: string): string {
  return new URL(url, location.href).href;
}
