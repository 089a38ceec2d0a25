// run: both
// Tests assembly/solve/line-search.ts, assembly/solve/lbfgs-pairs.ts, assembly/solve/lbfgs-state.ts,
// assembly/solve/low-rank.ts, src/solver/lbfgs.ts, src/solver/line-search.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Complete } from "../../../src/base/check.ts";
import { activation as activationLayer, dense, rmsNorm, sequential } from "../../../src/graph/index.ts";
import { layersOf } from "../../../src/graph/layers.ts";
import {
  type ActivationName,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  type Decoder,
  type EncodeOptions,
  encode,
  type LbfgsOptions,
  type Loss,
  lbfgs,
  squaredError,
} from "../../../src/index.ts";
import { allRows, type LowRankArrays, withoutMatrices } from "../../../src/solver/objective.ts";
import { type Build, builds } from "../../support/builds.ts";
import {
  RARE_PATHS,
  type RarePath,
  type ReferenceObjective,
  referenceLbfgs,
} from "../../support/lbfgs-reference.ts";
import { bindObjective } from "../../support/objective.ts";
import { randomArray } from "../../support/random.ts";
import { lossOf, norm } from "../../support/reference.ts";
import { sampleOf } from "../../support/sample-result.ts";

// lbfgs held to its rule, written plainly in support/lbfgs-reference.ts: on the same float32 evaluations it takes the
// same steps, to the last count; on float64 evaluations it comes to the same losses.

interface Case {
  readonly layers: readonly number[];
  readonly activation: ActivationName;
  readonly output: ActivationName;
  readonly loss: Loss;
  readonly weights?: boolean;
  readonly z0?: boolean;
  /** The latent is divided by √(its mean square + ε) first: J₀ is far too large, the more the smaller ε. */
  readonly epsilon?: number;
  readonly options?: Partial<Complete<LbfgsOptions>>;
  /** How many times wider than usual the weights of the decoder are; and, beside that, those of the first latent. */
  readonly gain?: number;
  readonly firstGain?: number;
  /** The largest bias, 0.2 by default: with large ones the decoder saturates at z = 0. */
  readonly bias?: number;
  /** The largest number in z0, 2 by default. */
  readonly reach?: number;
}

