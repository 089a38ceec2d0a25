// Tests src/decoder/metadata.ts, src/decoder/output.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DecoderFileOptions } from "../../src/decoder/from-safetensors.ts";
import { layersOf } from "../../src/graph/layers.ts";
import { binaryCrossEntropy, squaredError } from "../../src/terms/losses.ts";
import { refused } from "../support/refusal.ts";
import { bytesOf, decoderOf, fileOf, fileOfShapes } from "../support/safetensors-file.ts";

const layers = { "d.0.weight": [3, 2], "d.0.bias": [3], "d.2.weight": [4, 3], "d.2.bias": [4] };
const load = (metadata?: Record<string, string>, options?: DecoderFileOptions) =>
  decoderOf(fileOfShapes(layers, metadata), options);
const elu = { activation: "elu" };
const refusedMetadata = (metadata: Record<string, string>, message: RegExp) =>
  refused(() => load({ ...elu, ...metadata }), "invalid_file", message);
function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  return assert.unreachable("nothing was thrown") as never;
}

test("layers are ordered by number, 10 after 9, whatever the order in the file", () => {
  const decoder = decoderOf(
    fileOfShapes(
      {
        "net.10.bias": [5],
        "net.10.weight": [5, 4],
        "net.8.weight": [3, 2],
        "net.9.bias": [4],
        "net.9.weight": [4, 3],
        "net.8.bias": [3],
      },
      elu,
    ),
  );
  assert.equal(
    layersOf(decoder).map(({ name }) => name),
    ["net.8", "net.9", "net.10"],
  );
  // The file counts its values: net.10.bias 0-4, net.10.weight 5-24, net.8.weight 25-30, …
  assert.equal(layersOf(decoder)[0]!.weight, new Float32Array([25, 26, 27, 28, 29, 30]));
  assert.equal(layersOf(decoder)[0]!.bias, new Float32Array([47, 48, 49]));
  assert.equal(layersOf(decoder)[2]!.bias, new Float32Array([0, 1, 2, 3, 4]));
});

test("any common prefix will do", () => {
  for (const prefix of ["", "fc", "module.decoder.", "é\n", "a.1.", "layer_"]) {
    const decoder = decoderOf(fileOfShapes({ [`${prefix}1.weight`]: [3, 2], [`${prefix}1.bias`]: [3] }));
    assert.is(layersOf(decoder)[0]!.name, `${prefix}1`);
  }
});

test("F16, BF16 and F64 tensors, mixed", () => {
  const half = new Uint16Array([0x3c00, 0xc000]);
  const brain = new Uint16Array([0x3fc0]);
  const double = new Float64Array([0.1]);
  const decoder = decoderOf(
    fileOf(
      {
        "0.weight": { dtype: "F16", shape: [1, 2], data_offsets: [0, 4] },
        "0.bias": { dtype: "BF16", shape: [1], data_offsets: [4, 6] },
        "1.weight": { dtype: "F64", shape: [1, 1], data_offsets: [6, 14] },
        "1.bias": { dtype: "F32", shape: [1], data_offsets: [14, 18] },
      },
      Buffer.concat([bytesOf(half), bytesOf(brain), bytesOf(double), bytesOf(new Float32Array([7]))]),
    ),
    { activation: "relu" },
  );
  assert.equal(decoder.parameters, new Float32Array([1, -2, 1.5, 0.1, 7]));
});

test("metadata: activations by name, in PyTorch's spelling, or as JSON", () => {
  const activation = (text: string) => layersOf(load({ activation: text }))[0]!.activation;
  assert.equal(activation("elu"), { name: "elu", alpha: 1 });
  assert.equal(activation("leaky_relu"), { name: "leakyRelu", slope: 0.01 });
  assert.equal(activation("LeakyReLU"), { name: "leakyRelu", slope: 0.01 });
  assert.equal(activation("Tanh"), { name: "tanh" });
  assert.equal(activation('{"name":"elu","alpha":0.3}'), { name: "elu", alpha: 0.3 });
  assert.equal(load({ ...elu, outputActivation: '{"name":"leakyRelu","slope":0.5}' }).outputActivation, {
    name: "leakyRelu",
    slope: 0.5,
  });
  assert.equal(layersOf(load({ activation: '{"name":"Leaky_ReLU","slope":0.25}' }))[0]!.activation, {
    name: "leakyRelu",
    slope: 0.25,
  });
});

