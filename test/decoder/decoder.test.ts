import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../src/base/random.ts";
import { checkDecoder, type Decoder, onDispose } from "../../src/decoder/decoder.ts";
import { type CreateDecoderOptions, createDecoder } from "../../src/decoder/initialise.ts";
import { dense, sequential, softmax } from "../../src/graph/index.ts";
import { layersOf } from "../../src/graph/layers.ts";
import { binaryCrossEntropy, squaredError } from "../../src/terms/losses.ts";
import { refused } from "../support/refusal.ts";
import { decoderOf } from "../support/safetensors-file.ts";

const refusedOptions = (options: unknown, message: RegExp) =>
  refused(() => createDecoder(options as CreateDecoderOptions), "invalid_argument", message);

test("the paper's decoder", () => {
  const decoder = createDecoder({
    layers: [20, 150, 300, 600, 784],
    activation: "elu",
    outputActivation: "sigmoid",
    outputShape: [28, 28],
    loss: binaryCrossEntropy(),
  });
  assert.is(decoder.latentSize, 20);
  assert.is(decoder.outputSize, 784);
  assert.equal(decoder.outputShape, [28, 28]);
  assert.equal(decoder.outputActivation, { name: "sigmoid" });
  assert.equal(decoder.loss, { name: "binaryCrossEntropy", reduction: "mean" });
  assert.is(
    decoder.parameterCount,
    20 * 150 + 150 + (150 * 300 + 300) + (300 * 600 + 600) + (600 * 784 + 784),
  );
  assert.is(decoder.parameterCount, 700_234);
  const chain = decoder.operations.map(({ name, inputs: [input] }) => [input, name]);
  assert.equal(
    decoder.operations.map(({ kind, name, shape }) => [kind, name, shape]),
    [
      ["dense", "decoder.0", [150]],
      ["activation", "decoder.0.activation", [150]],
      ["dense", "decoder.2", [300]],
      ["activation", "decoder.2.activation", [300]],
      ["dense", "decoder.4", [600]],
      ["activation", "decoder.4.activation", [600]],
      ["dense", "decoder.6", [784]],
      ["reshape", "decoder.6.reshape", [28, 28]],
      ["activation", "decoder.6.activation", [28, 28]],
    ],
  );
  for (const [i, [input]] of chain.entries()) assert.is(input, i === 0 ? "z" : chain[i - 1]![1]);
  const activations = decoder.operations.flatMap((operation) =>
    operation.kind === "activation" ? [operation.activation] : [],
  );
  const elu = { name: "elu", alpha: 1 };
  assert.equal(activations, [elu, elu, elu, { name: "sigmoid" }]);
});

test("an identity is no operation, nor a shape of one axis", () => {
  const decoder = createDecoder({ layers: [2, 3, 4], activation: "identity" });
  assert.equal(
    decoder.operations.map(({ kind }) => kind),
    ["dense", "dense"],
  );
  assert.equal(decoder.outputActivation, { name: "identity" });
});

test("weights and biases are views into one block, in order", () => {
  const decoder = createDecoder({ layers: [2, 3, 5] });
  const { parameters } = decoder;
  const layers = layersOf(decoder);
  assert.is(parameters.length, 29);
  assert.equal(
    layers
      .flatMap(({ weight, bias }) => [weight, bias])
      .map(({ length, byteOffset }) => [length, byteOffset / 4]),
    [
      [6, 0],
      [3, 6],
      [15, 9],
      [5, 24],
    ],
  );
  for (const { weight, bias } of layers) {
    assert.is(weight.buffer, parameters.buffer);
    assert.is(bias.buffer, parameters.buffer);
  }
});

test("a decoder is immutable", () => {
  const outputShape = [1, 3];
  const decoder = createDecoder({
    layers: [2, 2, 3],
    outputShape,
    loss: { name: "squaredError", reduction: "sum" },
  });
  outputShape[0] = 7;
  assert.equal(decoder.outputShape, [1, 3]);
  const values = [
    decoder,
    decoder.operations,
    ...decoder.operations,
    ...decoder.operations.flatMap(({ inputs, shape }) => [inputs, shape]),
    decoder.outputShape,
    decoder.outputActivation,
  ];
  for (const value of [...values, decoder.loss]) assert.ok(Object.isFrozen(value));
});

