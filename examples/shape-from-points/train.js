// Trains the decoder that main.js uses, as DeepSDF does, and writes it: npm run train
import { writeFileSync } from "node:fs";
import { createDecoder, makeProbe } from "latentflow";
import { concat, dense, elu, graph } from "latentflow/graph";
import { adam, cosine, train } from "latentflow/train";
import { createRandom, distancesAt, kinds, makePoints, makeShape } from "./shapes.js";

/** How often each shape is seen: `npm run train -- 1` for a quick look. */
const epochs = Number(process.argv[2] ?? 300);
const [count, points] = [600, 128];
const random = createRandom(1);

// Every shape has points of its own, with its distances there.
const names = Object.keys(kinds);
const xyz = makePoints(count * points, random);
const distances = new Float32Array(count * points);
for (let i = 0; i < count; i++) {
  const shape = makeShape(names[i % names.length], random);
  distances.set(distancesAt(shape, xyz.subarray(3 * points * i, 3 * points * (i + 1))), points * i);
}

// From a latent of 16 numbers and a point to the distance there.
const definition = graph(({ latent, points }) => {
  const given = concat()(latent(16), points("xyz", 3));
  const h = elu()(dense(64)(elu()(dense(64)(given))));
  return dense(1)(elu()(dense(64)(concat()(h, given))));
});

// Each shape keeps a latent from the start, which is trained beside the weights.
const { decoder } = await train(createDecoder(definition, { loss: "mse", seed: 1 }), distances, {
  points,
  fixed: { xyz },
  codes: "kept",
  epochs,
  batchSize: 10,
  optimizer: adam({ learningRate: 2e-3 }),
  codeOptimizer: adam({ learningRate: 1e-2 }),
  schedule: cosine(),
  onProgress({ images, total, loss }) {
    if (images % (20 * count) === 0)
      console.log(`${images} of ${total} shapes: a loss of ${loss.toFixed(5)}`);
  },
});
const probe = await makeProbe(decoder);
writeFileSync("decoder.safetensors", decoder.toSafetensors({ probe }));
