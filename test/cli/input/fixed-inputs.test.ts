// run: slow

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decode as decodePng } from "fast-png";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withCall } from "../../../src/base/calling.ts";
import { LatentflowError } from "../../../src/base/errors.ts";
import { clause, option, subject, theOption, words } from "../../../src/base/message.ts";
import { wholeFile } from "../../../src/cli/input/array-files/array-file.ts";
import { fixedOptions, readFixedInputs } from "../../../src/cli/input/fixed-inputs.ts";
import { outputWithPoints } from "../../../src/cli/input/points.ts";
import { inFlags } from "../../../src/cli/options/message-in-flags.ts";
import { createProgram } from "../../../src/cli/program.ts";
import { readNpy } from "../../../src/files/npy.ts";
import {
  add,
  concat,
  dense,
  elu,
  embedding,
  graph,
  reshape,
  sequential,
  sigmoid,
  tanh,
} from "../../../src/graph/index.ts";
import { createDecoder, type Decoder, decode, encode, makeProbe, wasm } from "../../../src/index.ts";
import { createDataset, evaluate } from "../../../src/train/index.ts";
import { BundledProgram } from "../../support/bundled-program.ts";
import { endOf, Workplace } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";
import { runHere } from "../../support/run-here.ts";

// What the program gives with samples: fixed inputs and points; and what it says of decoders of every kind.

const workplace = new Workplace();
test.after(() => workplace.dispose());
const program = new BundledProgram(workplace.folder);
const backend = wasm({ relaxed: false });

const [LATENT, B, N] = [3, 5, 6];

/** A condition of 4 numbers and a class of 5; samples of 9 values. */
const conditional = createDecoder(
  graph(({ latent, fixed }) => {
    const [z, label, kind] = [latent(LATENT), fixed("label", 4), fixed("kind", { classes: 5 })];
    const h = tanh()(dense(17)(concat()(z, label, embedding({ classes: 5, units: 6 })(kind))));
    return sigmoid()(dense(9)(h));
  }),
  { seed: 3, loss: "mse" },
);

/** Over points of 3 coordinates; 2 values at each. */
const overPoints = createDecoder(
  graph(({ latent, points }) => {
    const [z, x] = [latent(LATENT), points("xyz", 3)];
    const h = elu()(dense(16)(concat()(z, x)));
    return tanh()(dense(2)(add()(h, dense(16)(concat()(h, x)))));
  }),
  { seed: 4, loss: "mse" },
);

function save(decoder: Decoder): string {
  const file = `${workplace.newPath()}.safetensors`;
  writeFileSync(file, decoder.toSafetensors());
  return file;
}

const conditionalFile = save(conditional);
const pointsFile = save(overPoints);

