import type { Field } from "./options.ts";
import { checkMemory, isUint8Array } from "./realms.ts";
import { refused } from "./refuse.ts";
import { show } from "./show.ts";

// Weights of the elements of samples, as callers pass them.

/** Weights of the elements of samples: numbers ≥ 0; bytes of 0 and 1; or booleans, true for an element that counts. */
export type Weights = Float32Array | Uint8Array | readonly boolean[];

/** Field of the option `weights`, whose value becomes a Float32Array. Type and length are checked later, with the samples. */
export const WEIGHTS: Field<Float32Array | undefined> = {
  check(name, value) {
    if (isUint8Array(value)) return fromBytes(name, value);
    return isListOfFlags(value) ? fromFlags(name, value) : (value as Float32Array);
  },
  standard: undefined,
};

function fromBytes(name: string, bytes: Uint8Array): Float32Array {
  checkMemory(name, bytes);
  const odd = bytes.findIndex((each) => each > 1);
  if (odd < 0) return new Float32Array(bytes);
  const advice = "; divide by 255, or give a Float32Array";
  throw refused(name, "is", `${bytes[odd]} at element ${odd}`, "0 or 1 in a Uint8Array", advice);
}

/** True for an array whose first element is a boolean or missing. */
function isListOfFlags(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0 && /^(boolean|undefined)$/.test(typeof value[0]);
}

function fromFlags(name: string, flags: readonly unknown[]): Float32Array {
  // The first element is checked before memory is allocated: an array may have 2^32 - 1 holes.
  checkFlagAt(name, flags, 0);
  const weights = new Float32Array(flags.length);
  for (let i = 0; i < flags.length; i++) weights[i] = checkFlagAt(name, flags, i) ? 1 : 0;
  return weights;
}

function checkFlagAt(name: string, flags: readonly unknown[], i: number): boolean {
  const flag = flags[i];
  if (typeof flag === "boolean") return flag;
  throw refused(name, "is", `${show(flag)} at element ${i}`, "true or false");
}
