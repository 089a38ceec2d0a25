import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { checkArray } from "../terms/prior-numbers.ts";

/**
 * Returns a copy of an array of finite numbers, rounded to float32.
 *
 * @param size required number of values; undefined if any is allowed
 * @throws LatentflowError `invalid_argument`
 */
export function checkFloats(name: string, values: unknown, size?: number, advice = ""): Float32Array {
  const expected = size === undefined ? "an array of numbers" : `an array of ${size} numbers`;
  const list = checkArray(name, values, expected) as ArrayLike<number>;
  if (size !== undefined && list.length !== size) {
    throw refused(name, "has", `${list.length} values`, `${size}`, advice);
  }
  const floats = new Float32Array(list.length);
  for (let i = 0; i < list.length; i++) {
    floats[i] = list[i]!;
    if (typeof list[i] === "number" && Number.isFinite(floats[i])) continue;
    throw refused(name, "is", `${show(list[i])} at element ${i}`, "finite numbers");
  }
  return floats;
}
