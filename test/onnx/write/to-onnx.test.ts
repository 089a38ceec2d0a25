// run: slow
// Tests src/onnx/write/file.ts, src/onnx/write/graph.ts, src/onnx-format/emitter.ts, src/onnx-format/operations.ts,
// src/onnx-format/value.ts, src/onnx-format/kinds/norms.ts, src/onnx-format/kinds/products.ts,
// src/onnx-format/kinds/rearranging.ts, src/onnx-format/kinds/resampling.ts.
import { fromBinary } from "@bufbuild/protobuf";
import { type GraphProto, type ModelProto, ModelProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-web/wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors } from "../../../src/files/safetensors.ts";
import { parametersOf } from "../../../src/graph/graph.ts";
import { concat, dense, graph, pointwise, sequential, sigmoid, tanh } from "../../../src/graph/index.ts";
import type { PointwiseFunction } from "../../../src/graph/pointwise.ts";
import { readDefinition } from "../../../src/graph/read-definition.ts";
import { binaryCrossEntropy, createDecoder, type Decoder, decode, wasm } from "../../../src/index.ts";
import { loadOnnx, toOnnx } from "../../../src/onnx/index.ts";
import { checkFileSize } from "../../../src/onnx/write/to-onnx.ts";
import { ONNX_CASES, randomDecoder } from "../../support/onnx-cases.ts";
import { OPERATION_CASES } from "../../support/operation-cases.ts";
import { randomArray } from "../../support/random.ts";
import { relativeDistance } from "../../support/reference.ts";
import { refused, rejected } from "../../support/refusal.ts";

// What onnxruntime-web makes of the files is held against decode, and what is in them read by a decoder that was
// generated from ONNX's own definition.

ort.env.wasm.numThreads = 1;

/** Both sum float32 numbers, in different orders. */
const TOLERANCE = 1e-5;

const read = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes);
const graphOf = (bytes: Uint8Array): GraphProto => read(bytes).graph!;
const operators = (bytes: Uint8Array): string[] => graphOf(bytes).node.map(({ opType }) => opType);
const metadataOf = (bytes: Uint8Array) =>
  new Map(read(bytes).metadataProps.map(({ key, value }) => [key, value]));

/** How often the operator is there, but for constants. */
function count(bytes: Uint8Array, operator: string): number {
  const { node, initializer } = graphOf(bytes);
  const constants = new Set(initializer.map(({ name }) => name));
  return node.filter(({ opType, input }) => opType === operator && !constants.has(input[0]!)).length;
}

interface Run {
  readonly rows: number;
  readonly points: number;
}

/** Latents, and values for the fixed inputs. */
function dataFor(decoder: Decoder, { rows, points }: Run) {
  const { fixedInputs } = readDefinition(decoder.definition, points);
  const z = randomArray(1, rows * decoder.latentSize, -2, 2);
  const fixed: Record<string, Float32Array> = {};
  fixedInputs.forEach(({ name, shape, classes }, i) => {
    const length = shape.reduce((product, axis) => product * axis, rows);
    const values = randomArray(i + 2, length, classes ? 0 : -1, classes ?? 1);
    fixed[name] = classes ? values.map(Math.floor) : values;
  });
  return { z, fixed, fixedInputs };
}

/** What the file makes of it, and of which shape. */
async function run(bytes: Uint8Array, decoder: Decoder, { rows, points }: Run) {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const { z, fixed, fixedInputs } = dataFor(decoder, { rows, points });
  const feeds: Record<string, ort.Tensor> = {
    z: new ort.Tensor("float32", z, [rows, decoder.latentSize]),
  };
  for (const { name, shape, classes } of fixedInputs) {
    const dims = [rows, ...shape];
    const integers = () => new ort.Tensor("int64", BigInt64Array.from([...fixed[name]!].map(BigInt)), dims);
    feeds[name] = classes ? integers() : new ort.Tensor("float32", fixed[name]!, dims);
  }
  const output = Object.values(await session.run(feeds))[0]!;
  await session.release();
  return { values: output.data as Float32Array, dims: output.dims };
}

