import * as assert from "uvu/assert";
import { parametersOf } from "../../src/graph/graph.ts";
import { type Decoder, decode, type Loss, openObjective, squaredError } from "../../src/index.ts";
import { allRows } from "../../src/solver/objective.ts";
import type { Build } from "./builds.ts";
import { gradientOf, graphLoss, graphOutput } from "./graph-reference.ts";
import { keptOf } from "./kept-values.ts";
import { bindObjective } from "./objective.ts";
import { randomArray } from "./random.ts";
import { derivative, norm, relativeDistance } from "./reference.ts";

// Holds all derivatives of a decoder against differences of the float64 reference.

/** A decoder with samples, and what the reference says of them. */
export interface DerivativeCase {
  readonly decoder: Decoder;
  readonly loss: Loss;
  readonly samples: readonly Sample[];
  /** The parameters whose derivatives are compared: some of each tensor, the first and the last ones among them. */
  readonly chosen: readonly number[];
  /** Computes the reference on the first call; builds of the kernels share it, and so does the run on another Node. */
  expected(): Expected;
}

interface Sample {
  readonly z: readonly number[];
  readonly y: Float32Array;
  /** The tangents' direction. */
  readonly v: readonly number[];
}

interface Expected {
  readonly outputs: readonly number[][];
  readonly losses: readonly number[];
  readonly gradients: readonly number[][];
  readonly products: readonly number[][];
  /** J v of D(z) of each sample. */
  readonly outputProducts: readonly number[][];
  /** Of all samples together, for each parameter chosen. */
  readonly parameterGradient: readonly number[];
  readonly mixed: readonly number[];
  /** JᵀWJ [d, d] of each sample, J at its own z and at 0. */
  readonly matrices: Readonly<Record<"own" | "shared", readonly number[][]>>;
}

interface CaseOptions {
  readonly samples?: number;
  readonly loss?: Loss;
  /** So many parameters of each tensor are compared at most. */
  readonly parametersOfEach?: number;
}

export function derivativeCase(
  decoder: Decoder,
  { samples: count = 3, loss = squaredError(), parametersOfEach = 12 }: CaseOptions = {},
): DerivativeCase {
  const [d, n] = [decoder.latentSize, decoder.outputSize];
  const y = randomArray(4, count * n, 0.1, 0.9);
  const part = (values: Float32Array, i: number) => Array.from(values.subarray(i * d, (i + 1) * d));
  const [someZ, someV] = [3, 5].map((seed) => randomArray(seed, 2 * count * d, -1, 1));
  // Where outputs cancel almost to nothing, float32 leaves no digits that could be compared.
  const hasDigits = ({ z }: Pick<Sample, "z">) => {
    const outputs = graphOutput(decoder, z);
    return norm(outputs) === 0 || norm(outputs) > 2e-3 * Math.sqrt(n);
  };
  const samples = Array.from({ length: 2 * count }, (_, i) => ({ z: part(someZ!, i), v: part(someV!, i) }))
    .sort((a, b) => Number(hasDigits(b)) - Number(hasDigits(a)))
    .slice(0, count)
    .map((sample, i) => ({ ...sample, y: y.subarray(i * n, (i + 1) * n) }));
  const chosen = parametersOf(decoder).flatMap(({ offset, size }) => {
    const step = Math.max(1, size / parametersOfEach);
    const some = Array.from({ length: Math.min(size, parametersOfEach) }, (_, i) => Math.floor(i * step));
    return [...new Set([...some, size - 1])].map((k) => offset + k);
  });
  const given = { decoder, loss, samples, chosen };
  let known: Expected | undefined;
  return {
    ...given,
    expected() {
      known ??= keptOf(
        () => expect(given),
        [decoder.definition, Array.from(decoder.parameters), loss, samples, chosen],
      );
      return known;
    },
  };
}

