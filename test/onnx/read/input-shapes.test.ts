import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode, encode } from "../../../src/index.ts";
import { type LoadOnnxOptions, loadOnnx } from "../../../src/onnx/index.ts";
import { OnnxFile, type Operand } from "../../../src/onnx/write/file.ts";
import { randomArray } from "../../support/random.ts";
import { rejected } from "../../support/refusal.ts";

// The option inputShapes. What ONNX Runtime computes of such files is in test/onnx/read/edges.test.ts.

/** A file of tanh(z) · condition, whose inputs are declared as given; null is a length without a name. */
function fileOf(
  z: readonly (string | number)[] = ["batch", "channels", "height", "width"],
  condition?: readonly (string | number)[],
): Uint8Array {
  const file = new OnnxFile(["latent", "condition", "y"]);
  let made: Operand = file.apply("node", "Tanh", [file.input("latent", z)]);
  if (condition) made = file.apply("product", "Mul", [made, file.input("condition", condition)]);
  return file
    .toMessage(
      "y",
      made,
      z.map((_, axis) => `axis${axis}`),
      [],
    )
    .toBytes();
}

const given = { inputShapes: { latent: [2, 3, 5] } };

test("open lengths are those of the option; the decoder is that of the file with them", async () => {
  const open = await loadOnnx(fileOf(), given);
  const stated = await loadOnnx(fileOf(["batch", 2, 3, 5]));
  assert.equal(open.definition, stated.definition);
  assert.equal([open.latentSize, open.outputShape], [30, [2, 3, 5]]);
  const z = randomArray(1, 60, -1, 1);
  assert.equal(await decode(open, z), await decode(stated, z));
  const { status } = await encode(open, await decode(open, z), { loss: "mse" });
  assert.equal(status, ["converged", "converged"]);
});

test("lengths that the file states may be repeated; one of them may be left to the option", async () => {
  assert.is((await loadOnnx(fileOf(["batch", 2, "height", 5]), given)).latentSize, 30);
  assert.is((await loadOnnx(fileOf(["batch", 2, 3, 5]), given)).latentSize, 30);
  assert.is((await loadOnnx(fileOf([4, 2, "height", 5]), given)).latentSize, 30);
});

test("fixed inputs beside the latent, and points", async () => {
  const options = { latent: "latent", inputShapes: { latent: [4, 3], condition: [1, 3] } };
  const decoder = await loadOnnx(fileOf(["batch", "n", "c"], ["batch", "m", "c"]), options);
  assert.equal(decoder.fixedInputs, [{ name: "condition", shape: [1, 3], hasPoints: false }]);
  const file = new OnnxFile(["z", "xyz", "y"]);
  const z = file.apply("axis", "Unsqueeze", [file.input("z", ["batch", "n"]), file.integers([1])]);
  const made = file.apply("sum", "Add", [z, file.input("xyz", ["points", "c"])]);
  const bytes = file.toMessage("y", made, ["batch", "points", "c"], []).toBytes();
  const points = { latent: "z", points: "xyz", inputShapes: { z: [3], xyz: [3] } };
  const field = await loadOnnx(bytes, points);
  assert.equal(
    await decode(field, Float32Array.of(1, 2, 3), { points: 2, fixed: { xyz: new Float32Array(6) } }),
    [...[1, 2, 3, 1, 2, 3]].reduce((all, value, i) => all.fill(value, i, i + 1), new Float32Array(6)),
  );
});

test("a file with open lengths is refused with a line to paste, for all its inputs", async () => {
  await rejected(
    loadOnnx(fileOf()),
    "invalid_argument",
    /the input "latent" is declared with lengths left open; give the option inputShapes: \{ latent: \[channels, height, width\] \}, with numbers/,
  );
  await rejected(
    loadOnnx(fileOf(["batch", 2, "a height", 5], ["batch", "m", 1, 1]), { latent: "latent" }),
    "invalid_argument",
    /the inputs "latent", "condition" are .* inputShapes: \{ latent: \[2, axis2, 5\], condition: \[m, 1, 1\] \}, with/,
  );
});

const REFUSED: readonly (readonly [inputShapes: unknown, message: RegExp])[] = [
  [{ other: [2, 3, 5] }, /inputShapes names "other", but the file's inputs are "latent"$/],
  [
    { latent: [3, 3, 5] },
    /inputShapes\.latent is \[3, 3, 5\], but the file declares \[2, height, 5\], without its batch/,
  ],
  [{ latent: [2, 3] }, /inputShapes\.latent is \[2, 3\], but the file declares \[2, height, 5\]/],
  [{ latent: [1, 2, 3, 5] }, /inputShapes\.latent is \[1, 2, 3, 5\], but the file declares \[2, height, 5\]/],
  ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3", null, {}, 2 ** 60].map(
    (length) =>
      [
        { latent: [2, length, 5] },
        /inputShapes\.latent is \[2, .*, 5\], expected an array of 1 to 8/,
      ] as const,
  ),
  ...[[], new Array(9).fill(1), new Array(3), 3, "2,3,5", null, undefined, Float32Array.of(2, 3, 5)].map(
    (shape) =>
      [
        { latent: shape },
        /inputShapes\.latent is .*, expected an array of 1 to 8 positive integers/,
      ] as const,
  ),
  ...[[2, 3, 5], "latent", 3, null, new Float32Array(3)].map(
    (shapes) => [shapes, /inputShapes is .*, expected an object such as \{ z: \[4, 8, 8\] \}$/] as const,
  ),
];

for (const [i, [inputShapes, message]] of REFUSED.entries()) {
  test(`refused before work starts: ${i}, ${message}`, () =>
    rejected(
      loadOnnx(fileOf(["batch", 2, "height", 5]), { inputShapes } as LoadOnnxOptions),
      "invalid_argument",
      message,
    ));
}

test("a latent that is too large is refused before memory is taken", () =>
  rejected(
    loadOnnx(fileOf(), { inputShapes: { latent: [4, 2 ** 30, 2 ** 30] } }),
    "invalid_file",
    /latentSize|numbers|values/,
  ));

test.run();