async function expected(decoder: Decoder, { rows, points }: Run): Promise<Float32Array> {
  const { z, fixed } = dataFor(decoder, { rows, points });
  const isOverPoints = decoder.fixedInputs.some(({ hasPoints }) => hasPoints);
  return decode(decoder, z, {
    fixed,
    backend: wasm({ relaxed: false }),
    ...(isOverPoints && { points }),
  });
}

for (const [name, definition] of Object.entries({ ...OPERATION_CASES, ...ONNX_CASES })) {
  test(`the file computes D(z): ${name}`, async () => {
    const decoder = randomDecoder(definition);
    const bytes = await toOnnx(decoder);
    for (const points of JSON.stringify(definition).includes('"points"') ? [5, 8] : [1]) {
      const { operations } = readDefinition(definition, points);
      for (const rows of [1, 3]) {
        const { values, dims } = await run(bytes, decoder, { rows, points });
        const distance = relativeDistance(values, await expected(decoder, { rows, points }));
        assert.ok(distance < TOLERANCE, `${rows} rows, ${points} points: ${distance}`);
        assert.equal(dims, [rows, ...operations.at(-1)!.shape]);
      }
    }
  });
}

test("a decoder of convolutions is transposed once after its reshape and once at its end", async () => {
  const bytes = await toOnnx(randomDecoder(ONNX_CASES.DCGAN!));
  assert.is(count(bytes, "Transpose"), 2);
  assert.equal(
    operators(bytes),
    "Gemm Reshape Elu Transpose ConvTranspose BatchNormalization Elu ConvTranspose Reshape InstanceNormalization Reshape BatchNormalization Relu Resize Conv Sigmoid Transpose".split(
      " ",
    ),
  );
});

const TRANSPOSES: Readonly<Record<string, number>> = {
  "a reshape behind a convolution": 2,
  "an activation behind a convolution": 2,
  // One for the convolution and the sum, one for the output.
  "a skip over convolutions": 2,
  "sub, fewer axes behind a convolution": 2,
  "concat, a latent beside pixels behind a convolution": 2,
  permute: 1,
  "permute, then a convolution": 3,
  "slice, from the end, behind a convolution": 2,
  "mean, of pixels behind a convolution": 1,
  "mean, of channels behind a convolution": 1,
  "softmax, behind a convolution": 2,
  "matmul, transposed": 1,
  points: 0,
};

for (const [name, transposes] of Object.entries(TRANSPOSES)) {
  test(`no more is transposed than must be: ${name}`, async () => {
    const decoder = randomDecoder(ONNX_CASES[name]!);
    assert.is(count(await toOnnx(decoder), "Transpose"), transposes);
  });
}

test("corners are aligned by the new size, where a scale makes no whole number of pixels, which is read again", async () => {
  const decoder = randomDecoder(ONNX_CASES["resize linear, corners of a length that is not whole"]!);
  const again = await loadOnnx(await toOnnx(decoder));
  const z = randomArray(5, 2 * decoder.latentSize, -1, 1);
  assert.ok(relativeDistance(await decode(again, z), Array.from(await decode(decoder, z))) < TOLERANCE);
});

test("a dense stack is a product and a function for each layer", async () => {
  const decoder = createDecoder({ layers: [3, 5, 4], loss: "bce", outputShape: [2, 2] });
  assert.equal(operators(await toOnnx(decoder)), ["Gemm", "Elu", "Gemm", "Reshape", "Sigmoid"]);
});

test("the parameters are there bit by bit, under their names and in PyTorch's order", async () => {
  for (const definition of Object.values(ONNX_CASES)) {
    const decoder = randomDecoder(definition);
    const { initializer } = graphOf(await toOnnx(decoder));
    const tensors = new Map(initializer.map((tensor) => [tensor.name, tensor]));
    for (const { operation, tensor, shape, offset, size } of parametersOf(decoder)) {
      const { kind, name } = decoder.operations[operation]!;
      const found = tensors.get(`${name}.${tensor}`)!;
      assert.equal(found.dims.map(Number), kind === "constant" ? [1, ...shape] : [...shape]);
      const own = decoder.parameters.slice(offset, offset + size);
      assert.equal([...found.rawData], [...new Uint8Array(own.buffer)]);
    }
  }
});

