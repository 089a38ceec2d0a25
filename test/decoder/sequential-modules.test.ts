import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "../../src/api/decode.ts";
import { loadDecoder } from "../../src/api/load-decoder.ts";
import type { DecoderFileOptions } from "../../src/decoder/from-safetensors.ts";
import { createDecoder } from "../../src/decoder/initialise.ts";
import { PROBE } from "../../src/decoder/probe.ts";
import { readSafetensors } from "../../src/files/safetensors.ts";
import { dense, layerNorm, reshape, sequential, sigmoid } from "../../src/graph/index.ts";
import { layersOf } from "../../src/graph/layers.ts";
import { decoderCases } from "../support/decoders.ts";
import { refused, rejected } from "../support/refusal.ts";
import { bytesOf, decoderOf, fileOf, fileOfShapes } from "../support/safetensors-file.ts";

// test/fixtures/safetensors/make.py wrote the files with PyTorch, and their outputs in float64.
const folder = new URL("../fixtures/safetensors/", import.meta.url);
const read = (name: string) => new Uint8Array(readFileSync(new URL(`${name}.safetensors`, folder)));
const expected: Record<string, { z: number[]; x: number[] }> = JSON.parse(
  readFileSync(new URL("expected.json", folder), "utf8"),
);

/** The same file without its probe, and with other metadata. */
function withoutProbe(name: string, metadata?: Record<string, string>): Uint8Array {
  const file = readSafetensors("", read(name));
  const { [PROBE]: _, ...own } = Object.fromEntries(file.metadata);
  const header: Record<string, unknown> = { __metadata__: metadata ?? own };
  let end = 0;
  const parts = [...file.tensors].map(([tensor, { dtype, shape, bytes }]) => {
    header[tensor] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
    return bytes;
  });
  return fileOf(header, Buffer.concat(parts));
}

const elu = { activation: "elu" };

const readable: Record<string, DecoderFileOptions> = {
  vae: { prefix: "decoder." },
  mixed: {},
  "mixed-unsaid": { activation: ["elu", "tanh"] },
  "no-bias": {},
  "weight-norm-old": {},
  "weight-norm-new": {},
  "batch-norm-before": {},
  "batch-norm-after": {},
  "batch-norm-epsilon": {},
  "batch-norm-unclear": { batchNorm: "afterActivation" },
  "sigmoid-unsaid": { outputActivation: "sigmoid" },
  logits: {},
};

for (const [name, options] of Object.entries(readable)) {
  test(`a file of PyTorch: ${name}`, async () => {
    const { z, x } = expected[name]!;
    for (const file of [read(name), withoutProbe(name)]) {
      const decoder = await loadDecoder(file, options);
      const outputs = await decode(decoder, new Float32Array(z));
      const differences = x.map((value, i) => Math.abs(value - outputs[i]!));
      // A few units in the last place of numbers about 1.
      assert.ok(Math.max(...differences) < 2e-6, `${Math.max(...differences)}`);
      assert.is(decoder.verified, file.length === read(name).length);
      const again = await loadDecoder(decoder.toSafetensors());
      assert.equal(again.parameters, decoder.parameters);
    }
  });
}

test("what is not a stack of layers, though its names say so, is refused by its probe", async () => {
  const cases: [name: string, options: DecoderFileOptions, message: RegExp][] = [
    ["residual", {}, /residual connections/],
    ["transposed", {}, /Are weights transposed/],
    ["sigmoid-unsaid", {}, /They agree after a sigmoid: give outputActivation: "sigmoid"/],
    ["pixel-norm", {}, /normalisations without parameters/],
    ["mixed", { activation: ["tanh", "elu"] }, /another one\?/],
    ["mixed", { activation: "elu" }, /another one\?/],
    ["mixed-unsaid", { activation: "tanh" }, /another one\?/],
    ["batch-norm-unclear", { batchNorm: "beforeActivation" }, /not the one of the probe/],
    ["batch-norm-epsilon", { batchNormEpsilon: 1e-5 }, /not the one of the probe/],
  ];
  for (const [name, options, message] of cases) {
    await rejected(loadDecoder(read(name), options), "invalid_file", message);
  }
  await rejected(
    loadDecoder(read("residual")),
    "invalid_file",
    /^loadDecoder: the decoder that was read is not the one of the probe: output \d of row \d is [-\d.]+, expected [-\d.]+; .*; .*\. Is/,
  );
});

