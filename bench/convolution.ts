// What convolutions reach: the z-gradient of decoders that are little else than one convolution, and of a small DCGAN,
// as shares of the register peak of the same run. node --import tsx bench/convolution.ts relaxed

import { costOf } from "../src/graph/graph.ts";
import {
  conv,
  convTranspose,
  dense,
  elu,
  type Layer,
  reshape,
  sequential,
  sigmoid,
} from "../src/graph/index.ts";
import { createDecoder, type Decoder } from "../src/index.ts";
import { bestOf, compilePeak } from "./peak.ts";
import { makeRig } from "./rig.ts";
import { type Case, interleave, median } from "./timing.ts";

const ROUNDS = 9;
const build = process.argv[2] === "relaxed" ? "relaxed" : "plain";
const up = (channels: number) => convTranspose({ channels, kernel: 4, stride: 2, padding: 1 });

interface ConvolutionCase {
  readonly latentSize: number;
  readonly layers: readonly Layer[];
  readonly rows: number;
  /** Shares of the peak that are meant to be reached. */
  readonly targets: { readonly relaxed: number; readonly plain: number };
}

/** A convolution alone: its input is the latent. */
function alone(
  shape: readonly [height: number, width: number, channels: number],
  layer: Layer,
  rows: number,
  targets: ConvolutionCase["targets"],
): ConvolutionCase {
  return { latentSize: shape[0] * shape[1] * shape[2], layers: [reshape(shape), layer], rows, targets };
}

const conv3 = (channels: number) => conv({ channels, kernel: 3, padding: 1 });

const CASES: Readonly<Record<string, ConvolutionCase>> = {
  "convTranspose 256 → 128, 4×4 → 8×8": alone([4, 4, 256], up(128), 32, { relaxed: 0.8, plain: 0.62 }),
  "convTranspose 128 → 64, 8×8 → 16×16": alone([8, 8, 128], up(64), 16, { relaxed: 0.85, plain: 0.68 }),
  "convTranspose 64 → 3, 16×16 → 32×32": alone([16, 16, 64], up(3), 8, { relaxed: 0.6, plain: 0.45 }),
  "conv 64 → 64, 3×3, 16×16": alone([16, 16, 64], conv3(64), 8, { relaxed: 0.85, plain: 0.68 }),
  "conv 32 → 32, 3×3, 28×28": alone([28, 28, 32], conv3(32), 8, { relaxed: 0.85, plain: 0.68 }),
  "conv 64 → 3, 3×3, 32×32": alone([32, 32, 64], conv3(3), 8, { relaxed: 0.6, plain: 0.45 }),
  "DCGAN 100 → 4×4×256 → 128 → 64 → 32×32×3": {
    latentSize: 100,
    layers: [
      ...[dense(4 * 4 * 256), reshape([4, 4, 256]), elu()],
      ...[up(128), elu(), up(64), elu(), up(3), sigmoid()],
    ],
    rows: 32,
    targets: { relaxed: 0.75, plain: 0.6 },
  },
};

const peak = await compilePeak(build);
const cases: Case[] = [];
const peaks: number[] = [];
for (const [name, { latentSize, layers, rows }] of Object.entries(CASES)) {
  const decoder = createDecoder(sequential(latentSize, layers), { seed: 1, loss: "mse" });
  cases.push({ name, units: rows, run: await gradientOf(decoder, rows) });
}
const peakCase: Case = {
  name: "peak",
  units: 1,
  run: () => void peaks.push(bestOf(peak)),
};
const times = interleave([peakCase, ...cases], ROUNDS);
const gigaflops = median(peaks);
console.log(`${process.version}, ${build} build: register peak ${gigaflops.toFixed(1)} GFLOP/s`);
Object.entries(CASES).forEach(([name, { latentSize, layers, rows, targets }], i) => {
  const decoder = createDecoder(sequential(latentSize, layers));
  const milliseconds = median(times.map((round) => round[i + 1]!));
  // Multiply and add, forward and backward, for each product.
  const share = (4 * costOf(decoder).multiplications) / milliseconds / 1e6 / gigaflops;
  const figures = `${milliseconds.toFixed(3)} ms each, ${share.toFixed(2)} of the peak (target ${targets[build]})`;
  console.log(`${name}, ${rows} samples: ${figures}`);
});

/** A pass forwards and one backwards of so many rows. */
async function gradientOf(decoder: Decoder, rows: number): Promise<() => void> {
  const y = new Float32Array(rows * decoder.outputSize).fill(0.5);
  const rig = await makeRig(decoder, build === "relaxed", y);
  return () => {
    rig.forward(rows);
    rig.backward(rows);
  };
}
