import { gatherRows, scatterRows } from "../base/rows.ts";
import { Recording } from "./recording.ts";
import { PER_SAMPLE_NAMES, Solution } from "./solution.ts";

/**
 * Makes a solution for some samples of another one. Its samples that end are counted in that one; `collectPart` copies the results.
 *
 * @param z0 initial latents of these samples. Default: those of the whole solution
 */
export function partOfSolution(
  whole: Solution,
  samples: ArrayLike<number>,
  z0?: Float32Array | Float64Array,
): Solution {
  const { latentSize: d, options } = whole;
  const own = () => gatherRows(whole.z, d, samples, new Float64Array(samples.length * d));
  const recording = options.recording && new Recording(options.recording.saveAt, samples.length);
  return new Solution(samples.length, d, z0 ?? own(), { ...options, recording }, whole);
}

/** Copies the results of a part, which `partOfSolution` has made for the same samples, into the whole solution. */
export function collectPart(whole: Solution, part: Solution, samples: ArrayLike<number>): void {
  scatterRows(part.z, part.latentSize, samples, whole.z);
  if (part.v) scatterRows(part.v, part.latentSize, samples, whole.v!);
  for (const name of [...PER_SAMPLE_NAMES, "missing", "codes"] as const) {
    for (let i = 0; i < samples.length; i++) whole[name][samples[i]!] = part[name][i]!;
  }
  for (let i = 0; i < samples.length && part.recording; i++) {
    whole.recording!.samples[samples[i]!] = part.recording.samples[i]!;
  }
}
