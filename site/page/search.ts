import { computed, type Ref, shallowRef } from "vue";
import type { PageState } from "./address.ts";
import { latestOnly } from "./engine/client.ts";
import type { Encoded, EncoderName, Guess } from "./engine/messages.ts";
import type { createFailures } from "./failures.ts";
import type { createGivenPicture } from "./given-picture.ts";
import { type Landscape, siteOf } from "./landscape.ts";
import type { createNetworks } from "./networks.ts";

/** Values that a search depends on. */
interface Surroundings {
  readonly state: PageState;
  readonly given: ReturnType<typeof createGivenPicture>;
  readonly networks: ReturnType<typeof createNetworks>;
  readonly failures: ReturnType<typeof createFailures>;
  readonly isPenDown: Readonly<Ref<boolean>>;
  /** Called with each path that has been found for a settled picture. */
  showPath(): void;
}

/** Finds the code of the given picture, the encoders' guesses beside it, and the landscape around its path. */
export function createSearch({ state, given, networks, failures, isPenDown, showPath }: Surroundings) {
  const { y, weights } = given;
  const { description, guest, engine } = networks;
  /** The last code that was found. */
  const found = shallowRef<Encoded>();
  const guesses = shallowRef<Readonly<Record<EncoderName, Guess>>>();
  const landscape = shallowRef<Landscape>();
  /** Ends the landscape of the search before. */
  let mapping: AbortController | undefined;

  const encodeLatest = latestOnly(async (isQuick: boolean, signal: AbortSignal) => {
    const warm = isQuick ? found.value?.z : undefined;
    return engine().call(
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
    const picture = { y: y.value, weights: weights.value };
    const ask = (encoder: EncoderName) => engine().call("encoderGuess", { ...picture, encoder });
    const [plain, masked] = await Promise.all([ask("plain"), ask("masked")]);
    return { plain, masked };
  });

  /** Finds the code of the picture as it is now. */
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
      // What another decoder has found is followed by a search of the one that has replaced it; where all pixels have been
      // hidden by now, nothing is found.
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

  /** Asks both encoders, once they are there. */
  async function askEncoders(): Promise<void> {
    try {
      await networks.prepareEncoders();
      guesses.value = (await guessLatest(undefined)) ?? guesses.value;
      failures.clear("encoders");
    } catch (error) {
      failures.add("encoders", error);
    }
  }

  /** Computes the objective around the path, until a newer search ends it. */
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
      // A reply may have been on its way when the signal came.
      if (!signal.aborted) landscape.value = { values, a: grid.a, b: grid.b, path, guess };
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Forgets the code: that of a picture without a pixel that is seen, or of a decoder that is replaced. */
  function clear(): void {
    found.value = undefined;
    landscape.value = undefined;
  }

  return {
    ...{ found, guesses, landscape, solve, clear },
    /** Index of the last point of the path; 0 without one. */
    lastStep: computed(() => (found.value?.trajectory?.loss.length ?? 1) - 1),
  };
}
