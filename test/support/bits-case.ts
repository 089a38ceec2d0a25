import { createHash } from "node:crypto";
import {
  type ActivationLike,
  amd,
  type Backend,
  createDecoder,
  type Decoder,
  decode,
  type EncodeOptions,
  encode,
  gaussian,
  lbfgs,
  linearGrid,
  nesterovFlow,
  rk4,
  wasm,
} from "../../src/index.ts";
import { adam, full, train } from "../../src/train/index.ts";
import { wideBuilds } from "./builds.ts";
import { standardLosses } from "./losses.ts";
import { Dice } from "./operation-kinds.ts";
import { randomArray } from "./random.ts";
import { randomGraph } from "./random-graph.ts";
import { randomPixels } from "./random-pixels.ts";

// Cases drawn by a seed, for comparing the bits of two machine codes or of two kinds of tiles: most operations, lbfgs, amd and
// rk4, and training by two adjoints. Embeddings, fixed inputs, mixtures and other optimizers are left out.

/** Backends on the kernels with tiles of one kind, by build. */
export type BuildBackends = Readonly<Record<"plain" | "relaxed", Backend>>;

export const NARROW: BuildBackends = {
  plain: wasm({ relaxed: false, threads: 1 }),
  relaxed: wasm({ relaxed: true, threads: 1 }),
};
const [plainWide, relaxedWide] = wideBuilds.map(({ module }) => wasm({ module, threads: 1 }));
export const WIDE: BuildBackends = { plain: plainWide!, relaxed: relaxedWide! };

const ACTIVATIONS: readonly ActivationLike[] = [
  ...(["elu", "relu", "leakyRelu", "tanh", "sigmoid", "silu", "gelu", "softplus"] as const),
  { name: "sine", frequency: 2 },
];

/** Hashes of all that a case computes, by what computes it; empty if no decoder can be made of the seed. */
export async function hashCase(seed: number, kernels: BuildBackends): Promise<Record<string, string>> {
  const dice = new Dice(seed);
  const decoder = drawDecoder(dice, seed);
  if (!decoder) return {};
  const hashes: Record<string, string> = {};
  for (const [build, backend] of Object.entries(kernels)) {
    for await (const [what, numbers] of results(decoder, new Dice(seed + 1), seed, { backend })) {
      hashes[`${build}, ${what}`] = hashOf(numbers);
    }
  }
  decoder.dispose();
  return hashes;
}

function drawDecoder(dice: Dice, seed: number): Decoder | undefined {
  const loss = dice.of(standardLosses()).name;
  try {
    switch (dice.from(0, 2)) {
      case 0:
        return createDecoder(randomGraph(seed), { seed, loss });
      case 1:
        return createDecoder(randomPixels(seed), { seed, loss });
      default: {
        const layers = Array.from({ length: dice.from(2, 5) }, () => dice.from(1, dice.of([9, 40, 150])));
        return createDecoder({ layers, activation: dice.of(ACTIVATIONS), seed, loss });
      }
    }
  } catch {
    return undefined;
  }
}

/** Decodes, encodes by each flow, and trains by each gradient; rows of all numbers that share tiles in other ways. */
async function* results(
  decoder: Decoder,
  dice: Dice,
  seed: number,
  common: EncodeOptions,
): AsyncGenerator<readonly [string, readonly ArrayBufferView[]]> {
  const rows = dice.of([1, 2, 3, 4, 5, 6, dice.from(7, 40)]);
  const z = randomArray(seed, rows * decoder.latentSize);
  const y = randomArray(seed + 1, rows * decoder.outputSize, 0.1, 0.9);
  const weights = dice.from(0, 1) === 0 ? undefined : randomArray(seed + 2, y.length, 0, 1);
  yield ["decode", [await decode(decoder, z, { backend: common.backend! })]];
  const grid = linearGrid({ t1: 2, slices: 3 });
  const solvers: Readonly<Record<string, EncodeOptions>> = {
    lbfgs: { solver: lbfgs({ maxSteps: 12 }) },
    "lbfgs, prior": { solver: lbfgs({ maxSteps: 12 }), prior: gaussian() },
    amd: { solver: amd({ maxSteps: 6 }) },
    "rk4, nesterovFlow": { solver: rk4({ grid }), flow: nesterovFlow() },
  };
  for (const [name, options] of Object.entries(solvers)) {
    const given = { ...common, ...options, ...(weights && { weights }) } as EncodeOptions;
    const result = await encode(decoder, y, given);
    yield [name, [result.z, result.loss, result.initialLoss, result.stats.gradientEvaluations]];
  }
  for (const [name, options] of Object.entries({
    "train, adam": { optimizer: adam(), solver: amd({ maxSteps: 4 }) },
    "train, full adjoint": { adjoint: full(), solver: rk4({ grid }) },
  })) {
    const { decoder: trained } = await train(decoder, y, {
      epochs: 1,
      batchSize: dice.from(1, rows),
      seed,
      backend: common.backend!,
      ...options,
    });
    yield [name, [trained.parameters]];
    trained.dispose();
  }
}

function hashOf(arrays: readonly ArrayBufferView[]): string {
  const hash = createHash("sha256");
  for (const { buffer, byteOffset, byteLength } of arrays) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex").slice(0, 16);
}
