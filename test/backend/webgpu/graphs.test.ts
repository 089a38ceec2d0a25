// Tests src/backend/webgpu/batch-size.ts, src/backend/webgpu/rows.ts, too.
import { readFileSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import { type GraphProto, ModelProtoSchema, type ValueInfoProto } from "onnx-buf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dcgan, dcganDecoder, reachableData } from "../../../bench/dcgan.ts";
import { defaultRows } from "../../../src/backend/webgpu/batch-size.ts";
import { decodeGraph, objectiveGraph } from "../../../src/backend/webgpu/graphs.ts";
import { OnnxGraph } from "../../../src/backend/webgpu/onnx.ts";
import { readArray } from "../../../src/files/read.ts";
import { activations } from "../../../src/graph/activation.ts";
import { parametersOf } from "../../../src/graph/graph.ts";
import { dense, relu, reshape, sequential, upsample } from "../../../src/graph/index.ts";
import { layersOf } from "../../../src/graph/layers.ts";
import {
  type ActivationName,
  binaryCrossEntropy,
  createDecoder,
  type Decoder,
  encode,
  loadDecoder,
  squaredError,
  wasm,
} from "../../../src/index.ts";
import { ProtobufMessage } from "../../../src/onnx-format/protobuf.ts";
import type { StandardLoss } from "../../../src/terms/losses.ts";
import { allKinds } from "../../support/all-kinds.ts";
import { standardLosses } from "../../support/losses.ts";
import { ONNX_CASES } from "../../support/onnx-cases.ts";

// What is written is read back by a decoder that was generated from ONNX's own definition. What the graphs compute
// is held in the other webgpu tests.

/** The file's graph, as others read it. */
function read(graph: OnnxGraph): GraphProto {
  const model = fromBinary(ModelProtoSchema, graph.toBytes());
  assert.is(model.irVersion, 8n);
  assert.equal(
    model.opsetImport.map(({ domain, version }) => [domain, version]),
    [["", 17n]],
  );
  assert.ok(model.graph);
  return model.graph;
}

/** Name and shape of an input or output, which has to be of float32 numbers. */
function describe({ name, type }: ValueInfoProto): [name: string, shape: number[]] {
  const value = type?.value;
  if (value?.case !== "tensorType") throw new Error(`${name} is no tensor`);
  assert.is(value.value.elemType, 1);
  const dims = value.value.shape?.dim ?? [];
  return [name, dims.map(({ value }) => (value.case === "dimValue" ? Number(value.value) : -1))];
}

/** What onnxruntime-web computes on the GPU, and we use. */
const OPERATORS = new Set(
  [
    "Abs Add And AveragePool Cast Concat Conv ConvTranspose Cos DepthToSpace Div Elu Erf Exp Expand Floor Gather Gemm",
    "Greater GreaterOrEqual LayerNormalization LeakyRelu Less LessOrEqual Log MatMul Max Min Mul Neg Pad Pow ReduceMean",
    "ReduceSum Relu Reshape Resize Sigmoid Sin Slice Softmax Sqrt Sub Tanh Transpose Where",
  ].flatMap((names) => names.split(" ")),
);

/** Asserts that every tensor is there before it is used, once, and comes out of an operator that we know. */
function checkGraph({ node, initializer, input, output }: GraphProto): void {
  const known = new Set([...initializer, ...input].map(({ name }) => name));
  assert.is(known.size, initializer.length + input.length);
  for (const { opType, input: inputs, output: outputs } of node) {
    assert.ok(OPERATORS.has(opType), opType);
    for (const name of inputs) assert.ok(name === "" || known.has(name), `${opType} uses ${name}`);
    for (const name of outputs) {
      assert.not(known.has(name), `${name} is computed twice`);
      known.add(name);
    }
  }
  for (const { name } of output) assert.ok(known.has(name), `output ${name}`);
}

test("integers of any size and messages of any length are read back", () => {
  const dims = [0, 1, 127, 128, 300, 2 ** 31, 2 ** 40 + 5];
  const text = "ü".repeat(200);
  const tensor = new ProtobufMessage();
  for (const dim of dims) tensor.integer(1, dim);
  tensor.string(8, text).raw(9, Uint8Array.of(1, 2, 255));
  const graph = new ProtobufMessage().message(5, tensor);
  const bytes = new ProtobufMessage().message(7, graph).toBytes();
  const back = fromBinary(ModelProtoSchema, bytes).graph!.initializer[0]!;
  assert.equal(back.dims.map(Number), dims);
  assert.is(back.name, text);
  assert.equal([...back.rawData], [1, 2, 255]);
});

test("operators, attributes and constants are read back", () => {
  const graph = new OnnxGraph();
  const x = graph.input("x", [2, 3]);
  const elu = graph.applyWith({ alpha: { float: 0.3 }, axis: { integer: 1 } }, "Elu", x, 0.5);
  const turned = graph.transpose(graph.transpose(elu, [1, 0]), [1, 0]);
  graph.output("y", graph.apply("MatMul", turned, graph.matrix([3, 1], Float32Array.of(1, 2, 3))), [2, 1]);
  const { node, initializer, input, output } = read(graph);
  assert.equal(input.map(describe), [["x", [2, 3]]]);
  assert.equal(output.map(describe), [["y", [2, 1]]]);
  const [first, turn, , second] = node;
  assert.is(first!.opType, "Elu");
  assert.equal(
    first!.attribute.map(({ name, type, f, i }) => [name, type, f, i]),
    [
      ["alpha", 1, Math.fround(0.3), 0n],
      ["axis", 2, 0, 1n],
    ],
  );
  assert.equal(
    turn!.attribute.map(({ name, type, ints }) => [name, type, ints]),
    [["perm", 7, [1n, 0n]]],
  );
  assert.is(turn!.input[0], first!.output[0]);
  assert.equal(second!.output, ["y"]);
  const values = initializer.map(({ dims, dataType, rawData }) => [
    dims.map(Number),
    dataType,
    [...new Float32Array(Uint8Array.from(rawData).buffer)],
  ]);
  assert.equal(values, [
    [[], 1, [0.5]],
    [[3, 1], 1, [1, 2, 3]],
  ]);
});

test("the graphs of every activation, loss and size are sound, of known operators and fixed shapes", () => {
  for (const activation of Object.keys(activations) as ActivationName[]) {
    for (const loss of standardLosses()) {
      for (const weighted of [false, true]) {
        const decoder = createDecoder({ layers: [3, 5, 7], activation, outputActivation: "sigmoid" });
        const shape = { decoder, loss, weighted, rows: 4, fixed: [] };
        const parameters = parametersOf(decoder).map(({ operation, tensor, shape: dims }) => [
          `${tensor}${operation}`,
          dims,
        ]);
        const data = [["targets", [4, 7]], ...(weighted ? [["elementWeights", [4, 7]]] : [])];
        const objective = read(objectiveGraph(shape));
        checkGraph(objective);
        assert.equal(objective.input.map(describe), [...parameters, ...data, ["z", [4, 3]]]);
        assert.equal(objective.output.map(describe), [
          ["losses", [4, 1]],
          ["gradients", [4, 3]],
        ]);
        const products = objective.node.filter(({ opType }) => opType === "Gemm").length;
        assert.is(products, 2 * layersOf(decoder).length);
        const decode = read(decodeGraph({ decoder, rows: 4, fixed: [] }, false));
        checkGraph(decode);
        assert.equal(decode.output.map(describe), [["outputs", [4, 7]]]);
      }
    }
  }
});

test("the graphs of every kind of operation are sound, of known operators and fixed shapes", () => {
  for (const [name, definition] of Object.entries({ ...ONNX_CASES, allKinds })) {
    const decoder = createDecoder(definition);
    for (const sharing of ["shared", "own"] as const) {
      const { fixedInputs, latentSize } = decoder;
      const shape = { decoder, rows: 4, fixed: fixedInputs.map(() => sharing) };
      const graph = read(objectiveGraph({ ...shape, loss: squaredError(), weighted: false }));
      checkGraph(graph);
      const inputs = new Map(graph.input.map(describe));
      fixedInputs.forEach(({ shape: own }, i) => {
        assert.equal(inputs.get(`fixed${i}`), [sharing === "own" ? 4 : 1, ...own], name);
      });
      assert.equal(graph.output.map(describe), [
        ["losses", [4, 1]],
        ["gradients", [4, latentSize]],
      ]);
      // What a Reshape makes would be an output of a captured graph that stays as it was at first.
      const reshaped = graph.node
        .filter(({ opType }) => opType === "Reshape")
        .flatMap(({ output }) => output);
      assert.not(reshaped.includes("gradients"), name);
      checkGraph(read(decodeGraph(shape, false)));
    }
  }
});

/** Nodes of losses and gradients together, and so many of them are a Reshape, which takes no dispatch. */
const EVALUATIONS: readonly (readonly [
  name: string,
  decoder: Decoder,
  loss: StandardLoss,
  number,
  number,
])[] = [
  ["the paper's decoder", await loadDecoder("demo/decoder.safetensors"), binaryCrossEntropy(), 34, 0],
  ["the DCGAN", createDecoder(dcgan("elu")), squaredError(), 37, 4],
];

for (const [name, decoder, loss, nodes, reshapes] of EVALUATIONS) {
  test(`an evaluation of ${name} takes ${nodes} nodes, as site/performance/index.md says`, () => {
    const graph = read(objectiveGraph({ decoder, loss, weighted: false, rows: 256, fixed: [] }));
    assert.is(graph.node.length, nodes);
    assert.is(graph.node.filter(({ opType }) => opType === "Reshape").length, reshapes);
  });
}

test("a step of lbfgs takes 1.2 evaluations, of the paper's decoder and of the DCGAN", async () => {
  const { data } = await readArray(readFileSync("demo/mnist-test-300.idx.gz"));
  const digits = Float32Array.from(data.subarray(0, 32 * 784), (value) => value / 255);
  const generator = dcganDecoder("elu");
  const { y } = await reachableData(generator, 6, wasm());
  for (const [decoder, samples] of [
    [await loadDecoder("demo/decoder.safetensors"), digits],
    [generator, y],
  ] as const) {
    const { stats } = await encode(decoder, samples);
    const sum = (counts: Uint32Array) => counts.reduce((total, count) => total + count, 0);
    const each = sum(stats.valueEvaluations) / sum(stats.acceptedSteps);
    assert.ok(each > 1.1 && each < 1.25, `${each}`);
  }
});

test("so many samples are computed at once that their values have room", async () => {
  assert.is(defaultRows(await loadDecoder("demo/decoder.safetensors")), 1024);
  assert.is(defaultRows(createDecoder(dcgan("elu"))), 1024);
  const large = createDecoder(
    sequential(2, [dense(1), reshape([1, 1, 1]), upsample({ scale: 1024 }), relu()]),
  );
  assert.is(defaultRows(large), Math.floor(2 ** 30 / (8 * (2 * 2 ** 20 + 4))));
});

test("what is not read is not written", () => {
  const graph = new OnnxGraph();
  const x = graph.input("x", [2, 3]);
  const sum = graph.shaped(graph.apply("Add", x, 1), [2, 3]);
  // There and back.
  graph.output("y", graph.apply("Exp", graph.reshape(graph.reshape(sum, [6]), [2, 3])), [2, 3]);
  graph.apply("Neg", x);
  const { node, initializer } = read(graph);
  assert.equal(
    node.map(({ opType }) => opType),
    ["Add", "Exp"],
  );
  assert.is(initializer.length, 1);
});

test("outputs that are inputs, or twice the same, are copies", () => {
  const graph = new OnnxGraph();
  const x = graph.input("x", [2]);
  const y = graph.apply("Neg", x);
  for (const [name, tensor] of Object.entries({ same: x, first: y, second: y }))
    graph.output(name, tensor, [2]);
  const { node, output } = read(graph);
  assert.equal(
    node.map(({ opType }) => opType),
    ["Neg", "LeakyRelu", "LeakyRelu"],
  );
  checkGraph(read(graph));
  assert.is(output.length, 3);
});

test.run();
