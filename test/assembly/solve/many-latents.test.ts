// run: both
import { test } from "uvu";
import * as assert from "uvu/assert";
import { packDecoder } from "../../../src/backend/wasm/packed.ts";
import { conv, elu, reshape, sequential, sigmoid } from "../../../src/graph/index.ts";
import { createDecoder, type Decoder, decode, encode, gaussian } from "../../../src/index.ts";
import { compileKernels } from "../../../src/kernels/load.ts";
import { norm } from "../../support/reference.ts";

// Decoders of hundreds to thousands of latents: an image as a latent, say.

const SAMPLES = 3;

const layered = (d: number) =>
  createDecoder({ layers: [d, 64, 100], outputActivation: "sigmoid", loss: "mse", seed: 1 });
/** From a picture of d numbers to one of as many. */
const convolutional = (side: number, channels: number) =>
  createDecoder(
    sequential(side * side * channels, [
      reshape([side, side, channels]),
      ...[conv({ channels: 4, kernel: 3, padding: 1 }), elu()],
      ...[conv({ channels, kernel: 3, padding: 1 }), sigmoid()],
    ]),
    { seed: 2, loss: "mse" },
  );

/** What the decoder makes of codes that are known. */
async function reachable(decoder: Decoder): Promise<Float32Array> {
  const codes = Float32Array.from({ length: SAMPLES * decoder.latentSize }, (_, i) => Math.sin(i * i));
  return decode(decoder, codes);
}

const cases: [name: string, make: () => Decoder][] = [
  ...[512, 2048, 12288].map((d): [string, () => Decoder] => [`layers, ${d}`, () => layered(d)]),
  ["a picture of 512", () => convolutional(16, 2)],
  ["a picture of 2,048", () => convolutional(32, 2)],
  ["a picture of 12,288", () => convolutional(64, 3)],
];

for (const [name, make] of cases) {
  for (const prior of [undefined, gaussian({ std: 2 })]) {
    test(`${name}${prior ? ", held by a prior" : ""}: samples are encoded`, async () => {
      const decoder = make();
      const y = await reachable(decoder);
      const { initialLoss, loss, objective, status, z } = await encode(decoder, y, prior && { prior });
      for (let sample = 0; sample < SAMPLES; sample++) {
        assert.is(status[sample], "converged");
        assert.ok(objective[sample]! < initialLoss[sample]!);
        if (!prior) assert.ok(loss[sample]! < 1e-2 * initialLoss[sample]!, `${loss[sample]}`);
      }
      assert.ok(norm(z) > 0 && z.every(Number.isFinite));
      decoder.dispose();
    });
  }
}

test("above the bounds of the preconditioner memory grows as the latents do", async () => {
  const bytes: number[] = [];
  for (const d of [1024, 2048, 4096, 8192]) {
    const decoder = layered(d);
    const y = await reachable(decoder);
    const { arena } = await packDecoder(decoder, await compileKernels(undefined));
    await encode(decoder, y, { prior: gaussian() });
    bytes.push(arena.byteLength);
    decoder.dispose();
  }
  for (let i = 1; i < bytes.length; i++) {
    assert.ok(bytes[i]! < 2.1 * bytes[i - 1]!, bytes.join(", "));
  }
  // Far from d × d doubles.
  assert.ok(bytes.at(-1)! < 8192 * 8192, bytes.join(", "));
});

test.run();