test("defaults: elu between the layers, the output activation that the loss implies, a flat shape", () => {
  const names = (options: Partial<CreateDecoderOptions>) =>
    layersOf(createDecoder({ layers: [2, 3, 4], ...options })).map(({ activation }) => activation.name);
  assert.equal(names({}), ["elu", "identity"]);
  assert.equal(names({ loss: squaredError() }), ["elu", "identity"]);
  assert.equal(names({ loss: binaryCrossEntropy() }), ["elu", "sigmoid"]);
  assert.equal(names({ loss: squaredError(), outputActivation: "sigmoid" }), ["elu", "sigmoid"]);
  assert.equal(createDecoder({ layers: [2, 3] }).outputShape, [3]);
  assert.is(createDecoder({ layers: [2, 3] }).loss, undefined);
});

test("the initialisation is PyTorch's: uniform in ±1/√in, weights and biases", () => {
  const layers = layersOf(createDecoder({ layers: [300, 500, 1000], seed: 3 }));
  for (const { inputSize, weight, bias } of layers) {
    const bound = 1 / Math.sqrt(inputSize);
    for (const values of [weight, bias]) {
      const count = values.length;
      const mean = values.reduce((sum, value) => sum + value, 0) / count;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
      const deviation = bound / Math.sqrt(3);
      // Five standard errors of each statistic.
      assert.ok(Math.abs(mean) < (5 * deviation) / Math.sqrt(count), `mean ${mean}`);
      assert.ok(Math.abs(variance / deviation ** 2 - 1) < 5 * Math.sqrt(0.8 / count), `variance ${variance}`);
      const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
      assert.ok(largest <= Math.fround(bound) && largest > bound * 0.98, `largest ${largest} of ${bound}`);
    }
  }
});

test("a seed gives the same parameters, another seed others", () => {
  const parameters = (seed?: number) =>
    createDecoder({ layers: [5, 7, 11], ...(seed === undefined ? {} : { seed }) }).parameters;
  assert.equal(parameters(1), parameters(1));
  assert.equal(parameters(), parameters(0));
  const largest = 2 ** 53 - 1;
  const seeds = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, largest];
  assert.is(new Set(seeds.map((seed) => parameters(seed).join())).size, seeds.length);
  // Seeds that are close have nothing in common: no value at the same place.
  const [a, b] = [parameters(0), parameters(1)];
  assert.not.ok(a.some((value, index) => Math.abs(value - b[index]!) < 1e-6));
});

test("the random numbers are sfc32's", () => {
  // The outputs of PractRand's own implementation for this seed, from the fifth on.
  const { uint32 } = createRandom(2 ** 32 + 2);
  const first = [
    0xa87dbc7e, 0x1787178c, 0x4c7b7234, 0xc65dade2, 0x2c692349, 0xf52c2153, 0xdf098072, 0x9d49b03c,
  ];
  assert.equal(
    first.map(() => uint32()),
    first,
  );
  const { uniform } = createRandom(2 ** 32 + 2);
  assert.is(uniform(), ((0xa87dbc7e >>> 5) * 2 ** 26 + (0x1787178c >>> 6)) / 2 ** 53);
});

test("bad options are refused", () => {
  refusedOptions(undefined, /^createDecoder: the options are undefined, expected an object, as/);
  refusedOptions(null, /^createDecoder: the options are null/);
  refusedOptions({ layers: [2, 3], layer: 1 }, /unknown option "layer"/);
  for (const layers of [undefined, 3, "20,784", [], [784]]) {
    refusedOptions({ layers }, /^createDecoder: layers is .*, expected the sizes from latent to output/);
  }
  refusedOptions({ layers: [2, 0, 3] }, /layers\[1\] is 0, expected an integer >= 1/);
  for (const size of [-1, 1.5, Number.NaN, "3", 2 ** 53])
    refusedOptions({ layers: [2, size] }, /layers\[1\] is/);
  refusedOptions({ layers: new Array(1e6).fill(1) }, /there are 999999 layers, expected at most 5000/);
  refusedOptions({ layers: new Array(5002).fill(1) }, /there are 5001 layers, expected at most 5000/);
  assert.is(createDecoder({ layers: new Array(5001).fill(1) }).parameterCount, 10_000);
  refusedOptions({ layers: new Array(3) }, /layers\[0\] is undefined/);
  refusedOptions({ layers: [2 ** 14, 2 ** 14] }, /have 268451840 parameters, expected at most 268435456/);
  refusedOptions({ layers: [2, 3], activation: "mish" }, /activation is "mish"/);
  refusedOptions({ layers: [2, 3], outputActivation: "mish" }, /outputActivation is "mish"/);
  for (const seed of [-1, 0.5, "1", 2 ** 53]) refusedOptions({ layers: [2, 3], seed }, /seed is/);
  for (const loss of [
    "crossEntropy",
    "constructor",
    binaryCrossEntropy,
    {},
    null,
    { name: "binaryCrossEntropy", reduction: "max" },
  ]) {
    refusedOptions({ layers: [2, 3], loss }, /loss is .*, expected "bce", .*squaredError\(\)/);
  }
  refusedOptions(
    { layers: [2, 3], loss: binaryCrossEntropy(), outputActivation: "tanh" },
    /the loss bce needs a decoder whose output activation is "sigmoid", this one's is "tanh"/,
  );
  refused(
    () => createDecoder(sequential(2, [dense(3), softmax()]), { loss: "bce" }),
    "invalid_argument",
    /is "sigmoid", this one's is "softmax"; use squaredError\(\), or customLoss for -y·log\(x\)$/,
  );
});