const bce = binaryCrossEntropy();
const mse = squaredError();
const sum = { reduction: "sum" } as const;
const pseudoHuber = {
  value: (o: number, y: number) => Math.sqrt(1 + (o - y) ** 2) - 1,
  gradient: (o: number, y: number) => (o - y) / Math.sqrt(1 + (o - y) ** 2),
  curvature: (o: number, y: number) => (1 + (o - y) ** 2) ** -1.5,
};
const CASES: Record<string, Case> = {
  "elu, cross entropy": { layers: [5, 17, 33], activation: "elu", output: "sigmoid", loss: bce },
  "its sum, weights, z0": {
    layers: [5, 17, 33],
    activation: "elu",
    output: "sigmoid",
    loss: binaryCrossEntropy(sum),
    weights: true,
    z0: true,
  },
  "tanh, squared error": { layers: [4, 12, 30], activation: "tanh", output: "sigmoid", loss: mse, gain: 2 },
  "a linear output": { layers: [4, 12, 30], activation: "tanh", output: "identity", loss: mse },
  "its sum": {
    layers: [4, 12, 30],
    activation: "tanh",
    output: "identity",
    loss: squaredError(sum),
    z0: true,
  },
  "and weights": {
    layers: [4, 12, 30],
    activation: "tanh",
    output: "identity",
    loss: squaredError(sum),
    weights: true,
  },
  "one pair": {
    layers: [6, 20, 40],
    activation: "silu",
    output: "sigmoid",
    loss: bce,
    options: { memory: 1 },
  },
  "three pairs": {
    layers: [6, 20, 40],
    activation: "gelu",
    output: "sigmoid",
    loss: bce,
    options: { memory: 3 },
  },
  "five steps": {
    layers: [6, 20, 40],
    activation: "softplus",
    output: "sigmoid",
    loss: bce,
    options: { maxSteps: 5 },
  },
  "relu, a fine tolerance": {
    layers: [5, 30, 30, 40],
    activation: "relu",
    output: "sigmoid",
    loss: mse,
    gain: 2,
    options: { tolerance: 1e-9 },
  },
  "a steep slope is asked for": {
    layers: [5, 17, 33],
    activation: "leakyRelu",
    output: "sigmoid",
    loss: bce,
    options: { slope: 0.6 },
  },
  rescues: {
    layers: [8, 30, 30, 30],
    activation: "tanh",
    output: "sigmoid",
    loss: mse,
    gain: 4,
    options: { tolerance: 1e-9 },
  },
  "rescues of a sum": {
    layers: [13, 30, 30, 30],
    activation: "tanh",
    output: "identity",
    loss: squaredError(sum),
    gain: 8,
    options: { tolerance: 1e-8 },
  },
  "a refresh too dear": { layers: [20, 6, 30], activation: "elu", output: "sigmoid", loss: bce, z0: true },
  "one latent of another scale": {
    layers: [5, 17, 33],
    activation: "elu",
    output: "sigmoid",
    loss: bce,
    firstGain: 1000,
  },
  "a linear output, one latent of another scale": {
    layers: [4, 12, 30],
    activation: "tanh",
    output: "identity",
    loss: squaredError(sum),
    firstGain: 300,
  },
  "without curvature, one latent of another scale": {
    layers: [5, 17, 33],
    activation: "elu",
    output: "identity",
    firstGain: 30,
    loss: customLoss({ value: pseudoHuber.value, gradient: pseudoHuber.gradient }),
  },
  "a start that saturates": {
    layers: [5, 17, 33],
    activation: "elu",
    output: "sigmoid",
    loss: bce,
    bias: 12,
  },
  "one latent": { layers: [1, 9, 20], activation: "sine", output: "sigmoid", loss: mse, z0: true },
  "a custom loss": {
    layers: [5, 17, 33],
    activation: "elu",
    output: "identity",
    loss: customLoss(pseudoHuber),
    weights: true,
  },
  "a custom loss below 0": {
    layers: [5, 17, 33],
    activation: "elu",
    output: "identity",
    loss: customLoss({ ...pseudoHuber, value: (o, y) => pseudoHuber.value(o, y) - 3 }),
  },
  "and a refresh too dear": {
    layers: [20, 6, 30],
    activation: "elu",
    output: "sigmoid",
    loss: customLoss(pseudoHuber),
  },
  "without curvature": {
    layers: [5, 17, 33],
    activation: "elu",
    output: "identity",
    loss: customLoss({ value: pseudoHuber.value, gradient: pseudoHuber.gradient }),
  },
  "a normalised latent": {
    layers: [4, 12, 20],
    activation: "elu",
    output: "sigmoid",
    loss: bce,
    z0: true,
    epsilon: 1e-8,
  },
  "a normalised latent, the sum of a linear output": {
    layers: [4, 12, 20],
    activation: "tanh",
    output: "identity",
    loss: squaredError(sum),
    z0: true,
    epsilon: 1e-12,
  },
  "a normalised latent, a custom loss": {
    layers: [4, 12, 20],
    activation: "elu",
    output: "identity",
    loss: customLoss(pseudoHuber),
    z0: true,
    epsilon: 1e-8,
  },
  "saturated tanh": {
    layers: [6, 20, 30],
    activation: "tanh",
    output: "sigmoid",
    loss: mse,
    z0: true,
    gain: 6,
    reach: 10,
  },
  "saturated tanh, a linear output": {
    layers: [6, 20, 30],
    activation: "tanh",
    output: "identity",
    loss: mse,
    z0: true,
    gain: 6,
    reach: 10,
    options: { tolerance: 1e-4 },
  },
  "relu, a linear output, a coarse tolerance": {
    layers: [12, 30, 30, 30],
    activation: "relu",
    output: "identity",
    loss: squaredError(sum),
    z0: true,
    gain: 3,
    bias: 0.1,
    options: { tolerance: 1e-4 },
  },
  "the same with three pairs": {
    layers: [12, 30, 30, 30],
    activation: "relu",
    output: "identity",
    loss: squaredError(sum),
    z0: true,
    gain: 3,
    bias: 0.1,
    options: { tolerance: 1e-4, memory: 3 },
  },
  "relu, more latents than it uses": {
    layers: [40, 6, 30],
    activation: "relu",
    output: "identity",
    loss: squaredError(sum),
    z0: true,
    gain: 3,
    bias: 0.1,
  },
  "without curvature, nearly flat": {
    layers: [5, 17, 33],
    activation: "elu",
    output: "identity",
    gain: 0.02,
    loss: customLoss({ value: pseudoHuber.value, gradient: pseudoHuber.gradient }),
  },
  "targets that are met, cross entropy": {
    layers: [12, 20, 8],
    activation: "elu",
    output: "sigmoid",
    loss: bce,
    weights: true,
    options: { tolerance: 1e-3 },
  },
  "targets that are met, its sum": {
    layers: [12, 20, 8],
    activation: "elu",
    output: "sigmoid",
    loss: binaryCrossEntropy(sum),
    weights: true,
    options: { tolerance: 1e-3 },
  },
  "a low-rank form": {
    layers: [70, 96, 120],
    activation: "elu",
    output: "sigmoid",
    loss: bce,
    options: { tolerance: 1e-3 },
  },
  "a low-rank form, the sum of a linear output": {
    layers: [70, 96, 120],
    activation: "tanh",
    output: "identity",
    loss: squaredError(sum),
    weights: true,
    z0: true,
    options: { tolerance: 1e-3 },
  },
  "more than 512 latents": {
    layers: [515, 3, 12],
    activation: "tanh",
    output: "sigmoid",
    loss: bce,
    z0: true,
  },
};