test("the same without a probe is read, and says that it is not proved", async () => {
  const decoder = await loadDecoder(withoutProbe("residual"));
  assert.is(decoder.verified, false);
  assert.match(decoder.unverifiedReason!, /^there was no probe/);
});

test("with an output activation of the user's the probe may be of the network before it", async () => {
  assert.is((await loadDecoder(read("logits"), { outputActivation: "sigmoid" })).verified, true);
  assert.is((await loadDecoder(read("sigmoid-unsaid"), { outputActivation: "sigmoid" })).verified, true);
  await rejected(loadDecoder(read("sigmoid-unsaid"), { outputActivation: "tanh" }), "invalid_file", /probe/);
});

test("a prefix: the tensors under it are the decoder's", async () => {
  const decoder = await loadDecoder(read("vae"), { prefix: "decoder." });
  assert.equal(
    layersOf(decoder).map(({ name }) => name),
    ["decoder.0", "decoder.2"],
  );
  await rejected(
    loadDecoder(read("vae")),
    "invalid_file",
    /"encoder\.", "fc_mu\.", "fc_var\." beside "decoder\."; give the option prefix: "decoder\.", or save/,
  );
  await rejected(
    loadDecoder(read("vae"), { prefix: "dec." }),
    "invalid_argument",
    /prefix is "dec\.", with which no tensor's name begins; the file's prefixes are .*"decoder\.", "encoder\.", "fc_mu\."/,
  );
  await rejected(
    loadDecoder(read("vae"), { prefix: 1 } as never),
    "invalid_argument",
    /prefix is 1, expected a string/,
  );
  const lightning = fileOfShapes({ "model.encoder.0.weight": [2, 4], "model.decoder.0.weight": [4, 2] });
  refused(() => decoderOf(lightning), "invalid_file", /give the option prefix: "model\.decoder\."/);
  assert.is(decoderOf(lightning, { prefix: "model.decoder." }).latentSize, 2);
});

const three = { "0.weight": [3, 2], "2.weight": [4, 3], "4.weight": [5, 4] };

