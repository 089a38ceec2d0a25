import { isRevoked } from "./check.ts";
import { checkMemory, isFloat32Array, isPromise, typedArrayName } from "./realms.ts";
import { refused } from "./refuse.ts";
import { memberHint, show } from "./show.ts";

// Arrays of samples, latents and weights, as they come in.

/** Refuses a value that is not a Float32Array, or one whose buffer was transferred or can be resized. */
export function checkFloat32(
  where: string,
  name: string,
  values: unknown,
  expected = "a Float32Array",
): asserts values is Float32Array {
  if (isFloat32Array(values)) {
    checkMemory(where, name, values);
    return;
  }
  if ((name === "y" || name === "data") && /^Uint8(Clamped)?Array$/.test(typedArrayName(values) ?? "")) {
    throw refused(
      where,
      name,
      "is",
      show(values),
      expected,
      `; for pixels of 0 to 255 divide by 255: Float32Array.from(${name}, (v) => v / 255)`,
    );
  }
  throw refused(where, name, "is", show(values), expected, float32Hint(name, values));
}

/** Returns advice on converting a value to a Float32Array; "" if there is none. */
function float32Hint(name: string, values: unknown): string {
  if (isRevoked(values)) return "; this is a Proxy that has been revoked";
  if (values instanceof Float32Array) return " itself, not a Proxy of one";
  if (Array.isArray(values)) {
    const isNested = Array.isArray(values[0]);
    return `; convert with Float32Array.from(${name}${isNested ? ".flat(Infinity)" : ""})`;
  }
  if (typedArrayName(values) !== undefined) return `; convert with Float32Array.from(${name})`;
  if (isPromise(values)) return " (is an await missing?)";
  if (typeof values === "string") return "; readDataset of latentflow/train reads files";
  if (memberHint(values, "toFloat32") !== "") return `; give ${name}.toFloat32()`;
  return memberHint(values, "z") || memberHint(values, "train");
}

/**
 * Refuses rows of the wrong type or length, or that are not finite; returns the number of rows.
 *
 * @param size of a row
 * @param whose that size is, for messages
 * @param before how many rows come before these, for messages
 */
export function checkFiniteRows(
  where: string,
  name: string,
  values: unknown,
  size: number,
  whose: string,
  before = 0,
): number {
  checkFloat32(where, name, values);
  if (values.length % size !== 0) {
    throw refused(where, name, "has", `${values.length} values`, `a multiple of ${size} (${whose})`);
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const at = place(before * size + bad, size);
    throw refused(where, name, "is", `${values[bad]} at ${at}`, "finite numbers");
  }
  return values.length / size;
}

/** Formats the place of an element in rows, for messages. */
export function place(index: number, rowSize: number): string {
  return `sample ${Math.floor(index / rowSize)}, element ${index % rowSize}`;
}