function expect({ decoder, loss, samples, chosen }: Omit<DerivativeCase, "expected">): Expected {
  const parameters = Float64Array.from(decoder.parameters);
  const lossAt = ({ y }: Sample, z: readonly number[]) => graphLoss(decoder, loss, z, y);
  const gradientAt = (sample: Sample, z: readonly number[]) => gradientOf((x) => lossAt(sample, x), z);
  const along = ({ z, v }: Sample, t: number) => z.map((value, k) => value + t * v[k]!);
  // The steps: errors of h², and of 1e-17/h² by rounding, are below 1e-6, and kinks within reach (elu's) are few.
  const step = 1e-4;
  const parameterDerivative = ({ y }: Sample, z: readonly number[], k: number) => {
    const [change, own] = [1e-4, parameters[k]!];
    const f = (value: number) => {
      parameters[k] = value;
      return graphLoss(decoder, loss, z, y, parameters);
    };
    const difference = (f(own + change) - f(own - change)) / (2 * change);
    parameters[k] = own;
    return difference;
  };
  // ∂θ of each sample, ahead of its z and behind: their mean is ∂θ at z but for an error of step², their difference the
  // mixed term.
  const parameterGradients = [step, -step].map((t) =>
    samples.map((sample) => {
      const z = along(sample, t);
      return chosen.map((k) => parameterDerivative(sample, z, k));
    }),
  );
  const ofAll = (f: (ahead: number, behind: number) => number) =>
    chosen.map((_, k) =>
      samples.reduce((sum, __, i) => {
        const [ahead, behind] = parameterGradients.map((side) => side[i]![k]!);
        return sum + f(ahead!, behind!);
      }, 0),
    );
  return {
    outputs: samples.map(({ z }) => graphOutput(decoder, z)),
    losses: samples.map((sample) => lossAt(sample, sample.z)),
    gradients: samples.map((sample) => gradientAt(sample, sample.z)),
    products: samples.map((sample) => {
      const [ahead, behind] = [1, -1].map((sign) => gradientAt(sample, along(sample, sign * step)));
      return ahead!.map((value, k) => (value - behind![k]!) / (2 * step));
    }),
    outputProducts: samples.map((sample) => {
      const outputAt = (t: number) => graphOutput(decoder, along(sample, t));
      const [a, b, c, e] = [outputAt(step), outputAt(-step), outputAt(2 * step), outputAt(-2 * step)];
      return a.map((value, o) => (8 * (value - b[o]!) - (c[o]! - e[o]!)) / (12 * step));
    }),
    parameterGradient: ofAll((ahead, behind) => (ahead + behind) / 2),
    mixed: ofAll((ahead, behind) => (ahead - behind) / (2 * step)),
    matrices: {
      own: samples.map((sample) => gaussNewton(decoder, loss, sample, sample.z)),
      shared: samples.map((sample) => gaussNewton(decoder, loss, sample, new Array(sample.z.length).fill(0))),
    },
  };
}

/** JᵀWJ, J at `point` of the outputs before their activation, by differences; W at the sample's own z. */
function gaussNewton(decoder: Decoder, loss: Loss, { z, y }: Sample, point: readonly number[]): number[] {
  const isBefore = loss.name === "binaryCrossEntropy";
  const logits = (x: readonly number[]) => graphOutput(decoder, x, undefined, true);
  const columns = point.map((_, k) => {
    const h = 1e-4;
    const at = (shift: number) => logits(point.map((value, i) => (i === k ? value + shift : value)));
    const [a, b, c, e] = [at(h), at(-h), at(2 * h), at(-2 * h)];
    return a.map((value, o) => (8 * (value - b[o]!) - (c[o]! - e[o]!)) / (12 * h));
  });
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const weights = logits(z).map((x) => {
    const scale = loss.reduction === "sum" ? 1 : 1 / y.length;
    if (isBefore) return scale * sigmoid(x) * sigmoid(-x);
    return scale * 2 * derivative(decoder.outputActivation, x) ** 2;
  });
  return point.flatMap((_, i) =>
    point.map((__, j) => weights.reduce((sum, w, o) => sum + columns[i]![o]! * w * columns[j]![o]!, 0)),
  );
}

/**
 * Asserts that a build computes what the reference does: outputs and their Jacobian-vector products, losses, gradients, Hessian-vector products, parameter
 * gradients and mixed terms tensor by tensor, Gauss-Newton matrices.
 */
