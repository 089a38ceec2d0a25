// Trains what main.js compares, on 480 digits: an autoencoder, and one whose encoder has seen digits with hidden pixels.
//
//   npm run train          six minutes on one core
//   npm run train -- 2     two passes over the digits, for a quick look
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createDecoder, makeProbe } from "latentflow";
import { adam, linear, mnist, shift, trainAutoencoder } from "latentflow/train";

const epochs = Number(process.argv[2] ?? 800);
const digits = (await mnist()).train.slice(0, 480);
const definition = createRequire(import.meta.url).resolve("latentflow/demo/convolutional.json");
const untrained = createDecoder(JSON.parse(readFileSync(definition, "utf8")), { loss: "bce", seed: 0 });

await trainAndSave("plain", {});
// Between none and 95 % of the pixels, at random, so that each share has been seen in training.
await trainAndSave("masked", { mask: { hidden: [0, 0.95] } });

/** Trains an autoencoder, and writes its encoder and its decoder. */
async function trainAndSave(name, options) {
  const { encoder, decoder } = await trainAutoencoder(untrained, digits, {
    optimizer: adam({ learningRate: 3e-3 }),
    schedule: linear(),
    gradientClip: 0.5,
    augment: shift({ pixels: 2 }),
    batchSize: 16,
    epochs,
    seed: 0,
    onProgress({ images, total, loss }) {
      if (images % 9600 === 0)
        console.log(`${name}: ${images} of ${total} digits, a loss of ${loss.toFixed(4)}`);
    },
    ...options,
  });
  for (const [part, network] of Object.entries({ encoder, decoder })) {
    const probe = await makeProbe(network);
    writeFileSync(`${name}-${part}.safetensors`, network.toSafetensors({ probe }));
  }
}
