// run: both, first
// Tests assembly/ops/activation-functions.ts, assembly/ops/activation.ts, assembly/ops/affine.ts,
// assembly/ops/dense-parameters.ts, assembly/ops/dense.ts, assembly/ops/extremum.ts, assembly/ops/fork.ts,
// assembly/ops/map.ts, assembly/ops/matmul.ts, assembly/ops/norm.ts, assembly/ops/norm-parameters.ts,
// assembly/ops/norm-sets.ts, assembly/ops/operation-parameters.ts, assembly/ops/pixels.ts,
// assembly/ops/pointwise-functions.ts, assembly/ops/product-of-values.ts, assembly/ops/softmax.ts,
// assembly/memory/graph.ts, assembly/objective/objective.ts, assembly/ops/selection.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sgd } from "../../../src/backend/optimizer.ts";
import {
  add,
  affine,
  constant,
  dense,
  expand,
  layerNorm,
  matmul,
  maximum,
  minimum,
  reshape,
  rmsNorm,
  sequential,
  softmax,
  upsample,
  where,
} from "../../../src/graph/index.ts";
import { KINDS, type OperationKind } from "../../../src/graph/operations.ts";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  decode,
  type Operation,
  squaredError,
} from "../../../src/index.ts";
import { allRows } from "../../../src/solver/objective.ts";
import { createDataset, train } from "../../../src/train/index.ts";
import { allKinds } from "../../support/all-kinds.ts";
import { builds } from "../../support/builds.ts";
import { checkDerivatives, derivativeCase } from "../../support/derivatives.ts";
import { bindObjective } from "../../support/objective.ts";
import {
  CROSS_ENTROPIES,
  decoderOf,
  OPERATION_CASES,
  of,
  STRUCTURES,
} from "../../support/operation-cases.ts";
import { randomArray } from "../../support/random.ts";
import { randomGraph } from "../../support/random-graph.ts";

// Every kind of operation with each of its settings, and values that go more than one way: both orders of derivatives
// on all builds, against the float64 reference.

for (const [name, definition] of [...Object.entries(OPERATION_CASES), ...Object.entries(STRUCTURES)]) {
  const given = derivativeCase(decoderOf(definition));
  for (const build of builds) {
    test(`${build.name}: ${name}`, () => checkDerivatives(build, given));
  }
}

for (const [name, definition] of Object.entries(CROSS_ENTROPIES)) {
  const given = derivativeCase(decoderOf(definition), { loss: binaryCrossEntropy() });
  for (const build of builds) {
    test(`${build.name}: cross entropy: ${name}`, () => checkDerivatives(build, given));
  }
}

const RANDOM_GRAPHS = Array.from({ length: 40 }, (_, seed) => randomGraph(seed));

RANDOM_GRAPHS.forEach((definition, seed) => {
  const given = derivativeCase(decoderOf(definition, seed), { samples: 2, parametersOfEach: 3 });
  for (const build of builds) {
    test(`${build.name}: random graph ${seed}`, () => checkDerivatives(build, given));
  }
});

test("the random graphs have all kinds of operation", () => {
  const drawn = new Set(RANDOM_GRAPHS.flatMap(({ operations }) => operations.map(({ kind }) => kind)));
  assert.equal(
    Object.keys(KINDS).filter((kind) => !drawn.has(kind as OperationKind)),
    ["embedding"],
  );
});

for (const { name, backend } of builds) {
  test(`${name}: of two equal numbers each has half of the gradient`, async () => {
    for (const layer of [maximum(), minimum()]) {
      // z is 2, beside constants below it, equal to it and above it, in more than one vector of four.
      const decoder = createDecoder(of((z) => layer(expand([6])(z), constant([6])()), 1));
      decoder.parameters.set([1, 2, 3, 2, 1, 3]);
      const loss = squaredError({ reduction: "sum" });
      const objective = await bindObjective(backend, decoder, loss, new Float32Array(6));
      await objective.value(allRows(1), Float64Array.of(2));
      // Σ 2·D(z), which is z wherever it has a share: 1 where it is chosen, twice, and ½ where both are equal, twice.
      assert.is((await objective.gradient(allRows(1)))[0], 2 * 2 * (1 + 1 + 0.5 + 0.5), layer.kind);
      objective.dispose();
    }
  });

  test(`${name}: NaN of either value is NaN`, async () => {
    for (const layer of [maximum(), minimum()]) {
      for (const isFirst of [true, false]) {
        const decoder = createDecoder(
          of((z) => {
            const [known, stretched] = [constant([5])(), expand([5])(z)];
            return isFirst ? layer(known, stretched) : layer(stretched, known);
          }, 1),
        );
        decoder.parameters.set([1, Number.NaN, 3, 4, Number.NaN]);
        const output = await decode(decoder, Float32Array.of(2), { backend });
        assert.equal(Array.from(output, Number.isNaN), [false, true, false, false, true]);
      }
    }
  });
}