test("inputs and the output say how they are named and which of their axes are of any length", async () => {
  const { input, output } = graphOf(
    await toOnnx(randomDecoder(ONNX_CASES["points, with all that there is"]!), { probe: false }),
  );
  const describe = ({ name, type }: GraphProto["input"][number]) => {
    const value = type!.value;
    if (value.case !== "tensorType") throw new Error(`${name} is no tensor`);
    const { elemType, shape } = value.value;
    return [name, elemType, shape!.dim.map(({ value: { value } }) => String(value))];
  };
  assert.equal(input.map(describe), [
    ["z", 1, ["batch", "3"]],
    ["x", 1, ["batch", "points", "2"]],
  ]);
  // x is taken.
  assert.equal(output.map(describe), [["output", 1, ["batch", "3"]]]);
  const points = graphOf(await toOnnx(randomDecoder(ONNX_CASES.points!), { probe: false }));
  assert.equal(points.output.map(describe), [["x", 1, ["batch", "points", "1"]]]);
  const label = graphOf(await toOnnx(randomDecoder(ONNX_CASES["a class"]!), { probe: false }));
  assert.equal(label.input.map(describe), [
    ["z", 1, ["batch", "3"]],
    ["label", 7, ["batch", "1"]],
  ]);
  assert.equal(label.output.map(describe), [["x", 1, ["batch", "6"]]]);
});

test("the file says which input is the latent, and what the loss is", async () => {
  const loss = binaryCrossEntropy({ reduction: "sum" });
  const bytes = await toOnnx(createDecoder(sequential(2, [dense(3), sigmoid()]), { loss }), { probe: false });
  assert.equal(
    [...metadataOf(bytes)],
    [
      ["latentflow.latent", "z"],
      ["latentflow.loss", '{"name":"binaryCrossEntropy","reduction":"sum"}'],
    ],
  );
  const plain = await toOnnx(createDecoder(sequential(2, [dense(3)])));
  assert.equal([...metadataOf(plain).keys()], ["latentflow.latent", "latentflow.probe"]);
  const { irVersion, opsetImport } = read(bytes);
  assert.is(irVersion, 8n);
  assert.equal(
    opsetImport.map(({ domain, version }) => [domain, version]),
    [["", 17n]],
  );
});

/** The tensors of a file's probe. */
function probeOf(bytes: Uint8Array) {
  const { metadata, tensors } = readSafetensors(
    Buffer.from(metadataOf(bytes).get("latentflow.probe")!, "base64"),
  );
  assert.equal([...metadata], [["format", "1"]]);
  return new Map(
    [...tensors].map(([name, { dtype, shape, bytes }]) => {
      const buffer = Uint8Array.from(bytes).buffer;
      const values = dtype === "I32" ? new Int32Array(buffer) : new Float32Array(buffer);
      return [name, { shape, values: [...values] }];
    }),
  );
}

test("the probe is what the decoder makes of four latents", async () => {
  const decoder = randomDecoder(ONNX_CASES.DCGAN!);
  const probe = probeOf(await toOnnx(decoder));
  assert.equal([...probe.keys()], ["z", "x"]);
  const { shape, values } = probe.get("z")!;
  assert.equal(shape, [4, 5]);
  const outputs = await decode(decoder, Float32Array.from(values), { backend: wasm({ relaxed: false }) });
  assert.equal(probe.get("x"), { shape: [4, decoder.outputSize], values: [...outputs] });
  assert.equal(await toOnnx(decoder), await toOnnx(decoder));
});

test("of a large output the probe has some numbers", async () => {
  const decoder = createDecoder(sequential(2, [dense(9_000), tanh()]));
  const probe = probeOf(await toOnnx(decoder));
  assert.equal([...probe.keys()], ["z", "indices", "x"]);
  const { shape, values: indices } = probe.get("indices")!;
  // One of each of 4,096 parts, some of which meet.
  assert.ok(shape[0]! <= 4_096 && shape[0]! > 3_800, `${shape}`);
  assert.is(new Set(indices).size, shape[0]);
  assert.ok(indices.every((index, i) => index >= 0 && index < 9_000 && (i === 0 || index > indices[i - 1]!)));
  const outputs = await decode(decoder, Float32Array.from(probe.get("z")!.values), {
    backend: wasm({ relaxed: false }),
  });
  const rows = [0, 1, 2, 3].flatMap((row) => indices.map((index) => outputs[row * 9_000 + index]));
  assert.equal(probe.get("x"), { shape: [4, shape[0]], values: rows });
});

