// Tests src/onnx/read/folding/norms.ts, src/onnx/read/operators/choices.ts.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode, squaredError } from "../../../src/index.ts";
import { loadOnnx } from "../../../src/onnx/index.ts";
import { allRows } from "../../../src/solver/objective.ts";
import { builds } from "../../support/builds.ts";
import { bindObjective } from "../../support/objective.ts";
import { relativeDistance } from "../../support/reference.ts";

// Masks of attention, of -∞ or the least float32, and triangles, as PyTorch exports them: its outputs and gradients.
// test/fixtures/onnx/masks.py makes the files.

interface Masked {
  /** The file, as base64. */
  readonly model: string;
  readonly z: readonly number[];
  readonly y: readonly number[];
  /** Those of the sum whose gradient by z is `gradient`. */
  readonly weights: readonly number[];
  readonly gradient: readonly number[];
}

const MASKED = JSON.parse(
  readFileSync(new URL("../../fixtures/onnx/masks.json", import.meta.url), "utf8"),
) as Readonly<Record<string, Masked>>;

for (const [name, { model, z, y, weights, gradient }] of Object.entries(MASKED)) {
  for (const { name: build, backend } of builds) {
    test(`${build}: ${name} computes what PyTorch does, and its gradient`, async () => {
      const decoder = await loadOnnx(new Uint8Array(Buffer.from(model, "base64")));
      const rows = z.length / decoder.latentSize;
      const made = await decode(decoder, Float32Array.from(z), { backend });
      assert.is(made.length, y.length);
      // Both compute in float32: some 30 operations, sums of up to 8 products.
      assert.ok(relativeDistance(made, y) < 2e-6, String(relativeDistance(made, y)));
      // The gradient of |x - target|² is 2 (x - target): the weights, at this target.
      const target = Float32Array.from(y, (value, i) => value - weights[i]! / 2);
      const objective = await bindObjective(backend, decoder, squaredError({ reduction: "sum" }), target);
      await objective.value(allRows(rows), Float64Array.from(z));
      const own = await objective.gradient(allRows(rows));
      assert.ok(relativeDistance(own, gradient) < 1e-5, String(relativeDistance(own, gradient)));
      const product = await objective.tangent(allRows(rows), new Float64Array(z.length).fill(1));
      assert.ok(product.every(Number.isFinite), String(product));
      objective.dispose();
    });
  }
}

test.run();
