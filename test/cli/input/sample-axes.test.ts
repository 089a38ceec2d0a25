// run: slow
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dense, elu, layerNorm, reshape, sequential } from "../../../src/graph/index.ts";
import { createDecoder, loadDecoder } from "../../../src/index.ts";
import { toOnnx } from "../../../src/onnx/index.ts";
import { Workplace } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";
import { runHere } from "../../support/run-here.ts";

// The axes of samples, weights and decoders: only shapes tell numbers in another order from those that are meant.

const workplace = new Workplace();
test.after(() => workplace.dispose());

const run = (...args: string[]) => runHere(...args, "--plain", "--threads", "1", "--json");

function write(name: string, contents: string | Uint8Array): string {
  const file = join(workplace.folder, name);
  writeFileSync(file, contents);
  return file;
}

const COUNT = 6;
/** A picture of three channels, channels last. */
const definition = sequential(2, [dense(48), reshape([4, 4, 3])]);
const picture = createDecoder(definition, { loss: "mse", seed: 1 });
const pictureFile = write("picture.safetensors", picture.toSafetensors());
const architecture = write("picture.json", JSON.stringify(definition));
const y = randomArray(1, COUNT * 48, 0, 1);
const last = workplace.writeFloats(y, [COUNT, 4, 4, 3]);
const first = workplace.writeFloats(y, [COUNT, 3, 4, 4]);

/** Each command that reads samples for a decoder. */
const readers = (data: string) => [
  ["encode", "--decoder", pictureFile, "--data", data, "--out", workplace.newPath()],
  ["evaluate", "--decoder", pictureFile, "--data", data],
  ["train", "--architecture", architecture, "--loss", "mse", "--data", data, "--out", workplace.newPath()],
];

