// run: newer-node, first
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bindGraph } from "../../../src/backend/webgpu/bound-graph.ts";
import { openContext } from "../../../src/backend/webgpu/device.ts";
import { writeSlope } from "../../../src/backend/webgpu/function-gradients.ts";
import { webgpu } from "../../../src/backend/webgpu/index.ts";
import { OnnxGraph } from "../../../src/backend/webgpu/onnx.ts";
import { activations } from "../../../src/graph/activation.ts";
import { layersOf } from "../../../src/graph/layers.ts";
import { normaliseActivation } from "../../../src/graph/normalise-activation.ts";
import {
  type ActivationLike,
  type ActivationName,
  binaryCrossEntropy,
  createDecoder,
  type Decoder,
  decode,
  type Loss,
  loadDecoder,
  openObjective,
  squaredError,
  wasm,
} from "../../../src/index.ts";
import { writeFunction } from "../../../src/onnx-format/kinds/elementwise.ts";
import { allRows } from "../../../src/solver/objective.ts";
import { leave, startDawn } from "../../support/dawn.ts";
import { graphOutput } from "../../support/graph-reference.ts";
import { standardLosses } from "../../support/losses.ts";
import { problemOf } from "../../support/problem.ts";
import { randomArray } from "../../support/random.ts";
import {
  activate,
  derivative,
  elementLoss,
  gaussNewtonOf,
  lossOf,
  norm,
  objectiveOf,
  relativeDistance,
} from "../../support/reference.ts";
import { loadVectors, type ValueVectors, VECTOR_NAMES, vectorLoss } from "../../support/reference-vectors.ts";

startDawn();
test.after(leave);

const backend = webgpu();

/** Losses and gradients of all samples at z, on the GPU. */
async function evaluate(
  decoder: Decoder,
  loss: Loss,
  z: Float64Array,
  y: Float32Array,
  weights?: Float32Array,
): Promise<{ losses: Float64Array; gradients: Float64Array }> {
  const sampleCount = y.length / decoder.outputSize;
  const session = await backend.open(decoder);
  const problem = problemOf(decoder, loss, y, { weights });
  const objective = await session.objective(problem, 0, sampleCount);
  const rows = allRows(sampleCount);
  const losses = await objective.value(rows, z);
  const gradients = await objective.gradient(rows);
  objective.dispose();
  return { losses, gradients };
}

/**
 * Holds every sample against float64. float32 rounds by 6e-8; the longest of these sums and WGSL's logarithm, which
 * may be off by 5e-7 near 1, explain 1e-5.
 */
async function checkAgainstReference(
  decoder: Decoder,
  loss: Loss,
  sampleCount: number,
  weights: Float32Array | undefined,
  label: string,
  tolerance = 1e-5,
): Promise<void> {
  const { latentSize: d, outputSize: n } = decoder;
  const z = randomArray(2, sampleCount * d, -2, 2);
  const y = randomArray(3, sampleCount * n, 0, 1);
  const { losses, gradients } = await evaluate(decoder, loss, Float64Array.from(z), y, weights);
  for (let i = 0; i < sampleCount; i++) {
    const own = weights && (weights.length === n ? weights : weights.subarray(i * n, (i + 1) * n));
    const expected = objectiveOf(
      decoder,
      loss,
      z.subarray(i * d, (i + 1) * d),
      y.subarray(i * n, (i + 1) * n),
      own,
    );
    assert.ok(
      Math.abs(losses[i]! - expected.value) < tolerance * expected.value,
      `${label}: loss ${losses[i]}, expected ${expected.value}`,
    );
    const error = relativeDistance(gradients.subarray(i * d, (i + 1) * d), expected.gradient);
    assert.ok(error < tolerance, `${label}: gradient off by ${error}`);
  }
}

const withParameters: ActivationLike[] = [
  { name: "elu", alpha: 0.3 },
  { name: "leakyRelu", slope: 0.2 },
  { name: "sine", frequency: 30 },
];

for (const activation of [...(Object.keys(activations) as ActivationName[]), ...withParameters]) {
  const name = typeof activation === "string" ? activation : JSON.stringify(activation);
  // A sine's phase is off by as many times what its input is off.
  const tolerance = name.includes("frequency") ? 30e-5 : 1e-5;
  test(`losses and gradients with ${name} agree with float64`, async () => {
    for (const loss of standardLosses()) {
      const decoder = createDecoder({ layers: [3, 17, 5], activation, outputActivation: "sigmoid", seed: 1 });
      await checkAgainstReference(decoder, loss, 3, undefined, `${name}, ${loss.name}`, tolerance);
      decoder.dispose();
    }
    const output = createDecoder({ layers: [5, 3], outputActivation: activation, seed: 2 });
    await checkAgainstReference(
      output,
      squaredError({ reduction: "sum" }),
      3,
      undefined,
      `${name} at the end`,
      tolerance,
    );
    output.dispose();
  });
}

