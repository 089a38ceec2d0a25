// The z-gradient of a decoder with convolutions, and encoding with it, latentflow against what one could use instead, on one
// thread each: node --import tsx bench/peers/convolution.ts [--quick] [--between relu], on a Node where relaxed SIMD needs no
// flag, or with it, and once `npm run bench:peers` has installed the peers. It prints a page of Markdown.
import { parseArgs } from "node:util";
import { copyDecoder } from "../../src/decoder/copy.ts";
import { costOf } from "../../src/graph/graph.ts";
import type { Between } from "../dcgan.ts";
import { bestOf, compilePeak } from "../peak.ts";
import { latentflowConvolutions } from "./convolution-latentflow.ts";
import { onnxruntimeConvolutions } from "./convolution-onnxruntime.ts";
import { torchConvolutions } from "./convolution-pytorch.ts";
import { convolutionTask } from "./convolution-task.ts";
import { tfjsConvolutions } from "./convolution-tfjs.ts";
import { measureEncode } from "./encode.ts";
import { findTorch } from "./find-torch.ts";
import { checkAlike } from "./gradient.ts";
import { describeMachine } from "./machine.ts";
import type { GradientRun } from "./peer.ts";
import { table } from "./report.ts";
import { inTurns, medianOf, ratioOf, type Timed } from "./rounds.ts";
import { measureTraining } from "./training.ts";

const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, between: { type: "string", default: "elu" } },
});
if (values.between !== "elu" && values.between !== "relu") {
  throw new Error(`--between is ${values.between}, expected elu or relu`);
}
const between: Between = values.between;
const BATCHES = [1, 32];
const [rounds, samplesARun] = values.quick ? [1, 32] : [9, 256];

/** The largest difference from our gradient that counts as rounding, as a share of the row's largest gradient. */
const TOLERANCE = 1e-4;

const machine = describeMachine();
const task = await convolutionTask(between, Math.max(...BATCHES));
const relaxed = latentflowConvolutions(task, true);
const plain = latentflowConvolutions(task, false);
const python = findTorch();
if (!python) console.error("No Python with PyTorch was found (set PYTHON to it): its line is left out.");
const torch = python ? await torchConvolutions(python, task, false) : undefined;
const torchLast = python ? await torchConvolutions(python, task, true) : undefined;
const peers = [
  ...[relaxed, plain, await onnxruntimeConvolutions(task)],
  ...(await tfjsConvolutions(task)),
  ...[torch, torchLast].filter((peer) => peer !== undefined),
];
const peak = await compilePeak("relaxed");
const PEAK = "register peak";

const lines = peers.map(({ name }) => [name]);
for (const rows of BATCHES) {
  const runs = new Map<string, GradientRun>();
  for (const peer of peers) runs.set(peer.name, await peer.gradient(rows));
  await checkAlike(runs, plain.name, task.decoder.latentSize, TOLERANCE);
  const repeats = Math.ceil(samplesARun / rows);
  const cases: Timed[] = [{ name: PEAK, time: async () => bestOf(peak) }];
  for (const [name, run] of runs) {
    await run.run(2);
    cases.push({ name, time: async () => (await run.run(repeats)) / (rows * repeats) });
  }
  const times = await inTurns(cases, rounds);
  const gigaflops = medianOf(times, PEAK);
  peers.forEach(({ name }, i) => {
    const milliseconds = medianOf(times, name);
    // A multiplication and an addition, forwards and backwards.
    const share = (4 * costOf(task.decoder).multiplications) / (milliseconds * 1e6) / gigaflops;
    lines[i]!.push(
      `${milliseconds.toFixed(2)} (${share.toFixed(2)})`,
      `${ratioOf(times, name, relaxed.name).toFixed(2)}×`,
    );
  });
}

// TensorFlow.js takes seconds a sample: a few tell its speed.
const [encodedByTfjs, encodeRounds] = values.quick ? [2, 1] : [8, 3];
const encoded = await measureEncode(
  task,
  peers,
  ({ name }) => {
    const samples = name.startsWith("tfjs") ? encodedByTfjs : Math.max(...BATCHES);
    return { batch: samples, samples };
  },
  encodeRounds,
);

console.error("training");
const trained = await measureTraining(
  { untrained: () => copyDecoder(task.decoder, task.decoder), y: task.y, miniBatches: [5] },
  torch,
  values.quick ? 5 : 30,
  encodeRounds,
);

console.log(
  [
    `# The z-gradient of a DCGAN: 100 → 4×4×256 → 128 → 64 → 32×32×3, ${between}`,
    `${machine.processor}, ${machine.cores} cores; ${machine.system}; Node ${machine.node}; ${machine.date}, load before ` +
      `the run ${machine.load}.${values.quick ? " **A quick run: too few repeats to be quoted.**" : ""}`,
    table(
      ["", "what it is"],
      peers.map(({ name, about }) => [name, about]),
    ),
    "Milliseconds per sample by size of batch, in brackets the share of the register peak; and divided by our relaxed " +
      "build's in the same round. Squared error; each gradient is held against ours before it is timed.",
    table(["", ...BATCHES.flatMap((rows) => [`${rows}`, "÷ ours"])], lines),
    "Encoding to the mean loss at which our `amd` ends: our `lbfgs` takes the fewest steps that come there, and the peers do AMD on " +
      "all rows at once. Milliseconds per sample; " +
      "and divided by our `amd`'s and `lbfgs`'s on one thread.",
    table(
      ["", "samples timed", "ms", "÷ our amd", "÷ our lbfgs", "mean loss"],
      encoded.map(({ name, samples, seconds, toAmd, toLbfgs, meanLoss }) => [
        ...[name, `${samples}`, ((1000 * seconds) / Math.max(...BATCHES)).toFixed(1)],
        ...[`${toAmd.toFixed(2)}×`, `${toLbfgs.toFixed(2)}×`, meanLoss.toPrecision(4)],
      ]),
    ),
    `Training with mini-batches of 5 by \`amd\` to its own end and RMSprop, from the same parameters, ${trained[0]!.images} images: ` +
      `${trained[0]!.imagesPerSecond.toFixed(1)} images a second` +
      (trained[0]!.peer
        ? `; PyTorch ${trained[0]!.peer.imagesPerSecond.toFixed(1)}, ours divided by its ${trained[0]!.peer.ratio.toFixed(2)}.`
        : "."),
  ].join("\n\n"),
);
for (const peer of peers) peer.dispose();
// Emscripten's listeners keep nothing alive, but onnxruntime-web's sessions may.
process.exit();