/** A .npy file of any type. */
function writeArray(type: string, values: ArrayBufferView, shape: readonly number[]): string {
  const list = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${list}), }`.padEnd(117);
  const bytes = Buffer.concat([
    Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]),
    Buffer.from(`${header}\n`),
    Buffer.from(values.buffer, values.byteOffset, values.byteLength),
  ]);
  const file = `${workplace.newPath()}.npy`;
  writeFileSync(file, bytes);
  return file;
}

const labels = randomArray(5, 4 * B, -1, 1);
const kinds = Uint8Array.from({ length: B }, (_, i) => i % 5);
const y = randomArray(6, 9 * B, 0, 1);
const xyz = randomArray(7, 3 * N, -1, 1);
const each = randomArray(8, 3 * N * B, -1, 1);
const values = randomArray(9, 2 * N * B, -0.5, 0.5);
const z = randomArray(10, LATENT * B, -1, 1);
const labelsFile = workplace.writeFloats(labels, [B, 4]);
const kindsFile = writeArray("<i8", BigInt64Array.from(kinds, BigInt), [B]);
const yFile = workplace.writeFloats(y, [B, 9]);
const xyzFile = workplace.writeFloats(xyz, [N, 3]);
const eachFile = workplace.writeFloats(each, [B, N, 3]);
const valuesFile = workplace.writeFloats(values, [B, N, 2]);
const flatFile = workplace.writeFloats(values, [B, 2 * N]);
const zFile = workplace.writeFloats(z, [B, LATENT]);

const running = ["--plain", "--threads", "1", "--quiet"];

async function runWith(input: Uint8Array | undefined, ...args: string[]) {
  if (!input) return runHere(...args);
  const child = program.start(args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin?.end(input);
  return endOf(child);
}

async function succeed(...args: string[]) {
  const { exit, stdout, stderr } = await runWith(undefined, ...args, ...running, "--json");
  assert.is(exit, 0, stderr);
  return JSON.parse(stdout);
}

async function refusal(code: number, ...args: string[]): Promise<string> {
  const { exit, stderr } = await runWith(undefined, ...args, "--quiet");
  assert.is(exit, code, stderr);
  return stderr;
}

const fixedFlags = (...given: string[]) => given.flatMap((text) => ["--fixed", text]);
const both = fixedFlags(`label=${labelsFile}`, `kind=${kindsFile}`);
const encoding = (decoder: string, data: string, ...more: string[]) => [
  ...["encode", "--decoder", decoder, "--data", data, "--out", workplace.newPath(), ...more],
];
const latentsIn = (args: readonly string[]) =>
  readNpy(readFileSync(join(args[args.indexOf("--out") + 1]!, "latents.npy"))).data;

test("encode --fixed: as the API has it, of all types of numbers, one row for all or one for each", async () => {
  const rounded = labels.map(Math.round);
  const bits = Uint8Array.from({ length: 4 * B }, (_, i) => i % 2);
  const first = labels.slice(0, 4);
  const runs: [label: string, kind: string, Float32Array, Uint8Array][] = [
    [labelsFile, kindsFile, labels, kinds],
    [
      writeArray("<f8", Float64Array.from(labels), [B, 4]),
      writeArray("|u1", kinds, [B, 1]),
      ...([labels, kinds] as const),
    ],
    [
      writeArray("<i2", Int16Array.from(rounded), [B, 4]),
      writeArray(">i4", Buffer.from(Int32Array.from(kinds).buffer).swap32(), [B]),
      ...([rounded, kinds] as const),
    ],
    [writeArray("|b1", bits, [B, 4]), "2", Float32Array.from(bits), Uint8Array.of(2)],
    [workplace.writeFloats(first, [4]), "0", first, Uint8Array.of(0)],
    [
      workplace.writeFloats(first, [1, 4]),
      writeArray("<u8", BigUint64Array.of(3n), [1]),
      ...([first, Uint8Array.of(3)] as const),
    ],
  ];
  for (const [label, kind, labelValues, kindValues] of runs) {
    const args = encoding(conditionalFile, yFile, ...fixedFlags(`kind=${kind}`, `label=${label}`));
    const document = await succeed(...args, "--reconstructions");
    const fixed = { label: labelValues, kind: kindValues };
    const expected = await encode(conditional, y, { fixed, backend });
    assert.equal(latentsIn(args), expected.z);
    const decoded = readNpy(readFileSync(join(args[6]!, "reconstructions.npy"))).data;
    assert.equal(decoded, await decode(conditional, expected.z, { fixed, backend }));
    assert.equal(document.fixed, [
      { name: "label", file: label, perSample: labelValues.length > 4 },
      {
        name: "kind",
        ...(kind.length === 1 ? { value: Number(kind) } : { file: kind }),
        perSample: kindValues.length > 1,
      },
    ]);
    assert.is(document.points, null);
  }
});

test("encode --limit: the first rows, of as many as the data's file has, or just so many", async () => {
  const fixed = { label: labels.slice(0, 12), kind: kinds.slice(0, 3) };
  const { z: expected } = await encode(conditional, y.slice(0, 27), { fixed, backend });
  const few = fixedFlags(`label=${workplace.writeFloats(fixed.label, [3, 4])}`, `kind=${kindsFile}`);
  for (const flags of [both, few]) {
    const args = encoding(conditionalFile, yFile, ...flags, "--limit", "3");
    await succeed(...args);
    assert.equal(latentsIn(args), expected);
  }
});

test("encode --limit: points of as many samples as the data's file has, or of just so many", async () => {
  const few = each.slice(0, 3 * N * 3);
  const { z: expected } = await encode(overPoints, values.slice(0, 2 * N * 3), {
    fixed: { xyz: few },
    points: N,
    backend,
  });
  for (const file of [eachFile, workplace.writeFloats(few, [3, N, 3])]) {
    // Flat samples say nothing of points: the file of points does.
    const args = encoding(pointsFile, flatFile, ...fixedFlags(`xyz=${file}`), "--limit", "3");
    const document = await succeed(...args);
    assert.equal(latentsIn(args), expected);
    assert.equal([document.points, document.fixed[0].perSample], [N, true]);
  }
});

test("some samples have what is given with them", async () => {
  const { fixedInputs } = conditional;
  const [input] = fixedInputs as [(typeof fixedInputs)[number]];
  const planned = (name: string, size: number, isEach: boolean, values: number[]) => {
    const data = Float32Array.from(values);
    const array = wholeFile({ shape: [values.length / size, size], type: "float32", data });
    const { classes: _, ...ofAnyValue } = input;
    return {
      name,
      value: "file.npy",
      at: name,
      input: { ...ofAnyValue, shape: [size] },
      size,
      isEach,
      array,
    };
  };
  const plan = {
    decoder: conditional,
    points: 7,
    inputs: [
      planned("each", 2, true, [0, 1, 10, 11, 20, 21]),
      planned("all", 2, false, [5, 6]),
      planned("one", 1, true, [7, 8, 9]),
    ],
  };
  const all = { each: Float32Array.of(0, 1, 10, 11, 20, 21), all: Float32Array.of(5, 6) };
  assert.equal(fixedOptions(await readFixedInputs(plan, 0, 3)), {
    fixed: { ...all, one: Float32Array.of(7, 8, 9) },
    points: 7,
  });
  assert.equal(fixedOptions(await readFixedInputs(plan, 1, 2)), {
    fixed: { each: Float32Array.of(10, 11, 20, 21), all: all.all, one: Float32Array.of(8, 9) },
    points: 7,
  });
  assert.equal(fixedOptions({ decoder: conditional, points: undefined, inputs: [] }), {});
});

test("the shape of a sample has the axis of points by its name", () => {
  const shapeOf = (definition: Parameters<typeof createDecoder>[0]) =>
    outputWithPoints(createDecoder(definition, { loss: "mse" }));
  assert.equal(outputWithPoints(conditional), [9]);
  assert.equal(outputWithPoints(overPoints), ["points", 2]);
  const joined = graph(({ latent, points }) => {
    const [z, x] = [latent(LATENT), points("xyz", 3)];
    return concat({ axis: 0 })(dense(2)(x), reshape([1, 2])(dense(2)(z)));
  });
  assert.equal(shapeOf(joined), ["points + 1", 2]);
  const twice = graph(({ latent, points }) => {
    const [z, x] = [latent(LATENT), points("xyz", 3)];
    const h = dense(2)(concat()(z, x));
    return concat({ axis: 0 })(h, h);
  });
  assert.equal(shapeOf(twice), ["2·points", 2]);
});

test("the table names what is given", async () => {
  const some = fixedFlags(`label=${labelsFile}`, "kind=3");
  const { stdout } = await runWith(undefined, ...encoding(conditionalFile, yFile, ...some), ...running);
  assert.match(stdout, /│ fixed inputs +│ label: \S+\.npy, a row for each/);
  assert.match(stdout, /│ +│ kind: 3 /);
  const over = encoding(pointsFile, valuesFile, ...fixedFlags(`xyz=${xyzFile}`));
  const points = (await runWith(undefined, ...over, ...running)).stdout;
  assert.match(points, /│ fixed inputs +│ xyz: \S+\.npy, one for all/);
  assert.match(points, /│ points +│ 6 /);
  const none = save(createDecoder({ layers: [2, 9], loss: "mse" }));
  assert.not.match(
    (await runWith(undefined, ...encoding(none, yFile), ...running)).stdout,
    /fixed inputs|points/,
  );
});

test("points: said, or taken from the shape of either file", async () => {
  for (const [file, own, rows] of [
    [xyzFile, xyz, false],
    [eachFile, each, true],
  ] as const) {
    const { z: expected } = await encode(overPoints, values, { fixed: { xyz: own }, points: N, backend });
    for (const [data, ...more] of [
      [valuesFile],
      [flatFile],
      [flatFile, "--points", `${N}`],
      [workplace.writeFloats(values, [B, 3, 4])],
    ] as const) {
      const args = encoding(pointsFile, data, ...fixedFlags(`xyz=${file}`), ...more);
      const document = await succeed(...args);
      assert.equal(latentsIn(args), expected);
      assert.is(document.points, N);
      assert.is(document.decoder.outputSize, 2 * N);
      assert.is(document.fixed[0].perSample, rows);
    }
  }
  // What is flat says nothing; the data do.
  const flatPoints = workplace.writeFloats(xyz, [3 * N]);
  const args = encoding(pointsFile, valuesFile, ...fixedFlags(`xyz=${flatPoints}`));
  assert.is((await succeed(...args)).points, N);
});

test("decode: as the API has it", async () => {
  const decoding = (file: string, ...more: string[]) => [
    ...["decode", "--decoder", file, "--latents", zFile, "--out", workplace.newPath(), ...more],
  ];
  const args = decoding(conditionalFile, ...both);
  await succeed(...args);
  const { data } = readNpy(readFileSync(join(args[6]!, "decoded.npy")));
  assert.equal(data, await decode(conditional, z, { fixed: { label: labels, kind: kinds }, backend }));
  for (const [file, own] of [
    [xyzFile, xyz],
    [eachFile, each],
  ] as const) {
    const points = decoding(pointsFile, ...fixedFlags(`xyz=${file}`));
    const document = await succeed(...points);
    const made = readNpy(readFileSync(join(points[6]!, "decoded.npy")));
    assert.equal(made.shape, [B, N, 2]);
    assert.equal(made.data, await decode(overPoints, z, { fixed: { xyz: own }, points: N, backend }));
    assert.equal([document.points, document.decoder.outputShape], [N, [N, 2]]);
    assert.not.ok(existsSync(join(points[6]!, "decoded.png")), "points are no picture");
  }
});

test("evaluate: as the API has it", async () => {
  const evaluating = ["evaluate", "--decoder"];
  const document = await succeed(...evaluating, conditionalFile, "--data", yFile, ...both);
  const fixed = { label: labels, kind: kinds };
  const expected = await evaluate(conditional, createDataset(y, { shape: [9] }), { fixed, backend });
  assert.is(document.meanLoss, expected.meanLoss);
  const over = await succeed(
    ...[...evaluating, pointsFile, "--data", valuesFile, ...fixedFlags(`xyz=${eachFile}`)],
  );
  const set = createDataset(values, { shape: [N, 2] });
  const { meanLoss } = await evaluate(overPoints, set, { fixed: { xyz: each }, points: N, backend });
  assert.equal([over.meanLoss, over.points], [meanLoss, N]);
});

test("a file of a fixed input may be stdin, alone; it is not written over", async () => {
  const args = encoding(conditionalFile, yFile, ...fixedFlags(`label=${labelsFile}`, "kind=-"));
  const { exit, stderr } = await runWith(readFileSync(kindsFile), ...args, ...running);
  assert.is(exit, 0, stderr);
  const twice = encoding(conditionalFile, "-", ...fixedFlags(`label=${labelsFile}`, "kind=-"));
  assert.match(
    await refusal(2, ...twice),
    /^latentflow: --data and --fixed kind are both -, stdin; give one/,
  );
  const folder = workplace.newPath();
  mkdirSync(folder);
  const own = join(folder, "latents.npy");
  copyFileSync(labelsFile, own);
  const over = ["encode", "--decoder", conditionalFile, "--data", yFile, "--out", folder];
  assert.match(
    await refusal(1, ...over, ...fixedFlags(`label=${own}`, "kind=1")),
    /latents\.npy would be written over the file of --fixed label; give another folder\n$/,
  );
});

test("what is wrong with a fixed input is said with its flag", async () => {
  const said = (...given: string[]) => encoding(conditionalFile, yFile, ...fixedFlags(...given));
  const label = `label=${labelsFile}`;
  const wide = writeArray("<i8", BigInt64Array.of(2n ** 60n), [1]);
  const cases: [code: number, given: string[], message: RegExp][] = [
    [
      1,
      [],
      /^latentflow: the decoder has fixed inputs, "label", "kind", .*; add --fixed label=FILE --fixed kind=NUMBER or FILE\n$/,
    ],
    [1, [label], /; add --fixed kind=NUMBER or FILE\n$/],
    [
      1,
      [label, "kind=1", "colour=2"],
      /^latentflow: --fixed: the decoder has no fixed input "colour"; those that it has are "label", "kind"\n$/,
    ],
    [2, ["kind"], /--fixed .*'kind' is invalid\. Expected NAME=FILE or NAME=NUMBER\./],
    [2, ["kind="], /Expected NAME=FILE or NAME=NUMBER\./],
    [2, ["kind=1", "kind=2"], /--fixed .*kind is given twice, expected each input once/],
    [1, ["label=3", "kind=1"], /--fixed label=3: a number, expected 4 of them in a file: --fixed label=FILE/],
    [1, [label, "kind=5"], /^latentflow: --fixed kind=5 is 5, expected integers from 0 to 4\n$/],
    [1, [label, "kind=1.5"], /--fixed kind=1\.5 is 1\.5, expected integers/],
    [1, [label, `kind=${zFile}x`], /^latentflow: --fixed kind=\S+x: .*there is no such file or folder/],
    [1, [label, "kind=https://x/y.npy"], /: a URL, .* latentflow … --fixed kind=-\n$/],
    [1, [label, `kind=${wide}`], /^latentflow: --fixed kind=\S+: the value 1152921504606846976 \(int64\)/],
    [
      1,
      [`label=${workplace.writeFloats(labels, [4, B])}`, "kind=1"],
      /^latentflow: --fixed label=\S+: its shape is 4 × 5, expected 4, one row for all samples, or 5 × 4, one for each\n$/,
    ],
    [
      1,
      [`label=${workplace.writeFloats(new Float32Array(4).fill(Number.NaN), [4])}`, "kind=1"],
      /^latentflow: --fixed label=\S+ has NaN at 0, expected finite numbers\n$/,
    ],
  ];
  for (const [code, given, message] of cases) {
    assert.match(await refusal(code, ...said(...given)), message);
  }
  const none = save(createDecoder({ layers: [2, 9], loss: "mse" }));
  assert.match(
    await refusal(1, ...encoding(none, yFile, "--fixed", "label=1")),
    /no fixed input "label"; it has none\n$/,
  );
});

test("what is wrong with points is said with what to write", async () => {
  const said = (data: string, ...more: string[]) => encoding(pointsFile, data, ...more);
  const flatPoints = workplace.writeFloats(xyz, [3 * N]);
  const cases: [args: string[], message: RegExp][] = [
    [
      said(flatFile, "--fixed", `xyz=${flatPoints}`),
      /^latentflow: the decoder is over points \("xyz" points × 3\), and no file's shape says how many there are; give their number: --points 2000, say\n$/,
    ],
    [
      said(workplace.writeFloats(values, [3, 10, 2]), "--fixed", `xyz=${xyzFile}`),
      /: --fixed xyz has 6, --data has 10; give files that go together\n$/,
    ],
    [
      said(valuesFile, "--fixed", `xyz=${xyzFile}`, "--points", "7"),
      /--fixed xyz=\S+: its shape is 6 × 3, expected 7 × 3, one row for all samples, or 5 × 7 × 3, one for each/,
    ],
    [
      said(yFile, "--fixed", `xyz=${xyzFile}`),
      /^latentflow: --data \S+: its samples are 9, the decoder's output has 12 values at 6 points, 6 × 2\n$/,
    ],
    [
      encoding(conditionalFile, yFile, ...both, "--points", "7"),
      /^latentflow: --points is given, but the decoder has no input of points\n$/,
    ],
  ];
  for (const [args, message] of cases) assert.match(await refusal(1, ...args), message);
  assert.match(await refusal(2, ...said(valuesFile, "--points", "0")), /--points/);
});

test("describe FILE: inputs, output and whether its probe agrees, without another flag", async () => {
  const described = async (...args: string[]) => {
    const { exit, stdout, stderr } = await runWith(undefined, "describe", ...args);
    assert.is(exit, 0, stderr);
    return stdout;
  };
  const text = await described(conditionalFile);
  assert.match(text, /^operation +name +shape/);
  assert.match(text, /\nlatent +z +3\n/);
  assert.match(text, /\nfixed input +label +4 numbers\n/);
  assert.match(text, /\nfixed input +kind +1 of 5 classes, counted from 0\n/);
  assert.match(text, /\noutput +9\n/);
  assert.match(text, /\nnot verified: there was no probe to compare it with\n$/);
  assert.is(await described("--decoder", conditionalFile), text);

  const probed = `${workplace.newPath()}.safetensors`;
  writeFileSync(probed, overPoints.toSafetensors({ probe: await makeProbe(overPoints) }));
  const over = await described(probed);
  assert.match(
    over,
    /\nfixed input +xyz +points × 3 numbers\noutput +points × 2\nloss +mean squared error, its default\nprobe +agrees\n$/,
  );
  const document = JSON.parse(await described(probed, "--json"));
  assert.equal(
    [document.verified, document.unverifiedReason, document.fixedInputs, document.outputShape],
    [true, null, [{ name: "xyz", shape: ["points", 3] }], ["points", 2]],
  );

  assert.match(await refusal2("describe"), /expected a decoder's file: latentflow describe FILE/);
  assert.match(
    await refusal2("describe", probed, "--decoder", probed),
    /^latentflow: two decoders are given, FILE and --decoder, expected one of them\n/,
  );
  assert.match(await refusal2("describe", "-"), /FILE cannot be -, stdin/);
  assert.match(await refusal2("describe", ""), /FILE is empty/);
});

async function refusal2(...args: string[]): Promise<string> {
  const { exit, stderr } = await runWith(undefined, ...args);
  assert.is(exit, 2, stderr);
  return stderr;
}

test("flags that do not go with the kind of file are refused by name", async () => {
  const onnx = workplace.newPath();
  const fixture = new URL("../../fixtures/decoders/elu-mlp.onnx", import.meta.url);
  // Told by how it begins, whatever it is called.
  copyFileSync(fileURLToPath(fixture), onnx);
  const said = async (...args: string[]) => {
    const { exit, stderr } = await runWith(undefined, "describe", ...args);
    assert.is(exit, 1, stderr);
    return stderr;
  };
  for (const [flag, value] of [
    ["prefix", "d."],
    ["activation", "elu"],
  ] as const) {
    assert.match(
      await said(onnx, `--${flag}`, value),
      new RegExp(`: --${flag} is for safetensors files; it is an ONNX file\n$`),
    );
  }
  for (const [flag, value] of [
    ["latent", "z"],
    ["output-name", "x"],
    ["points-input", "xyz"],
    ["input-shape", "z=2,3"],
    ["layout", "channelsLast"],
  ] as const) {
    assert.match(
      await said(conditionalFile, `--${flag}`, value),
      new RegExp(`: --${flag} is for ONNX files, which it is not\n$`),
    );
  }
  assert.match(
    await said(onnx, "--output-activation", "tanh"),
    /^latentflow: --output-activation is tanh, expected sigmoid, for a file that ends in logits/,
  );
});

test("what is said of an ONNX file is said in flags", () => {
  const command = createProgram().commands.find((each) => each.name() === "describe")!;
  const shapes = option(
    "inputShapes",
    { z: [4, "height"], '"a b"': ["axis1"] },
    "the option inputShapes: { … }",
  );
  for (const [said, meant] of [
    [words`say which is the latent by ${theOption("latent")}`, /^say which is the latent by --latent$/],
    [words`the file has several outputs; say which by ${theOption("output")}`, /by --output-name$/],
    [
      words`lengths left open; give ${shapes}, with numbers, or give ${theOption("points")}, with the input's name`,
      /open; give --input-shape z=4,height --input-shape "a b"=axis1, with numbers, or give --points-input, with/,
    ],
    [
      words`${subject("inputShapes.z")} is [3], but the file declares [2]`,
      /^--input-shape is \[3\], but the file declares \[2\]/,
    ],
    [words`${subject("inputShapes")} names "x", but`, /^--input-shape names "x", but/],
    [words`${subject("points")} is "x", but the file's inputs are "z"`, /^--points-input is "x", but/],
    [words`leave ${theOption("outputActivation")} out`, /^leave --output-activation out$/],
    [words`give ${option("layout", "channelsLast")}`, /^give --layout channelsLast$/],
    [words`give ${option("noSuchOption", 1)}${clause("noSuchOption", ", or not")}`, /^give noSuchOption: 1$/],
  ] as const) {
    const error = withCall("loadOnnx", new LatentflowError("invalid_argument", said));
    assert.match(inFlags(error, command), meant);
  }
});