test("an output shape that does not hold a sample is refused", () => {
  refusedOptions(
    { layers: [2, 784], outputShape: [28, 27] },
    /outputShape \[28, 27\] holds 756 values, expected 784 \(the decoder's output size\)/,
  );
  for (const outputShape of [
    784,
    "28x28",
    [],
    [0],
    [28.5],
    ["28", 28],
    Object.assign(new Array(2), { 1: 784 }),
    new Array(9).fill(1),
  ]) {
    refusedOptions(
      { layers: [2, 784], outputShape },
      /outputShape is .*, expected an array of 1 to 8 positive/,
    );
  }
});

test("dispose calls what backends left, once, and closes the decoder", () => {
  const decoder = createDecoder({ layers: [2, 3] });
  const calls: string[] = [];
  onDispose(decoder, () => calls.push("first"));
  onDispose(decoder, () => calls.push("second"));
  assert.is(decoder.disposed, false);
  decoder.dispose();
  decoder.dispose();
  assert.equal(calls, ["first", "second"]);
  assert.is(decoder.disposed, true);
  onDispose(decoder, () => calls.push("late"));
  assert.equal(calls, ["first", "second", "late"]);
  refused(() => checkDecoder(decoder), "disposed", /^the decoder has been disposed; load or/);
  refused(() => decoder.toSafetensors(), "disposed", /^toSafetensors: the decoder has been disposed/);
  assert.is(decoder.parameterCount, 9);
});

test("Symbol.dispose is dispose", () => {
  const decoder = createDecoder({ layers: [2, 3] });
  const symbol = (Symbol as { dispose?: symbol }).dispose;
  assert.ok(symbol, "Node 20 and later have it");
  (decoder as unknown as Record<symbol, () => void>)[symbol]!();
  assert.is(decoder.disposed, true);
});

test("what is no decoder is refused", () => {
  const decoder = createDecoder({ layers: [2, 3] });
  checkDecoder(decoder);
  for (const value of [undefined, null, {}, { ...decoder }, "decoder.safetensors", new Uint8Array(3)]) {
    refused(() => checkDecoder(value), "invalid_argument", /^the decoder is .*, expected what load/);
  }
  refused(() => checkDecoder(Promise.resolve(decoder)), "invalid_argument", /is an await missing/);
});

test("toSafetensors keeps everything", () => {
  const decoders: Decoder[] = [
    createDecoder({ layers: [3, 4, 6], outputShape: [2, 3], loss: binaryCrossEntropy(), seed: 5 }),
    createDecoder({ layers: [2, 3, 3, 4], activation: "relu", outputActivation: "tanh" }),
    createDecoder({ layers: [2, 3, 4], activation: { name: "elu", alpha: 0.1 }, loss: squaredError() }),
    createDecoder({ layers: [2, 3, 4], activation: { name: "leakyRelu", slope: 1e-7 / 3 } }),
    createDecoder({
      layers: [2, 3],
      outputActivation: { name: "leakyRelu", slope: 0.2 },
      loss: squaredError({ reduction: "sum" }),
    }),
    createDecoder({ layers: new Array(15).fill(2), loss: binaryCrossEntropy({ reduction: "sum" }) }),
  ];
  for (const decoder of decoders) {
    const bytes = decoder.toSafetensors();
    const again = decoderOf(bytes);
    assert.equal(again, decoder);
    assert.equal(again.toSafetensors(), bytes);
  }
});

test.run();
