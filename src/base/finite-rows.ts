import { checkFloat32, place } from "./float32.ts";
import { refused } from "./refuse.ts";

/**
 * Returns the number of rows of an array, [rows, size].
 *
 * @param size number of values in a row
 * @param whose description of `size` for messages, such as "the decoder's latent size"
 * @param before number of rows that precede these, for positions in messages
 * @throws LatentflowError `invalid_argument` unless it is a Float32Array of whole rows of finite numbers
 */
export function checkFiniteRows(
  name: string,
  values: unknown,
  size: number,
  whose: string,
  before = 0,
): number {
  checkFloat32(name, values);
  if (values.length % size !== 0) {
    throw refused(name, "has", `${values.length} values`, `a multiple of ${size} (${whose})`);
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const at = place(before * size + bad, size);
    throw refused(name, "is", `${values[bad]} at ${at}`, "finite numbers");
  }
  return values.length / size;
}
