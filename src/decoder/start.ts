import { checkFloat32 } from "../base/float32.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";

// A decoder's start is its default of `z0`, the latent where flows begin. In files it is a JSON array of decimal numbers
// with nine digits, which restore every float32 exactly.

/**
 * Copies a start vector and checks its values; `checkStartSize` checks its length.
 *
 * @throws LatentflowError `invalid_argument` if it is not a Float32Array, or not finite
 */
export function normaliseStart(value: unknown, name = "start"): Float32Array {
  checkFloat32(name, value);
  // The copy is checked, since the caller's array may override methods, or change.
  const start = new Float32Array(value.length);
  start.set(value);
  const bad = start.findIndex((each) => !Number.isFinite(each));
  if (bad >= 0) throw refused(name, "is", `${start[bad]} at element ${bad}`, "finite numbers");
  return start;
}

/**
 * Checks that a start vector, the latent where a decoder's flows begin by default, has `latentSize` elements.
 *
 * @returns the start vector; undefined if it is all zeros
 * @throws LatentflowError `invalid_argument` if it has another length
 */
export function checkStartSize(
  start: Float32Array,
  latentSize: number,
  name = "start",
): Float32Array | undefined {
  if (start.length !== latentSize) {
    throw refused(name, "has", `${start.length} values`, `${latentSize} (the decoder's latent size)`);
  }
  return start.every((value) => value === 0) ? undefined : start;
}

/** Formats a start vector, or other float32 numbers, as a JSON array that restores their bits. */
export function formatStart(start: ArrayLike<number>): string {
  return `[${Array.from(start, formatFloat32).join(",")}]`;
}

function formatFloat32(value: number): string {
  return Object.is(value, -0) ? "-0" : String(Number(value.toPrecision(9)));
}

/**
 * Converts parsed JSON to a start vector; undefined if it is all zeros.
 *
 * @param name name of the start vector in messages
 * @throws LatentflowError `invalid_argument` if it is not an array of `latentSize` finite numbers
 */
export function remakeStart(value: unknown, latentSize: number, name: string): Float32Array | undefined {
  if (!Array.isArray(value)) {
    throw refused(name, "is", show(value), "an array of numbers, as [0.5, -1.25]");
  }
  const bad = value.findIndex((each) => typeof each !== "number");
  if (bad >= 0) throw refused(name, "has", `${show(value[bad])} at element ${bad}`, "numbers");
  return checkStartSize(normaliseStart(Float32Array.from(value), name), latentSize, name);
}

/**
 * Returns the start vectors of `count` samples from index `first` on, [count, latentSize].
 *
 * @param z0 one latent shared by all samples, or one per sample
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
