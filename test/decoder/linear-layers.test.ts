import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "../../src/api/decode.ts";
import { loadDecoder } from "../../src/api/load-decoder.ts";
import type { DecoderFileOptions } from "../../src/decoder/from-safetensors.ts";
import { createDecoder } from "../../src/decoder/initialise.ts";
import { PROBE } from "../../src/decoder/probe-text.ts";
import { readSafetensors } from "../../src/files/safetensors.ts";
import { dense, layerNorm, reshape, sequential, sigmoid } from "../../src/graph/index.ts";
import { layersOf } from "../../src/graph/layers.ts";
import { decoderCases } from "../support/decoders.ts";
import { timed } from "../support/patience.ts";
import { refused, rejected } from "../support/refusal.ts";
import { decoderOf, fileOf, fileOfShapes } from "../support/safetensors-file.ts";

// test/fixtures/safetensors/make.py wrote the files with PyTorch, and their outputs in float64.
const folder = new URL("../fixtures/safetensors/", import.meta.url);
const read = (name: string) => new Uint8Array(readFileSync(new URL(`${name}.safetensors`, folder)));
const expected: Record<string, { z: number[]; x: number[] }> = JSON.parse(
  readFileSync(new URL("expected.json", folder), "utf8"),
);

/** The same file without its probe, and with other metadata. */
function withoutProbe(name: string, metadata?: Record<string, string>): Uint8Array {
  const file = readSafetensors(read(name));
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
    "needs_conversion",
    /"fc_mu\.bias", .*: no linear layer has such tensors; give the option prefix: "decoder\." or "encoder\." if only a part .*\. Convert/,
  );
  await rejected(
    loadDecoder(read("vae"), { prefix: "dec." }),
    "invalid_argument",
    /prefix is "dec\.", with which no tensor's name begins; the file's tensors are .*"decoder\.0\.bias"/,
  );
  await rejected(
    loadDecoder(read("vae"), { prefix: 1 } as never),
    "invalid_argument",
    /prefix is 1, expected a string/,
  );
  const lightning = fileOfShapes({ "model.encoder.0.weight": [2, 4], "model.decoder.0.weight": [4, 2] });
  refused(
    () => decoderOf(lightning),
    "needs_conversion",
    /give the option prefix: "model\.\w+\." or "model\.\w+\."/,
  );
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
});

