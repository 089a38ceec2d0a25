// run: both, alone
import { test } from "uvu";
import * as assert from "uvu/assert";
import { atPoints } from "../../src/decoder/points.ts";
import {
  amd,
  binaryCrossEntropy,
  decode,
  type EncodeOptions,
  encode,
  lbfgs,
  squaredError,
  wasm,
} from "../../src/index.ts";
import { loadOnnx, toOnnx } from "../../src/onnx/index.ts";
import { allRows } from "../../src/solver/objective.ts";
import { builds } from "../support/builds.ts";
import { FOREIGN_DECODERS, openForeign } from "../support/foreign-decoders.ts";
import { bindObjective } from "../support/objective.ts";
import { relativeDistance } from "../support/reference.ts";

// Decoders that PyTorch and others have written, against what float64 says of them: see fixtures/decoders/README.md.

for (const name of FOREIGN_DECODERS) {
  test(`${name}: values, gradients and minima are those of float64`, async () => {
    const { expected, samples, decoder, inputs, fixed, ofAll, count } = await openForeign(name);
    const hasProbe = !/^(newer|keras|jax)/.test(name);
    assert.is(decoder.verified, hasProbe, decoder.unverifiedReason);
    if (!count) assert.equal(decoder.outputShape, expected.outputShape);
    assert.equal(decoder.latentShape, expected.latentShape);
    const isPicture = expected.outputShape.length === 3 && name !== "keras";
    assert.is(decoder.outputLayout, isPicture ? "channelsFirst" : "channelsLast");

    const values = await decode(
      decoder,
      ofAll(({ z }) => z),
      { ...inputs, backend: wasm({ relaxed: false }) },
    );
    const size = values.length / samples.length;
    samples.forEach(({ value }, i) => {
      const distance = relativeDistance(values.subarray(i * size, (i + 1) * size), value);
      assert.ok(distance < 1e-5, `value off by ${distance}`);
    });

    const bound = atPoints(decoder, count);
    const loss = expected.loss === "bce" ? binaryCrossEntropy() : squaredError();
    const given = bound.fixedInputs.map(({ name: input }) => fixed[input]!);
    for (const { name: build, backend } of builds) {
      const objective = await bindObjective(
        backend,
        bound,
        loss,
        ofAll(({ y }) => y),
        undefined,
        1,
        given,
      );
      const rows = allRows(samples.length);
      const losses = await objective.value(rows, Float64Array.from(ofAll(({ z }) => z)));
      const gradients = await objective.gradient(rows);
      objective.dispose();
      const d = decoder.latentSize;
      samples.forEach((sample, i) => {
        assert.ok(
          Math.abs(losses[i]! / sample.loss - 1) < 1e-4,
          `${build}: loss ${losses[i]}, not ${sample.loss}`,
        );
        const distance = relativeDistance(gradients.subarray(i * d, (i + 1) * d), sample.gradient);
        assert.ok(distance < 1e-4, `${build}: gradient off by ${distance}`);
      });
    }

    const y = ofAll((sample) => sample.y);
    const options = {
      ...inputs,
      z0: ofAll(({ zMin }) => zMin.map((value) => 1.01 * value)),
      loss: expected.loss,
      solver: lbfgs({ tolerance: 1e-8 }),
    } as EncodeOptions;
    const result = await encode(decoder, y, options);
    samples.forEach(({ lossMin }, i) => {
      const above = result.loss[i]! - lossMin;
      assert.ok(above <= 1e-5, `sample ${i} ends ${above} above the minimum, ${result.status[i]}`);
    });
  });

  test(`${name}: what toOnnx writes of it takes the same y, and computes the same`, async () => {
    const { decoder, inputs, ofAll, count } = await openForeign(name);
    const again = await loadOnnx(
      await toOnnx(decoder),
      count ? { points: decoder.fixedInputs.map((input) => input.name) } : {},
    );
    assert.is(again.verified, true, again.unverifiedReason);
    assert.equal(again.outputShape, decoder.outputShape);
    const z = ofAll((sample) => sample.z);
    const distance = relativeDistance(await decode(again, z, inputs), await decode(decoder, z, inputs));
    assert.ok(distance < 1e-5, `off by ${distance}`);
  });
}

test("a sample alone has the bits that it has beside others", async () => {
  for (const name of ["vae-groupnorm", "vae-attention", "cvae-embedding", "style"]) {
    const { decoder, samples, inputs, fixed, ofAll } = await openForeign(name);
    const y = ofAll((sample) => sample.y);
    const n = y.length / samples.length;
    const d = decoder.latentSize;
    const options = { solver: amd({ maxSteps: 15 }), loss: "mse" } as const;
    const all = await encode(decoder, y, { ...options, ...inputs });
    for (const i of samples.keys()) {
      const own = Object.fromEntries(
        Object.entries(fixed).map(([key, values]) => {
          const size = values.length / samples.length;
          return [key, values.slice(i * size, (i + 1) * size)];
        }),
      );
      const given = decoder.fixedInputs.length > 0 ? { fixed: own } : {};
      const one = await encode(decoder, y.slice(i * n, (i + 1) * n), { ...options, ...given });
      assert.equal(one.z, all.z.slice(i * d, (i + 1) * d), `${name}, sample ${i}`);
    }
  }
});

test.run();
