import { checkNumber } from "../base/check.ts";
import { checkFloat32 } from "../base/float32.ts";
import { checkMemory, isPromise, typedArrayName } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";

// Checks of what a call of an open objective is given. They throw `invalid_argument`, and return copies.

/** Returns a copy of the option `rows`, numbers of samples; throws if a number is none of a sample, or occurs twice. */
export function checkRows(rows: unknown, sampleCount: number): Int32Array {
  const isTyped = typedArrayName(rows) === "Int32Array";
  if (!isTyped && !Array.isArray(rows)) {
    const expected = "an array of sample numbers, or an Int32Array";
    throw refused("rows", "is", show(rows), expected, rowsHint(rows));
  }
  const given = rows as ArrayLike<unknown>;
  if (isTyped) checkMemory("rows", rows as Int32Array);
  // Before the elements: an array may have 2^32 - 1 holes.
  if (given.length > sampleCount) {
    const expected = `at most ${sampleCount} (the objective's samples, each once)`;
    throw refused("rows", "has", `${given.length} values`, expected);
  }
  const chosen = new Set<number>();
  for (let i = 0; i < given.length; i++) {
    const row = checkNumber(`rows[${i}]`, given[i], { min: 0, max: sampleCount - 1, integer: true });
    if (chosen.has(row)) throw refused(`rows[${i}]`, "is", `${row} again`, "each sample at most once");
    chosen.add(row);
  }
  return Int32Array.from(chosen);
}

function rowsHint(rows: unknown): string {
  if (isPromise(rows)) return " (is an await missing?)";
  if (typeof rows === "number") return `; for one sample, [${rows}]`;
  return typedArrayName(rows) === undefined ? "" : "; convert with Int32Array.from(rows)";
}

/**
 * Returns a copy, in float64, of an argument with `size` numbers for each of `count` chosen samples. The numbers may be NaN or
 * infinite.
 *
 * @param name name of the argument, for messages
 */
export function checkLatents(name: string, values: unknown, count: number, size: number): Float64Array {
  if (typedArrayName(values) === "Float64Array") checkMemory(name, values as Float64Array);
  else checkFloat32(name, values, "a Float32Array or a Float64Array");
  const given = values as Float32Array | Float64Array;
  if (given.length !== count * size) {
    const expected = `${count * size} (${size} for each row)`;
    throw refused(name, "has", `${given.length} values`, expected);
  }
  return Float64Array.from(given);
}
