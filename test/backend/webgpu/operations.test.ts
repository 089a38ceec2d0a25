// run: first
// Tests src/backend/webgpu/convolve.ts, src/backend/webgpu/functions.ts, src/backend/webgpu/graphs.ts,
// src/backend/webgpu/function-gradients.ts, src/backend/webgpu/kinds/elementwise.ts, src/backend/webgpu/kinds/norms.ts,
// src/backend/webgpu/kinds/products.ts, src/backend/webgpu/kinds/rearranging.ts,
// src/backend/webgpu/kinds/resampling.ts, src/onnx-format/axis-matrix.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { refusalOf } from "../../../src/backend/webgpu/availability.ts";
import type { FixedValues } from "../../../src/decoder/fixed.ts";
import { atPoints } from "../../../src/decoder/points.ts";
import {
  constant,
  dense,
  expand,
  type GraphDefinition,
  graph,
  maximum,
  minimum,
  pointwise,
  reshape,
  sequential,
  upsample,
} from "../../../src/graph/index.ts";
import { sizeOf } from "../../../src/graph/operations.ts";
import { normalisePointwise, type PointwiseLike } from "../../../src/graph/pointwise.ts";
import {
  binaryCrossEntropy,
  createDecoder,
  type Decoder,
  decode,
  squaredError,
  wasm,
} from "../../../src/index.ts";
import { allRows } from "../../../src/solver/objective.ts";
import type { StandardLoss } from "../../../src/terms/losses.ts";
import { allKinds } from "../../support/all-kinds.ts";
import { AWKWARD_CONVOLUTIONS } from "../../support/awkward-convolutions.ts";
import { cutFixed } from "../../support/cut-fixed.ts";
import { FOREIGN_DECODERS, openForeign } from "../../support/foreign-decoders.ts";
import { decodeOnCpu, evaluateOnCpu } from "../../support/graph-on-cpu.ts";
import { gradientOf, graphLoss } from "../../support/graph-reference.ts";
import { ONNX_CASES, randomDecoder } from "../../support/onnx-cases.ts";
import { CROSS_ENTROPIES, decoderOf, OPERATION_CASES, STRUCTURES } from "../../support/operation-cases.ts";
import { pointwise as pointwiseReference } from "../../support/pointwise.ts";
import { problemOf } from "../../support/problem.ts";
import { randomArray } from "../../support/random.ts";
import { randomGraph } from "../../support/random-graph.ts";
import { norm, relativeDistance } from "../../support/reference.ts";

// The graphs of every kind of operation, as onnxruntime-web computes them on the CPU, against float64 and against WASM:
// values, gradients and decoding. What a GPU makes of them is in kinds.test.ts.

const backend = wasm({ threads: 1, relaxed: false });
const ROWS = 3;
const POINTS = 3;

/** What is given with samples: of every other input one sample's for all. */
function fixedFor(decoder: Decoder, rows: number): FixedValues {
  return decoder.fixedInputs.map(({ shape, classes }, i) => {
    const values = randomArray(20 + i, sizeOf(shape) * (i % 2 === 0 ? rows : 1), -1, 1);
    return classes === undefined ? values : values.map((value) => Math.floor((0.5 + 0.49 * value) * classes));
  });
}

