// run: slow
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDecoder, type Decoder } from "../../../src/index.ts";
import { toOnnx } from "../../../src/onnx/index.ts";
import { Workplace } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";
import { runHere as run } from "../../support/run-here.ts";

// The program with a decoder that has a start of its own.

const workplace = new Workplace();
test.after(() => workplace.dispose());

const START = Float32Array.of(0.1, -1.75, 1 / 3, 12_345.678, 2);
const decoderWith = (start: Float32Array | undefined) =>
  createDecoder({ layers: [5, 9, 12], outputActivation: "sigmoid", loss: "mse", seed: 2, start });
const data = workplace.writeFloats(randomArray(1, 11 * 12, 0, 1), [11, 12]);

function fileOf(decoder: Decoder): string {
  const file = `${workplace.newPath()}.safetensors`;
  writeFileSync(file, decoder.toSafetensors());
  return file;
}

const own = fileOf(decoderWith(START));
const others = fileOf(decoderWith(Float32Array.of(1, 2, 3, 4, 5)));
const none = fileOf(decoderWith(undefined));

test("encode begins at the decoder's start, to the bytes of --z0 there; --z0 of zeros means 0", async () => {
  const encoded = async (...args: string[]) => {
    const out = workplace.newPath();
    const { exit, stdout, stderr } = await run("encode", "--data", data, "--plain", "--out", out, ...args);
    assert.is(exit, 0, stderr);
    const bytes = ["latents.npy", "results.csv"].map((name) => readFileSync(join(out, name)));
    return { bytes, stdout, before: /mean squared error before +│ (\S+)/.exec(stdout)![1] };
  };
  const z0 = workplace.writeFloats(START, [1, 5]);
  const zeros = workplace.writeFloats(new Float32Array(5), [5]);
  const byItself = await encoded("--decoder", own);
  assert.match(byItself.stdout, /flows start at +│ the decoder's own start/);
  const given = await encoded("--decoder", own, "--z0", z0);
  assert.equal(given.bytes, byItself.bytes);
  assert.match(given.stdout, /flows start at +│ \S+\.npy/);
  const onnx = `${workplace.newPath()}.onnx`;
  writeFileSync(onnx, await toOnnx(decoderWith(START)));
  assert.equal((await encoded("--decoder", onnx)).bytes, byItself.bytes);
  const from0 = await encoded("--decoder", none);
  assert.not.match(from0.stdout, /flows start at/);
  assert.is((await encoded("--decoder", own, "--z0", zeros)).before, from0.before);
  assert.is.not(byItself.before, from0.before);
});

test("evaluate and encode say in their documents that there is one, and train that it is kept", async () => {
  const documentOf = async (...args: string[]) => {
    const { exit, stdout, stderr } = await run(...args, "--plain", "--json");
    assert.is(exit, 0, stderr);
    return JSON.parse(stdout);
  };
  const z0 = workplace.writeFloats(START, [1, 5]);
  const evaluated = await documentOf("evaluate", "--decoder", own, "--data", data);
  const fromThere = await documentOf("evaluate", "--decoder", own, "--data", data, "--z0", z0);
  assert.is(evaluated.decoder.hasStart, true);
  assert.is(evaluated.meanLoss, fromThere.meanLoss);
  assert.is(evaluated.meanInitialLoss, fromThere.meanInitialLoss);
  assert.is((await documentOf("evaluate", "--decoder", none, "--data", data)).decoder.hasStart, false);
  const out = workplace.newPath();
  const trained = await documentOf("train", "--decoder", own, "--data", data, "--out", out);
  assert.is(trained.decoder.hasStart, true);
  const described = await run("describe", join(out, "decoder.safetensors"), "--json");
  assert.equal(JSON.parse(described.stdout).start, [...START]);
  // A run that is another by its start alone.
  const resumed = await run(
    "train",
    "--decoder",
    others,
    "--data",
    data,
    "--out",
    out,
    "--plain",
    "--resume",
  );
  assert.match(resumed.stderr, /another run: --decoder: start has other values\./);
});

test("describe says where flows start, unless at 0", async () => {
  const start = async (file: string) => /\nstart +(.*)\n/.exec((await run("describe", file)).stdout)?.[1];
  assert.is(await start(own), "0.1, -1.75, 0.3333, 12350, … (5 values)");
  assert.is(await start(none), undefined);
  assert.is(JSON.parse((await run("describe", none, "--json")).stdout).start, null);
  const two = createDecoder({ layers: [2, 3], start: Float32Array.of(1, -0.5) });
  assert.is(await start(fileOf(two)), "1, -0.5");
});

test("parts of a run whose decoder starts elsewhere are another run's", async () => {
  const out = workplace.newPath();
  const task = (decoder: string) =>
    run("encode", "--decoder", decoder, "--data", data, "--out", out, "--part", "0/2");
  const { exit, stderr } = await task(own);
  assert.is(exit, 0, stderr);
  for (const other of [others, none]) {
    const refused = await task(other);
    assert.is(refused.exit, 1);
    assert.match(refused.stderr, /has the parts of another run: --decoder has other values/);
  }
});

test.run();
