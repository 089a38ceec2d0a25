// Time and memory of encode against the number of latents, below and above the bounds of the default solver's
// preconditioner: node --import tsx bench/latents.ts, on a Node where relaxed SIMD needs no flag.

import { type PackedDecoder, packDecoder } from "../src/backend/wasm/packed.ts";
import { conv, elu, reshape, sequential, sigmoid } from "../src/graph/index.ts";
import { createDecoder, type Decoder, decode, encode, lbfgs } from "../src/index.ts";
import { benchBackend, benchKernels } from "./kernels.ts";
import { passesOf } from "./passes.ts";
import { mean, median } from "./timing.ts";

const SAMPLES = 16;
const ROUNDS = 3;
/** The decoders are untrained: a fixed number of steps, so that a pass is what is compared. */
const solver = lbfgs({ maxSteps: 20, tolerance: 0 });
const backend = benchBackend();

interface Case {
  readonly name: string;
  readonly decoder: Decoder;
  readonly packed: PackedDecoder;
  readonly y: Float32Array;
  readonly bytesBefore: number;
}

const layered = (d: number) =>
  createDecoder({ layers: [d, 256, 784], outputActivation: "sigmoid", loss: "bce", seed: 1 });

/** From a picture to one of as many numbers. */
const convolutional = (side: number, channels: number) =>
  createDecoder(
    sequential(side * side * channels, [
      reshape([side, side, channels]),
      ...[conv({ channels: 16, kernel: 3, padding: 1 }), elu()],
      ...[conv({ channels, kernel: 3, padding: 1 }), sigmoid()],
    ]),
    { seed: 2, loss: "bce" },
  );

const makers: [name: string, make: () => Decoder][] = [
  ...[32, 64, 65, 128, 256, 512, 513, 1024, 2048, 12288].map((d): [string, () => Decoder] => [
    `${d} → 256 → 784`,
    () => layered(d),
  ]),
  ["16 × 16 × 2, convolutions", () => convolutional(16, 2)],
  ["32 × 32 × 2, convolutions", () => convolutional(32, 2)],
  ["64 × 64 × 3, convolutions", () => convolutional(64, 3)],
];

const compiled = await benchKernels();
const cases: Case[] = [];
for (const [name, make] of makers) {
  const decoder = make();
  const codes = Float32Array.from({ length: SAMPLES * decoder.latentSize }, (_, i) => Math.sin(i * i));
  const packed = await packDecoder(decoder, compiled);
  const bytesBefore = packed.arena.byteLength;
  cases.push({ name, decoder, packed, y: await decode(decoder, codes), bytesBefore });
}

const first = new Map<string, number>();
const times: number[][] = [];
const passes: number[] = [];
for (let round = 0; round <= ROUNDS; round++) {
  const measured = [];
  for (const [i, { name, decoder, y }] of cases.entries()) {
    const start = performance.now();
    const result = await encode(decoder, y, { solver, backend });
    const milliseconds = (performance.now() - start) / SAMPLES;
    // The first call makes what the samples share.
    if (round === 0) first.set(name, milliseconds * SAMPLES);
    measured.push(milliseconds);
    passes[i] = mean(passesOf(result, decoder.latentSize));
  }
  if (round > 0) times.push(measured);
}

console.log(
  `\n${process.version}, ${compiled.build} build: encode of ${SAMPLES} samples by lbfgs, at most 20 steps, one thread`,
);
console.log(
  "                             latents   ms a sample   passes   µs a pass   first call, ms   memory, MB",
);
cases.forEach(({ name, decoder, packed, bytesBefore }, i) => {
  const milliseconds = median(times.map((round) => round[i]!));
  const cells = [
    name.padEnd(27),
    decoder.latentSize.toLocaleString("en").padStart(9),
    milliseconds.toFixed(2).padStart(12),
    passes[i]!.toFixed(1).padStart(7),
    ((1000 * milliseconds) / passes[i]!).toFixed(1).padStart(10),
    first.get(name)!.toFixed(0).padStart(15),
    ((packed.arena.byteLength - bytesBefore) / 2 ** 20).toFixed(1).padStart(11),
  ];
  console.log(cells.join("  "));
});
