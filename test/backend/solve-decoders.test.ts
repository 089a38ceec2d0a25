// run: slow
// Tests src/backend/wasm/decode.ts, src/backend/wasm/fused-solve.ts, src/backend/wasm/staging.ts,
// src/backend/wasm/wasm.ts, src/backend/wasm/session.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  amd,
  closeWorkers,
  decode,
  dormandPrince,
  type EncodeOptions,
  encode,
  euler,
  lbfgs,
  linearGrid,
  nesterovFlow,
  rk4,
  wasm,
} from "../../src/index.ts";
import { evaluate } from "../../src/train/index.ts";
import { decoderCases } from "../support/decoders.ts";
import { gradientOf, graphLoss } from "../support/graph-reference.ts";
import { norm } from "../support/reference.ts";
import { workerUrl } from "../support/threads.ts";

// Every solver on every sort of decoder.

test.after(closeWorkers);

const solvers: Record<string, EncodeOptions> = {
  lbfgs: { solver: lbfgs({ maxSteps: 30 }) },
  amd: { solver: amd({ maxSteps: 30 }) },
  euler: { solver: euler({ grid: linearGrid({ t1: 5, slices: 12 }) }) },
  dormandPrince: { solver: dormandPrince({ t1: 5 }) },
  "rk4, Nesterov's flow": { flow: nesterovFlow(), solver: rk4({ grid: linearGrid({ t1: 2, slices: 8 }) }) },
};

for (const decoderCase of decoderCases) {
  const { name, make, y, size, sampleCount, given } = decoderCase;
  for (const [solverName, options] of Object.entries(solvers)) {
    test(`${name}, ${solverName}: losses and gradients are float64's, and lower than at the start`, async () => {
      const decoder = make();
      const { z, loss, initialLoss, gradientNorm } = await encode(decoder, y, { ...given, ...options });
      const d = decoder.latentSize;
      for (const sample of [0, sampleCount - 1]) {
        const target = y.subarray(sample * size, (sample + 1) * size);
        const fixed = decoderCase.givenFor([sample]).fixed ?? {};
        const lossAt = (at: readonly number[]) =>
          graphLoss(decoder, decoder.loss!, at, target, decoder.parameters, fixed);
        const at = [...z.subarray(sample * d, (sample + 1) * d)];
        const start = at.map(() => 0);
        assert.ok(Math.abs(loss[sample]! / lossAt(at) - 1) < 1e-5);
        assert.ok(Math.abs(initialLoss[sample]! / lossAt(start) - 1) < 1e-5);
        // A step so small that a kink near the end is not within it.
        const normAt = (point: readonly number[]) => norm(gradientOf(lossAt, point, 1e-6));
        const scale = normAt(start);
        const off = Math.abs(gradientNorm[sample]! - normAt(at));
        assert.ok(off < 1e-4 * scale, `${off} of ${scale}`);
        assert.ok(loss[sample]! < initialLoss[sample]!);
      }
    });

    test(`${name}, ${solverName}: a sample has the same bits alone and on three threads`, async () => {
      const decoder = make();
      const backend = wasm({ threads: 3, worker: workerUrl });
      const whole = await encode(decoder, y, { ...given, ...options });
      const threads = await encode(decoder, y, { ...given, ...options, backend, batchSize: 2 });
      const { stats, z, loss, status } = whole;
      assert.equal({ z: threads.z, loss: threads.loss, status: threads.status }, { z, loss, status });
      assert.equal(threads.stats, stats);
      const sample = 4;
      const alone = await encode(decoder, y.slice(sample * size, (sample + 1) * size), {
        ...decoderCase.givenFor([sample]),
        ...options,
      });
      const d = decoder.latentSize;
      assert.equal(alone.z, z.slice(sample * d, (sample + 1) * d));
      assert.is(alone.loss[0], loss[sample]);
    });
  }

  test(`${name}: decode and evaluate on three threads are as on one`, async () => {
    const decoder = make();
    const { z, loss } = await encode(decoder, y, given);
    const backend = wasm({ threads: 3, worker: workerUrl });
    assert.equal(await decode(decoder, z, { ...given, backend }), await decode(decoder, z, given));
    assert.equal((await evaluate(decoder, y, { ...given, backend })).loss, loss);
  });
}

test.run();
