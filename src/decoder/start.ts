import { checkFloat32 } from "../base/float32.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";

// A decoder's start is its default of `z0`, the latent where flows begin; its starts are the default of the codes of several
// starts. In files they are JSON arrays of decimal numbers with nine digits, which restore every float32 exactly.

/**
 * Copies a start vector, or several, and checks the values; `checkStartSize` and `checkStartsSize` check the length.
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

/** Maximum number of start vectors of a decoder, far more than `train` stores. */
const MOST_STARTS = 1024;

/**
 * Checks that a decoder's starts, [K, latentSize], are 1 to 1,024 codes; returns them.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkStartsSize(starts: Float32Array, latentSize: number, name = "starts"): Float32Array {
  const count = starts.length / latentSize;
  if (Number.isInteger(count) && count >= 1 && count <= MOST_STARTS) return starts;
  const expected = `${latentSize} (the decoder's latent size) for each of 1 to ${MOST_STARTS} codes`;
  throw refused(name, "has", `${starts.length} values`, expected);
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

/** Formats start vectors, [K, latentSize], as a JSON array with an array for each. */
export function formatStarts(starts: Float32Array, latentSize: number): string {
  const rows = Array.from({ length: starts.length / latentSize }, (_, row) =>
    formatStart(starts.subarray(row * latentSize, (row + 1) * latentSize)),
  );
  return `[${rows.join(",")}]`;
}

/**
 * Converts parsed JSON to start vectors.
 *
 * @param name name of the start vectors in messages
 * @throws LatentflowError `invalid_argument` if it is not a list of 1 to 1,024 arrays of `latentSize` finite numbers
 */
export function remakeStarts(value: unknown, latentSize: number, name: string): Float32Array {
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_STARTS) {
    const got = Array.isArray(value) ? `of ${value.length} codes` : show(value);
    throw refused(name, "is", got, `an array of 1 to ${MOST_STARTS} codes, as [[0.5, -1.25], [0, 1]]`);
  }
  const starts = new Float32Array(value.length * latentSize);
  for (const [row, start] of value.entries()) {
    // A code may be 0, as remakeStart returns it.
    starts.set(remakeStart(start, latentSize, `${name}[${row}]`) ?? [], row * latentSize);
  }
  return starts;
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