test("an activation between each two layers, as an option or in the metadata", () => {
  const names = (metadata?: Record<string, string>, options?: DecoderFileOptions) =>
    layersOf(decoderOf(fileOfShapes(three, metadata), options)).map(({ activation }) => activation.name);
  assert.equal(names({}, { activation: ["elu", "tanh"] }), ["elu", "tanh", "identity"]);
  assert.equal(names({ activation: '["ELU", {"name": "leaky_relu", "slope": 0.2}]' }), [
    ...["elu", "leakyRelu", "identity"],
  ]);
  assert.equal(names({ activation: "elu" }, { activation: "tanh" }), ["tanh", "tanh", "identity"]);
  const load = (metadata: Record<string, string>, options?: DecoderFileOptions) => () =>
    decoderOf(fileOfShapes(three, metadata), options);
  refused(
    load({}, { activation: ["elu"] }),
    "invalid_argument",
    /activation has 1 entries, expected 2, one between each two of the file's 3 layers/,
  );
  refused(load({ activation: '["elu"]' }), "invalid_file", /the file's activation has 1 entries, expected 2/);
  refused(
    load({ activation: '["elu", "mish"]' }),
    "invalid_file",
    /the file's activation\[1\] is "mish".*; the option activation overrides/,
  );
  refused(load({}, { activation: ["elu", "x" as "elu"] }), "invalid_argument", /activation\[1\] is "x"/);
  refused(load({ activations: "[]" }), "invalid_file", /have "activations", expected "activation"/);
});

test("a list of activations, and something else beside it, is refused where there is no probe", () => {
  const load = (activation: string, options: DecoderFileOptions) => () =>
    decoderOf(fileOfShapes(three, { activation }), options);
  const message = /elu, elu by the file's metadata, but elu, tanh by the option; .*give the option probe/;
  refused(load("elu", { activation: ["elu", "tanh"] }), "invalid_argument", message);
  refused(load('["elu","tanh"]', { activation: "elu" }), "invalid_argument", /elu, tanh by .* elu, elu by/);
  load("elu", { activation: ["elu", "elu"] })();
  load("mish", { activation: ["elu", "tanh"] })();
});

test("a layer without a weight, and what is no weight normalisation by rows, are refused", () => {
  const cases: [shapes: Record<string, readonly number[]>, message: RegExp][] = [
    [{ "0.weight": [3, 2], "2.bias": [3] }, /the tensor "2\.weight" is missing, but its bias is there/],
    [
      { "0.weight": [3, 2], "0.weight_g": [3, 1], "0.weight_v": [3, 2] },
      /"0" has "weight", "weight_g", "wei/,
    ],
    [{ "0.weight_g": [3, 1] }, /the layer "0" has "weight_g", expected a weight, or/],
    [{ "0.weight_g": [1, 2], "0.weight_v": [3, 2] }, /"0\.weight_g" is \[1, 2\] beside .*by rows \(dim=0\)/],
    [{ "0.weight_g": [], "0.weight_v": [3, 2] }, /"0\.weight_g" is \[\] beside/],
    [
      { "0.parametrizations.weight.original0": [3, 1], "0.weight_v": [3, 2], "0.weight_g": [3, 1] },
      /the layer "0" has/,
    ],
    // Its values are 0, 1, 2, …, as all of such files.
    [{ "0.weight_v": [3, 1], "0.weight_g": [3, 1] }, /row 0 of "0\.weight_v" is 0, and has no direction/],
    [{ "0.weight_orig": [3, 2], "0.weight_u": [3] }, /"0\.weight_orig" is a parametrised weight's/],
  ];
  for (const [shapes, message] of cases)
    refused(() => decoderOf(fileOfShapes(shapes)), "invalid_file", message);
});

const norm = (number: number, size: number) => ({
  [`${number}.running_mean`]: [size],
  [`${number}.running_var`]: [size],
  [`${number}.num_batches_tracked`]: [],
});

test("a BatchNorm that cannot be folded is refused by its name", async () => {
  const cases: [shapes: Record<string, readonly number[]>, message: RegExp, options?: DecoderFileOptions][] =
    [
      [{ "0.weight": [3, 2], ...norm(2, 3) }, /"2" stands after the last layer with room for an activation/],
      [{ ...norm(0, 2), "2.weight": [3, 2] }, /"0" stands before the first layer with room/],
      [{ ...norm(0, 2), "2.weight": [3, 2] }, /"0" stands before/, { batchNorm: "afterActivation" }],
      [
        { "0.weight": [3, 2], ...norm(1, 3), ...norm(2, 3) },
        /"2" and the one before it have no layer between/,
      ],
      [
        { "0.weight": [3, 2], ...norm(1, 3), "2.weight": [4, 3] },
        /numbers of the BatchNorm "1" .* give the option batchNorm: "beforeActivation" or "afterActivation"/,
      ],
      [
        { "0.weight": [3, 2], ...norm(2, 3), "4.weight": [4, 3] },
        /numbers of the BatchNorm "2" .* do not tell/,
      ],
      [
        { "0.weight": [3, 2], ...norm(1, 3), "3.weight": [4, 3] },
        /"1" stands before an activation by the numbers .*, but batchNorm says "afterActivation"/,
        { batchNorm: "afterActivation" },
      ],
      [
        { "0.weight": [3, 2], ...norm(2, 3) },
        /"2" acts on what comes out of the last activation/,
        { batchNorm: "afterActivation" },
      ],
      [
        { "0.weight": [3, 2], ...norm(1, 4) },
        /"1" is of 4 values, but there are 3 where it acts on the layer "0"/,
      ],
      [{ "0.weight": [3, 2], "1.running_mean": [3] }, /"1" has no running_var: .*depends on the batch/],
      [{ "0.weight": [3, 2], "1.num_batches_tracked": [] }, /"1" has no running_mean/],
      [{ "0.weight": [3, 2], ...norm(1, 3), "1.weight": [3] }, /"1" has a weight alone/],
      [
        { "0.weight": [3, 2], ...norm(1, 3), "1.weight": [2], "1.bias": [3] },
        /"1\.weight" is \[2\], expected \[3\]/,
      ],
      [{ ...norm(0, 3) }, /BatchNorms without a layer: "0"/],
      [
        { "fc0.weight": [3, 2], "bn0.running_mean": [3], "bn0.running_var": [3] },
        /"bn0" .*another name than/,
      ],
      [
        { "0.weight": [3, 2], "1.weight": [3], "1.bias": [3] },
        /"1\.weight" is \[3\]: a normalisation.* running_mean is missing/,
      ],
    ];
  for (const [shapes, message, options] of cases) {
    refused(() => decoderOf(fileOfShapes(shapes, elu), options), "invalid_file", message);
  }
  await rejected(
    loadDecoder(read("batch-norm-last")),
    "invalid_file",
    /BatchNorm "2" stands after the last layer/,
  );
});

test("what is said of BatchNorms: the metadata, and the options, which override them", () => {
  const unclear = { "0.weight": [3, 2], ...norm(1, 3), "2.weight": [4, 3] };
  const bias = (metadata: Record<string, string>, options?: DecoderFileOptions) =>
    layersOf(decoderOf(fileOfShapes(unclear, { ...elu, ...metadata }), options))[0]!.bias;
  const before = bias({ batchNorm: "beforeActivation" });
  assert.ok(before.every((value) => value < 0));
  assert.equal(bias({ batchNorm: "afterActivation" }), new Float32Array(3));
  assert.equal(bias({ batchNorm: "afterActivation" }, { batchNorm: "beforeActivation" }), before);
  // Its variances are 9, 10, 11, its means 6, 7, 8.
  assert.equal(
    bias({ batchNorm: "beforeActivation", batchNormEpsilon: "7" }),
    new Float32Array([-6 / 4, -7 / Math.sqrt(17), -8 / Math.sqrt(18)]),
  );
  assert.equal(
    bias({ batchNorm: "beforeActivation", batchNormEpsilon: "x" }, { batchNormEpsilon: 7 })[0],
    -6 / 4,
  );
  for (const [key, value] of [
    ["batchNorm", "before"],
    ["batchNormEpsilon", "x"],
    ["batchNormEpsilon", ""],
    ["batchNormEpsilon", "-1"],
    ["batch_norm", "beforeActivation"],
  ] as const) {
    refused(() => bias({ batchNorm: "afterActivation", [key]: value }), "invalid_file", new RegExp(key));
  }
  const wrong = [{ batchNorm: "before" }, { batchNormEpsilon: -1 }, { batchNormEpsilon: "1e-5" }];
  for (const options of wrong) {
    refused(() => bias({}, options as never), "invalid_argument", new RegExp(Object.keys(options)[0]!));
  }
});

test("statistics that are none, and weights that become infinite, are refused", () => {
  const file = (variance: number, weight: number) =>
    fileOf(
      {
        "0.weight": { dtype: "F32", shape: [1, 1], data_offsets: [0, 4] },
        "1.running_mean": { dtype: "F32", shape: [1], data_offsets: [4, 8] },
        "1.running_var": { dtype: "F32", shape: [1], data_offsets: [8, 12] },
      },
      bytesOf(new Float32Array([weight, 0, variance])),
    );
  refused(
    () => decoderOf(file(-1, 1)),
    "invalid_file",
    /"1\.running_var" is -1 at index 0, expected a variance >= 0/,
  );
  refused(() => decoderOf(file(0, 1), { batchNormEpsilon: 0 }), "invalid_file", /"1\.running_var" is 0 at/);
  refused(() => decoderOf(file(0, 3e38)), "invalid_file", /output 0 of the layer "0" is beyond float32/);
});

test("layers are written as a list of activations, or as a graph where their names are no numbers in order", async () => {
  const metadataOf = (file: Uint8Array) => readSafetensors("", file).metadata;
  const mixed = (await loadDecoder(read("mixed"))).toSafetensors();
  assert.is(metadataOf(mixed).get("activation"), '["elu","tanh"]');
  const leaky = { activation: ["elu", { name: "leakyRelu", slope: 0.2 }] } as const;
  const parametrised = decoderOf(fileOfShapes(three), leaky).toSafetensors();
  assert.is(metadataOf(parametrised).get("activation"), '["elu",{"name":"leakyRelu","slope":0.2}]');
  assert.equal(decoderOf(parametrised).operations, decoderOf(fileOfShapes(three), leaky).operations);
  for (const [first, second] of [
    ["a1", "b2"],
    ["a2", "a1"],
  ] as const) {
    const decoder = createDecoder({
      ...{ format: 1, layout: "channelsLast", latentSize: 2 },
      operations: [
        { kind: "dense", name: first, inputs: ["z"], units: 2 },
        { kind: "dense", name: second, inputs: [first], units: 2 },
      ],
    });
    const file = decoder.toSafetensors();
    assert.ok(metadataOf(file).has("latentflow.graph"));
    assert.equal((await loadDecoder(file)).parameters, decoder.parameters);
  }
});

test("the option outputShape gives the output of a graph another shape, its numbers in their order", async () => {
  const latent = Float32Array.of(0.3, -0.7);
  for (const end of [[], [sigmoid()]]) {
    const made = createDecoder(sequential(2, [dense(12), layerNorm(), ...end]), { loss: "mse", seed: 1 });
    const [file, expected] = [made.toSafetensors(), await decode(made, latent)];
    for (const outputShape of [[12], [3, 4], [1, 12, 1]]) {
      const decoder = await loadDecoder(file, { outputShape });
      assert.equal([...decoder.outputShape], outputShape);
      assert.is(decoder.outputActivation.name, made.outputActivation.name);
      assert.equal(await decode(decoder, latent), expected);
      // Written and read again it is the same.
      const again = await loadDecoder(decoder.toSafetensors());
      assert.equal([...again.outputShape], outputShape);
      assert.equal(await decode(again, latent), expected);
      const other = await loadDecoder(decoder.toSafetensors(), { outputShape: [2, 6] });
      assert.equal([...other.outputShape], [2, 6]);
      assert.equal(await decode(other, latent), expected);
    }
    await rejected(
      loadDecoder(file, { outputShape: [3, 3] }),
      "invalid_argument",
      /holds 9 values, expected 12/,
    );
  }
  const picture = createDecoder(sequential(2, [dense(12), layerNorm(), reshape([2, 2, 3])]), { seed: 1 });
  const file = picture.toSafetensors();
  assert.equal([...(await loadDecoder(file, { outputShape: [4, 3] })).outputShape], [4, 3]);
  await rejected(
    loadDecoder(file, { outputShape: [3, 2, 2] }),
    "invalid_argument",
    /outputShape is \[3, 2, 2\], but by the file's graph the output is \[2, 2, 3\]; leave the option outputShape out/,
  );
  const overPoints = decoderCases.find(({ name }) => name === "points with a skip")!.make();
  await rejected(
    loadDecoder(overPoints.toSafetensors(), { outputShape: [...overPoints.outputShape] }),
    "invalid_argument",
    /outputShape is for decoders without points/,
  );
});

test("a graph in the metadata leaves nothing to these options", async () => {
  const graph = {
    format: 1,
    layout: "channelsLast",
    latentSize: 2,
    operations: [{ kind: "dense", name: "d", inputs: ["z"], units: 3 }],
  };
  const file = fileOfShapes(
    { "d.weight": [3, 2], "d.bias": [3] },
    { "latentflow.graph": JSON.stringify(graph) },
  );
  for (const options of [
    { prefix: "d." },
    { activation: "elu" },
    { outputActivation: "tanh" },
    { batchNorm: "beforeActivation" },
    { batchNormEpsilon: 1 },
  ] as const) {
    await rejected(loadDecoder(file, options), "invalid_argument", /leave the option \w+ out/);
  }
});

test.run();
