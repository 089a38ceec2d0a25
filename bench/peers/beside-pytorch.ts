// The z-gradient beside PyTorch's: the paper's decoder and three large ones of convolutions, one thread each, on a Node where
// relaxed SIMD needs no flag. It prints a table of Markdown.
//
//   node [--experimental-wasm-revectorize] --import tsx bench/peers/beside-pytorch.ts [--rounds 9] [--decoders dense]
import { parseArgs } from "node:util";
import { createRandom } from "../../src/base/random.ts";
import { createDecoder, type Operation } from "../../src/index.ts";
import { ARCHITECTURES, type Architecture } from "../architectures.ts";
import { reachableData } from "../dcgan.ts";
import { bestOf, compilePeak } from "../peak.ts";
import { benchDecoder, testDigits } from "../rig.ts";
import { channelsFirst } from "./convolution-task.ts";
import { findTorch } from "./find-torch.ts";
import { checkAlike } from "./gradient.ts";
import { latentflowGradient, oneThread } from "./latentflow.ts";
import { describeMachine } from "./machine.ts";
import type { GradientRun, Task } from "./peer.ts";
import { startTorch, type Torch, torchPeer } from "./pytorch.ts";
import { table } from "./report.ts";
import { inTurns, leastOf, medianOf, ratioOf } from "./rounds.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "9" }, decoders: { type: "string" } },
});
const rounds = Number(values.rounds);

/** The largest difference from PyTorch's gradient that counts as rounding, as a share of the row's largest gradient. */
const TOLERANCE = 1e-3;
const BUILDS = ["plain", "relaxed"] as const;

/** Sizes of batch, and the samples of a timed run: some 0.05 s for the paper's decoder, up to a second for the large ones. */
const DENSE = { batches: [1, 5, 32, 128], samples: 600 };
const LARGE = { batches: [1, 32], samples: 1 };

const python = findTorch() ?? "";
if (python === "") throw new Error("No Python with PyTorch was found: set PYTHON to it.");
const names = values.decoders?.split(",") ?? ["dense", ...Object.keys(ARCHITECTURES)];
const peak = await compilePeak("plain");
const lines: string[][] = [];
let about = "";
for (const name of names) {
  const { batches, samples } = name === "dense" ? DENSE : LARGE;
  const { task, peers } =
    name === "dense" ? await dense() : await architecture(name as Architecture, Math.max(...batches));
  about = peers[0]!.about;
  for (const rows of batches) {
    const repeats = Math.ceil(samples / rows);
    lines.push([name, `${rows}`, ...(await measure(task, peers, rows, repeats))]);
  }
  for (const torch of peers) torch.dispose();
  task.decoder.dispose();
}
const machine = describeMachine();
console.log(
  [
    `${machine.processor}, ${machine.cores} cores; Node ${machine.node}${process.execArgv.map((flag) => ` ${flag}`).join("")}; ${about}; ` +
      `${machine.date}; register peak ${bestOf(peak).toFixed(1)} GFLOP/s`,
    table(
      [
        ...["", "rows", "plain, ms a row", "relaxed", "PyTorch", "PyTorch, channels last"],
        ...["plain ÷ PyTorch's faster", "relaxed ÷ PyTorch's faster"],
      ],
      lines,
    ),
  ].join("\n\n"),
);

/** The paper's decoder on digits; PyTorch once, since it has no channels. */
async function dense(): Promise<{ task: Task; peers: Torch[] }> {
  const decoder = await benchDecoder();
  const count = Math.max(...DENSE.batches);
  const random = createRandom(0);
  const z = Float32Array.from({ length: count * decoder.latentSize }, () => 4 * random.uniform() - 2);
  const task = { decoder, y: await testDigits(count), z };
  const untrained = () => createDecoder({ layers: [20, 150, 300, 600, 784], seed: 1 });
  return { task, peers: [await torchPeer(python, task, untrained)] };
}

async function architecture(name: Architecture, count: number): Promise<{ task: Task; peers: Torch[] }> {
  const decoder = createDecoder(ARCHITECTURES[name], { seed: 1, loss: "mse" });
  const task = { decoder, ...(await reachableData(decoder, count, oneThread())) };
  const peers = [
    await startTorch(python, torchTask(name, task, false)),
    await startTorch(python, torchTask(name, task, true)),
  ];
  return { task, peers };
}

/**
 * Times gradients of so many rows in turns; returns milliseconds a row, the least of the rounds, and the medians of our builds'
 * times divided by PyTorch's, with its channels where they make it faster.
 */
async function measure(
  task: Task,
  peers: readonly Torch[],
  rows: number,
  repeats: number,
): Promise<string[]> {
  const runs = new Map<string, GradientRun>();
  for (const build of BUILDS) runs.set(build, await latentflowGradient(task, build === "relaxed", rows));
  for (const torch of peers) runs.set(torch.name, await torch.gradient(rows));
  const names = peers.map(({ name }) => name);
  await checkAlike(runs, names[0]!, task.decoder.latentSize, TOLERANCE);
  const cases = [...runs].map(([name, run]) => ({
    name,
    time: async () => (await run.run(repeats)) / (repeats * rows),
  }));
  // V8 optimises what has run for a while.
  await inTurns(cases, 3);
  const times = await inTurns(cases, rounds);
  const faster = names.reduce((best, name) => (medianOf(times, name) < medianOf(times, best) ? name : best));
  const least = [...BUILDS, ...names].map((name) => leastOf(times, name).toPrecision(3));
  return [
    ...[...least, ""].slice(0, BUILDS.length + 2),
    ...BUILDS.map((build) => `${ratioOf(times, build, faster).toFixed(2)}×`),
  ];
}

/** The task of a decoder of ../architectures.ts for PyTorch. Data have channels first; in memory they are last if `channelsLast`. */
function torchTask(name: Architecture, { decoder, y, z }: Task, channelsLast: boolean) {
  const layers = decoder.operations.filter((operation) => "weight" in operation) as WithWeight[];
  const [height, width, channels] = decoder.outputShape as [number, number, number];
  const parameters = layers.flatMap(({ weight, bias }) => [weight, bias!]);
  return {
    decoder: name,
    settings: {},
    z,
    channelsLast,
    shapes: layers.map(shapesOf),
    parameters: joined(parameters),
    untrained: () => joined(parameters),
    y: channelsFirst(y, height * width, channels),
    output: [channels, height, width],
  };
}

type WithWeight = Operation<"conv" | "convTranspose" | "groupNorm" | "affine">;

function shapesOf(layer: WithWeight): [weight: number[], bias: number[]] {
  const { kind, weight, bias } = layer;
  const channels = bias!.length;
  if (kind === "groupNorm" || kind === "affine") return [[channels], [channels]];
  const { kernel } = layer;
  const others = weight.length / (channels * kernel[0]! * kernel[1]!);
  return [kind === "conv" ? [channels, others, ...kernel] : [others, channels, ...kernel], [channels]];
}

function joined(tensors: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(tensors.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const tensor of tensors) {
    all.set(tensor, at);
    at += tensor.length;
  }
  return all;
}