test("openObjective has float64's values, gradients and Jacobian-vector products; points that are not finite are NaN", async () => {
  const [d, n, count] = [3, 5, 6];
  const decoder = createDecoder({ layers: [d, 9, n], outputActivation: "sigmoid", seed: 1 });
  const [y, z, v] = [
    randomArray(3, count * n, 0, 1),
    randomArray(2, count * d, -2, 2),
    randomArray(4, count * d, -1, 1),
  ];
  const objective = await openObjective(decoder, y, { loss: "bce", backend });
  z[d] = Number.NaN;
  const chosen = [5, 0, 1];
  const of = (values: Float32Array, size: number, row: number) =>
    values.subarray(row * size, (row + 1) * size);
  const rowsOf = (values: Float32Array) =>
    Float64Array.from(chosen.flatMap((row) => [...of(values, d, row)]));
  const [values, gradients, products] = await Promise.all([
    objective.value(chosen, rowsOf(z)),
    objective.gradient(chosen),
    objective.jacobianProduct(chosen, rowsOf(v)),
  ]);
  for (const [place, row] of chosen.slice(0, 2).entries()) {
    const point = of(z, d, row);
    const expected = objectiveOf(decoder, binaryCrossEntropy(), point, of(y, n, row));
    assert.ok(Math.abs(values[place]! - expected.value) < 1e-5 * expected.value, `${values[place]}`);
    const gradient = gradients.subarray(place * d, (place + 1) * d);
    assert.ok(relativeDistance(gradient, expected.gradient) < 1e-5);
    const outputAt = (t: number) =>
      graphOutput(
        decoder,
        Array.from(point, (value, k) => value + t * of(v, d, row)[k]!),
      );
    const [ahead, behind] = [outputAt(1e-4), outputAt(-1e-4)];
    const product = ahead.map((value, o) => (value - behind[o]!) / 2e-4);
    assert.ok(relativeDistance(products.subarray(place * n, (place + 1) * n), product) < 1e-5);
  }
  const last = [values[2], ...gradients.subarray(2 * d), ...products.subarray(2 * n)];
  assert.ok(last.every(Number.isNaN), `${last}`);
  objective.dispose();
  decoder.dispose();
});

test("products of more samples than WASM takes at a time are those of wasm(), each sample's own", async () => {
  const [d, n, count] = [2, 3, 50];
  const decoder = createDecoder({ layers: [d, n], outputActivation: "sigmoid", seed: 1 });
  const y = randomArray(3, count * n, 0, 1);
  const [z, v] = [randomArray(2, count * d, -2, 2), randomArray(4, count * d, -1, 1)];
  const rows = Array.from({ length: count }, (_, row) => count - 1 - row);
  const [got, expected] = await Promise.all(
    [backend, wasm({ threads: 1 })].map(async (backend) => {
      const objective = await openObjective(decoder, y, { loss: "bce", backend });
      await objective.value(rows, z);
      const products = await objective.jacobianProduct(rows, v);
      objective.dispose();
      return products;
    }),
  );
  assert.equal(got, expected);
  decoder.dispose();
});

test("the floor of a sample's loss is the entropy of its own targets", async () => {
  const [n, count] = [5, 6];
  const decoder = createDecoder({ layers: [3, n], outputActivation: "sigmoid", seed: 1 });
  const y = randomArray(3, count * n, 0.01, 0.99);
  const weights = randomArray(6, count * n, 0, 3);
  const loss = binaryCrossEntropy();
  const session = await backend.open(decoder);
  const objective = await session.objective(problemOf(decoder, loss, y, { weights }), 2, 4);
  for (let row = 0; row < 4; row++) {
    const own = (values: Float32Array) => values.subarray((2 + row) * n, (3 + row) * n);
    const logits = Array.from(own(y), (value) => Math.log(value / (1 - value)));
    const { value } = lossOf(loss, logits, own(y), own(weights));
    assert.ok(Math.abs(objective.lossFloor!(row) - value) < 1e-12, `sample ${2 + row}`);
  }
  objective.dispose();
  decoder.dispose();
});