/** Holds losses, gradients and outputs of some samples against float64 and against WASM. */
async function check(given: Decoder, loss: StandardLoss): Promise<void> {
  const hasPoints = given.fixedInputs.some((input) => input.hasPoints);
  const decoder = atPoints(given, hasPoints ? POINTS : undefined);
  const { latentSize: d, outputSize: n } = decoder;
  const z = randomArray(3, ROWS * d, -1, 1);
  const y = randomArray(4, ROWS * n, 0.1, 0.9);
  const fixed = fixedFor(decoder, ROWS);
  const { losses, gradients } = await evaluateOnCpu(decoder, loss, z, y, fixed);
  const session = await backend.open(decoder);
  const problem = problemOf(decoder, loss, y, { fixed });
  const objective = await session.objective(problem, 0, ROWS);
  const inWasm = {
    losses: await objective.value(allRows(ROWS), Float64Array.from(z)),
    gradients: await objective.gradient(allRows(ROWS)),
  };
  objective.dispose();
  const close = (what: string, got: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) => {
    // Of norms of one number every gradient is 0.
    const isNothing = Array.from(expected).every((value) => value === 0);
    const error = isNothing ? norm(got) : relativeDistance(got, expected);
    assert.ok(error < tolerance, `${what} off by ${error}: [${got}], not [${expected}]`);
  };
  close("the losses, of WASM's,", losses, inWasm.losses, 1e-5);
  close("the gradients, of WASM's,", gradients, inWasm.gradients, 1e-4);
  const own = Object.fromEntries(decoder.fixedInputs.map(({ name }, i) => [name, fixed[i]!]));
  const options = { fixed: own, backend, ...(hasPoints && { points: POINTS }) };
  close("the outputs", await decodeOnCpu(decoder, z, fixed), await decode(given, z, options), 1e-5);
  const logits = await decode(given, z, { ...options, output: "preActivation" });
  close("the logits", await decodeOnCpu(decoder, z, fixed, true), logits, 1e-5);
  for (let i = 0; i < ROWS; i++) {
    const of = cutFixed(decoder, fixed, i, i + 1);
    const byName = Object.fromEntries(decoder.fixedInputs.map(({ name }, k) => [name, of[k]!]));
    const f = (x: number[]) => graphLoss(decoder, loss, x, y.subarray(i * n, (i + 1) * n), undefined, byName);
    const at = Array.from(z.subarray(i * d, (i + 1) * d));
    close(`the loss of sample ${i}`, losses.subarray(i, i + 1), [f(at)], 1e-5);
    close(`the gradient of sample ${i}`, gradients.subarray(i * d, (i + 1) * d), gradientOf(f, at), 1e-4);
  }
}

const GRAPHS: Readonly<Record<string, GraphDefinition>> = {
  ...OPERATION_CASES,
  ...STRUCTURES,
  ...AWKWARD_CONVOLUTIONS,
  "all kinds": allKinds,
  ...Object.fromEntries(Array.from({ length: 40 }, (_, seed) => [`random graph ${seed}`, randomGraph(seed)])),
};

for (const [name, definition] of Object.entries(GRAPHS)) {
  test(name, () => check(decoderOf(definition), squaredError()));
}

for (const [name, definition] of Object.entries(ONNX_CASES)) {
  test(name, () => check(randomDecoder(definition), squaredError({ reduction: "sum" })));
}

for (const [name, definition] of Object.entries(CROSS_ENTROPIES)) {
  test(`cross entropy: ${name}`, () => check(decoderOf(definition), binaryCrossEntropy()));
}

for (const name of FOREIGN_DECODERS) {
  test(`${name}, written elsewhere: values and gradients are those of float64`, async () => {
    const { expected, samples, decoder, fixed, ofAll, count } = await openForeign(name);
    const bound = atPoints(decoder, count);
    const given = bound.fixedInputs.map((input) => fixed[input.name]!);
    const loss = expected.loss === "bce" ? binaryCrossEntropy() : squaredError();
    const [z, y] = [ofAll((sample) => sample.z), ofAll((sample) => sample.y)];
    const { losses, gradients } = await evaluateOnCpu(bound, loss, z, y, given);
    const values = await decodeOnCpu(bound, z, given);
    const part = (of: Float32Array, i: number) =>
      of.subarray((i * of.length) / samples.length, ((i + 1) * of.length) / samples.length);
    samples.forEach(({ value, loss: own, gradient }, i) => {
      assert.ok(relativeDistance(part(values, i), value) < 1e-5, `value of ${i}`);
      assert.ok(Math.abs(losses[i]! - own) < 1e-5 * own, `loss ${losses[i]}, not ${own}`);
      const error = relativeDistance(part(gradients, i), gradient);
      assert.ok(error < 1e-4, `gradient of ${i} off by ${error}`);
    });
  });
}

