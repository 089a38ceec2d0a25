const { readFileSync } = require("node:fs");
const { gunzipSync } = require("node:zlib");
const { encode, loadDecoder, summary } = require("latentflow");

async function main() {
  const decoder = await loadDecoder(require.resolve("latentflow/demo/decoder.safetensors"));
  const file = require.resolve("latentflow/demo/mnist-test-300.idx.gz");
  const pixels = gunzipSync(readFileSync(file)).subarray(16, 16 + 16 * decoder.outputSize);
  const y = Float32Array.from(pixels, (value) => value / 255);
  console.log(JSON.stringify(summary(await encode(decoder, y))));
}

main();
