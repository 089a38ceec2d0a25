import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { encode, loadDecoder, summary } from "latentflow";

const decoder = await loadDecoder(new URL(import.meta.resolve("latentflow/demo/decoder.safetensors")));
const file = fileURLToPath(import.meta.resolve("latentflow/demo/mnist-test-300.idx.gz"));
const pixels = gunzipSync(readFileSync(file)).subarray(16, 16 + 16 * decoder.outputSize);
const y = Float32Array.from(pixels, (value) => value / 255);
console.log(JSON.stringify(summary(await encode(decoder, y))));