export async function checkDerivatives(build: Build, given: DerivativeCase): Promise<void> {
  const { decoder, loss, samples } = given;
  const expected = given.expected();
  const flat = (of: (sample: Sample) => ArrayLike<number>) =>
    Float64Array.from(samples.flatMap((sample) => Array.from(of(sample))));
  const z = flat((sample) => sample.z);
  const rows = allRows(samples.length);
  // float32 rounds at 6e-8, and errors grow through the operations; differences are good to 1e-6.
  const close = (what: string, got: ArrayLike<number>, wanted: readonly number[], tolerance: number) => {
    const error = relativeDistance(got, wanted);
    assert.ok(error < tolerance, `${what} off by ${error}`);
  };
  const each = (
    what: string,
    got: ArrayLike<number>,
    wanted: readonly (readonly number[])[],
    tolerance: number,
  ) =>
    wanted.forEach((own, i) => {
      const part = Array.from(own, (_, k) => got[i * own.length + k]!);
      close(`${what} of sample ${i}`, part, own, tolerance);
    });

  const decoded = await decode(decoder, Float32Array.from(z), { backend: build.backend });
  each("the output", decoded, expected.outputs, 1e-5);
  const y = Float32Array.from(flat((sample) => sample.y));
  const opened = await openObjective(decoder, y, { loss, prior: "none", backend: build.backend });
  try {
    await opened.value(rows, z);
    const directions = flat((sample) => sample.v);
    each("J·v", await opened.jacobianProduct(rows, directions), expected.outputProducts, 1e-4);
  } finally {
    opened.dispose();
  }
  const objective = await bindObjective(build.backend, decoder, loss, y);
  try {
    each(
      "the loss",
      await objective.value(rows, z),
      expected.losses.map((value) => [value]),
      1e-5,
    );
    each("the gradient", await objective.gradient(rows), expected.gradients, 1e-4);
    await objective.addParameterGradient(rows);
    checkTensors("∂θ", given, await objective.takeParameterSums(), expected.parameterGradient, 1e-4);
    const products = await objective.tangent(
      rows,
      flat((sample) => sample.v),
    );
    each("H·v", products, expected.products, 1e-3);
    await objective.addMixedGradient(rows);
    checkTensors("the mixed term", given, await objective.takeParameterSums(), expected.mixed, 1e-3);
    const { curvature } = objective;
    const isShared = (await curvature!.shared()) !== undefined;
    // z·z does not change at 0: then samples share nothing.
    assert.is(isShared, norm(expected.matrices.shared.flat()) > 0, "whether there is a shared matrix");
    for (const kind of isShared ? (["own", "shared"] as const) : (["own"] as const)) {
      const matrices = await curvature!.matrices(rows, kind);
      const d = decoder.latentSize;
      // Only the lower triangle and the diagonal hold.
      const whole = Array.from(matrices, (value, at) => {
        const [row, column] = [Math.floor(at / d) % d, at % d];
        return column <= row ? value : matrices[at + (d - 1) * (column - row)]!;
      });
      each(`JᵀWJ, ${kind},`, whole, expected.matrices[kind], 1e-4);
    }
  } finally {
    objective.dispose();
  }
}

/** Tensor by tensor; what is tiny beside the other tensors' may be off by more of itself. */
function checkTensors(
  what: string,
  { decoder, chosen }: DerivativeCase,
  got: ArrayLike<number>,
  wanted: readonly number[],
  tolerance: number,
): void {
  const whole = norm(wanted);
  for (const { operation, tensor, offset, size } of parametersOf(decoder)) {
    const own = chosen.flatMap((k, i) => (k >= offset && k < offset + size ? [i] : []));
    const error = norm(own.map((i) => got[chosen[i]!]! - wanted[i]!));
    const scale = norm(own.map((i) => wanted[i]!)) + 0.02 * whole;
    const { name } = decoder.operations[operation]!;
    assert.ok(error <= tolerance * scale, `${what} of ${name}.${tensor} off by ${error / scale}`);
  }
}
