// Tests src/cli/commands/describe.ts.
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDecoder, type Decoder, describe } from "../../src/index.ts";
import { refused } from "../support/refusal.ts";
import { runHere } from "../support/run-here.ts";

const paper = createDecoder({
  layers: [20, 150, 300, 600, 784],
  outputShape: [28, 28],
  loss: "bce",
});

test("a description has the operations, in order, and their sums", () => {
  const { operations, parameters, multiplications, latentSize } = describe(paper);
  assert.is(latentSize, 20);
  assert.is(parameters, paper.parameterCount);
  assert.is(multiplications, 20 * 150 + 150 * 300 + 300 * 600 + 600 * 784);
  assert.equal(
    operations.map(({ name }) => name),
    paper.operations.map(({ name }) => name),
  );
  assert.equal(operations[0], {
    name: "decoder.0",
    kind: "dense",
    operation: "dense",
    shape: [150],
    parameters: 3150,
    multiplications: 3000,
  });
  assert.equal(operations.at(-1), {
    name: "decoder.6.activation",
    kind: "activation",
    operation: "sigmoid",
    shape: [28, 28],
    parameters: 0,
    multiplications: 0,
  });
});

const table = `\
operation  name                  shape    parameters  multiplications
latent     z                     20
dense      decoder.0             150           3,150            3,000
elu        decoder.0.activation  150
dense      decoder.2             300          45,300           45,000
elu        decoder.2.activation  300
dense      decoder.4             600         180,600          180,000
elu        decoder.4.activation  600
dense      decoder.6             784         471,184          470,400
reshape    decoder.6.reshape     28 × 28
sigmoid    decoder.6.activation  28 × 28
total                                        700,234          698,400`;

test("a description has the decoder's own start, null where it is 0", () => {
  assert.is(describe(paper).start, null);
  const start = Float32Array.of(0.1, -3);
  assert.equal(describe(createDecoder({ layers: [2, 3], start })).start, [...start]);
});

test("printed it is a table, in JSON numbers only", () => {
  assert.is(`${describe(paper)}`, table);
  assert.is(inspect(describe(paper)), table);
  assert.equal(Object.keys(JSON.parse(JSON.stringify(describe(paper)))), [
    ...["latentSize", "start", "starts", "operations", "parameters", "multiplications"],
  ]);
});

test("what is no decoder is refused, or one that has been disposed", () => {
  refused(() => describe({} as Decoder), "invalid_argument", /describe: the decoder is an object/);
  const gone = createDecoder({ layers: [1, 1] });
  gone.dispose();
  refused(() => describe(gone), "disposed", /describe: the decoder has been disposed/);
});

test("latentflow describe prints the same of a file", async () => {
  const run = async (...more: string[]) =>
    (await runHere("describe", "--decoder", "demo/decoder.safetensors", ...more)).stdout;
  assert.is(
    await run(),
    `${table}\n\nlatent z  20\noutput    28 × 28\nloss      mean cross entropy, its default\n\nnot verified: there was no probe to compare it with\n`,
  );
  const { file, verified, parameters, operations } = JSON.parse(await run("--json"));
  assert.equal(
    [file, verified, parameters, operations.length],
    ["demo/decoder.safetensors", false, 700_234, 9],
  );
});

test.run();
