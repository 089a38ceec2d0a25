// run: slow
// Tests src/onnx/read/build-decoder.ts, src/onnx/read/external-data.ts,
// src/onnx/read/import-graph.ts, src/onnx/read/inputs.ts, src/onnx/read/model.ts, src/onnx/read/output.ts,
// src/onnx/read/protobuf.ts, src/onnx/read/tensor.ts, src/onnx/read/activations.ts,
// src/onnx/read/folding/elementwise.ts, src/onnx/read/folding/lengths.ts, src/onnx/read/folding/reductions.ts,
// src/onnx/read/folding/shapes.ts, src/onnx/read/rewrite-rules.ts, src/onnx/read/simplify.ts.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode, loadDecoder } from "../../../src/index.ts";
import { type LoadOnnxOptions, loadOnnx } from "../../../src/onnx/index.ts";
import type { Written } from "../../../src/onnx/read/graph-writer.ts";
import { findLatent } from "../../../src/onnx/read/inputs.ts";
import { findOutput } from "../../../src/onnx/read/load.ts";
import { readModel } from "../../../src/onnx/read/model-file.ts";
import { OPERATORS, operatorOf } from "../../../src/onnx/read/operators/table.ts";
import { simplify } from "../../../src/onnx/read/simplify.ts";
import { OnnxFile } from "../../../src/onnx/write/file.ts";
import { fuzzOnnx } from "../../fuzz/onnx.ts";
import { type Fed, feed, partOf, run } from "../../support/onnx-file.ts";
import { timed } from "../../support/patience.ts";
import { relativeDistance } from "../../support/reference.ts";
import { refused, rejected } from "../../support/refusal.ts";

// Files of ONNX become decoders that compute what onnxruntime computes of them. test/fixtures/onnx/make.py writes them.

const folder = fileURLToPath(new URL("../../fixtures/onnx/", import.meta.url));
const file = (name: string) => new Uint8Array(readFileSync(`${folder}${name}.onnx`));
const names = (part: string) =>
  readdirSync(`${folder}${part}`)
    .filter((name) => name.endsWith(".onnx"))
    .map((name) => name.replace(/\.onnx$/, ""));

/** What files want said that have more than a latent. */
function optionsOf(name: string): LoadOnnxOptions {
  if (name === "external") return { externalData: `${folder}read` };
  if (/^(points|siren)/.test(name)) return { points: "xyz" };
  return /condition/.test(name) ? { latent: "latent" } : {};
}

/** The kinds of operation, and the functions, that a file becomes. */
const OPERATIONS: Readonly<Record<string, string>> = {
  mlp: "dense elu dense sigmoid",
  dcgan: "reshape convTranspose relu convTranspose relu convTranspose permute tanh",
  "conv-vae": "dense reshape permute upsample conv silu conv reshape sigmoid",
  "groupnorm-skips":
    "dense reshape permute conv groupNorm silu conv add groupNorm silu conv add upsample groupNorm conv permute sigmoid",
  "layernorm-small-nodes": "dense layerNorm gelu dense",
  "layernorm-by-variance": "dense layerNorm",
  "groupnorm-after-linear": "dense reshape permute groupNorm conv reshape",
  "one-hot": "embedding concat dense",
  "points-conv": "concat dense relu dense reshape",
  "pixel-norm": "dense reshape permute rmsNorm conv permute",
  "rms-by-hand": "dense rmsNorm",
  "transposed-batchnorm": "dense relu reshape permute convTranspose permute",
  "bmm-linear-bias": "reshape dense tanh dense",
  "sigmoid-then-move": "dense reshape permute conv reshape sigmoid",
  "keras-channels-last": "dense reshape convTranspose sigmoid",
  "weight-norm": "dense tanh dense",
  label: "embedding concat dense tanh dense",
  points: "concat dense softplus dense relu dense",
  siren: "dense dense add sine dense sine dense",
};

