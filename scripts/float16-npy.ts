import { npyHeader } from "../src/files/npy.ts";
import { float16 } from "./halve-decoder.mjs";

/** A .npy file of float16 values. */
export function float16Npy(values: Float32Array, shape: readonly number[]): Buffer {
  const header = Buffer.from(
    Buffer.from(npyHeader(shape)).toString("latin1").replace("<f4", "<f2"),
    "latin1",
  );
  const halves = Buffer.alloc(2 * values.length);
  values.forEach((value, i) => {
    halves.writeUInt16LE(float16(value), 2 * i);
  });
  return Buffer.concat([header, halves]);
}