test("sizes and batches with tails agree with float64", async () => {
  for (const layers of [
    [1, 1],
    [3, 5],
    [1, 3, 17, 5],
    [17, 64, 75],
  ]) {
    const decoder = createDecoder({ layers, outputActivation: "sigmoid", seed: 1 });
    for (const sampleCount of [1, 3, 5, 17]) {
      await checkAgainstReference(
        decoder,
        binaryCrossEntropy(),
        sampleCount,
        undefined,
        `${layers} × ${sampleCount}`,
      );
    }
    decoder.dispose();
  }
});

test("weights, shared and of each sample's own, agree with float64", async () => {
  const decoder = createDecoder({ layers: [3, 9, 7], outputActivation: "sigmoid", seed: 1 });
  const shared = randomArray(5, 7, 0, 3).map((weight, i) => (i % 3 === 0 ? 0 : weight));
  const own = randomArray(6, 3 * 7, 0, 3).map((weight, i) => (i % 4 === 0 ? 0 : weight));
  // Of all scales that float32 has, their mean is the same.
  for (const weights of [shared, own, shared.map((weight) => weight * 1e30), own.map((w) => w * 1e-30)]) {
    for (const loss of standardLosses()) {
      await checkAgainstReference(decoder, loss, 3, weights, loss.name);
    }
  }
  for (const loss of standardLosses("sum")) {
    await checkAgainstReference(decoder, loss, 3, own, `${loss.name}, sum`);
  }
});

/** Holds Gauss-Newton matrices at the points of the GPU's evaluations, of the chosen samples alone, against float64. */
async function checkMatrices(
  decoder: Decoder,
  loss: Loss,
  chosen: readonly number[],
  weights: Float32Array | undefined,
  label: string,
): Promise<void> {
  const { latentSize: d, outputSize: n } = decoder;
  const sampleCount = Math.max(...chosen) + 2;
  const z = randomArray(2, sampleCount * d);
  const y = randomArray(3, sampleCount * n, 0, 1);
  const session = await backend.open(decoder);
  const problem = problemOf(decoder, loss, y, { weights });
  // The first sample is another objective's.
  const objective = await session.objective(problem, 1, sampleCount - 1);
  await objective.value(allRows(sampleCount - 1), Float64Array.from(z.subarray(d)));
  const gradients = await objective.gradient(Int32Array.from(chosen));
  await objective.curvature!.shared();
  const matrices = await objective.curvature!.matrices(Int32Array.from(chosen), "own");
  const along = await objective.curvature!.alongGradient(Int32Array.from(chosen));
  objective.dispose();
  chosen.forEach((row, i) => {
    const at = (values: Float32Array, size: number) => values.subarray((row + 1) * size, (row + 2) * size);
    const own = weights && (weights.length === n ? weights : at(weights, n));
    const { jacobian, curvatures } = gaussNewtonOf(decoder, loss, at(z, d), at(y, n), own);
    const expected = Array.from({ length: d * d }, (_, k) =>
      jacobian.reduce(
        (sum, slopes, o) => sum + slopes[Math.floor(k / d)]! * curvatures[o]! * slopes[k % d]!,
        0,
      ),
    );
    const isLower = (_: number, k: number) => k % d <= Math.floor(k / d);
    const matrix = matrices.subarray(i * d * d, (i + 1) * d * d).filter(isLower);
    const error = relativeDistance(matrix, expected.filter(isLower));
    assert.ok(error < 1e-5, `${label}: matrix ${row} off by ${error}`);
    const g = gradients.subarray(i * d, (i + 1) * d);
    const product = expected.reduce((sum, m, k) => sum + m * g[Math.floor(k / d)]! * g[k % d]!, 0);
    const curvature = product / g.reduce((sum, value) => sum + value * value, 0);
    assert.ok(Math.abs(along[i]! / curvature - 1) < 1e-3, `${label}: ${along[i]} along g, not ${curvature}`);
  });
}

test("Gauss-Newton matrices agree with float64: activations, losses, weights, sizes, any samples", async () => {
  for (const activation of Object.keys(activations) as ActivationName[]) {
    const decoder = createDecoder({ layers: [3, 17, 5], activation, outputActivation: "sigmoid", seed: 1 });
    const own = randomArray(6, 4 * 5, 0, 3).map((weight, i) => (i % 4 === 0 ? 0 : weight));
    await checkMatrices(decoder, binaryCrossEntropy(), [2, 0], undefined, activation);
    await checkMatrices(
      decoder,
      squaredError(),
      [1],
      own.subarray(0, 5),
      `${activation}, one weight for all`,
    );
    await checkMatrices(
      decoder,
      squaredError({ reduction: "sum" }),
      [2, 0],
      own,
      `${activation}, own weights`,
    );
    decoder.dispose();
  }
  // Outputs of up to ±20, where σ is 0 or 1 to float32.
  const steep = createDecoder({ layers: [3, 5], outputActivation: "sigmoid", seed: 1 });
  for (const layer of layersOf(steep)) layer.weight.fill(0);
  layersOf(steep)[0]!.bias.set([-20, -12, 12, 16, 20]);
  layersOf(steep)[0]!.weight.set(randomArray(4, 15, -0.1, 0.1));
  await checkMatrices(steep, binaryCrossEntropy(), [2, 0], undefined, "steep");
  for (const layers of [
    [1, 1],
    [5, 3],
    [5, 64, 75],
  ]) {
    const decoder = createDecoder({ layers, outputActivation: "identity", seed: 1 });
    await checkMatrices(decoder, squaredError(), [0, 7, 3], undefined, `${layers}`);
    decoder.dispose();
  }
});

