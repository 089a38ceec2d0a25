// run: slow
// Tests src/onnx/read/einsum-equation.ts, src/onnx/read/folding/einsum.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "../../../../src/index.ts";
import { loadOnnx, toOnnx } from "../../../../src/onnx/index.ts";
import { OnnxFile, type Tensor } from "../../../../src/onnx/write/file.ts";
import { builds } from "../../../support/builds.ts";
import { checkDerivatives, derivativeCase } from "../../../support/derivatives.ts";
import { decodeOnCpu } from "../../../support/graph-on-cpu.ts";
import { feed, run } from "../../../support/onnx-file.ts";
import { onnxVectors } from "../../../support/onnx-vectors.ts";
import { relativeDistance } from "../../../support/reference.ts";
import { rejected } from "../../../support/refusal.ts";

// Einsum: what ONNX Runtime or NumPy computes, or a refusal with a reason. test/fixtures/onnx/einsum.py makes the files and
// computes what is expected.

const CASES = onnxVectors("einsum");

const REFUSALS: Readonly<Record<string, RegExp>> = {
  "along the batch": /it multiplies along the batch, .*; export it with the batch as the first axis/,
  "two batches": /it multiplies along the batch/,
  "sum over the batch": /it sums over the batch, which makes samples depend on each other/,
  "sum over the batch of a product": /it multiplies along the batch/,
  "sum over the batch, implicit": /it multiplies along the batch/,
  "product along the batch, beside another": /it multiplies along the batch/,
  "diagonal along the batch": /it takes a diagonal along the batch or the points/,
  "no such output": /its equation "bij->bik" has "k" in the output, expected labels of its inputs, each once/,
  "twice in the output": /its equation "bij->bii" has "i" in the output, expected .*, each once/,
  characters: /its equation is "b1->b", expected letters, one "\.\.\." at most in each term, commas and one/,
  dots: /its equation is "b\.i->b", expected letters/,
  arrows: /its equation is "bi->b->i", expected .* one "->"/,
  terms: /its equation "bi,bj->b" has 2 terms, expected one for each of its 1 inputs/,
  rank: /its term "bi" is of input 0, which has 3 axes, expected 2/,
  lengths: /its label "i" is 3 long in input 0 and 4 in input 1/,
  "lengths of a diagonal": /its label "i" is 1 long in input 0 and 3 in input 0/,
  "ellipsis lost": /its equation "b\.\.\.->b" has "\.\.\." in an input, expected it in the output, too/,
};

for (const [name, { bytes, z, y, shape }] of Object.entries(CASES)) {
  if (name.startsWith("refused: ")) {
    test(name, () => rejected(loadOnnx(bytes), "invalid_file", REFUSALS[name.slice("refused: ".length)]!));
    continue;
  }
  test(`${name}: it computes what ONNX Runtime does`, async () => {
    const decoder = await loadOnnx(bytes);
    // One number for each sample has an axis in the graph.
    assert.equal(decoder.outputShape, shape.length > 1 ? shape.slice(1) : [1]);
    const got = await decode(decoder, z);
    assert.is(got.length, y.length, "the number of outputs");
    // A few roundings of float32, in other orders.
    assert.ok(relativeDistance(got, Array.from(y)) < 1e-6, `[${got}], not [${y}]`);
  });
}

test("every refusal is of a file that is there", () => {
  assert.equal(
    Object.keys(REFUSALS).filter((name) => !(`refused: ${name}` in CASES)),
    [],
  );
});

/** One for each way in which an Einsum is computed. */
const DIFFERENTIATED = [
  "attention values",
  "weights of each head",
  "heads back",
  "tri-linear",
  "inner product",
  "two axes summed in another order",
  "trace",
  "constants on both sides",
  "outer product with a constant",
];

// Every build has the kinds' own tests.
test("the derivatives of what Einsums become are those of differences", async () => {
  const build = builds.find(({ name }) => name === "plain")!;
  for (const name of DIFFERENTIATED) {
    const decoder = await loadOnnx(CASES[name]!.bytes, { loss: "mse" });
    await checkDerivatives(build, derivativeCase(decoder, { samples: 2, parametersOfEach: 4 }));
  }
});

test("as ONNX and on the GPU's graphs they are the same", async () => {
  for (const name of DIFFERENTIATED) {
    const { bytes, z, y } = CASES[name]!;
    const decoder = await loadOnnx(bytes);
    const again = await loadOnnx(await toOnnx(decoder));
    for (const got of [await decode(again, z), await decodeOnCpu(decoder, z)]) {
      assert.ok(relativeDistance(got, Array.from(y)) < 1e-6, `${name}: [${got}], not [${y}]`);
    }
  }
});

/** Einsums one after the other, of points [points, 3] and the latent, with the latent's shape. */
const OF_POINTS: readonly (readonly [shape: readonly number[], ...equations: string[]])[] = [
  [[3, 4], "pi,bij->bpj"],
  [[3], "pi,bi->bp"],
  [[2, 2], "pi,bjk->bpijk"],
  [[3, 3], "pi,bij->bpj", "bpi,bij->bpj"],
  // Points and another axis as rows, and the points summed over.
  [[2, 2], "pi,bjk->bpjik", "bpjik,bjl->bpikl"],
  [[2, 2], "pi,bjk->bpj", "bpj,bjk->bk"],
];

for (const [shape, ...equations] of OF_POINTS) {
  test(`${equations.join(", then ")}, over points: it computes what ONNX Runtime does`, async () => {
    const file = new OnnxFile(["z", "xyz", "y"]);
    const z = file.input("z", ["batch", ...shape]);
    const xyz = file.input("xyz", ["points", 3]);
    const made = equations.reduce<Tensor>(
      (left, text) => file.apply("module", "Einsum", [left, z], { equation: { text } }),
      xyz,
    );
    const axes = [...equations.at(-1)!.split("->")[1]!];
    const bytes = file.toMessage("y", made, axes, []).toBytes();
    const fed = feed(bytes);
    const expected = await run(bytes, fed, "y");
    const decoder = await loadOnnx(bytes, { points: "xyz" });
    const values = (name: string) => fed.find((each) => each.name === name)!.values;
    const got = await decode(decoder, values("z"), {
      fixed: { xyz: values("xyz") },
      points: values("xyz").length / 3,
    });
    assert.ok(
      relativeDistance(got, Array.from(expected.values)) < 1e-6,
      `[${got}], not [${expected.values}]`,
    );
  });
}

test.run();
