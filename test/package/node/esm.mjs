import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { amd, encode, loadDecoder, summary } from "latentflow";
import { encodeWith, evaluate, train, trainAutoencoder } from "latentflow/train";

const decoder = await loadDecoder(new URL(import.meta.resolve("latentflow/demo/convolutional.safetensors")));
const file = fileURLToPath(import.meta.resolve("latentflow/demo/mnist-test-300.idx.gz"));
const pixels = gunzipSync(readFileSync(file)).subarray(16, 16 + 16 * decoder.outputSize);
const y = Float32Array.from(pixels, (value) => value / 255);
const encoded = summary(await encode(decoder, y));

const solver = amd({ maxSteps: 100 });
const run = await train(decoder, y, { solver });
const { meanLoss } = await evaluate(run.decoder, y, { solver });
const autoencoder = await trainAutoencoder(decoder, y, { epochs: 1 });
const codes = await encodeWith(autoencoder.encoder, y);
const training = { updates: run.history.length, meanLoss, codes: codes.length };
console.log(JSON.stringify({ ...encoded, training }));