test("what is no plain stack of linear layers is refused, with what was found and the line that converts it", async () => {
  const first = { "0.weight": [3, 2], "0.bias": [3] };
  const cases: [shapes: Record<string, readonly number[]>, message: RegExp][] = [
    [
      { ...first, "1.running_mean": [3], "1.running_var": [3] },
      /"1\.running_mean", "1\.running_var": no linear/,
    ],
    [{ ...first, "1.num_batches_tracked": [] }, /"1\.num_batches_tracked": no linear layer has such tensors/],
    [{ "0.weight_g": [3, 1], "0.weight_v": [3, 2] }, /"0\.weight_g", "0\.weight_v": no linear layer/],
    [
      { "0.parametrizations.weight.original0": [3, 1] },
      /"0\.parametrizations\.weight\.original0": no linear/,
    ],
    [{ "dense.kernel": [2, 3], "dense.bias": [3] }, /"dense\.kernel", "dense\.bias": no linear layer/],
    [{ weight: [3, 2], bias: [3] }, /"weight", "bias": no linear layer/],
    [{ ...first, "12345678901.weight": [4, 3] }, /"12345678901\.weight": no linear layer/],
    [{ ...first, "1.weight": [3], "1.bias": [3] }, /"1\.weight" is \[3\], a linear layer's is \[out, in\]/],
    [{ ...first, "2.weight": [4, 3, 1, 1] }, /"2\.weight" is \[4, 3, 1, 1\], a linear layer's/],
    [{ ...first, "2.weight": [] }, /"2\.weight" is \[\], a linear layer's/],
    [{ ...first, "2.bias": [3] }, /"2\.weight" is missing, but there is a bias/],
    [
      { ...first, "3.weight": [4, 3] },
      /the layers are "0", "3", expected .* grow by 1 or by 2: others leave room/,
    ],
    [{ ...first, "1.weight": [4, 3], "3.weight": [5, 4] }, /the layers are "0", "1", "3", expected/],
    [{ ...first, "00.weight": [3, 3] }, /the layers are "0", "00", expected/],
    [{ ...first, "2.weight": [4, 5] }, /do not chain.*: "0" \[3, 2\] with bias \[3\], "2" \[4, 5\]/],
    // As Keras and JAX have them, [in, out].
    [{ "0.weight": [2, 3], "0.bias": [3], "1.weight": [3, 4], "1.bias": [4] }, /do not chain, \[out, in\]/],
    [{ ...first, "2.weight": [4, 3], "2.bias": [3] }, /do not chain/],
    [{ ...first, "2.weight": [4, 3], "2.bias": [1, 4] }, /do not chain/],
    [{ ...first, "2.weight": [4, 3], "2.bias": [] }, /do not chain/],
    [{ ...first, "2.weight": [0, 3] }, /do not chain/],
    [{ "0.weight": [3, 0] }, /do not chain/],
    [
      { "a.0.weight": [3, 2], "b.2.weight": [4, 3] },
      /the layers are "a\.0", "b\.2", expected one prefix, .*; give the option prefix: "a\." or "b\." if only/,
    ],
    [
      { "dec.0.weight": [4, 2], mu: [3] },
      /"mu": no linear .*; give the option prefix: "dec\." if only a part of the tensors is the decoder's\./,
    ],
  ];
  const line =
    /\. Convert .*: from latentflow_export import export; export\(decoder, "decoder\.onnx", latent=(\w+)\)$/;
  for (const [shapes, message] of cases) {
    const load = () => decoderOf(fileOfShapes(shapes, elu));
    refused(load, "needs_conversion", message);
    refused(load, "needs_conversion", line);
  }
  await rejected(loadDecoder(read("batch-norm")), "needs_conversion", /"1\.running_mean".*latent=3\)$/);
});

test("the line that converts leaves the latent size open where a later layer takes fewer numbers, or none", () => {
  const open = /latent=LATENT_SIZE\)$/;
  for (const shapes of [
    { "encoder.0.weight": [8, 12], "decoder.0.weight": [12, 8] },
    { "fc1.weight": [8, 12], "fc21.weight": [2, 8], "fc22.weight": [2, 8], "fc3.weight": [12, 2] },
    { "0.weight": [3, 0] },
  ]) {
    refused(() => decoderOf(fileOfShapes(shapes, elu)), "needs_conversion", open);
  }
});

test("of prefixes that begin each other the shorter ones are found in time that grows with the file", async () => {
  const names = Array.from({ length: 1200 }, (_, i) => `${"a".repeat(1200 - i)}0.weight`);
  const shapes = Object.fromEntries(names.map((name) => [name, [1, 1]]));
  const file = fileOfShapes(shapes, elu);
  const [, seconds] = await timed(() =>
    refused(
      () => decoderOf(file),
      "needs_conversion",
      /expected one prefix.*; give the option prefix: "a+\.\.\."/,
    ),
  );
  assert.ok(seconds < 1.5, `${seconds} s`);
});

test("layers are written as a list of activations, or as a graph where their names are no numbers in order", async () => {
  const metadataOf = (file: Uint8Array) => readSafetensors(file).metadata;
  const mixed = (await loadDecoder(read("mixed"))).toSafetensors();
  assert.is(metadataOf(mixed).get("activation"), '["elu","tanh"]');
  const leaky = { activation: ["elu", { name: "leakyRelu", slope: 0.2 }] } as const;
  const parametrised = decoderOf(fileOfShapes(three), leaky).toSafetensors();
  assert.is(metadataOf(parametrised).get("activation"), '["elu",{"name":"leakyRelu","slope":0.2}]');
  assert.equal(decoderOf(parametrised).operations, decoderOf(fileOfShapes(three), leaky).operations);
  for (const [first, second] of [
    ["a1", "b2"],
    ["a2", "a1"],
    ["a1", "a4"],
  ] as const) {
    const decoder = createDecoder({
      format: 1,
      layout: "channelsLast",
      latentSize: 2,
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
  for (const options of [{ prefix: "d." }, { activation: "elu" }, { outputActivation: "tanh" }] as const) {
    await rejected(loadDecoder(file, options), "invalid_argument", /leave the option \w+ out/);
  }
});

test.run();
