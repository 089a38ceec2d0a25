import { readFileSync } from "node:fs";
import { readArray } from "../../src/files/read.ts";
import { type EncodeSummary, encode, loadDecoder, summary } from "../../src/index.ts";

/** The first digits that the package ships, in [0, 1]. */
export async function demoDigits(count: number): Promise<Float32Array> {
  const { data } = await readArray(readFileSync("demo/mnist-test-300.idx.gz"));
  return Float32Array.from(data.subarray(0, count * 784), (value) => value / 255);
}

/** The first 16 of the digits that the package ships, encoded by the source with the decoder that the package ships. */
export async function encodeDemoDigits(): Promise<EncodeSummary> {
  const decoder = await loadDecoder("demo/convolutional.safetensors");
  return summary(await encode(decoder, await demoDigits(16)));
}
