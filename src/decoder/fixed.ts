import { gotten, subject, type Words, wanted, words } from "../base/message.ts";
import { attached, checkMemory, isFloat32Array, typedArrayName } from "../base/realms.ts";
import { invalidOption, refused } from "../base/refuse.ts";
import { escapeText, show } from "../base/show.ts";
import type { FixedInput } from "../graph/graph.ts";
import { sizeOf } from "../graph/operations.ts";
import type { Decoder } from "./decoder.ts";

// Fixed inputs are values given with each sample, such as a class label or coordinates, which encoding does not change.
// Options name them; inside the package they are one array per fixed input, in the decoder's order.

/**
 * Values of each fixed input (given with each sample, not optimised), by name: one row, shared by all samples, or one row per
 * sample.
 */
export type FixedOption = Readonly<Record<string, FixedArray | number>>;

/** Array of the values of a fixed input (given with each sample, not optimised). Class indices may be of any integer type. */
export type FixedArray =
  | Float32Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array;

/**
 * Array of values for each fixed input (given with each sample, not optimised), in the decoder's order: one row, shared by all
 * samples, or one row per sample.
 */
export type FixedValues = readonly Float32Array[];

/**
 * Validates the option `fixed` of a call.
 *
 * @param sampleCount number of samples B
 * @throws LatentflowError `invalid_argument` if an input is missing or unknown, or its values have the wrong length or
 *   type or are not finite
 */
export function checkFixed(decoder: Decoder, given: unknown, sampleCount: number): FixedValues {
  const inputs = decoder.fixedInputs;
  const names = inputs.map(({ name }) => show(name)).join(", ");
  if (given === undefined) {
    if (inputs.length === 0) return [];
    const all = inputs.map(({ name }) => `${show(name)}: …`).join(", ");
    const sentence = `the decoder has fixed inputs (${names})`;
    throw invalidOption("fixed", sentence, `; give them: fixed: { ${all} }`);
  }
  if (typeof given !== "object" || given === null || ArrayBuffer.isView(given)) {
    const expected = `an object with an array for each of ${names || "none"}`;
    throw refused("fixed", "is", show(given), expected);
  }
  const unknown = Object.keys(given).find((key) => !inputs.some(({ name }) => name === key));
  if (unknown !== undefined) {
    const expected = wanted(names || "none");
    const has = words`the decoder has no fixed input ${gotten(show(unknown))}; its fixed inputs are ${expected}`;
    throw invalidOption(`fixed.${unknown}`, has);
  }
  return inputs.map((input) => {
    const values = (given as Record<string, unknown>)[input.name];
    return checkFixedInput(nameInMessages(input), input, values, sampleCount);
  });
}

/** Returns the name of a fixed input in messages about its values in the option `fixed`. */
function nameInMessages({ name }: FixedInput): Words {
  return words`fixed input ${subject(escapeText(`fixed.${name}`), show(name))}`;
}

/**
 * Validates the values of one fixed input, and converts them to float32.
 *
 * @param name the input's name in messages
 * @param before number of values that precede these, for positions in messages
 * @throws LatentflowError `invalid_argument`
 */
export function checkFixedInput(
  name: Words,
  { shape, classes }: FixedInput,
  given: unknown,
  sampleCount: number,
  before = 0,
): Float32Array {
  const size = sizeOf(shape);
  const values = asFloats(name, given, size, classes !== undefined);
  if (values.length !== size && values.length !== sampleCount * size) {
    const counts = `${size} (one sample's, for all) or ${sampleCount * size} (one for each)`;
    throw refused(name, "has", `${values.length} values`, counts);
  }
  for (const [i, value] of values.entries()) {
    const isRight =
      classes === undefined
        ? Number.isFinite(value)
        : Number.isInteger(value) && value >= 0 && value < classes;
    if (isRight) continue;
    const expected = classes === undefined ? "finite numbers" : `integers from 0 to ${classes - 1}`;
    if (typeof given === "number") throw refused(name, "is", `${value}`, expected);
    throw refused(name, "has", `${value} at ${before + i}`, expected);
  }
  return values;
}

function asFloats(name: Words, given: unknown, size: number, areClasses: boolean): Float32Array {
  if (typeof given === "number" && size === 1) return Float32Array.of(given);
  if (isFloat32Array(given)) {
    checkMemory(name, given);
    // Class indices are copied, since they index a table and must not change after this check.
    return areClasses ? given.slice() : given;
  }
  const type = typedArrayName(given);
  if (areClasses && type !== undefined && /^(Big)?(Ui|I)nt/.test(type)) {
    return Float32Array.from(given as Int32Array, Number);
  }
  if (given === undefined) {
    throw refused(name, "is", "missing", `${size === 1 ? "a number" : `${size} numbers`} a sample`);
  }
  const types = areClasses ? "a Float32Array or an array of integers" : "a Float32Array";
  throw refused(name, "is", show(given), types + (size === 1 ? ", or a number" : ""));
}

/** Copies the fixed inputs of one sample into an array, one after another. */
export function writeFixed(decoder: Decoder, fixed: FixedValues, sample: number, into: Float32Array): void {
  let at = 0;
  decoder.fixedInputs.forEach(({ name, shape }, i) => {
    const size = sizeOf(shape);
    const values = attached(escapeText(`fixed.${name}`), fixed[i]!);
    const first = values.length === size ? 0 : sample * size;
    into.set(values.subarray(first, first + size), at);
    at += size;
  });
}
