// Trains the decoder that main.js uses, and writes it: npm run train
import { writeFileSync } from "node:fs";
import { createDecoder, makeProbe } from "latentflow";
import {
  add,
  convTranspose,
  dense,
  elu,
  embedding,
  graph,
  mul,
  reshape,
  sigmoid,
  tanh,
} from "latentflow/graph";
import { adam, cosine, mnist, train } from "latentflow/train";

/** How many digits it learns from: `npm run train -- 100` for a quick look. */
const count = Number(process.argv[2] ?? 10_000);
const digits = (await mnist()).train.slice(0, count);

// From a latent of 3 numbers and a label to 28 × 28 pixels. By the label each number of the first layer counts for more
// or less, and begins elsewhere.
const definition = graph(({ latent, fixed }) => {
  const label = fixed("label", { classes: 10 });
  const gain = embedding({ classes: 10, units: 48 })(label);
  const shift = embedding({ classes: 10, units: 48 })(label);
  const style = dense(48)(latent(3));
  const hidden = tanh()(add()(add()(style, mul()(style, gain)), shift));
  const small = reshape([7, 7, 16])(elu()(dense(7 * 7 * 16)(hidden)));
  const larger = elu()(convTranspose({ channels: 16, kernel: 4, stride: 2, padding: 1 })(small));
  return sigmoid()(convTranspose({ channels: 1, kernel: 4, stride: 2, padding: 1 })(larger));
});

const { decoder } = await train(createDecoder(definition, { loss: "bce", seed: 1 }), digits, {
  fixed: { label: digits.labels },
  optimizer: adam({ learningRate: 2e-3 }),
  schedule: cosine(),
  batchSize: 10,
  epochs: 4,
  onProgress({ images, total, loss }) {
    if (images % 1000 === 0) console.log(`${images} of ${total} digits: a loss of ${loss.toFixed(4)}`);
  },
});
const probe = await makeProbe(decoder);
writeFileSync("decoder.safetensors", decoder.toSafetensors({ probe }));