const SAMPLES = 6;

function makeCase({
  layers,
  activation,
  output,
  loss,
  weights,
  z0,
  gain = 1,
  firstGain = 1,
  bias = 0.2,
  reach = 2,
  epsilon,
}: Case) {
  const decoder =
    epsilon === undefined
      ? createDecoder({ layers: [...layers], activation, outputActivation: output, seed: 8 })
      : normalised({ layers, activation, output, epsilon });
  if (epsilon === undefined) widen(decoder, { gain, firstGain, bias });
  const [d, n] = [decoder.latentSize, decoder.outputSize];
  const given = {
    ...(weights && { weights: randomArray(2, SAMPLES * n, -0.3, 1).map((w) => Math.max(w, 0)) }),
    ...(z0 && { z0: randomArray(3, SAMPLES * d, -reach, reach) }),
  } satisfies EncodeOptions;
  return { decoder, loss, y: randomArray(1, SAMPLES * n, 0, 1), ...given };
}

type Widening = Required<Pick<Case, "gain" | "firstGain" | "bias">>;

function widen(decoder: Decoder, { gain, firstGain, bias }: Widening): void {
  for (const layer of layersOf(decoder)) {
    layer.weight.set(layer.weight.map((w) => gain * w));
    layer.bias.set(randomArray(9, layer.bias.length, -bias, bias));
  }
  const { weight } = layersOf(decoder)[0]!;
  for (let at = 0; at < weight.length; at += decoder.latentSize) weight[at]! *= firstGain;
}

type Normalised = Required<Pick<Case, "layers" | "activation" | "output" | "epsilon">>;

function normalised({ layers, activation, output, epsilon }: Normalised): Decoder {
  const [latents, ...widths] = layers;
  const after = widths.flatMap((width, i) => [
    dense(width),
    activationLayer(i < widths.length - 1 ? activation : output),
  ]);
  return createDecoder(sequential(latents!, [rmsNorm({ epsilon }), ...after]), { seed: 8 });
}

/** A₀ = J₀ᵀWJ₀ at z = 0 with all outputs alike, of the float32 kernels. */
async function ownMatrix({ backend }: Build, decoder: Decoder, loss: Loss): Promise<Float32Array> {
  const mean = loss.name === "binaryCrossEntropy" ? bce : mse;
  const objective = await bindObjective(backend, decoder, mean, new Float32Array(decoder.outputSize));
  await objective.curvature!.shared();
  await objective.value(allRows(1), new Float64Array(decoder.latentSize));
  const matrix = await objective.curvature!.matrices(allRows(1), "shared");
  objective.dispose();
  return matrix;
}

/** VΛVᵀ + ρ(I - VVᵀ), row by row. */
function denseForm({ vectors, values, rank, rest }: LowRankArrays, d: number): Float64Array {
  const stride = vectors.length / rank;
  return Float64Array.from({ length: d * d }, (_, at) => {
    const [i, k] = [Math.floor(at / d), at % d];
    return values.reduce(
      (sum, value, j) => sum + (value - rest) * vectors[j * stride + i]! * vectors[j * stride + k]!,
      i === k ? rest : 0,
    );
  });
}

