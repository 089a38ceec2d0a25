// Tests src/onnx/read/folding/integers.ts, src/onnx/read/operators/arithmetic.ts,
// src/onnx/read/operators/reductions.ts, src/onnx/read/operators/resampling.ts,
// src/onnx/read/operators/comparisons.ts, src/onnx/read/operators/extrema.ts, src/onnx/read/operators/pooling.ts,
// src/onnx/read/arrangement.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dense, elu, graph, mul, pointwise, sum } from "../../../src/graph/index.ts";
import { createDecoder, decode, encode, squaredError } from "../../../src/index.ts";
import { loadOnnx, toOnnx } from "../../../src/onnx/index.ts";
import { allRows } from "../../../src/solver/objective.ts";
import { builds } from "../../support/builds.ts";
import { bindObjective } from "../../support/objective.ts";
import { onnxVectors } from "../../support/onnx-vectors.ts";
import { randomArray } from "../../support/random.ts";
import { relativeDistance } from "../../support/reference.ts";
import { rejected } from "../../support/refusal.ts";

// Operators at the edges of their definition: what ONNX Runtime computes, or a refusal with a reason.
// test/fixtures/onnx/edges.py makes the files and computes what is expected.

const EDGES = onnxVectors("edges");

/** The files that are refused, and what the refusal says. */
const REFUSALS: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(
    [
      "max",
      "where",
      ...["add", "sub", "mul", "div", "pow", "max", "min", "prelu", "matmul"].map((each) => `rank-${each}`),
    ].map((each) =>
      each.startsWith("rank")
        ? [`${each}-2`, /its output is \[1, batch\], expected the batch as the first axis/]
        : [`${each}-rank`, /its output is \[1, batch\], expected the batch as the first axis/],
    ),
  ),
  ...Object.fromEntries(
    ["add", "sub", "mul", "div", "pow", "max", "min", "prelu", "matmul"].map((each) => [
      `rank-${each}-1`,
      /statistics over the batch/,
    ]),
  ),
  "mask-whole-row":
    /it reads a row that is -Infinity throughout, of which it makes NaN; mask fewer positions, or with -1e9/,
  "mask-whole-column": /it reads a row that is -Infinity throughout/,
  "mask-whole-row-where": /it reads a row that is -Infinity throughout/,
  "mask-multiplied":
    /it reads -Infinity, which "Add 0" has among its numbers, expected Softmax, Exp, Relu, Sigmoid or Tanh to read it; .*-1e9/,
  "mask-output":
    /its output has infinite numbers, of the constants of "Add 0", expected finite ones; export it with -1e9/,
  "mask-plus": /it reads Infinity, which "Add 0" has among its numbers/,
  "mask-opposite": /it reads ±Infinity, which "Add 0" has among its numbers/,
  "mask-turned": /"Sub 1" \(Sub: it reads -Infinity, which "Add 0" has among its numbers/,
  "mask-of-both-signs": /"Sub 1" \(Sub: it reads ±Infinity, which "Add 0" has among its numbers/,
  "trilu-batch": /it takes a triangle of the batch, or of the points/,
  ...Object.fromEntries(
    ["other-rows", "column", "concat-other", "other-maps"].map((each) => [
      `fixed-${each}`,
      /it reads a constant that differs from sample to sample of the batch of 4 .*; export it with a batch of 1, or with a dynamic/,
    ]),
  ),
  "message-infinite-shift":
    /"Add 0" \(Add: it adds -Infinity, expected at most 3e38; export it with a smaller number, -1e9 in a mask\)/,
  "message-fixed-batch":
    /the shapes \[batch, 4\] and \[4, 4\] fit together in a batch of 4 alone; export the decoder with a batch of 1, or/,
  "message-exponent":
    /the node "Pow 0" cannot be computed: exponent is 3\.\d+e\+38, expected .*; export the decoder without it/,
  "message-mask":
    /"Dropout 0" \(Dropout: its output 1, "mk", is used, expected the first one alone; export the decoder without what reads it\)/,
  "message-fused":
    /\(com\.microsoft\.FusedConv\); ONNX Runtime has optimised this file: read the one that was exported/,
  "message-along-batch": /it multiplies along the batch, .*; export it with the batch as the first axis/,
  "int32-beyond": /it makes the integer 46\d+ of constants, expected at most 2\^53; save what it computes/,
  "int64-large":
    /it makes the integer 1\.2\d+e\+24 of constants, expected at most 2\^53; save what it computes/,
  "uint8-cast-float": /it casts the constant 300 to uint8, beyond its range; save what it computes/,
  ...Object.fromEntries(
    ["ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"].flatMap((each) =>
      ["noop", "noop-folded"].map((kind) => [
        `${kind}-${each}`,
        /no axes, which has no one meaning; name its axes/,
      ]),
    ),
  ),
  // ONNX Runtime copies them.
  "resize-1.2-nearest": /it leaves \[4,4\] pixels as many by \[1\.2\d*,1\.2\d*\], which has no one meaning/,
  "resize-1.2-linear": /it leaves \[4,4\] pixels as many by \[1\.2\d*,1\.2\d*\], which has no one meaning/,
  ...Object.fromEntries(
    ["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"].map((each) => [
      `compare-infinite-${each}`,
      /it compares with -Infinity, expected at most 3e38/,
    ]),
  ),
  "ReduceMax-batch": /it takes the maximum over the batch/,
  "ReduceMin-batch": /it takes the minimum over the batch/,
  "ReduceLogSumExp-batch": /it takes the maximum over the batch/,
  "max-pool-same-dilated": /its windows are dilated and padded by auto_pad; export it with pads/,
  "max-pool-padding-alone": /one of its windows is of padding alone/,
  "max-pool-solid": /it reads \[batch, 2, 1, 5, 5\], expected \[batch, channels, height, width\]/,
  "max-pool-indices": /its output 1, "i", is used, expected the first one alone/,
  "resize-channels": /it resizes the batch or the channels/,
};

for (const [name, { bytes, z, y: expected, shape, options }] of Object.entries(EDGES)) {
  const refusal = REFUSALS[name];
  if (refusal) {
    test(`${name} is refused`, () => rejected(loadOnnx(bytes, options), "invalid_file", refusal));
    continue;
  }
  test(`${name}: it computes what ONNX Runtime does`, async () => {
    const decoder = await loadOnnx(bytes, options);
    const got = await decode(decoder, z);
    assert.is(got.length, expected.length, "the number of outputs");
    assert.equal(decoder.outputShape, shape.slice(1));
    for (const [i, value] of expected.entries()) {
      const isSame =
        Object.is(got[i], value) || Math.abs(got[i]! - value) <= 2e-6 * Math.max(Math.abs(value), 1e-30);
      assert.ok(isSame, `number ${i} is ${got[i]}, not ${value}: [${got}], not [${expected}]`);
    }
  });
}

for (const { name: build, backend } of builds) {
  test(`${build}: gradients are PyTorch's, of choices, of largest numbers over axes and of windows`, async () => {
    let compared = 0;
    for (const [name, { bytes, z, y, gradient }] of Object.entries(EDGES)) {
      if (!gradient) continue;
      const decoder = await loadOnnx(bytes);
      const target = new Float32Array(y.length);
      const objective = await bindObjective(backend, decoder, squaredError({ reduction: "sum" }), target);
      const rows = allRows(z.length / decoder.latentSize);
      await objective.value(rows, Float64Array.from(z));
      const error = relativeDistance(await objective.gradient(rows), gradient);
      assert.ok(error < 1e-5, `${name}: off by ${error}`);
      objective.dispose();
      decoder.dispose();
      compared++;
    }
    assert.ok(compared > 30);
  });
}

test("a choice by x > 0 is one operation, which reads x itself", async () => {
  const decoder = await loadOnnx(EDGES["choose-gradient"]!.bytes);
  const made = decoder.operations.map(({ kind, inputs }) => `${kind} ${inputs.join()}`);
  assert.equal(made, ["pointwise z", "where z,Log 1,z"]);
});

/** The two ways in which a norm is written. */
const NORMS = ["normalize", "normalize-small-nodes"];

for (const name of NORMS) {
  for (const { name: build, backend } of builds) {
    test(`${build}: ${name} has the gradient of PyTorch's norm at 0, whose subgradient is 0`, async () => {
      const decoder = await loadOnnx(EDGES[name]!.bytes);
      const y = Float32Array.of(1, -2, 0.5, 0);
      const objective = await bindObjective(backend, decoder, squaredError({ reduction: "sum" }), y);
      await objective.value(allRows(1), new Float64Array(4));
      // z / 1e-12 there: -2y · 1e12.
      const gradient = await objective.gradient(allRows(1));
      assert.ok(relativeDistance(gradient, [-2e12, 4e12, -1e12, 0]) < 1e-6, String(gradient));
      const product = await objective.tangent(allRows(1), Float64Array.of(1, 1, 1, 1));
      assert.ok(product.every(Number.isFinite), String(product));
      objective.dispose();
    });
  }

  test(`${name}: a sample from z = 0 ends with a finite code`, async () => {
    const decoder = await loadOnnx(EDGES[name]!.bytes);
    const y = await decode(decoder, Float32Array.of(1, -2, 0.5, 0.1));
    const { z, status } = await encode(decoder, y, { loss: "mse" });
    assert.is.not(status[0], "nonfinite");
    assert.ok(z.every(Number.isFinite), String(z));
  });
}

test("behind F.normalize, as toOnnx writes it, no sample from z = 0 ends as nonfinite", async () => {
  const definition = graph(({ latent }) => {
    const z = latent(12);
    const norm = pointwise("rootOfSquares")(sum({ axes: [0], keepAxes: true })(mul()(z, z)));
    const inverse = pointwise("reciprocal")(pointwise({ name: "clip", min: 1e-12, max: 3e38 })(norm));
    return dense(80)(elu()(dense(40)(mul()(z, inverse))));
  });
  const written = createDecoder(definition, { seed: 1, loss: "mse" });
  const y = await decode(written, randomArray(1, 12 * 8, -1, 1));
  for (const decoder of [written, await loadOnnx(await toOnnx(written), { loss: "mse" })]) {
    const { status } = await encode(decoder, y);
    assert.equal(status, new Array(8).fill("converged"));
  }
});

test("every refusal is of a file that is there", () => {
  assert.equal(
    Object.keys(REFUSALS).filter((name) => !(name in EDGES)),
    [],
  );
});

test.run();
