// run: both
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDecoder, decode, encode, gaussian, wasm } from "../../src/index.ts";
import { toOnnx } from "../../src/onnx/index.ts";
import { encodeWith, evaluate, trainAutoencoder } from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";

// Arrays that calls return are the caller's alone, by their types too: they can be posted, hashed, saved and transferred.

const decoder = createDecoder({ layers: [2, 5, 4], loss: "mse", prior: gaussian(), seed: 1 });
const y = randomArray(1, 7 * 4, 0, 1);

test("what is returned is an array in memory of its own, which Blob and crypto take", async () => {
  const { encoder } = await trainAutoencoder(decoder, y, {});
  for (const threads of [1, 2]) {
    const backend = wasm({ threads });
    const result = await encode(decoder, y, { backend, saveAt: "steps" });
    const report = await evaluate(decoder, y, { backend });
    const arrays = [
      ...[result.z, result.loss, result.objective, result.initialLoss, result.gradientNorm],
      ...[result.stats.acceptedSteps, result.stats.t, result.prior!],
      ...[report.loss, report.objective, report.initialLoss, report.gradientNorm],
      ...result.trajectory!.flatMap((one) => [one.t, one.z, one.loss]),
      await decode(decoder, result.z, { backend }),
      await encodeWith(encoder, y, { backend }),
      decoder.toSafetensors(),
      await toOnnx(decoder),
    ];
    for (const array of arrays) {
      // As the types say: without a cast.
      assert.is(new Blob([array]).size, array.byteLength);
      assert.is((await crypto.subtle.digest("SHA-256", array)).byteLength, 32);
      assert.ok(array.buffer instanceof ArrayBuffer);
      assert.equal([array.byteOffset, array.buffer.byteLength], [0, array.byteLength]);
    }
    assert.is(new Set(arrays.map(({ buffer }) => buffer)).size, arrays.length);
  }
});

test.run();