test("metadata: losses and their reduction", () => {
  const loss = (metadata: Record<string, string>) => load({ ...elu, ...metadata }).loss;
  assert.is(loss({}), undefined);
  assert.equal(loss({ loss: "bce" }), { name: "binaryCrossEntropy", reduction: "mean" });
  for (const name of ["binaryCrossEntropy", "crossEntropy"]) {
    const expected = { name: "binaryCrossEntropy", reduction: "mean" };
    assert.equal(loss({ loss: name, reduction: "mean" }), expected, name);
  }
  for (const name of ["BCELoss", "BCEWithLogitsLoss", "BCE"]) {
    assert.equal(loss({ loss: name }), { name: "binaryCrossEntropy", reduction: "mean" }, name);
  }
  assert.equal(loss({ loss: "MSELoss" }), { name: "squaredError", reduction: "mean" });
  assert.equal(loss({ loss: "mse" }), { name: "squaredError", reduction: "mean" });
  assert.equal(loss({ loss: "squaredError", reduction: "sum" }), { name: "squaredError", reduction: "sum" });
});

test("metadata: the output shape, and keys that are none of ours", () => {
  assert.equal(load({ ...elu, outputShape: "[2, 2]", format: "pt" }).outputShape, [2, 2]);
  assert.equal(load(elu).outputShape, [4]);
});

test("the output activation: the option, the file's, what the file's loss implies, what the option's implies", () => {
  const output = (metadata: Record<string, string>, options?: DecoderFileOptions) =>
    load({ ...elu, ...metadata }, options).outputActivation.name;
  assert.is(output({}), "identity");
  assert.is(output({ loss: "mse" }), "identity");
  assert.is(output({ loss: "bce" }), "sigmoid");
  assert.is(output({}, { loss: binaryCrossEntropy() }), "sigmoid");
  assert.is(output({ outputActivation: "tanh" }), "tanh");
  assert.is(output({ outputActivation: "tanh" }, { outputActivation: "relu" }), "relu");
  // Another loss does not make it another network.
  assert.is(output({ loss: "bce" }, { loss: squaredError() }), "sigmoid");
  assert.is(output({ loss: "mse" }, { loss: binaryCrossEntropy(), outputActivation: "sigmoid" }), "sigmoid");
});

test("cross entropy on an output that is no sigmoid is refused with the cure", () => {
  const cases: [Record<string, string>, DecoderFileOptions][] = [
    [{ loss: "bce", outputActivation: "identity" }, {}],
    [{ loss: "bce" }, { outputActivation: "identity" }],
    [{ outputActivation: "identity" }, { loss: binaryCrossEntropy() }],
    [{ loss: "mse" }, { loss: binaryCrossEntropy() }],
  ];
  for (const [metadata, options] of cases) {
    refused(
      () => load({ ...elu, ...metadata }, options),
      "invalid_argument",
      /the loss bce needs .* "sigmoid", this one's is "identity"; .* { outputActivation: "sigmoid" }/,
    );
  }
});

test("a missing activation is refused, but for a single layer", () => {
  refused(() => load(), "invalid_argument", /^neither .* give the option activation: "elu"/);
  assert.is(layersOf(load(undefined, { activation: "relu" }))[0]!.activation.name, "relu");
  assert.is(layersOf(decoderOf(fileOfShapes({ "0.weight": [3, 2], "0.bias": [3] }))).length, 1);
});

