import type { Problem } from "../backend/backend.ts";
import { calling } from "../base/calling.ts";
import { hasCode, LatentflowError } from "../base/errors.ts";
import { makeTurns } from "../base/event-loop.ts";
import { refused } from "../base/refuse.ts";
import { gatherRows, scatterRows } from "../base/rows.ts";
import { checkDecoder, type Decoder, disposeSymbol } from "../decoder/decoder.ts";
import type { SessionObjective } from "../solver/objective.ts";
import { checkLatents, checkRows } from "./check-rows.ts";
import type { OpenObjective } from "./opened-objective.ts";

/**
 * Makes the public value of an objective.
 *
 * @param given decoder as the caller gave it, which may be disposed
 * @param groups objectives of the problem's samples, `size` samples each, the last perhaps fewer
 */
export function openedObjective(
  given: Decoder,
  { decoder, sampleCount }: Problem,
  groups: readonly SessionObjective[],
  size: number,
): OpenObjective {
  const { latentSize: d, outputSize: n } = decoder;
  /** For each sample whose value has been computed: true if the z of its last `value` call is finite. */
  const evaluated = new Map<number, boolean>();
  const held = [...groups];
  const turn = makeTurns();
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let isDisposed = false;

  /** Returns a copy of the argument `rows` of a call; throws if the objective or its decoder is disposed. */
  function rowsOf(rows: unknown): Int32Array {
    if (isDisposed) {
      throw new LatentflowError("disposed", "the objective has been disposed; open another");
    }
    checkDecoder(given);
    return checkRows(rows, sampleCount);
  }

  /** Starts `work` when all earlier calls have ended. */
  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    waiting++;
    const result = last.then(work);
    last = result.catch(() => {});
    try {
      return await result;
    } catch (error) {
      throw withAdvice(sampleCount, error);
    } finally {
      waiting--;
      freeUnused();
    }
  }

  function dispose(): void {
    isDisposed = true;
    freeUnused();
  }

  function freeUnused(): void {
    if (isDisposed && waiting === 0) for (const group of held.splice(0)) group.dispose();
  }

  /**
   * Computes rows of `into`, one for each of the chosen samples, `width` numbers each. Those that `isIncluded` excludes become NaN.
   *
   * @param use computes the rows of some samples of one group, with their indices in the group, and their places among the
   *   chosen samples
   */
  async function compute<Into extends Float32Array | Float64Array>(
    chosen: Int32Array,
    isIncluded: (place: number) => boolean,
    width: number,
    into: Into,
    use: (
      group: SessionObjective,
      rows: Int32Array,
      places: Int32Array,
    ) => Promise<Float32Array | Float64Array>,
  ): Promise<Into> {
    into.fill(Number.NaN);
    const placesOf = held.map((): number[] => []);
    for (const [place, row] of chosen.entries()) {
      if (isIncluded(place)) placesOf[Math.floor(row / size)]!.push(place);
    }
    for (const [i, group] of held.entries()) {
      const places = Int32Array.from(placesOf[i]!);
      if (places.length === 0) continue;
      await turn();
      const rows = places.map((place) => chosen[place]! - i * size);
      scatterRows(await use(group, rows, places), width, places, into);
    }
    return into;
  }

  /** Throws if `value` has not computed one of the samples. */
  function checkEvaluated(chosen: Int32Array): void {
    for (const [i, row] of chosen.entries()) {
      if (evaluated.has(row)) continue;
      const expected = "a sample whose value has been computed";
      throw refused(`rows[${i}]`, "is", `${row}`, expected, "; call value(rows, z) for it first");
    }
  }

  /** Copies the chosen places' rows of d numbers. */
  const rowsAt = (values: Float64Array, places: Int32Array) =>
    gatherRows(values, d, places, new Float64Array(places.length * d));

  return Object.freeze<OpenObjective>({
    sampleCount,
    latentSize: d,
    outputSize: n,
    async value(rows, z) {
      return calling("objective.value", async () => {
        const chosen = rowsOf(rows);
        const latents = checkLatents("z", z, chosen.length, d);
        const hasLatent = finiteRows(latents, d);
        return inTurn(async () => {
          for (const row of chosen) evaluated.delete(row);
          const values = await compute(
            chosen,
            hasLatent,
            1,
            new Float64Array(chosen.length),
            (group, own, places) => group.value(own, rowsAt(latents, places)),
          );
          for (const [place, row] of chosen.entries()) evaluated.set(row, hasLatent(place));
          return values;
        });
      });
    },
    async gradient(rows) {
      return calling("objective.gradient", async () => {
        const chosen = rowsOf(rows);
        return inTurn(async () => {
          checkEvaluated(chosen);
          const hasPoint = (place: number) => evaluated.get(chosen[place]!)!;
          return compute(chosen, hasPoint, d, new Float64Array(chosen.length * d), (group, own) =>
            group.gradient(own),
          );
        });
      });
    },
    async jacobianProduct(rows, v) {
      return calling("objective.jacobianProduct", async () => {
        const chosen = rowsOf(rows);
        const directions = checkLatents("v", v, chosen.length, d);
        const hasDirection = finiteRows(directions, d);
        return inTurn(async () => {
          checkEvaluated(chosen);
          const hasBoth = (place: number) => evaluated.get(chosen[place]!)! && hasDirection(place);
          return compute(chosen, hasBoth, n, new Float32Array(chosen.length * n), (group, own, places) =>
            group.jacobianProduct(own, rowsAt(directions, places)),
          );
        });
      });
    },
    dispose,
    [disposeSymbol]: dispose,
  });
}

/** Returns a function that is true for a row of `size` numbers that are all finite in float32. */
function finiteRows(values: Float64Array, size: number): (row: number) => boolean {
  return (row) => {
    const own = values.subarray(row * size, (row + 1) * size);
    return own.every((value) => Number.isFinite(Math.fround(value)));
  };
}

/** Adds to an `out_of_memory` error that fewer samples than `sampleCount` be opened at once; returns any other as it is. */
export function withAdvice(sampleCount: number, error: unknown): unknown {
  if (!hasCode(error, "out_of_memory")) return error;
  const message = `there is no memory for ${sampleCount} samples at once; open them in parts, and dispose of each`;
  return new LatentflowError("out_of_memory", message, { cause: error });
}