test("where outputs are not finite there is no probe", async () => {
  const decoder = createDecoder(sequential(2, [dense(3)]));
  decoder.parameters[0] = Number.POSITIVE_INFINITY;
  assert.equal([...metadataOf(await toOnnx(decoder)).keys()], ["latentflow.latent"]);
});

/** Functions, and what each is. */
const FUNCTIONS: readonly [of: PointwiseFunction, f: (x: number) => number][] = [
  [{ name: "linear", scale: 2.5, shift: -0.5 }, (x) => 2.5 * x - 0.5],
  [{ name: "linear", scale: 1, shift: 0 }, (x) => x],
  [{ name: "exp" }, Math.exp],
  [{ name: "log" }, Math.log],
  [{ name: "sqrt" }, Math.sqrt],
  [{ name: "rootOfSquares" }, Math.sqrt],
  [{ name: "reciprocal" }, (x) => 1 / x],
  [{ name: "abs" }, Math.abs],
  [{ name: "isPositive" }, (x) => (x > 0 ? 1 : 0)],
  [{ name: "isNotNegative" }, (x) => (x >= 0 ? 1 : 0)],
  [{ name: "power", exponent: 3 }, (x) => x ** 3],
  [{ name: "clip", min: 0.4, max: 0.6 }, (x) => Math.min(Math.max(x, 0.4), 0.6)],
  // To seven digits at 0.5.
  [
    { name: "erf" },
    (x) =>
      (2 / Math.sqrt(Math.PI)) * (x - x ** 3 / 3 + x ** 5 / 10 - x ** 7 / 42 + x ** 9 / 216 - x ** 11 / 1320),
  ],
  [{ name: "mish" }, (x) => x * Math.tanh(Math.log1p(Math.exp(x)))],
  [{ name: "hardSwish" }, (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1)],
  [{ name: "hardSigmoid", slope: 0.3, offset: 0.4 }, (x) => Math.min(Math.max(0.3 * x + 0.4, 0), 1)],
];

for (const [of, f] of FUNCTIONS) {
  test(`the file computes ${JSON.stringify(of)}`, async () => {
    const decoder = createDecoder(sequential(3, [pointwise(of)]));
    const session = await ort.InferenceSession.create(await toOnnx(decoder, { probe: false }));
    const z = Float32Array.of(0.1, 0.5, 0.7);
    const { x } = await session.run({ z: new ort.Tensor("float32", z, [1, 3]) });
    await session.release();
    const distance = relativeDistance(x!.data as Float32Array, [...z].map(f));
    assert.ok(distance < 1e-5, String(distance));
  });
}

test("what no reader would read is refused", async () => {
  const decoder = createDecoder(sequential(2, [dense(3)]));
  await rejected(toOnnx({} as Decoder), "invalid_argument", /^toOnnx: the decoder is an? object/);
  await rejected(toOnnx(decoder, { prob: true } as object), "invalid_argument", /unknown option "prob"/);
  await rejected(toOnnx(decoder, { probe: 1 } as object), "invalid_argument", /probe is 1, expected true or/);
  decoder.dispose();
  await rejected(toOnnx(decoder), "disposed", /^toOnnx: the decoder has been disposed/);
  checkFileSize(2 ** 31 - 1);
  refused(
    () => checkFileSize(2 ** 31),
    "invalid_argument",
    /would have 2147483648 bytes.*keep the decoder as a safetensors file/,
  );
});

test("what a file cannot say is refused", async () => {
  const clash = graph(({ latent, fixed }) => dense(3)(concat()(latent(3), fixed("1.weight", 2))));
  await rejected(
    toOnnx(createDecoder(clash), { probe: false }),
    "invalid_argument",
    /^toOnnx: a fixed input is called "1.weight", as a parameter is/,
  );
});

test.run();
