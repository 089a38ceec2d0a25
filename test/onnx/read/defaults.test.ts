import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from "onnx-buf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "../../../src/index.ts";
import { loadOnnx } from "../../../src/onnx/index.ts";
import { OnnxFile } from "../../../src/onnx/write/file.ts";
import {
  type Attributes,
  modelMessage,
  nodeMessage,
  valueMessage,
} from "../../../src/onnx-format/messages.ts";
import { type Fed, run } from "../../support/onnx-file.ts";
import { relativeDistance } from "../../support/reference.ts";
import { rejected } from "../../support/refusal.ts";

// What a node of ONNX does where it says nothing of an attribute, held against onnxruntime; and files of tensors that lie
// outside of their folder.

/** Small enough that an epsilon of 1e-5 is a large part of their variance. */
const VALUES = Float32Array.of(0.001, -0.002, 0.004, 0.003, 0.002, -0.001, 0.005, 0.001);

/** Decodes the latents of a file by latentflow and by onnxruntime, and compares. */
async function compare(bytes: Uint8Array, shape: readonly number[] = [2, 4]): Promise<Float32Array> {
  const z: Fed = { name: "z", shape, values: VALUES, isInteger: false };
  const expected = (await run(bytes, [z], "y")).values;
  const actual = await decode(await loadOnnx(bytes), VALUES);
  const distance = relativeDistance(actual, expected);
  assert.ok(distance < 1e-6, `${distance}: ${actual} in place of ${expected}`);
  return actual;
}

/** A file of one node that reads a latent of [batch, ...lengths]. */
function fileOf(
  operator: string,
  lengths: readonly number[],
  constants: (file: OnnxFile) => Parameters<OnnxFile["apply"]>[2],
  dims: readonly (string | number)[],
  attributes: Attributes = {},
): Uint8Array {
  const file = new OnnxFile(["z", "y"]);
  const z = file.input("z", ["batch", ...lengths]);
  return file
    .toMessage("y", file.apply("module", operator, [z, ...constants(file)], attributes), dims, [])
    .toBytes();
}

for (const [operator, others] of [
  ["BatchNormalization", ([1, 0, 0, 1e-5] as const).map((value, i) => [value, i] as const)],
  ["LayerNormalization", ([1, 0] as const).map((value, i) => [value, i] as const)],
] as const) {
  test(`${operator}: the epsilon that is not said is 1e-5`, async () => {
    const file = (attributes: Attributes) =>
      fileOf(
        operator,
        [4],
        (onnx) => others.map(([value, i]) => onnx.parameter(`p${i}`, [4], new Float32Array(4).fill(value))),
        ["batch", 4],
        attributes,
      );
    const implied = await compare(file({}));
    assert.equal(await compare(file({ epsilon: { float: 1e-5 } })), implied);
    const other = await compare(file({ epsilon: { float: 1e-4 } }));
    assert.ok(relativeDistance(other, implied) > 0.1);
  });
}

test("Split without lengths makes equal parts", async () => {
  const bytes = (axis: number) => {
    const nodes = [
      nodeMessage({
        operator: "Split",
        inputs: ["z"],
        outputs: ["a", "b"],
        attributes: { axis: { integer: axis } },
      }),
      nodeMessage({
        operator: "Concat",
        inputs: ["b", "a"],
        outputs: ["y"],
        attributes: { axis: { integer: axis } },
      }),
    ];
    const [inputs, outputs] = ["z", "y"].map((name) => [valueMessage(name, ["batch", 4])]) as [never, never];
    return modelMessage({ nodes, initialisers: [], inputs, outputs }).toBytes();
  };
  const { 0: first, 2: third } = await compare(bytes(1));
  assert.equal([first, third], [VALUES[2], VALUES[0]]);
});