for (const name of names("read")) {
  test(`${name}: it computes what onnxruntime does`, async () => {
    const bytes = file(`read/${name}`);
    const decoder = await loadOnnx(bytes, optionsOf(name));
    const made = decoder.operations.map((each) => {
      if (each.kind === "pointwise") return each.function.name;
      return each.kind === "activation" ? each.activation.name : each.kind;
    });
    if (OPERATIONS[name]) assert.is(made.join(" "), OPERATIONS[name]);

    const inputs = feed(bytes);
    const latent = inputs.find((input) => decoder.fixedInputs.every((each) => each.name !== input.name))!;
    const points = decoder.fixedInputs.some(({ hasPoints }) => hasPoints)
      ? inputs.find((input) => input.name === "xyz")!.shape.at(-2)!
      : undefined;
    const count = points === undefined ? {} : { points };
    const isSingle = name === "points-alone" || name === "points-latent-each";
    // Repeated for each point in the file, once here.
    if (isSingle) latent.values.set(latent.values.map((_, i, all) => all[i % decoder.latentSize]!));
    const data = new Uint8Array(readFileSync(`${folder}read/external.onnx.data`));
    const external = name === "external" ? { externalData: [{ path: "external.onnx.data", data }] } : {};
    const { values, shape } = await run(bytes, inputs, "y", external);
    const samples = isSingle ? 1 : shape[0]!;
    const size = values.length / samples;
    for (let i = 0; i < samples; i++) {
      const fixed = Object.fromEntries(
        inputs
          .filter((input) => input !== latent)
          .map((input) => [input.name, partOf(decoder, input, i, samples)]),
      );
      const got = await decode(decoder, partOf(decoder, latent, i, samples), { fixed, ...count });
      const error = relativeDistance(got, values.subarray(i * size, (i + 1) * size));
      // Both round to float32 in each operator; sums of some hundred products.
      assert.ok(got.length === size && error < 1e-5, `off by ${error}, ${got.length} numbers`);
    }
  });
}