test("metadata that are not understood are refused, unless an option overrides them", () => {
  refusedMetadata(
    { activation: "mish" },
    /the file's activation is "mish".*; the option activation overrides/,
  );
  refusedMetadata({ activation: '{"name":"elu","alpha":-1}' }, /the file's activation.alpha is -1/);
  refusedMetadata({ activation: '{"name":' }, /the file's activation is ".*", expected JSON/);
  refusedMetadata({ outputActivation: "softmax" }, /the file's outputActivation is "softmax"/);
  refusedMetadata({ loss: "nll" }, /the file's loss is "nll", expected .*"bce".*; the option loss overrides/);
  refusedMetadata({ loss: "bce", reduction: "none" }, /the file's reduction is "none"/);
  for (const text of ["28x28", "", "[28"]) {
    refusedMetadata(
      { outputShape: text },
      /the file's outputShape is ".*", expected JSON, as \[28, 28\]; the option outputShape/,
    );
  }
  refusedMetadata(
    { outputShape: "[2,3]" },
    /the file's metadata: outputShape \[2, 3\] holds 6 values, expected 4/,
  );
  refusedMetadata({ outputShape: "4" }, /outputShape is 4, expected an array/);
  const nonsense = { activation: "x", outputActivation: "x", loss: "x", outputShape: "x" };
  const options: DecoderFileOptions = {
    activation: "tanh",
    outputActivation: "tanh",
    loss: squaredError(),
    outputShape: [2, 2],
  };
  assert.is(load(nonsense, options).outputActivation.name, "tanh");
});

test("metadata: another spelling of a key is refused unless its option is there, other keys are ignored", () => {
  const spellings: [string, string][] = [
    ["output_activation", "outputActivation"],
    ["Output-Activation", "outputActivation"],
    ["Activation", "activation"],
    ["output shape", "outputShape"],
    ["LOSS", "loss"],
  ];
  for (const [key, meant] of spellings) {
    refusedMetadata({ [key]: "sigmoid" }, new RegExp(`metadata have "${key}", expected "${meant}"`));
  }
  assert.is(load({ LOSS: "x" }, { activation: "elu", loss: "mse" }).loss?.name, "squaredError");
  load({
    ...elu,
    author: "A. Nonymous",
    format: "pt",
    class: "Decoder",
    version: "2",
    seed: "1",
    shape: "[4]",
  });
});

test("options that do not fit are refused", () => {
  refused(
    () => load(elu, { outputShape: [5] }),
    "invalid_argument",
    /outputShape \[5\] holds 5 values, expected 4/,
  );
  refused(() => load(elu, { outputShape: [] }), "invalid_argument", /outputShape is \[\]/);
});

test("a missing bias is zeros", () => {
  const { "d.2.bias": _, ...noBias } = layers;
  const decoder = decoderOf(fileOfShapes(noBias, elu));
  assert.equal(layersOf(decoder)[1]!.bias, new Float32Array(4));
  assert.is.not(layersOf(decoder)[0]!.bias[0], 0);
});

test("a file without tensors is refused", () => {
  refused(() => decoderOf(fileOfShapes({}, elu)), "invalid_file", /the file holds no tensors/);
});

test("a checkpoint of a training run is no decoder, and says so", () => {
  refused(
    () => decoderOf(fileOfShapes(layers, { format: "latentflow checkpoint 1" })),
    "invalid_file",
    /it is the checkpoint of a training run, not a decoder; .*take decoder\.safetensors/,
  );
});

test("lists of names and shapes stay short", () => {
  const giant = 2 ** 53 - 1;
  const shape = [giant, giant, giant, giant, giant, giant, 0];
  const names = Array.from({ length: 40 }, (_, index) => `${"x".repeat(60)}${index}`);
  const files = [
    Object.fromEntries(names.map((name) => [name, [0]])),
    Object.fromEntries(
      names.flatMap((name) => [
        [`${name}.weight`, [giant, 0]],
        [`${name}.bias`, shape],
      ]),
    ),
    Object.fromEntries(
      names.flatMap((_, i) => [
        [`${i}.weight`, [giant, 0]],
        [`${i}.bias`, shape],
      ]),
    ),
  ];
  for (const shapes of files) {
    const error = thrownBy(() => decoderOf(fileOfShapes(shapes, elu)));
    assert.ok(error.message.length < 1000, `${error.message.length}`);
    assert.match(error.message, /and \d+ more/);
  }
});

test("a needed tensor of another dtype, or with a bad value, is named", () => {
  const file = (dtype: string, weight: Float32Array) =>
    fileOf(
      {
        "0.weight": { dtype, shape: [1, 2], data_offsets: [0, 8] },
        "0.bias": { dtype: "F32", shape: [1], data_offsets: [8, 12] },
      },
      bytesOf(new Float32Array([...weight, 0])),
    );
  refused(
    () => decoderOf(file("I32", new Float32Array(2))),
    "invalid_file",
    /tensor "0.weight" has the dtype I32/,
  );
  refused(
    () => decoderOf(file("F32", new Float32Array([0, Number.NaN]))),
    "invalid_file",
    /tensor "0.weight" holds NaN at index 1/,
  );
});

test.run();