for (const { name, backend } of builds) {
  test(`${name}: what is not chosen has no influence, be it infinite or no number, nor has NaN as a condition`, async () => {
    const beyond = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
    // More than a vector of four, and a tail. Where the condition is above 0, z is chosen.
    const condition = [1, 0, 1, -0, 1e-45, Number.NaN, Number.POSITIVE_INFINITY];
    const isChosen = condition.map((number) => number > 0);
    for (const isFirst of [true, false]) {
      for (const far of beyond) {
        const decoder = createDecoder(
          of((z) => {
            const [known, stretched] = [constant([7])(), expand([7])(z)];
            return where()(constant([7])(), ...(isFirst ? [stretched, known] : [known, stretched]));
          }, 1),
        );
        const isZ = isChosen.map((each) => each === isFirst);
        const constants = decoder.operations.filter((operation) => operation.kind === "constant");
        for (const { weight, name: own } of constants) {
          const isCondition = decoder.operations.at(-1)!.inputs[0] === own;
          weight.set(isCondition ? condition : isZ.map((each) => (each ? far : 3)));
        }
        const output = await decode(decoder, Float32Array.of(2), { backend });
        assert.equal(
          Array.from(output),
          isZ.map((each) => (each ? 2 : 3)),
        );
        const loss = squaredError({ reduction: "sum" });
        const objective = await bindObjective(backend, decoder, loss, new Float32Array(7));
        await objective.value(allRows(1), Float64Array.of(2));
        const gradient = 2 * 2 * isZ.filter(Boolean).length;
        assert.is((await objective.gradient(allRows(1)))[0], gradient);
        const { curvature } = objective;
        const along = (await curvature!.alongGradient(allRows(1)))[0];
        const [own] = await curvature!.matrices(allRows(1), "own");
        assert.equal([along, own], new Array(2).fill(2 * isZ.filter(Boolean).length));
        objective.dispose();
      }
    }
  });
}

/** Logits beyond the 88 of which float32 has an exponential, some close together and some far apart. */
const largeLogits = (() => {
  const decoder = decoderOf(of((z) => softmax()(dense(17)(z))));
  const { bias } = decoder.operations[0] as Operation<"dense">;
  bias.set(bias.map((value, i) => value + (i % 3 === 0 ? -92 : i % 3 === 1 ? 92 : 91)));
  return derivativeCase(decoder);
})();
for (const build of builds) {
  test(`${build.name}: softmax of large numbers`, () => checkDerivatives(build, largeLogits));
}

test("what lies behind a row has no influence on it, be it infinite", async () => {
  const definition = of((z) => {
    const [a, b] = [reshape([2, 3])(dense(6)(z)), reshape([2, 3])(dense(6)(z))];
    return matmul({ transposed: true })(a, b);
  }, 1);
  for (const side of [0, 1]) {
    const decoder = createDecoder(definition);
    const denses = decoder.operations.filter((operation) => operation.kind === "dense");
    // The first three make the first row, the others the second.
    denses[side]!.weight.fill(3e38, 3);
    for (const { backend } of builds) {
      const output = await decode(decoder, Float32Array.of(10), { backend });
      const finite = Array.from(output, (value) => Number.isFinite(value));
      assert.equal(finite, side === 0 ? [true, true, false, false] : [true, false, true, false]);
    }
  }
});

test("a pixel between others does not take of them what is 0 times infinite", async () => {
  const decoder = createDecoder(
    sequential(1, [dense(2), reshape([2, 1]), upsample({ scale: 2, mode: "bilinear", alignCorners: true })]),
  );
  const { weight } = decoder.operations[0] as Operation<"dense">;
  weight[1] = 3e38;
  for (const { backend } of builds) {
    const output = await decode(decoder, Float32Array.of(10), { backend });
    const finite = Array.from(output, (value) => Number.isFinite(value));
    assert.equal(finite, [true, false, false, false]);
  }
});

for (const { name, backend } of builds) {
  test(`${name}: parameters that training has changed are taken as they are`, async () => {
    // Tensors of five numbers, each with others behind it: their rows are padded.
    const odd = of((z) => add()(constant([5])(), rmsNorm()(layerNorm()(affine()(dense(5)(z))))));
    for (const definition of [allKinds, odd, randomGraph(300), randomGraph(301)]) {
      const decoder = createDecoder(definition, { seed: 4, loss: "mse" });
      // One sample: of several the order, by which gradients are added up, is drawn anew in each epoch.
      const y = randomArray(6, decoder.outputSize, 0.1, 0.9);
      const data = createDataset(y, { shape: decoder.outputShape });
      const optimizer = sgd({ learningRate: 0.1 });
      const options = { optimizer, batchSize: 1, solver: amd({ maxSteps: 3 }), backend };
      const whole = await train(decoder, data, { ...options, epochs: 3 });
      let inParts = decoder;
      for (let i = 0; i < 3; i++) {
        const { decoder: next, history } = await train(inParts, data, { ...options, epochs: 1 });
        inParts = next;
        assert.is(history[0]!.loss, whole.history[i]!.loss, `the loss of step ${i}`);
      }
      assert.equal(whole.decoder.parameters, inParts.parameters);
      assert.not.equal(inParts.parameters, decoder.parameters);
    }
  });
}

test.run();
