const { readFileSync } = require("node:fs");
const { gunzipSync } = require("node:zlib");
const { amd, encode, loadDecoder, summary } = require("latentflow");
const { encodeWith, evaluate, train, trainAutoencoder } = require("latentflow/train");

async function main() {
  const decoder = await loadDecoder(require.resolve("latentflow/demo/convolutional.safetensors"));
  const file = require.resolve("latentflow/demo/mnist-test-300.idx.gz");
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
}

main();
