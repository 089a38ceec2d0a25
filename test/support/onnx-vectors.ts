import { readFileSync } from "node:fs";
import type { LoadOnnxOptions } from "../../src/onnx/index.ts";

// Files that test/fixtures/onnx/*.py have made, with what ONNX Runtime computes of them.

/** A number, or "inf", "-inf" or "nan". */
type Shown = number | string;

interface Entry {
  /** The file, as base64. */
  readonly model: string;
  readonly z: readonly Shown[];
  readonly y?: readonly Shown[];
  readonly shape?: readonly number[];
  readonly options?: LoadOnnxOptions;
  readonly gradient?: readonly number[];
}

export interface OnnxVectors {
  readonly bytes: Uint8Array;
  readonly z: Float32Array;
  /** Empty where ONNX Runtime fails. */
  readonly y: Float32Array;
  /** With the batch. */
  readonly shape: readonly number[];
  readonly options: LoadOnnxOptions | undefined;
  /** PyTorch's gradient of Σ y², of some. */
  readonly gradient: readonly number[] | undefined;
}

const NAMES: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
  nan: Number.NaN,
};
const numbersOf = (shown: readonly Shown[]) =>
  Float32Array.from(shown, (each) => (typeof each === "number" ? each : NAMES[each]!));

/** The files of test/fixtures/onnx/NAME.json, by their names. */
export function onnxVectors(name: string): Readonly<Record<string, OnnxVectors>> {
  const url = new URL(`../fixtures/onnx/${name}.json`, import.meta.url);
  const entries = JSON.parse(readFileSync(url, "utf8")) as Readonly<Record<string, Entry>>;
  return Object.fromEntries(
    Object.entries(entries).map(([key, { model, z, y = [], shape = [], options, gradient }]) => [
      key,
      {
        bytes: new Uint8Array(Buffer.from(model, "base64")),
        z: numbersOf(z),
        y: numbersOf(y),
        shape,
        options,
        gradient,
      },
    ]),
  );
}