test("what has weight 0 may be missing, and has no influence at all", async () => {
  const decoder = createDecoder({ layers: [3, 9, 7], outputActivation: "sigmoid", seed: 1 });
  const weights = Float32Array.from({ length: 7 }, (_, i) => (i % 3 === 0 ? 0 : 1));
  const z = Float64Array.from(randomArray(2, 3 * 3));
  const results = [];
  for (const junk of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 7]) {
    const y = randomArray(3, 3 * 7, 0, 1).map((value, i) => ((i % 7) % 3 === 0 ? junk : value));
    results.push(await evaluate(decoder, squaredError(), z, y, weights));
  }
  for (const other of results) assert.equal(other, results[0]);
});

test("a chosen sample's numbers do not depend on those chosen with it; each gradient is at its own last point", async () => {
  const decoder = createDecoder({ layers: [3, 9, 7], outputActivation: "sigmoid", seed: 1 });
  const y = randomArray(3, 5 * 7, 0, 1);
  const z = Float64Array.from(randomArray(2, 5 * 3));
  const all = await evaluate(decoder, binaryCrossEntropy(), z, y);
  const session = await backend.open(decoder);
  const problem = problemOf(decoder, binaryCrossEntropy(), y);
  const objective = await session.objective(problem, 0, 5);
  const losses = await objective.value(
    Int32Array.of(4, 1),
    Float64Array.of(...z.slice(12, 15), ...z.slice(3, 6)),
  );
  assert.equal(losses, Float64Array.of(all.losses[4]!, all.losses[1]!));
  await objective.value(Int32Array.of(1, 3), new Float64Array(6));
  assert.equal(await objective.gradient(Int32Array.of(4)), all.gradients.slice(12, 15));
  objective.dispose();
});

test("numbers are the same bits in graphs of any number of rows", async () => {
  const decoder = createDecoder({ layers: [3, 64, 75], outputActivation: "sigmoid", seed: 1 });
  const y = randomArray(3, 33 * 75, 0, 1);
  const z = Float64Array.from(randomArray(2, 33 * 3));
  const all = await evaluate(decoder, binaryCrossEntropy(), z, y);
  for (const count of [1, 2, 5, 17]) {
    const some = await evaluate(decoder, binaryCrossEntropy(), z.slice(0, 3 * count), y.slice(0, 75 * count));
    assert.equal(some.losses, all.losses.slice(0, count));
    assert.equal(some.gradients, all.gradients.slice(0, 3 * count));
  }
});

test("decode agrees with float64, at any number of samples", async () => {
  const decoder = createDecoder({ layers: [3, 9, 7], outputActivation: "sigmoid", seed: 1 });
  for (const sampleCount of [0, 1, 5, 11]) {
    const z = randomArray(9, 3 * sampleCount);
    const data = await decode(decoder, z, { backend });
    const logits = await decode(decoder, z, { backend, output: "preActivation" });
    assert.is(data.length, 7 * sampleCount);
    for (let i = 0; i < sampleCount; i++) {
      const sample = z.subarray(3 * i, 3 * i + 3);
      const { output } = objectiveOf(decoder, binaryCrossEntropy(), sample, new Float32Array(7));
      assert.ok(relativeDistance(logits.subarray(7 * i, 7 * i + 7), output) < 1e-6);
      const probabilities = output.map((logit) => 1 / (1 + Math.exp(-logit)));
      assert.ok(relativeDistance(data.subarray(7 * i, 7 * i + 7), probabilities) < 1e-6);
    }
  }
});

