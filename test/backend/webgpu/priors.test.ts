// run: newer-node, first
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type OnnxRuntime, webgpu } from "../../../src/backend/webgpu/index.ts";
import {
  amd,
  createDecoder,
  type EncodeOptions,
  encode,
  lbfgs,
  linearGrid,
  rk4,
} from "../../../src/index.ts";
import { leave, startDawn } from "../../support/dawn.ts";
import { allPriors } from "../../support/prior-reference.ts";
import { randomArray } from "../../support/random.ts";
import { relativeDistance } from "../../support/reference.ts";

// Priors beside a decoder that a GPU computes, held against WASM.

startDawn();
test.after(leave);

const ort: OnnxRuntime = await import("onnxruntime-web/webgpu");
const [d, n, samples] = [3, 17, 5];
const solvers: Record<string, EncodeOptions> = {
  lbfgs: { solver: lbfgs() },
  amd: { solver: amd({ maxSteps: 12 }) },
  rk4: { solver: rk4({ grid: linearGrid({ t1: 5, slices: 12 }) }) },
};

for (const { name, prior } of allPriors(d)) {
  for (const [solverName, options] of Object.entries(solvers)) {
    test(`${name}, ${solverName}: on a GPU as in WASM, with weights and without`, async () => {
      const decoder = createDecoder({ layers: [d, 12, n], activation: "tanh", loss: "mse", seed: 6 });
      const y = randomArray(7, samples * n, 0, 1);
      for (const weights of [undefined, randomArray(8, samples * n, 0.1, 30)]) {
        const given = { ...options, prior, ...(weights && { weights }) };
        const [gpu, wasm] = [
          await encode(decoder, y, { ...given, backend: webgpu({ ort }) }),
          await encode(decoder, y, given),
        ];
        assert.is(gpu.backend.name, "webgpu");
        assert.ok(relativeDistance(gpu.objective, wasm.objective) < 1e-5);
        assert.ok(relativeDistance(gpu.initialLoss, wasm.initialLoss) < 1e-5);
        for (const name of ["z", "prior"] as const) {
          const off = relativeDistance(gpu[name]!, wasm[name]!);
          assert.ok(off < 2e-2, `${name} off by ${off}`);
        }
      }
      decoder.dispose();
    });
  }
}

test.run();