const FUNCTIONS: readonly PointwiseLike[] = [
  ...(["exp", "abs", "erf", "mish", "hardSwish", "log", "sqrt", "rootOfSquares", "reciprocal"] as const),
  ...(["isPositive", "isNotNegative"] as const),
  { name: "linear", scale: 2, shift: 0 },
  { name: "linear", scale: 1, shift: -0.3 },
  { name: "linear", scale: 1, shift: 0 },
  { name: "clip", min: -1, max: 2 },
  { name: "power", exponent: 2 },
  { name: "power", exponent: 3 },
  { name: "power", exponent: -2 },
  { name: "power", exponent: 0.5 },
  { name: "hardSigmoid", slope: 0.2, offset: 0.5 },
  { name: "hardSigmoid", slope: 1, offset: 0 },
];

for (const f of FUNCTIONS) {
  test(`pointwise ${JSON.stringify(f)}: values and slopes are float64's, and NaN stays NaN`, async () => {
    const decoder = createDecoder(sequential(1, [pointwise(f)]));
    const of = normalisePointwise(f);
    const isForPositive = /log|sqrt|root|0\.5}/.test(JSON.stringify(f));
    const x = [
      0.1,
      0.7,
      1.5,
      2.9,
      3.1,
      6,
      40,
      ...(isForPositive ? [] : [-0.1, -0.7, -1.5, -2.9, -3.1, -6, -40]),
    ];
    const expected = x.map((each) => pointwiseReference(of, each));
    const z = Float32Array.from([...x, Number.NaN]);
    const output = await decodeOnCpu(decoder, z);
    // The slope of the sum of (f - y)² where f - y is ½.
    const y = Float32Array.from([...expected.map(([value]) => value - 0.5), 0]);
    const { gradients } = await evaluateOnCpu(decoder, squaredError({ reduction: "sum" }), z, y);
    expected.forEach(([value, slope], i) => {
      // The difference of two numbers, of which float32 has rounded each.
      const rounding = 1e-6 * (1 + Math.abs(value));
      assert.ok(Math.abs(output[i]! - value) < rounding, `f(${x[i]}) = ${output[i]}, not ${value}`);
      const error = Math.abs(gradients[i]! - slope);
      assert.ok(error < 2 * rounding * (1 + Math.abs(slope)), `f'(${x[i]}) = ${gradients[i]}, not ${slope}`);
    });
    assert.ok(Number.isNaN(output.at(-1)));
  });
}

test("of two equal numbers each has half of the gradient, and a norm has none at 0", async () => {
  const loss = squaredError({ reduction: "sum" });
  const gradientAt = async (definition: GraphDefinition, z: number, outputs: number) => {
    const decoder = createDecoder(definition);
    if (decoder.parameters.length > 0) decoder.parameters.set([1, 2, 3]);
    const { gradients } = await evaluateOnCpu(
      decoder,
      loss,
      Float32Array.of(z),
      new Float32Array(outputs).fill(-1),
    );
    return gradients[0];
  };
  for (const layer of [maximum(), minimum()]) {
    const definition = graph(({ latent }) => layer(expand([3])(latent(1)), constant([3])()));
    // 2·(D(z) + 1) where z is chosen, and half of it where both are equal.
    assert.is(await gradientAt(definition, 2, 3), 2 * 3 * 1.5, layer.kind);
  }
  const root = sequential(1, [pointwise({ name: "power", exponent: 2 }), pointwise("rootOfSquares")]);
  assert.is(await gradientAt(root, 0, 1), 0);
  assert.is(await gradientAt(root, 3, 1), 2 * 4);
});

test("what would take too large a matrix is refused by name, and nothing else", () => {
  const large = (mode: "nearest" | "bilinear") =>
    createDecoder(sequential(1, [dense(2000), reshape([2000, 1]), upsample({ scale: 2, mode })]));
  assert.is(refusalOf(large("nearest")), undefined);
  assert.match(
    refusalOf(large("bilinear"))!,
    /^upsample "[^"]+" cannot be computed on a GPU: its gradient would take a matrix of 4000 × 2000 numbers/,
  );
});

test.run();