for (const name of VECTOR_NAMES) {
  test(`${name}: the vectors' losses and gradients`, async () => {
    const { vectors, decoder, y } = await loadVectors<ValueVectors>(name);
    const { z, loss, grad_z } = vectors.value_and_gradient;
    const got = await evaluate(decoder, vectorLoss(vectors), Float64Array.from(z.flat()), y);
    const d = decoder.latentSize;
    loss.forEach((expected, i) => {
      assert.ok(
        Math.abs(got.losses[i]! - expected) < 1e-4 * expected,
        `loss ${got.losses[i]}, not ${expected}`,
      );
      const gradient = got.gradients.subarray(i * d, (i + 1) * d);
      const [length, expectedLength] = [norm(gradient), norm(grad_z[i]!)];
      assert.ok(
        Math.abs(length - expectedLength) < 1e-4 * expectedLength,
        `norm ${length}, not ${expectedLength}`,
      );
      assert.ok(relativeDistance(gradient, grad_z[i]!) < 1e-4);
    });
  });
}

test("the demo's decoder gives float64's digits", async () => {
  const decoder = await loadDecoder(new URL("../../../demo/decoder.safetensors", import.meta.url));
  await checkAgainstReference(decoder, binaryCrossEntropy(), 2, undefined, "demo");
});

/** What a decoder meets when a step was far too long. */
const EXTREMES = [1e-30, 1e-7, 1, 20, 88, 89, 104, 1e3, 1e10, 1.8e19, 1e20, 3e38].flatMap((x) => [x, -x]);

test("activations and their derivatives hold for huge arguments, and NaN stays NaN", async () => {
  const context = await openContext({});
  const x = Float32Array.from([...EXTREMES, 0, Number.NaN]);
  const shape = [1, x.length];
  for (const name of Object.keys(activations) as ActivationName[]) {
    const activation = normaliseActivation("activation", name);
    const graph = new OnnxGraph();
    const gradient = graph.input("gradient", shape);
    // Added to 0, since a graph's input cannot be its output.
    const argument = graph.apply("Add", graph.input("x", shape), 0);
    const output = writeFunction(graph, activation, argument);
    graph.output("values", graph.apply("Add", output, 0), shape);
    graph.output(
      "slopes",
      graph.apply("Add", writeSlope(graph, activation, argument, output, gradient), 0),
      shape,
    );
    const bound = await bindGraph(context, graph, {
      byName: {},
      buffer: () => assert.unreachable(),
    } as never);
    bound.write("x", x);
    bound.write("gradient", new Float32Array(x.length).fill(1));
    const { values, slopes } = await bound.run();
    await bound.dispose();
    for (const [i, argument] of x.entries()) {
      const label = `${name}(${argument})`;
      if (Number.isNaN(argument)) {
        assert.ok(Number.isNaN(values![i]!), `${label}: ${values![i]}`);
        continue;
      }
      // Its phase is reduced in float32.
      const isVague = name === "sine" && Math.abs(argument) > 1e4;
      for (const [got, expected] of [
        [values![i]!, activate(activation, argument)],
        [slopes![i]!, derivative(activation, argument)],
      ] as const) {
        // By what WGSL allows exp, and 1 - σ and 1 - tanh² lose, a few roundings of 1.
        const isRight = isVague
          ? Math.abs(got) <= 1
          : got === Math.fround(expected) || Math.abs(got - expected) <= 2e-6 * (1 + Math.abs(expected));
        assert.ok(isRight, `${label}: ${got}, not ${expected}`);
      }
    }
  }
});

test("losses of huge outputs are float64's, and infinite where that is no float32", async () => {
  for (const [loss, outputActivation] of [
    [binaryCrossEntropy({ reduction: "sum" }), "sigmoid"],
    [squaredError({ reduction: "sum" }), "identity"],
  ] as const) {
    const decoder = createDecoder({ layers: [1, 1], outputActivation, seed: 1 });
    decoder.parameters.set([1, 0]);
    for (const target of [0, 0.25, 1]) {
      const y = new Float32Array(EXTREMES.length).fill(target);
      const { losses, gradients } = await evaluate(decoder, loss, Float64Array.from(EXTREMES), y);
      for (const [i, output] of EXTREMES.entries()) {
        const { value, slope } = elementLoss(loss, Math.fround(output), target);
        const label = `${loss.name} of ${output} and ${target}: ${losses[i]}, ${gradients[i]}`;
        const isRight =
          losses[i] === Math.fround(value) || Math.abs(losses[i]! - value) <= 1e-6 * (1e-1 + value);
        assert.ok(isRight, `${label}, not ${value}`);
        assert.ok(
          gradients[i] === Math.fround(slope) ||
            Math.abs(gradients[i]! - slope) <= 1e-6 * (1 + Math.abs(slope)),
          `${label}, not ${slope}`,
        );
      }
    }
    decoder.dispose();
  }
});

test.run();