/** Lower bound of a sample's loss: of cross entropy that at the targets themselves. */
function leastOf(loss: Loss, y: Float32Array, weights?: Float32Array): number {
  if (loss.name !== "binaryCrossEntropy") return 0;
  const logits = Array.from(y, (value) => Math.log(value / (1 - value)));
  return lossOf(loss, logits, y, weights).value;
}

/** Runs the rule on a build's own evaluations, sample by sample. */
async function byTheRule(
  build: Build,
  given: ReturnType<typeof makeCase>,
  options: Partial<Complete<LbfgsOptions>>,
  note: (path: RarePath) => void,
) {
  const { decoder, loss, y, weights, z0 } = given;
  const [d, n] = [decoder.latentSize, decoder.outputSize];
  const objective = await bindObjective(build.backend, decoder, loss, y, weights);
  const { curvature } = objective;
  const use = curvature?.use ?? withoutMatrices(undefined);
  const isShared = use.matrix === "shared";
  if (isShared) await curvature!.shared();
  const hasFactors = isShared && loss.name !== "custom";
  const { lowRank } = (use.matrix === "lowRank" && (await curvature!.shared())) || {};
  const matrix = hasFactors ? await ownMatrix(build, decoder, loss) : lowRank && denseForm(lowRank, d);
  const results = [];
  for (let i = 0; i < SAMPLES; i++) {
    const row = Int32Array.of(i);
    const sample: ReferenceObjective = {
      value: async (z) => (await objective.value(row, Float64Array.from(z)))[0]!,
      gradient: async () => Array.from(await objective.gradient(row)),
      alongGradient: async () => (await curvature!.alongGradient(row))[0]!,
      matrix: (kind) => curvature!.matrices(row, kind),
    };
    const damping = lowRank && { damping: lowRank.damping };
    const shared = matrix && { matrix, scale: curvature!.scale(i), ...damping };
    const start = z0?.subarray(i * d, (i + 1) * d) ?? new Float32Array(d);
    const of = (values: Float32Array) => values.subarray(i * n, (i + 1) * n);
    const lossFloor = leastOf(loss, of(y), weights && of(weights));
    const settings = { ...DEFAULTS, ...options, use, lossFloor, shared, note };
    results.push(await referenceLbfgs(sample, start, settings));
  }
  objective.dispose();
  return results;
}

const DEFAULTS = { tolerance: 1e-6, memory: 30, maxSteps: 1000, slope: 1e-4 };

for (const build of builds) {
  const taken = new Set<RarePath>();
  for (const [name, what] of Object.entries(CASES)) {
    test(`${build.name}: ${name}: the rule's own steps, to the last count`, async () => {
      const { options = {} } = what;
      const given = makeCase(what);
      const { decoder, y, ...more } = given;
      const result = await encode(decoder, y, { ...more, solver: lbfgs(options), backend: build.backend });
      // Products with Ritz vectors are made in float32.
      const loose = name.startsWith("a low-rank form") ? 10 : 1;
      const expected = await byTheRule(build, given, options, (path) => taken.add(path));
      if (name.startsWith("rescues")) assert.ok(Math.max(...result.stats.matrixEvaluations) > 0);
      if (name === "five steps") assert.ok(result.status.includes("max_steps"));
      expected.forEach((reference, i) => {
        const { z, loss, gradient, t, remainingFall, ...counts } = reference;
        const label = `${name}, sample ${i}`;
        const { initialLoss: _, gradientNorm, loss: got, z: reached, ...more } = sampleOf(result, i);
        const { t: time, remainingFall: left, ...same } = more;
        assert.equal(same, counts, label);
        assert.ok(Math.abs(got! / loss - 1) < loose * 1e-6, `${label}: ${got}, not ${loss}`);
        assert.ok(Math.abs(time! - t) <= loose * 1e-5 * t, label);
        const off = norm(reached.map((value, k) => value - z[k]!)) / (norm(z) + 1e-3);
        assert.ok(off < loose * 1e-4, `${label}: z off by ${off}`);
        const isAlike = Math.abs(left! / remainingFall - 1) < loose * 1e-3;
        assert.ok(isAlike || left === remainingFall, `${label}: ${left} remains`);
        const length = norm(gradient);
        assert.ok(Math.abs(gradientNorm! - length) <= loose * 1e-3 * length, `${label}: gradient`);
      });
    });
  }

  test(`${build.name}: among these cases are all ways of the rule`, () => {
    assert.equal(
      RARE_PATHS.filter((path) => !taken.has(path)),
      [],
    );
  });
}

test.run();
