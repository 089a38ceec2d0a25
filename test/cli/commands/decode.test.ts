// run: slow
// Tests src/cli/commands/decode.ts, and the advice for an encoder's file in place of a decoder's.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readNpy } from "../../../src/files/npy.ts";
import { createDecoder, decode, wasm } from "../../../src/index.ts";
import { Workplace } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";
import { runHere } from "../../support/run-here.ts";

const workplace = new Workplace();
test.after(() => workplace.dispose());

const decoder = createDecoder({ layers: [2, 5, 12], outputShape: [4, 3], loss: "bce", seed: 1 });
const save = (bytes: Uint8Array) => {
  const file = `${workplace.newPath()}.safetensors`;
  writeFileSync(file, bytes);
  return file;
};
const decoderFile = save(decoder.toSafetensors());

test("decode takes the codes that encode --samples has drawn, a picture of each draw", async () => {
  const data = workplace.writeFloats(randomArray(1, 3 * 12, 0, 1), [3, 4, 3]);
  const [encoded, out] = [workplace.newPath(), workplace.newPath()];
  const running = ["--decoder", decoderFile, "--threads", "1", "--plain", "--quiet"];
  const drawn = await runHere(
    ...["encode", "--data", data, "--out", encoded, "--prior", "gaussian", "--samples", "4", ...running],
  );
  assert.is(drawn.exit, 0, drawn.stderr);
  const latents = join(encoded, "samples.npy");
  const { exit, stdout, stderr } = await runHere(
    ...[
      "decode",
      "--decoder",
      decoderFile,
      "--latents",
      latents,
      "--out",
      out,
      "--threads",
      "1",
      "--plain",
      "--json",
    ],
  );
  assert.is(exit, 0, stderr);
  const { samples, build, vectors } = JSON.parse(stdout);
  assert.is(samples, 12);
  assert.is(build, "plain");
  assert.ok([128, 256].includes(vectors), vectors);
  const codes = readNpy(readFileSync(latents));
  assert.equal(codes.shape, [3, 4, 2]);
  const expected = await decode(decoder, codes.data as Float32Array, {
    backend: wasm({ relaxed: false, threads: 1 }),
  });
  const decoded = readNpy(readFileSync(join(out, "decoded.npy")));
  assert.equal(decoded.shape, [12, 4, 3]);
  assert.equal(decoded.data, expected);
  const wrong = workplace.writeFloats(new Float32Array(16), [2, 2, 2, 2]);
  const refused = await runHere("decode", "--decoder", decoderFile, "--latents", wrong, "--out", out);
  assert.is(refused.exit, 1);
  assert.match(refused.stderr, /its shape is 2 × 2 × 2 × 2 of floats, expected floats, any number × 2/);
});

test("an encoder's file in place of a decoder's is called so, with and without a loss", async () => {
  const encoder = save(createDecoder({ layers: [12, 5, 2] }).toSafetensors());
  const data = workplace.writeFloats(randomArray(1, 3 * 12, 0, 1), [3, 4, 3]);
  for (const command of ["encode", "evaluate"]) {
    const args = [command, "--decoder", encoder, "--data", data, "--out", workplace.newPath()];
    const unnamed = await runHere(...args);
    assert.is(unnamed.exit, 1);
    assert.match(
      unnamed.stderr,
      /makes 2 values of 12, as an encoder does; give the decoder\.safetensors beside it/,
    );
    const named = await runHere(...args, "--loss", "mse");
    assert.is(named.exit, 1);
    assert.match(
      named.stderr,
      /output has 2 values, its latent 12: are the samples codes, .*, or is the decoder an encoder\?/,
    );
  }
});

test.run();
