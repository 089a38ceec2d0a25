import type { ImageLayout } from "../data/images.ts";
import { decode, encode } from "../index.ts";
import { givenOptions } from "./fixed-inputs.ts";
import { drawGrid, greyScale, type Tile } from "./grid.ts";
import { encodeOptions, type Run } from "./job.ts";
import { backendOf } from "./options.ts";

/** Accepted steps after which steps.png shows a reconstruction, before that at the end. */
export const shownSteps = [0, 1, 2, 5, 10, 20] as const;

/**
 * As many steps are tried for that, where the solver can be told how many. Of Dormand-Prince's some are refused, and
 * here are ten times those shown.
 */
const stepsTried = 200;

/** How many samples each picture shows. */
const reconstructionCount = 12;
const stepsCount = 6;

/**
 * Draws the first samples that have ended, one a column: the original, its reconstruction, and the
 * reconstruction minus the original, grey where they are equal.
 *
 * @returns a PNG; undefined when no sample has ended
 */
export async function drawReconstructions(run: Run, layout: ImageLayout): Promise<Uint8Array | undefined> {
  const shown = endedSamples(run, reconstructionCount);
  if (shown.length === 0) return undefined;
  const originals = shown.map((sample) => original(run, sample));
  const reconstructions = await reconstruct(run, shown, codes(run, shown));
  const { low, span } = greyScale(originals);
  const grey = (value: number) => (value - low) / span;
  const differences = reconstructions.map((reconstruction, i) =>
    reconstruction.map((value, k) => 0.5 + (value - originals[i]![k]!) / span / 2),
  );
  const rows = [
    originals.map((tile) => tile.map(grey)),
    reconstructions.map((tile) => tile.map(grey)),
    differences,
  ];
  return drawGrid(rows, layout);
}

/**
 * Draws a few samples, one a row: the reconstruction after 0, 1, 2, 5, 10 and 20 accepted steps and at the
 * end, then the original. A sample that ended sooner is shown as it ended.
 *
 * @returns a PNG; undefined when no sample has ended, or on Ctrl-C
 */
export async function drawSteps(run: Run, layout: ImageLayout): Promise<Uint8Array | undefined> {
  const shown = endedSamples(run, stepsCount);
  if (shown.length === 0) return undefined;
  const { decoder, given, job, samples, weights, signal } = run;
  const originals = shown.map((sample) => original(run, sample));
  const y = join(originals);
  const shownWeights =
    weights?.length === samples.y.length
      ? join(shown.map((sample) => row(weights, sample, given.decoder.outputSize)))
      : weights;

  const maxSteps = job.solver.description.maxSteps;
  const solver =
    typeof maxSteps === "number"
      ? job.solver.withOption("maxSteps", Math.min(maxSteps, stepsTried))
      : job.solver.value;
  const options = {
    ...encodeOptions(job, run, shownWeights, solver),
    ...givenOptions(given, shown),
    saveAt: "steps" as const,
  };
  const { trajectory } = await encode(decoder, y, { ...options, signal, onAbort: "return" });
  if (signal.aborted) return undefined;

  const columns: Tile[][] = [];
  for (const steps of shownSteps) {
    const points = trajectory!.map(({ t, z }) => row(z, Math.min(steps, t.length - 1), decoder.latentSize));
    columns.push(await reconstruct(run, shown, join(points)));
  }
  columns.push(await reconstruct(run, shown, codes(run, shown)), originals);
  const { low, span } = greyScale(originals);
  const rows = shown.map((_, i) => columns.map((column) => column[i]!.map((value) => (value - low) / span)));
  return drawGrid(rows, layout);
}

function endedSamples({ result }: Run, atMost: number): number[] {
  return [...result.status.keys()].filter((sample) => result.status[sample] !== "aborted").slice(0, atMost);
}

function original({ samples, given }: Run, sample: number): Float32Array {
  return row(samples.y, sample, given.decoder.outputSize);
}

function codes({ result, decoder }: Run, samples: readonly number[]): Float32Array {
  return join(samples.map((sample) => row(result.z, sample, decoder.latentSize)));
}

function row(values: Float32Array, index: number, size: number): Float32Array {
  return values.subarray(index * size, (index + 1) * size);
}

/** What latents are decoded to, with what is given with these samples. */
async function reconstruct(
  { decoder, given, job }: Run,
  samples: readonly number[],
  z: Float32Array,
): Promise<Float32Array[]> {
  const size = given.decoder.outputSize;
  const decoded = await decode(decoder, z, { ...givenOptions(given, samples), backend: backendOf(job) });
  return Array.from({ length: decoded.length / size }, (_, index) => row(decoded, index, size));
}

/** Puts rows of one length one after the other. */
function join(rows: readonly Float32Array[]): Float32Array {
  const size = rows[0]!.length;
  const joined = new Float32Array(rows.length * size);
  for (const [i, values] of rows.entries()) joined.set(values, i * size);
  return joined;
}
