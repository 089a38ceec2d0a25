import { computed, type Ref, shallowRef } from "vue";
import type { PageState } from "./address.ts";
import { latestOnly } from "./engine/client.ts";
import type { Encoded, EncoderName, Guess } from "./engine/messages.ts";
import type { createFailures } from "./failures.ts";
import type { createGivenPicture } from "./given-picture.ts";
import { type Landscape, siteOf } from "./landscape.ts";
import type { createNetworks } from "./networks.ts";

/** Objects that a search uses. */
interface Surroundings {
  readonly state: PageState;
  readonly given: ReturnType<typeof createGivenPicture>;
  readonly networks: ReturnType<typeof createNetworks>;
  readonly failures: ReturnType<typeof createFailures>;
  readonly isPenDown: Readonly<Ref<boolean>>;
  /** Called with each path that is found once the picture has settled. */
  showPath(): void;
}

/**
 * Creates the first page's search: `solve` computes the given picture's code and the path to it, the guesses of both encoders,
 * and the landscape, the objective in a plane around the path.
 */
export function createSearch({ state, given, networks, failures, isPenDown, showPath }: Surroundings) {
  const { y, weights } = given;
  const { description, guest, engine } = networks;
  /** Code found by the latest search, with the path to it if the picture had settled; undefined if there is none. */
  const found = shallowRef<Encoded>();
  const guesses = shallowRef<Readonly<Record<EncoderName, Guess>>>();
  const landscape = shallowRef<Landscape>();
  /** Cancels the landscape of the previous search. */
  let mapping: AbortController | undefined;

  const encodeLatest = latestOnly(async (isQuick: boolean, signal: AbortSignal) => {
    const warm = isQuick ? found.value?.z : undefined;
    return engine().call(
      "encode",
      {
        y: y.value,
        weights: weights.value,
        priorWeight: state.priorWeight,
        ...(isQuick ? { quick: true, z0: warm } : { solver: state.solver, saveAt: "steps" }),
      },
      // Once the picture has settled, its search is never cancelled.
      isQuick ? { signal } : {},
    );
  });

  const guessLatest = latestOnly(async (_: undefined) => {
    const picture = { y: y.value, weights: weights.value };
    const ask = (encoder: EncoderName) => engine().call("encoderGuess", { ...picture, encoder });
    const [plain, masked] = await Promise.all([ask("plain"), ask("masked")]);
    return { plain, masked };
  });

  /**
   * Computes the code of the current picture, and its path and landscape once the picture has settled; the encoders guess
   * meanwhile.
   */
  async function solve(): Promise<void> {
    const { value: decoder } = description;
    if (!decoder) return;
    mapping?.abort();
    mapping = new AbortController();
    const { signal } = mapping;
    const isQuick = isPenDown.value;
    if (!weights.value.includes(1)) return clear();
    try {
      const encoding = encodeLatest(isQuick);
      const guessing = askEncoders();
      const encoded = await encoding;
      // A result for a decoder that was replaced meanwhile is dropped, as another search follows; so is one for a picture
      // whose pixels are all hidden by now.
      if (description.value !== decoder || !weights.value.includes(1)) return;
      if (encoded) {
        failures.clear("picture");
        failures.clearRooms();
        found.value = encoded;
        if (isQuick) landscape.value = undefined;
        else showPath();
      }
      await guessing;
      if (encoded && !isQuick) await map(signal);
    } catch (error) {
      if (description.value === decoder) failures.add("picture", error);
    }
  }

  /** Computes the guesses of both encoders, once these are loaded. */
  async function askEncoders(): Promise<void> {
    try {
      await networks.prepareEncoders();
      guesses.value = (await guessLatest(undefined)) ?? guesses.value;
      failures.clear("encoders");
    } catch (error) {
      failures.add("encoders", error);
    }
  }

  /** Computes the objective in a plane around the path, until a newer search cancels it. */
  async function map(signal: AbortSignal): Promise<void> {
    if (signal.aborted || !found.value || !guesses.value) return;
    const site = siteOf(found.value, guest.value ? undefined : guesses.value.plain.z);
    if (!site) return;
    const { grid, path, guess } = site;
    try {
      const values = await engine().call(
        "contours",
        { y: y.value, weights: weights.value, priorWeight: state.priorWeight, grid },
        { signal },
      );
      // The reply may have been sent before the cancellation arrived.
      if (!signal.aborted) landscape.value = { values, a: grid.a, b: grid.b, path, guess };
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Drops the code and the landscape, when all pixels are hidden or the decoder is replaced. */
  function clear(): void {
    found.value = undefined;
    landscape.value = undefined;
  }

  return {
    found,
    guesses,
    landscape,
    solve,
    clear,
    /** Index of the last point of the path; 0 without a path. */
    lastStep: computed(() => (found.value?.trajectory?.loss.length ?? 1) - 1),
  };
}
