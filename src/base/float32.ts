import { checkMemory, isFloat32Array, isPromise, typedArrayName } from "./realms.ts";
import { refused } from "./refuse.ts";
import { memberHint, show } from "./show.ts";

// Checks of arrays of samples, latents and weights that callers pass.

/**
 * Throws unless `values` is a Float32Array in memory that was neither transferred nor can be resized.
 *
 * @param expected what the message says was expected
 * @throws LatentflowError `invalid_argument`
 */
export function checkFloat32(
  name: string,
  values: unknown,
  expected = "a Float32Array",
): asserts values is Float32Array {
  if (isFloat32Array(values)) {
    checkMemory(name, values);
    return;
  }
  if ((name === "y" || name === "data") && /^Uint8(Clamped)?Array$/.test(typedArrayName(values) ?? "")) {
    throw refused(
      name,
      "is",
      show(values),
      expected,
      `; for pixels of 0 to 255 divide by 255: Float32Array.from(${name}, (v) => v / 255)`,
    );
  }
  const isProxy = values instanceof Float32Array;
  const own = isProxy ? `${expected} itself, not a Proxy of one` : expected;
  throw refused(name, "is", show(values), own, float32Hint(name, values));
}

/** Returns advice, for an error message, on converting a value to a Float32Array; "" if there is none. */
function float32Hint(name: string, values: unknown): string {
  if (Array.isArray(values)) {
    const isNested = Array.isArray(values[0]);
    return `; convert with Float32Array.from(${name}${isNested ? ".flat(Infinity)" : ""})`;
  }
  if (typedArrayName(values) !== undefined) return `; convert with Float32Array.from(${name})`;
  if (isPromise(values)) return " (is an await missing?)";
  if (typeof values === "string") return "; readDataset of latentflow/train reads files";
  if (memberHint(values, "toFloat32") !== "") return `; give ${name}.toFloat32()`;
  const hint = memberHint(values, "z");
  if (hint !== "" && /^(y|data)$/.test(name)) return "; it holds codes (z), not samples";
  return hint || memberHint(values, "train");
}

/** Formats the position of an element of rows for messages: `sample 3, element 17`. */
export function place(index: number, rowSize: number): string {
  return `sample ${Math.floor(index / rowSize)}, element ${index % rowSize}`;
}
