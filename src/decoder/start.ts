import { checkFloat32 } from "../base/float32.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";

// A decoder's start is the default of `z0`, the latent where flows begin. Files have it as a JSON array of decimals of nine
// digits, which give every float32 back bit for bit.

/**
 * Copies a start and checks its values; `checkStartSize` checks its length.
 *
 * @throws LatentflowError `invalid_argument` when it is no Float32Array, or not finite
 */
export function normaliseStart(where: string, value: unknown, name = "start"): Float32Array {
  checkFloat32(where, name, value);
  // The copy is checked: the caller's array may have methods of its own, or change.
  const start = new Float32Array(value.length);
  start.set(value);
  const bad = start.findIndex((each) => !Number.isFinite(each));
  if (bad >= 0) throw refused(where, name, "is", `${start[bad]} at element ${bad}`, "finite numbers");
  return start;
}

/**
 * Checks a start's length.
 *
 * @returns the start, undefined where it is 0
 * @throws LatentflowError `invalid_argument`
 */
export function checkStartSize(
  where: string,
  start: Float32Array,
  latentSize: number,
  name = "start",
): Float32Array | undefined {
  if (start.length !== latentSize) {
    throw refused(where, name, "has", `${start.length} values`, `${latentSize} (the decoder's latent size)`);
  }
  return start.every((value) => value === 0) ? undefined : start;
}

/** Formats a start as a JSON array that reads back bit for bit. */
export function formatStart(start: Float32Array): string {
  return `[${Array.from(start, formatFloat32).join(",")}]`;
}

function formatFloat32(value: number): string {
  return Object.is(value, -0) ? "-0" : String(Number(value.toPrecision(9)));
}

/**
 * Checks a start in parsed JSON.
 *
 * @param name what messages call it
 * @throws LatentflowError `invalid_argument` when it is no array of as many finite numbers
 */
export function remakeStart(
  where: string,
  value: unknown,
  latentSize: number,
  name: string,
): Float32Array | undefined {
  if (!Array.isArray(value)) {
    throw refused(where, name, "is", show(value), "an array of numbers, as [0.5, -1.25]");
  }
  const bad = value.findIndex((each) => typeof each !== "number");
  if (bad >= 0) throw refused(where, name, "has", `${show(value[bad])} at element ${bad}`, "numbers");
  return checkStartSize(where, normaliseStart(where, Float32Array.from(value), name), latentSize, name);
}

/**
 * Returns the start of each of `count` samples from `first` on: count × latentSize.
 *
 * @param z0 one latent for all samples, or one for each
 */
export function startsOf(
  z0: Float32Array,
  { latentSize }: { readonly latentSize: number },
  first: number,
  count: number,
): Float32Array {
  if (z0.length !== latentSize) return z0.subarray(first * latentSize, (first + count) * latentSize);
  const starts = new Float32Array(count * latentSize);
  for (let i = 0; i < count; i++) starts.set(z0, i * latentSize);
  return starts;
}
