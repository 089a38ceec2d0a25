// run: slow
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gradientsOf, largestDeviation, readCheck } from "../../../experiments/public-decoders/check.ts";
import { decode } from "../../../src/index.ts";
import { loadOnnx } from "../../../src/onnx/index.ts";
import { builds } from "../../support/builds.ts";

// Published decoders at small widths: the structures of experiments/public-decoders, compared with ONNX Runtime and PyTorch.
// test/fixtures/onnx/published.py writes the files.

const folder = fileURLToPath(new URL("../../fixtures/onnx/published/", import.meta.url));
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".onnx"))
  .map((name) => name.replace(/\.onnx$/, ""));

/** Rounding in float32: PyTorch's own gradients in float32 are up to 1.4e-5 from those in float64. */
const TOLERANCE = 3e-5;

for (const name of names) {
  test(`${name}: outputs are ONNX Runtime's, gradients PyTorch's`, async () => {
    const isOverPoints = name === "cvxnet" || name === "shape2vecset";
    const decoder = await loadOnnx(`${folder}${name}.onnx`, isOverPoints ? { points: "xyz" } : {});
    const check = await readCheck(`${folder}${name}.check.npz`, decoder);
    const { fixed, points } = check;
    for (const { backend } of builds) {
      const options = { fixed, backend, ...(points === undefined ? {} : { points }) };
      const x = await decode(decoder, check.z, options);
      const error = largestDeviation(x, check.x);
      assert.ok(error < TOLERANCE, `the outputs deviate by ${error}`);
      const gradients = await gradientsOf(decoder, check, backend);
      const gradientError = largestDeviation(gradients, check.gradient);
      assert.ok(gradientError < TOLERANCE, `the gradients deviate by ${gradientError}`);
    }
    // Files by PyTorch alone have no probe.
    assert.is(decoder.verified, !name.startsWith("progan"));
  });
}

test.run();