test("names that a file does not have, or too many: its own are listed", async () => {
  const inputs = Array.from({ length: 14 }, (_, i) => ({ name: `in${i}`, shape: [2] }));
  const many = { inputs, initializers: [], outputs: inputs } as never;
  const cases: [call: () => unknown, message: RegExp][] = [
    [() => findLatent({ ...(many as object), inputs: [] } as never, "z", []), /file's inputs are none$/],
    [() => findLatent(many, "z", []), /the latent is to be "z", but .* "in11" and 2 more$/],
    [
      () => findLatent(many, undefined, ["x"]),
      /points is "x", but the file's inputs are "in0", .* and 2 more$/,
    ],
    [() => findOutput(many, "x"), /output is "x", but the file's outputs are "in0", .* and 2 more$/],
    [() => findOutput(many, undefined), /several outputs: "in0", .* "in11" and 2 more; say which by/],
  ];
  for (const [call, message] of cases) refused(call, "invalid_argument", message);
  for (const points of [[undefined], [3], 3])
    await rejected(
      loadOnnx(file("read/points"), { points } as never),
      "invalid_argument",
      /points is (undefined|3), expected a name$/,
    );
});

test("without a probe the graph is imported once, in the order that is asked for", async () => {
  const operator = OPERATORS.ConvTranspose as unknown as { read: (node: unknown) => unknown };
  const { read } = operator;
  let count = 0;
  operator.read = (node) => {
    count++;
    return read(node);
  };
  try {
    await loadOnnx(file("read/dcgan"));
    const once = count;
    await loadOnnx(file("read/dcgan"), { layout: "channelsLast" });
    assert.is(count, 2 * once);
  } finally {
    operator.read = read;
  }
});

test("a shape is the file's, without the batch; or as it is computed", async () => {
  const shapeOf = async (name: string, options?: LoadOnnxOptions) =>
    (await loadOnnx(file(name), options)).outputShape;
  assert.equal(await shapeOf("read/dcgan"), [3, 16, 16]);
  assert.equal(await shapeOf("read/dcgan", { layout: "channelsLast" }), [16, 16, 3]);
  assert.equal(await shapeOf("read/dcgan-4d"), [1, 8, 8]);
  assert.equal(await shapeOf("read/dcgan-4d", { layout: "channelsLast" }), [8, 8, 1]);
  assert.equal(await shapeOf("read/dcgan-4d", { outputShape: [8, 8] }), [8, 8]);
  assert.equal(await shapeOf("read/dcgan", { outputShape: [3, 256] }), [3, 256]);
  const reordered =
    /outputShape is \[16, 16, 3\], but .* is \[3, 16, 16\]; leave .*give layout: "channelsLast"/;
  await rejected(shapeOf("read/dcgan", { outputShape: [16, 16, 3] }), "invalid_argument", reordered);
  await rejected(
    shapeOf("read/dcgan", { layout: "channelsLast", outputShape: [3, 16, 16] }),
    "invalid_argument",
    /the output is \[16, 16, 3\]; leave the option outputShape out$/,
  );
  const decoder = await loadOnnx(file("read/dcgan"), { layout: "channelsLast" });
  const other = await loadOnnx(file("read/dcgan"));
  const [{ values }] = feed(file("read/dcgan")) as [Fed];
  const [last, first] = await Promise.all([decode(decoder, values), decode(other, values)]);
  const permuted = last.map((_, i) => {
    const [pixel, channel] = [Math.floor((i % 768) / 3), i % 3];
    return first[768 * Math.floor(i / 768) + channel * 256 + pixel]!;
  });
  assert.equal(last, permuted);
});

test("logits get their sigmoid, which a loss has in itself", async () => {
  const options = { outputActivation: "sigmoid", loss: "bce" } as const;
  const decoder = await loadOnnx(file("read/condition"), { ...options, latent: "latent" });
  assert.equal(decoder.outputActivation, { name: "sigmoid" });
  assert.is(decoder.loss?.name, "binaryCrossEntropy");
  await rejected(loadOnnx(file("read/mlp"), options), "invalid_argument", /ends in a sigmoid already/);
  await rejected(
    loadOnnx(file("read/weight-norm"), { loss: "bce" }),
    "invalid_argument",
    /outputActivation|sigmoid/,
  );
});

test("inputs: the latent by name, metadata or type; integers name rows of a table", async () => {
  const label = await loadOnnx(file("read/label"));
  assert.equal(label.fixedInputs, [{ name: "label", shape: [1], hasPoints: false, classes: 5 }]);
  const points = await loadOnnx(file("read/points"), { points: "xyz" });
  assert.equal(points.fixedInputs, [{ name: "xyz", shape: [1, 3], hasPoints: true }]);
  assert.is(points.latentSize, 6);
  const metadata = await loadOnnx(file("read/metadata-latent"));
  assert.is(metadata.fixedInputs[0]!.name, "other");
  await rejected(
    loadOnnx(file("read/metadata-latent"), { latent: "other" }),
    "invalid_argument",
    /the input "z" is not the latent/,
  );
});

test("the latent's first axis is the batch or the points, by the declared shapes or else by the nodes", async () => {
  const fixed = { xyz: Float32Array.of(1, 2, 3, 4, 5, 6) };
  const z = Float32Array.of(1, 0, 2);
  for (const length of [undefined, "n", 4]) {
    for (const isRepeated of [true, false]) {
      const declared = [[], [length, undefined], [undefined, undefined], [length, length]];
      for (const output of [...declared, ...(isRepeated ? [[length, 1]] : [])]) {
        const file = new OnnxFile(["z", "xyz", "y"]);
        const inputs = [file.input("z", [length, 3]), file.input("xyz", [length, 3])];
        const equation = { equation: { text: isRepeated ? "ni,ni->n" : "bi,ni->bn" } };
        const sums = file.apply("", "Einsum", inputs, equation);
        const made = isRepeated ? file.apply("", "Unsqueeze", [sums, file.integers([1])]) : sums;
        const bytes = file.toMessage("y", made, output, []).toBytes();
        const decoder = await loadOnnx(bytes, { latent: "z", points: "xyz" });
        assert.equal([...(await decode(decoder, z, { points: 2, fixed }))], [7, 16]);
      }
    }
  }
});

test("a constant Gemm with beta = 0 ignores an infinite C", async () => {
  const file = new OnnxFile(["z", "y"]);
  const [a, b, c] = [2, 3, Infinity].map((value, i) =>
    file.parameter(`p${i}`, [1, 1], Float32Array.of(value)),
  );
  const product = file.apply("product", "Gemm", [a!, b!, c!], { beta: { float: 0 } });
  const made = file.apply("node", "Mul", [file.input("z", ["batch", 2]), product]);
  const decoder = await loadOnnx(file.toMessage("y", made, ["batch", 2], []).toBytes());
  assert.equal([...(await decode(decoder, Float32Array.of(1, 2)))], [6, 12]);
});

test("a Where whose constant mask never chooses the latent has an output that does not depend on it", async () => {
  const fileOf = (first: number) => {
    const file = new OnnxFile(["z", "y"]);
    const mask = file.parameter("mask", [3], Float32Array.of(first, 0, 0));
    const made = file.apply("node", "Where", [
      file.apply("cast", "Cast", [mask], { to: { integer: 9 } }),
      file.input("z", ["batch", 3]),
      file.parameter("other", [3], Float32Array.of(4, 5, 6)),
    ]);
    return file.toMessage("y", made, ["batch", 3], []).toBytes();
  };
  assert.equal([...(await decode(await loadOnnx(fileOf(1)), Float32Array.of(1, 2, 3)))], [1, 5, 6]);
  await rejected(loadOnnx(fileOf(0)), "invalid_file", /its output does not depend on the latent/);
});

test("an error about the file names the call and the file once", async () => {
  const file = new OnnxFile(["z", "y"]);
  const made = file.apply("node", "Tanh", [file.input("z", ["batch", 2])]);
  const prior = ["latentflow.prior", '{"name":"gaussian","mean":0,"std":-1}'] as const;
  const bytes = file.toMessage("y", made, ["batch", 2], [prior]).toBytes();
  await rejected(loadOnnx(bytes), "invalid_file", /^loadOnnx: the file's latentflow\.prior/);
});

test("an operation that has taken up another one is no longer like what it was", () => {
  const activation = (name: string, input: string, of: unknown) =>
    ({ name, kind: "activation", inputs: [input], shape: [4], settings: { activation: of } }) as Written;
  const linear = (scale: number) => ({ name: "linear", scale, shift: 0 });
  const operations = [
    activation("t", "z", "tanh"),
    activation("a", "t", linear(2)),
    activation("b", "a", linear(3)),
    activation("c", "t", linear(2)),
    { name: "out", kind: "add", inputs: ["b", "c"], shape: [4], settings: {} } as Written,
  ];
  const scales = simplify(operations, new Map([["z", [4]]])).map(({ kind, settings }) => {
    return kind === "add" ? "add" : ((settings.activation as { scale?: number }).scale ?? "tanh");
  });
  assert.equal(scales, ["tanh", 6, 2, "add"]);
});

test("a decoder is written as safetensors and read back", async () => {
  const decoder = await loadOnnx(file("read/conv-vae"));
  const again = await loadDecoder(decoder.toSafetensors());
  assert.equal(again.parameters, decoder.parameters);
  assert.equal(again.definition, decoder.definition);
});

test("tensors in another file: bytes, a Blob, a path, a folder, a function", async () => {
  const path = `${folder}read/external.onnx.data`;
  const data = new Uint8Array(readFileSync(path));
  const { parameters } = await loadOnnx(file("read/external"), { externalData: data });
  for (const externalData of [
    new Blob([data]),
    path,
    `${folder}read/`,
    (name: string) => {
      assert.is(name, "external.onnx.data");
      return data;
    },
  ]) {
    assert.equal((await loadOnnx(file("read/external"), { externalData })).parameters, parameters);
  }
  await rejected(
    loadOnnx(file("read/external")),
    "invalid_argument",
    /"external.onnx.data"; give the option externalData/,
  );
  await rejected(
    loadOnnx(file("read/external"), { externalData: data.subarray(0, 50) }),
    "invalid_file",
    /"w" of 24 numbers .* bytes 16 and 96 that follow, of a file of 50/,
  );
});

/** What the refusal of a file has to say. */
const REFUSALS: Readonly<Record<string, RegExp>> = {
  "batch-mean": /"mean" \(ReduceMean: it takes statistics over the batch\)/,
  "batch-mixed": /"mix" \(Reshape: .*mixes the batch/,
  "batch-moved":
    /"product" \(MatMul: it multiplies along the batch, which makes samples .* the first axis of what it multiplies\)/,
  circle: /"first" \(Add\) reads "b", which .* no node before it/,
  "computed-kernel": /"modulated" \(Conv: its input 1 is computed, expected a constant\)/,
  "constant-output": /its output does not depend on any input/,
  "conv-3d": /"solid" \(Conv: it reads \[batch, 1, 1, 2, 3\], expected \[batch, channels, height, width\]/,
  "cut-short": /cut short, or damaged/,
  "external-outside": /"w" is said to lie in "\.\.\/secret", expected a file in the same folder/,
  "huge-constant": /takes more than 67108864 numbers/,
  "huge-dims": /more than maxBytes/,
  "made-twice": /two values of the file are called "y"/,
  "many-unsupported":
    /"most 0" \(ArgMax\).*"most 11" \(ArgMax\) and 8 more; export the decoder without them, or/,
  "missing-input": /"sum" \(Add\) reads "nowhere"/,
  "nan-attribute": /"leaky" \(LeakyRelu: its alpha is NaN\)/,
  "nan-weight": /a weight of "gemm" is NaN at index 0, expected a finite float32/,
  "negative-dims": /"w" has the shape \[-6,4\]/,
  "opset-8": /opset is 8, expected 9 to 23; .*version_converter/,
  "opset-99": /opset is 99, expected 9 to 23; .*version_converter/,
  "pool-and-random": /"noise" \(RandomNormalLike\), "pool" \(LpPool\)/,
  "text-tensor": /"w" has the element type 8, expected floats/,
  "too-few-values": /"w" has 10 values, expected 24/,
  "training-batchnorm": /"norm" \(BatchNormalization: it is in training mode.*model\.eval\(\)/,
  "training-dropout": /"drop" \(Dropout: it is in training mode.*model\.eval\(\)/,
  "two-latents": /"latent", "other"; say which is the latent by the option latent/,
  "two-outputs": /"y", "x"; say which by the option output/,
  "unknown-length":
    /the input "latent" is declared with lengths left open; give the option inputShapes: \{ latent: \[/,
  "wrong-matrix": /"gemm" \(Gemm: it multiplies 6 numbers by a matrix of 5 rows\)/,
};

test("what cannot be read is refused, with its place", async () => {
  assert.equal(names("refused").sort(), Object.keys(REFUSALS).sort());
  for (const [name, message] of Object.entries(REFUSALS)) {
    const code = /^two-|^unknown-length/.test(name) ? "invalid_argument" : "invalid_file";
    await rejected(loadOnnx(file(`refused/${name}`)), code, message);
  }
  const decoder = await loadOnnx(file("refused/two-outputs"), { output: "x" });
  assert.equal(decoder.outputActivation, { name: "tanh" });
  await rejected(
    loadOnnx(new TextEncoder().encode("# a decoder")),
    "invalid_file",
    /it is text, expected an ONNX file/,
  );
  await rejected(loadOnnx(`${folder}nowhere.onnx`), "not_found", /nowhere\.onnx/);
  await rejected(
    loadOnnx(file("read/mlp"), { layer: 1 } as never),
    "invalid_argument",
    /unknown option "layer"/,
  );
  await rejected(loadOnnx(file("read/mlp"), { points: "xyz" }), "invalid_argument", /inputs are "latent"/);
  await rejected(loadOnnx(file("read/mlp"), { maxBytes: 100 }), "invalid_file", /more than maxBytes, 100/);
});

test("every operator that is read of inputs is in some file, or in a test beside this one", () => {
  const used = new Set(
    names("read").flatMap((name) => readModel(file(`read/${name}`)).nodes.map((node) => node.operator)),
  );
  const here = new URL(".", import.meta.url);
  const tests = readdirSync(here, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(new URL(name, here), "utf8"))
    .join();
  const missing = Object.keys(OPERATORS).filter(
    (name) => operatorOf(name)?.read && !used.has(name) && !tests.includes(`"${name}"`),
  );
  assert.equal(missing, []);
});

test("whatever has been changed in a file, it is read or refused (seed 2412)", async () => {
  const { read, refused } = await fuzzOnnx(2412, 1000);
  assert.ok(read > 200 && refused > 500, `${read} read, ${refused} refused`);
});

test("an entry of latentflow that the metadata has twice is refused; others are not", async () => {
  const fileWith = (...metadata: (readonly [string, string])[]) => {
    const file = new OnnxFile(["z", "y"]);
    const made = file.apply("node", "Tanh", [file.input("z", ["batch", 2])]);
    return loadOnnx(file.toMessage("y", made, ["batch", 2], metadata).toBytes());
  };
  for (const [key, value] of [
    ["latentflow.start", "[0,1]"],
    ["latentflow.prior", '{"name":"gaussian","mean":0,"std":1}'],
    ["latentflow.latent", "z"],
  ] as const) {
    const twice = fileWith([key, value], ["other", "1"], [key, value]);
    await rejected(twice, "invalid_file", new RegExp(`metadata has "${key}" twice, expected it once`));
  }
  assert.equal(
    (await fileWith(["latentflow.start", "[0,1]"], ["a", "1"], ["a", "2"])).start,
    Float32Array.of(0, 1),
  );
});

test("a Concat of thousands of values is refused, one of hundreds is read at once", async () => {
  const fileOf = (count: number) => {
    const file = new OnnxFile(["z", "y"]);
    const x = file.input("z", ["batch", 1, 1]);
    const wide = file.apply("wide", "Add", [x, file.parameter("w", [1, 1, 4], Float32Array.of(1, 2, 3, 4))]);
    const values = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? wide : x));
    const made = file.apply("n", "Concat", values, { axis: { integer: 1 } });
    return file.toMessage("y", made, ["batch", count, 4], []).toBytes();
  };
  await rejected(loadOnnx(fileOf(9000)), "invalid_file", /it puts 9000 values together, expected up to 1000/);
  // ONNX Runtime would not stretch: every second row is one number in place of four.
  const [decoder, seconds] = await timed(() => loadOnnx(fileOf(500)));
  assert.ok(seconds < 10, `${seconds} s`);
  assert.equal(Array.from((await decode(decoder, Float32Array.of(1))).slice(0, 8)), [2, 3, 4, 5, 1, 1, 1, 1]);
});

test.run();
