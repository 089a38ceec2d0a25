import { readFileSync } from "node:fs";
import { readArray } from "../../src/data/read.ts";
import { type EncodeSummary, encode, loadDecoder, summary } from "../../src/index.ts";

/** What the first 16 of the digits that the package ships come to, from the source. */
export async function encodeDemoDigits(): Promise<EncodeSummary> {
  const decoder = await loadDecoder("demo/decoder.safetensors");
  const { data } = await readArray(readFileSync("demo/mnist-test-300.idx.gz"));
  const y = Float32Array.from(data.subarray(0, 16 * decoder.outputSize), (value) => value / 255);
  return summary(await encode(decoder, y));
}