test("pictures: grey and in colour, channels last or first", async () => {
  const [H, W] = [5, 7];
  const latents = workplace.writeFloats(Float32Array.of(1), [1, 1]);
  for (const [shape, channels, first] of [
    [[H, W], 1, false],
    [[1, H, W], 1, false],
    [[H, W, 1], 1, false],
    [[H, W, 3], 3, false],
    [[3, H, W], 3, true],
    // It may be either, and is as it always was.
    [[3, W, 3], 3, false],
    [[3, H, 4], 4, false],
    [[2, H, W], undefined, false],
  ] as const) {
    const size = shape.reduce<number>((product, length) => product * length, 1);
    const decoder = createDecoder(sequential(1, [dense(size), reshape(shape)]), { loss: "mse" });
    const tones = Float32Array.from({ length: size }, (_, i) => i / size);
    decoder.parameters.fill(0).set(tones, size);
    const out = workplace.newPath();
    await succeed("decode", "--decoder", save(decoder), "--latents", latents, "--out", out);
    const file = join(out, "decoded.png");
    assert.is(existsSync(file), channels !== undefined, `${shape}`);
    if (channels === undefined) continue;
    const picture = decodePng(readFileSync(file));
    assert.is(picture.channels, channels);
    const [height, width] = first || shape[0] === 1 ? [shape[1]!, shape[2]!] : [shape[0]!, shape[1]!];
    const zoom = Math.round(84 / Math.max(height, width));
    assert.equal([picture.height, picture.width], [height * zoom + 8, width * zoom + 8], `${shape}`);
    for (const [row, column, channel] of [
      [0, 0, 0],
      [1, 2, channels - 1],
      [height - 1, width - 1, 0],
    ] as const) {
      const value = first
        ? tones[(channel * height + row) * width + column]!
        : tones[(row * width + column) * channels + channel]!;
      const pixel = (4 + row * zoom) * picture.width + 4 + column * zoom;
      assert.is(picture.data[pixel * channels + channel], Math.round(255 * value), `${shape}`);
    }
  }
});

test("pictures of points that are the pixels of an image", async () => {
  const pixels = randomArray(11, 3 * 12, -1, 1);
  const pixelsFile = workplace.writeFloats(pixels, [12, 3]);
  const decoder = createDecoder(
    graph(({ latent, points }) => sigmoid()(dense(1)(concat()(latent(2), points("xy", 3))))),
    { seed: 1, loss: "mse" },
  );
  const images = workplace.writeFloats(randomArray(12, 24, 0, 1), [2, 3, 4]);
  const args = encoding(save(decoder), images, ...fixedFlags(`xy=${pixelsFile}`));
  const { files } = await succeed(...args);
  assert.is(files.filter((file: string) => file.endsWith(".png")).length, 2);
  const list = workplace.writeFloats(randomArray(12, 24, 0, 1), [2, 12, 1]);
  const listed = encoding(save(decoder), list, ...fixedFlags(`xy=${pixelsFile}`));
  assert.is((await succeed(...listed)).files.filter((file: string) => file.endsWith(".png")).length, 0);
});

test.run();