test("Reshape: a length of 0 is the input's, but with allowzero it is 0, which no decoder has", async () => {
  const file = (attributes: Attributes) =>
    fileOf("Reshape", [2, 2], (onnx) => [onnx.integers([0, 0, 2, 1])], ["batch", 2, 2, 1], attributes);
  assert.equal(await compare(file({}), [2, 2, 2]), VALUES);
  assert.equal(await compare(file({ allowzero: { integer: 0 } }), [2, 2, 2]), VALUES);
  await rejected(
    loadOnnx(file({ allowzero: { integer: 1 } })),
    "invalid_file",
    /Reshape: its shape is \[0,0,2,1\]/,
  );
});

/** A file that adds to the latent a tensor, whose numbers lie in another file. */
function fileWithin(location: string): Uint8Array {
  const plain = modelMessage({
    nodes: [nodeMessage({ operator: "Add", inputs: ["z", "w"], outputs: ["y"], attributes: {} })],
    initialisers: [],
    inputs: [valueMessage("z", ["batch", 4])],
    outputs: [valueMessage("y", ["batch", 4])],
  }).toBytes();
  const model = fromBinary(ModelProtoSchema, plain);
  model.graph!.initializer = [
    create(TensorProtoSchema, {
      name: "w",
      dims: [4n],
      dataType: TensorProto_DataType.FLOAT,
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: [create(StringStringEntryProtoSchema, { key: "location", value: location })],
    }),
  ];
  return new Uint8Array(toBinary(ModelProtoSchema, model));
}

test("tensors in another file: a symbolic link that leads out of the folder is refused", async () => {
  const place = mkdtempSync(join(tmpdir(), "latentflow-external-"));
  try {
    const folder = join(place, "model");
    mkdirSync(join(folder, "inside"), { recursive: true });
    // Its name begins with the folder's.
    mkdirSync(join(place, "model-secret"));
    const weights = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    for (const file of ["secret.data", "model-secret/w.data", "model/inside/w.data"]) {
      writeFileSync(join(place, file), weights);
    }
    symlinkSync(join(folder, "inside/w.data"), join(folder, "within.data"));
    symlinkSync(join(place, "secret.data"), join(folder, "absolute.data"));
    symlinkSync("../model-secret/w.data", join(folder, "relative.data"));
    symlinkSync("..", join(folder, "up"));
    symlinkSync(folder, join(place, "link-to-model"));
    const load = (location: string, externalData = folder) =>
      loadOnnx(fileWithin(location), { externalData });
    for (const location of ["within.data", "inside/w.data"]) {
      assert.equal([...(await decode(await load(location), new Float32Array(4)))], [1, 2, 3, 4]);
    }
    // The folder itself may be a link.
    await load("inside/w.data", join(place, "link-to-model"));
    for (const location of ["absolute.data", "relative.data", "up/secret.data"]) {
      await rejected(
        load(location),
        "invalid_file",
        RegExp(`"${location.replace("/", ".")}" leads out of its folder, expected a file in it`),
      );
    }
  } finally {
    rmSync(place, { recursive: true });
  }
});

test("tensors in another file: a location out of the folder is refused before it is read, in any system's notation", async () => {
  const asked: string[] = [];
  const externalData = (name: string) => {
    asked.push(name);
    return new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  };
  for (const location of [
    ...["../w.data", "inside/../../w.data", "/w.data", ".."],
    ...["..\\w.data", "inside\\..\\..\\w.data", "inside/..\\w.data", "\\w.data", "\\\\host\\w.data"],
    ...["C:\\w.data", "c:w.data", "C:/w.data", "w\0.data", ""],
  ]) {
    await rejected(
      loadOnnx(fileWithin(location), { externalData }),
      "invalid_file",
      /the tensor "w" is said to lie in ".*", expected a file in the same folder/,
    );
  }
  assert.equal(asked, []);
  await loadOnnx(fileWithin("inside/..w.data"), { externalData });
  assert.equal(asked, ["inside/..w.data"]);
});

test.run();
