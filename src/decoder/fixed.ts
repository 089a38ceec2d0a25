import { attached, checkMemory, isFloat32Array, typedArrayName } from "../base/realms.ts";
import { invalid, refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { FixedInput } from "../graph/graph.ts";
import { sizeOf } from "../graph/operations.ts";
import type { Decoder } from "./decoder.ts";

// Fixed inputs are given with each sample: a label, coordinates. Options of calls have them by name; inside the package
// they are one array for each of the decoder's fixed inputs, in order.

/** Values of each fixed input, by name: one row, shared by all samples, or B rows. */
export type FixedOption = Readonly<Record<string, FixedArray | number>>;

/** Array of numbers; class numbers may be in any type of integers. */
export type FixedArray =
  | Float32Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array;

/** Array of each fixed input, in the decoder's order: one row, shared by all samples, or B rows. */
export type FixedValues = readonly Float32Array[];

/**
 * Checks the option `fixed` of a call against the decoder.
 *
 * @throws LatentflowError `invalid_argument` where one is missing, unknown, of the wrong length or type, or not finite
 */
export function checkFixed(
  where: string,
  decoder: Decoder,
  given: unknown,
  sampleCount: number,
): FixedValues {
  const inputs = decoder.fixedInputs;
  const names = inputs.map(({ name }) => show(name)).join(", ");
  if (given === undefined) {
    if (inputs.length === 0) return [];
    const all = inputs.map(({ name }) => `${show(name)}: …`).join(", ");
    throw invalid(`${where}: the decoder has fixed inputs (${names}); give them: fixed: { ${all} }`);
  }
  if (typeof given !== "object" || given === null || ArrayBuffer.isView(given)) {
    throw refused(
      where,
      "fixed",
      "is",
      show(given),
      `an object with an array for each of ${names || "none"}`,
    );
  }
  const unknown = Object.keys(given).find((key) => !inputs.some(({ name }) => name === key));
  if (unknown !== undefined) {
    const has = inputs.length > 0 ? `its fixed inputs are ${names}` : "it has none";
    throw invalid(`${where}: the decoder has no fixed input ${show(unknown)}; ${has}`);
  }
  return inputs.map((input) => {
    const values = (given as Record<string, unknown>)[input.name];
    return checkFixedInput(`${where}: fixed input ${show(input.name)}`, input, values, sampleCount);
  });
}

/**
 * Checks the values of one fixed input.
 *
 * @param at what messages begin with: what gives it
 * @param before how many values come before these, for messages
 */
export function checkFixedInput(
  at: string,
  { shape, classes }: FixedInput,
  given: unknown,
  sampleCount: number,
  before = 0,
): Float32Array {
  const size = sizeOf(shape);
  const values = asFloats(at, given, size, classes !== undefined);
  if (values.length !== size && values.length !== sampleCount * size) {
    throw invalid(
      `${at} has ${values.length} values, expected ${size} (one sample's, for all) or ${sampleCount * size} (one for each)`,
    );
  }
  for (const [i, value] of values.entries()) {
    const isRight =
      classes === undefined
        ? Number.isFinite(value)
        : Number.isInteger(value) && value >= 0 && value < classes;
    if (isRight) continue;
    const expected = classes === undefined ? "finite numbers" : `integers from 0 to ${classes - 1}`;
    const found = typeof given === "number" ? `is ${value}` : `has ${value} at ${before + i}`;
    throw invalid(`${at} ${found}, expected ${expected}`);
  }
  return values;
}

function asFloats(at: string, given: unknown, size: number, areClasses: boolean): Float32Array {
  if (typeof given === "number" && size === 1) return Float32Array.of(given);
  if (isFloat32Array(given)) {
    checkMemory(at, "its values", given);
    // Classes index a table: a copy keeps the checked values.
    return areClasses ? given.slice() : given;
  }
  const type = typedArrayName(given);
  if (areClasses && type !== undefined && /^(Big)?(Ui|I)nt/.test(type)) {
    return Float32Array.from(given as Int32Array, Number);
  }
  if (given === undefined) {
    throw invalid(`${at} is missing, expected ${size === 1 ? "a number" : `${size} numbers`} a sample`);
  }
  const types = areClasses ? "a Float32Array or an array of integers" : "a Float32Array";
  throw invalid(`${at} is ${show(given)}, expected ${types}${size === 1 ? ", or a number" : ""}`);
}

/** Writes a sample's fixed inputs one after the other. */
export function writeFixed(decoder: Decoder, fixed: FixedValues, sample: number, into: Float32Array): void {
  let at = 0;
  decoder.fixedInputs.forEach(({ name, shape }, i) => {
    const size = sizeOf(shape);
    const values = attached(name, fixed[i]!);
    const first = values.length === size ? 0 : sample * size;
    into.set(values.subarray(first, first + size), at);
    at += size;
  });
}

/** Returns the fixed inputs of samples `first` to `end - 1`. Rows shared by all samples stay as they are. */
export function cutFixed(decoder: Decoder, fixed: FixedValues, first: number, end: number): FixedValues {
  return fixed.map((values, i) => {
    const { name, shape } = decoder.fixedInputs[i]!;
    const size = sizeOf(shape);
    if (values.length === size) return values;
    return attached(name, values).subarray(first * size, end * size);
  });
}