test("samples whose axes are in another order than the decoder's are refused by every command", async () => {
  for (const args of readers(first)) {
    const { exit, stderr } = await run(...args);
    assert.is(exit, 1, args[0]);
    assert.match(
      stderr,
      /^latentflow: --data \S+: its samples are 3 × 4 × 4, the decoder's output is 4 × 4 × 3; put/,
    );
  }
  const [, , training] = readers(last);
  const { exit, stderr } = await run(...training!, "--validate", first);
  assert.is(exit, 1);
  assert.match(stderr, /^latentflow: --validate \S+: its samples are 3 × 4 × 4, the decoder's output is/);
});

test("an array with the axes of one sample is one sample, for every command", async () => {
  const one = workplace.writeFloats(y.subarray(0, 48), [4, 4, 3]);
  const whole = workplace.writeFloats(y.subarray(0, 48), [1, 4, 4, 3]);
  const [results, expected] = [readers(one), readers(whole)];
  for (const [i, args] of results.entries()) {
    const { exit, stderr, stdout } = await run(...args);
    assert.is(exit, 0, stderr);
    const [own, other] = [stdout, (await run(...expected[i]!)).stdout].map((text) => JSON.parse(text));
    for (const { data } of [own, other])
      assert.equal([data.samples, data.shape], [1, [4, 4, 3]], JSON.stringify(data));
    assert.is(own.meanLoss, other.meanLoss);
  }
});

test("the right order, the same numbers without axes, and axes of length 1 are taken by every command", async () => {
  const flat = workplace.writeFloats(y, [COUNT, 48]);
  const more = workplace.writeFloats(y, [COUNT, 1, 4, 4, 3]);
  for (const data of [last, flat, more]) {
    for (const args of readers(data)) {
      const { exit, stderr } = await run(...args);
      assert.is(exit, 0, `${args[0]}: ${stderr}`);
    }
  }
});

test("weights whose axes are in another order than the samples' are refused, and weights without axes are not", async () => {
  const weights = randomArray(2, COUNT * 48, 0, 1);
  const cases: [shape: number[], isRight: boolean][] = [
    [[3, 4, 4], false],
    [[COUNT, 3, 4, 4], false],
    [[4, 4, 3, COUNT], false],
    [[4, COUNT, 4, 3], false],
    [[48, COUNT], false],
    [[4, 4, 3], true],
    [[48], true],
    [[COUNT, 4, 4, 3], true],
    [[COUNT, 48], true],
    [[COUNT * 48], true],
  ];
  for (const [shape, isRight] of cases) {
    const size = shape.reduce((product, length) => product * length);
    const file = workplace.writeFloats(weights.slice(0, size), shape);
    for (const args of readers(last)) {
      const { exit, stderr } = await run(...args, "--weights", file);
      assert.is(exit, isRight ? 0 : 1, `${args[0]}, ${shape}: ${stderr}`);
      if (isRight) continue;
      const found = shape.join(" × ");
      const expected = `its shape is ${found}, expected 4 × 4 × 3 or ${COUNT} × 4 × 4 × 3, as the data have`;
      assert.ok(stderr.includes(expected), stderr);
    }
  }
});

test("weights whose first axis is not the samples' are refused where the samples have one axis", async () => {
  const decoder = write(
    "spectra.safetensors",
    createDecoder({ layers: [2, 9], loss: "mse" }).toSafetensors(),
  );
  const data = workplace.writeFloats(randomArray(3, COUNT * 9, 0, 1), [COUNT, 9]);
  for (const [shape, exit] of [
    [[9, COUNT], 1],
    [[COUNT, 9], 0],
  ] as const) {
    const weights = workplace.writeFloats(randomArray(4, COUNT * 9, 0, 1), shape);
    const end = await run("evaluate", "--decoder", decoder, "--data", data, "--weights", weights);
    assert.is(end.exit, exit, end.stderr);
    if (exit === 1) assert.match(end.stderr, /its shape is 9 × 6, expected 9 or 6 × 9, as the data have/);
  }
});

test("train goes on from decoders whose output has one axis, of graphs and of layers, from either kind of file", async () => {
  const spectra = workplace.writeFloats(randomArray(3, COUNT * 9, 0, 1), [COUNT, 9]);
  const graph = createDecoder(sequential(2, [dense(5), layerNorm(), dense(9)]), {
    loss: "mse",
    seed: 1,
  });
  const layers = createDecoder({ layers: [2, 5, 9], loss: "mse", seed: 1 });
  const files = [
    write("graph.safetensors", graph.toSafetensors()),
    write("layers.safetensors", layers.toSafetensors()),
    write("graph.onnx", await toOnnx(graph)),
  ];
  for (const file of files) {
    const out = workplace.newPath();
    const { exit, stderr } = await run(
      "train",
      "--decoder",
      file,
      "--loss",
      "mse",
      "--data",
      spectra,
      "--out",
      out,
    );
    assert.is(exit, 0, `${file}: ${stderr}`);
    const trained = join(out, "decoder.safetensors");
    assert.equal([...(await loadDecoder(trained)).outputShape], [9]);
    const again = await run("train", "--decoder", trained, "--data", spectra, "--out", workplace.newPath());
    assert.is(again.exit, 0, again.stderr);
  }
});

test("train gives a decoder of a graph the samples' shape where its own has one axis", async () => {
  const grid = workplace.writeFloats(randomArray(3, COUNT * 9, 0, 1), [COUNT, 3, 3]);
  const graph = createDecoder(sequential(2, [dense(9), layerNorm(), elu()]), { loss: "mse", seed: 1 });
  const file = write("flat.safetensors", graph.toSafetensors());
  const out = workplace.newPath();
  const { exit, stderr } = await run(
    "train",
    "--decoder",
    file,
    "--data",
    grid,
    "--shift",
    "1",
    "--out",
    out,
  );
  assert.is(exit, 0, stderr);
  const trained = await loadDecoder(join(out, "decoder.safetensors"));
  assert.equal([...trained.outputShape], [3, 3]);
  assert.is(trained.outputActivation.name, "elu");
});

test.run();
