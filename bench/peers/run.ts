// The measurement itself, on the Node that runs this; main.ts starts it where the peers are installed.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createRandom } from "../../src/base/random.ts";
import { binaryCrossEntropy, createDecoder } from "../../src/index.ts";
import { benchDecoder, testDigits } from "../rig.ts";
import { sectionOf, withSection } from "./ahead/report.ts";
import { measureEncode } from "./encode.ts";
import { findTorch } from "./find-torch.ts";
import { measureGradients, PLAIN, RELAXED } from "./gradient.ts";
import { jaxPeer } from "./jax.ts";
import { describeMachine } from "./machine.ts";
import { onnxruntimePeer } from "./onnxruntime.ts";
import type { Task } from "./peer.ts";
import { torchPeer } from "./pytorch.ts";
import { type Results, toMarkdown } from "./report.ts";
import { measureScale, QUICK_SIZES, SIZES } from "./scale.ts";
import { BY_HAND, tfjsPeers } from "./tfjs.ts";
import { measureTraining } from "./training.ts";

const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, write: { type: "boolean", default: false } },
});
const { quick, write } = values;

/** How much is measured; `slow`: the digits that the slow peers encode, which take as long as all do elsewhere. */
const amounts = quick
  ? {
      batches: [1, 5, 32],
      gradientRounds: 3,
      digits: 24,
      slow: 4,
      rounds: 1,
      images: 64,
      sizes: QUICK_SIZES,
    }
  : {
      batches: [1, 5, 32, 128, 512],
      gradientRounds: 15,
      digits: 1000,
      slow: 24,
      rounds: 3,
      images: 240,
      sizes: SIZES,
    };

/** The faster peers encode so many digits at once: by then a larger batch gains them little. */
const LARGE_BATCH = 128;

const machine = describeMachine();
const decoder = await benchDecoder();
const random = createRandom(0);
const y = await testDigits(Math.max(amounts.digits, amounts.images, ...amounts.batches));
// About where the digits' own latents are.
const z = Float32Array.from(
  { length: (y.length / decoder.outputSize) * decoder.latentSize },
  () => 4 * random.uniform() - 2,
);
const task: Task = { decoder, y, z };
/** The paper's decoder, as it is before training. */
const untrained = () =>
  createDecoder({
    layers: [20, 150, 300, 600, decoder.outputSize],
    loss: binaryCrossEntropy(),
    outputShape: decoder.outputShape,
    seed: 1,
  });
const python = findTorch();
if (!python) console.error("No Python with PyTorch was found (set PYTHON to it): its lines are left out.");
const torch = python ? await torchPeer(python, task, untrained) : undefined;
const peers = [
  await onnxruntimePeer(task),
  ...(await tfjsPeers(task)),
  await jaxPeer(task),
  ...(torch ? [torch] : []),
];

const step = (what: string) => console.error(`${what} …`);
step("z-gradients");
const gradient = await measureGradients(task, peers, amounts.batches, amounts.gradientRounds);
step("encoding");
const toEncode = { ...task, y: y.subarray(0, amounts.digits * decoder.outputSize) };
const figures = await measureEncode(
  toEncode,
  peers,
  ({ name }) => {
    if (name === torch?.name) return { batch: LARGE_BATCH, samples: amounts.digits };
    const samples = name === BY_HAND ? Math.min(LARGE_BATCH, amounts.digits) : amounts.slow;
    return { batch: samples, samples };
  },
  amounts.rounds,
);
step("training");
const training = await measureTraining(
  { untrained, y: task.y, miniBatches: [5, 32] },
  torch,
  amounts.images,
  amounts.rounds,
);
for (const peer of peers) peer.dispose();
step("scale");
const scale = await measureScale(amounts.sizes);

const results: Results = {
  machine,
  quick,
  implementations: [
    { name: RELAXED, about: "our kernels with relaxed SIMD, one thread" },
    { name: PLAIN, about: "our kernels with plain SIMD, one thread" },
    ...peers.map(({ name, about }) => ({ name, about })),
  ],
  gradient,
  encode: { samples: amounts.digits, figures },
  training,
  scale,
};
const markdown = toMarkdown(results);
console.log(`\n${markdown}`);
const folder = fileURLToPath(
  new URL(write ? "../../site/performance/" : "../../out/bench/", import.meta.url),
);
mkdirSync(folder, { recursive: true });
const [page, data] = [`${folder}peers.md`, `${folder}peers.json`];
// What ahead/run.ts has written stays until it writes anew.
const kept = existsSync(page) ? sectionOf(readFileSync(page, "utf8")) : "";
const { ahead } = existsSync(data) ? JSON.parse(readFileSync(data, "utf8")) : { ahead: undefined };
writeFileSync(page, kept === "" ? markdown : withSection(markdown, kept));
writeFileSync(data, `${JSON.stringify({ ...results, ahead }, undefined, 2)}\n`);
console.error(`${folder}peers.md, ${folder}peers.json`);
// Emscripten's listeners keep nothing alive, but onnxruntime-web's sessions may.
process.exit();
