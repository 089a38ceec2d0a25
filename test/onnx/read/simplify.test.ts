// Tests src/onnx/read/rewrite-rules.ts, too.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sizeOf } from "../../../src/graph/operations.ts";
import { decode } from "../../../src/index.ts";
import { loadOnnx } from "../../../src/onnx/index.ts";
import { OnnxFile, type Tensor } from "../../../src/onnx/write/file.ts";
import { type Fed, run } from "../../support/onnx-file.ts";

// Graphs to which a rule seems to apply, and does not: they compute what ONNX Runtime computes.

const z: Fed = {
  name: "z",
  shape: [2, 4],
  values: Float32Array.of(1, -2, 3, 0.5, -0.1, 0.7, 2, -3),
  isInteger: false,
};

/** Nodes behind the latent, [batch, 4]. */
type Made = (file: OnnxFile, z: Tensor) => Tensor;

/** Chooses a value wherever a mask of this shape is 1, which it is throughout. */
function choose(file: OnnxFile, shape: readonly number[], value: Tensor): Tensor {
  const ones = file.constant("ones", shape, new Float32Array(sizeOf(shape)).fill(1));
  return file.apply("", "Where", [
    file.apply("", "Cast", [ones], { to: { integer: 9 } }),
    value,
    file.floats([5]),
  ]);
}

const GRAPHS: Readonly<Record<string, readonly [made: Made, shape: readonly number[]]>> = {
  "a shift behind an RMS norm, which has no bias": [
    (file, z) => {
      const squares = file.apply("", "Mul", [z, z]);
      const mean = file.apply("", "ReduceMean", [squares], { axes: { integers: [1] } });
      const root = file.apply("", "Sqrt", [file.apply("", "Add", [mean, 1e-5])]);
      return file.apply("", "Add", [file.apply("", "Div", [z, root]), file.floats([1, 2, 3, 4])]);
    },
    [4],
  ],
  "a sine of a negative scale": [(file, z) => file.apply("", "Sin", [file.apply("", "Neg", [z])]), [4]],
  "a sine of a scale of 0": [(file, z) => file.apply("", "Sin", [file.apply("", "Mul", [z, 0])]), [4]],
  "a concat of nothing but what is expanded": [
    (file, z) => {
      const row = file.apply("", "Unsqueeze", [z, file.integers([1])]);
      const rows = file.apply("", "Expand", [row, file.integers([1, 3, 4])]);
      return file.apply("", "Concat", [rows, rows], { axis: { integer: 2 } });
    },
    [3, 8],
  ],
  "a choice of what has fewer rows than the mask": [
    (file, z) =>
      choose(file, [3, 4], file.apply("", "Unsqueeze", [file.apply("", "Tanh", [z]), file.integers([1])])),
    [3, 4],
  ],
  "a choice of the latent": [(file, z) => choose(file, [4], z), [4]],
};

for (const [name, [made, shape]] of Object.entries(GRAPHS)) {
  test(`${name}: it computes what ONNX Runtime does`, async () => {
    const file = new OnnxFile(["z", "y"]);
    const y = made(file, file.input("z", ["batch", 4]));
    const bytes = file.toMessage("y", y, ["batch", ...shape], []).toBytes();
    const expected = (await run(bytes, [z], "y")).values;
    const actual = await decode(await loadOnnx(bytes), z.values);
    assert.is(actual.length, expected.length);
    // A few roundings to float32 of numbers below 10.
    for (const [i, value] of expected.entries()) assert.ok(Math.abs(actual[i]! - value) < 5e-6, `${actual}`);
  });
}

test.run();
