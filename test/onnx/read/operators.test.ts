// Tests src/onnx/read/align.ts, src/onnx/read/layout.ts, src/onnx/read/node-view.ts, src/onnx/read/value.ts,
// src/onnx/read/operators/convolutions.ts, src/onnx/read/operators/functions.ts,
// src/onnx/read/operators/matmul.ts, src/onnx/read/operators/norms.ts, src/onnx/read/operators/patterns.ts,
// src/onnx/read/operators/products.ts, src/onnx/read/operators/rearranging.ts, src/onnx/read/operators/reshape.ts.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { documentOnnxOperators, listOperators } from "../../../scripts/document-onnx-operators.ts";
import { decode, LatentflowError } from "../../../src/index.ts";
import { loadOnnx } from "../../../src/onnx/index.ts";
import { OPERATORS, operatorOf } from "../../../src/onnx/read/operators/table.ts";
import { OnnxFile, type Operand, type Tensor } from "../../../src/onnx/write/file.ts";
import type { Attributes } from "../../../src/onnx-format/messages.ts";
import { rejected } from "../../support/refusal.ts";

// site/reference/onnx-operators.md lists the operators that the loader reads, and what it refuses of them.

const text = readFileSync(new URL("../../../site/reference/onnx-operators.md", import.meta.url), "utf8");
const generated = text.slice(text.indexOf("<!-- From here on"));
/** What is refused of each operator, as the page has it. */
const rows = new Map([...generated.matchAll(/^\| (\w+) \| (.*)\|$/gm)].map(([, name, row]) => [name!, row!]));
rows.delete("operator");

// Which modules latentflow_export.py refuses is tested in test/python-export/, by a Python that has PyTorch.
const exporter = readFileSync(new URL("../../../python/latentflow_export.py", import.meta.url), "utf8");

test("the page and the exporter are as they are written (node --import tsx scripts/document-onnx-operators.ts)", () => {
  assert.is(text, documentOnnxOperators());
  assert.is(exporter, listOperators());
});

test("every operator of the table is on the page, under what it is read of, and no other", () => {
  assert.equal([...rows.keys()].sort(), Object.keys(OPERATORS).sort());
  const [ofInputs, ofConstants] = generated.split("## Operators of constants alone");
  for (const name of rows.keys()) {
    const { read, fold, constant } = operatorOf(name)!;
    assert.ok((read ? ofInputs : ofConstants)!.includes(`\n| ${name} |`), name);
    assert.ok(read ?? fold ?? constant, name);
  }
});

test("what the page says is not read is not", () => {
  const section = text.slice(text.indexOf("## What PyTorch writes"), text.indexOf(generated));
  const lists = [...section.matchAll(/^\| .*? \| ([^|]+) \| /gm)].map(([, list]) => list!);
  const unread = lists.filter((list) => /^[A-Z]/.test(list));
  assert.ok(unread.length > 5);
  for (const list of unread) {
    const [names = "", limit] = list.split(/, (?=`|with|of)/);
    for (const name of names.split(", ")) {
      const isOfConstants = limit === "of constants alone";
      assert.is(operatorOf(name)?.read !== undefined, limit !== undefined && !isOfConstants, name);
      assert.is(operatorOf(name)?.fold !== undefined, isOfConstants, name);
    }
  }
});

/** What a node reads beside the latent. */
type Others = (file: OnnxFile, z: Tensor) => readonly (Operand | "")[];

/** A file of one node of an operator behind a latent of [batch, 4, 6, 6]. */
function fileOf(operator: string, attributes: Attributes = {}, others: Others = () => []): Uint8Array {
  const file = new OnnxFile(["z", "y"]);
  const z = file.input("z", ["batch", 4, 6, 6]);
  const made = file.apply("module", operator, [z, ...others(file, z)], attributes);
  return file.toMessage("y", made, ["batch"], []).toBytes();
}

async function refusalOf(bytes: Uint8Array): Promise<string> {
  try {
    await loadOnnx(bytes);
  } catch (error) {
    assert.instance(error, LatentflowError);
    return (error as LatentflowError).message;
  }
  return "it was read";
}

const integer = (value: number) => ({ integer: value });
const integers = (...values: number[]) => ({ integers: values });
const mode = (name: string) => ({ mode: { text: name } });
const place = (name: string) => ({ coordinate_transformation_mode: { text: name } });
const scaledBy =
  (scale: number): Others =>
  (file) => ["", file.floats([1, 1, scale, scale])];
/** As many vectors of a number for each channel. */
const parameters = (file: OnnxFile, count: number) => new Array<Tensor>(count).fill(file.filled(4, 1));

test("Mod of constants: what is left over has the sign of the divisor, and with fmod that of the dividend", async () => {
  const leftOver = async (attributes: Attributes) => {
    const file = new OnnxFile(["z", "y"]);
    const z = file.input("z", ["batch", 4]);
    const constants = [file.floats([-5, 5, -5.5, 5.5]), file.floats([3, -3, 2, 2])];
    const made = file.apply("module", "Add", [z, file.apply("constant", "Mod", constants, attributes)]);
    const decoder = await loadOnnx(file.toMessage("y", made, ["batch"], []).toBytes());
    return [...(await decode(decoder, new Float32Array(4)))];
  };
  assert.equal(await leftOver({}), [1, -1, 0.5, 1.5]);
  assert.equal(await leftOver({ fmod: integer(1) }), [-2, 2, -1.5, 1.5]);
});

/** Something that a row of the page says, a node that has it, and what its refusal says. */
type Case = readonly [said: RegExp, refusal: RegExp, attributes?: Attributes, others?: Others];

/** Windows that leave two pixels of six behind the last one. */
const behind: Case = [
  /`auto_pad` that leaves more than one pixel/,
  /for which SAME_UPPER has no one meaning/,
  { kernel_shape: integers(1, 1), strides: integers(3, 3), auto_pad: { text: "SAME_UPPER" } },
  (file) => [file.constant("w", [4, 4, 1, 1], new Float32Array(16))],
];

const REFUSALS: Readonly<Record<string, readonly Case[]>> = {
  Resize: [
    [/`tf_crop_and_resize`/, /is "tf_crop_and_resize"/, place("tf_crop_and_resize"), scaledBy(2)],
    [
      ...([/with another `mode`/, /its mode is "linear" with tf_half_pixel_for_nn/] as const),
      ...([{ ...mode("linear"), ...place("tf_half_pixel_for_nn") }, scaledBy(2)] as const),
    ],
    [
      ...([/with `nearest_mode` `ceil`/, /its nearest_mode is "ceil"/] as const),
      ...([{ nearest_mode: { text: "ceil" }, ...place("tf_half_pixel_for_nn") }, scaledBy(2)] as const),
    ],
    [/`antialias` with `nearest`/, /it has antialias/, { antialias: integer(1) }, scaledBy(2)],
    [
      ...([/`exclude_outside` with/, /it has exclude_outside/] as const),
      ...([{ ...mode("linear"), exclude_outside: integer(1) }, scaledBy(2)] as const),
    ],
    [/leave pixels as many/, /leaves \[6,6\] pixels as many/, mode("linear"), scaledBy(1.1)],
    [/`align_corners` with scales/, /makes no whole number/, place("align_corners"), scaledBy(0.7)],
    // 10.08 pixels.
    [/`align_corners` with scales/, /makes no whole number/, place("align_corners"), scaledBy(1.68)],
    [/scales or sizes that are computed/, /its input 2 is computed/, {}, (_, z) => ["", z]],
    [/the channels resized/, /the channels/, {}, (file) => ["", file.floats([1, 2, 1, 1])]],
  ],
  Upsample: [
    [/opset 10 or later/, /an operator of opset 9 alone/, {}, (file) => [file.floats([1, 1, 2, 2])]],
  ],
  Pad: [
    [/`mode` `wrap`/, /"wrap"/, mode("wrap"), (file) => [file.integers([0, 0, 1, 1, 0, 0, 1, 1])]],
    [/the batch/, /pads the batch/, {}, (file) => [file.integers([1, 0, 0, 0, 0, 0, 0, 0])]],
  ],
  AveragePool: [
    behind,
    [/`dilations`/, /dilated/, { kernel_shape: integers(2, 2), dilations: integers(2, 2) }],
    [
      ...([/`ceil_mode`/, /ceil_mode/] as const),
      { kernel_shape: integers(3, 3), strides: integers(2, 2), ceil_mode: integer(1) },
    ],
  ],
  DepthToSpace: [[/`blocksize`/, /its blocksize is 3/, { blocksize: integer(3) }]],
  Elu: [[/`alpha` below 0/, /its alpha is -1/, { alpha: { float: -1 } }]],
  Selu: [[/`alpha` below 0/, /its alpha is -1/, { alpha: { float: -1 } }]],
  Celu: [[/of 0 or below/, /its alpha is 0/, { alpha: { float: 0 } }]],
  Pow: [[/computed/, /its input 1 is computed/, {}, (_, z) => [z]]],
  Clip: [[/computed/, /its input 1 is computed/, {}, (_, z) => [z]]],
  Where: [[/constant with NaN/, /of which one is NaN/, {}, (file, z) => [z, file.floats([Number.NaN])]]],
  Greater: [[/beyond 3e38/, /it compares with Infinity/, {}, (file) => [file.floats([Infinity])]]],
  Equal: [[/or NaN/, /it compares with NaN/, {}, (file) => [file.floats([Number.NaN])]]],
  ReduceMax: [[/the batch/, /the maximum over the batch/, { axes: integers(0) }]],
  ReduceMin: [[/the batch/, /the minimum over the batch/, { axes: integers(0) }]],
  ReduceLogSumExp: [[/the batch/, /the maximum over the batch/, { axes: integers(0) }]],
  MaxPool: [
    behind,
    [
      ...([/`dilations` with `auto_pad`/, /dilated and padded by auto_pad/] as const),
      {
        kernel_shape: integers(2, 2),
        dilations: integers(2, 2),
        auto_pad: { text: "SAME_UPPER" },
      },
    ],
    [
      ...([/a window of padding alone/, /of padding alone/] as const),
      { kernel_shape: integers(2, 2), dilations: integers(7, 1), pads: integers(1, 0, 1, 0) },
    ],
    [
      ...([/more than 256 pixels of padding/, /by more than 256 pixels/] as const),
      { kernel_shape: integers(200, 1), dilations: integers(2, 1), pads: integers(199, 0, 199, 0) },
    ],
  ],
  Cast: [
    [/computed floats to integers/, /rounds what is computed/, { to: integer(7) }],
    [/types other than numbers/, /what are none/, { to: integer(8) }],
  ],
  Concat: [[/along the batch/, /along the batch/, { axis: integer(0) }, (_, z) => [z]]],
  Softmax: [[/over the batch/, /treats the batch/, { axis: integer(0) }]],
  ReduceMean: [[/over the batch/, /over the batch/, { axes: integers(0) }]],
  Squeeze: [[/longer than 1/, /is not 1/, {}, (file) => [file.integers([1])]]],
  Tile: [[/the batch repeated/, /repeats the batch/, {}, (file) => [file.integers([2, 1, 1, 1])]]],
  Gather: [[/more than 256/, /256/, { axis: integer(1) }, (file) => [file.integers(new Array(257).fill(0))]]],
  Slice: [
    [/a part of the batch/, /a part of the batch/, {}, (file) => [file.integers([1]), file.integers([2])]],
  ],
  BatchNormalization: [
    [/`training_mode`/, /in training mode/, { training_mode: integer(1) }, (file) => parameters(file, 4)],
  ],
  GroupNormalization: [
    [/does not divide/, /its num_groups is 3/, { num_groups: integer(3) }, (file) => parameters(file, 2)],
  ],
  LayerNormalization: [
    [/`epsilon` of 0/, /it adds 0/, { epsilon: { float: 0 } }, (file) => [file.filled(6, 1)]],
  ],
  Conv: [[/a kernel or bias that is computed/, /its input 1 is computed/, {}, (_, z) => [z]], behind],
  OneHot: [
    [/no integer input/, /expected an input/, {}, (file) => [file.integers([3]), file.floats([0, 1])]],
  ],
};

test("what the page says is refused of an operator is", async () => {
  for (const [operator, cases] of Object.entries(REFUSALS)) {
    for (const [said, refusal, attributes, others] of cases) {
      assert.match(rows.get(operator)!, said, operator);
      const message = await refusalOf(fileOf(operator, attributes, others));
      assert.match(message, refusal, operator);
      assert.match(message, `(${operator}: `, operator);
    }
  }
});

test("pixels are as far apart as the scale says, also where twice as many come of another one", async () => {
  const ramp = Float32Array.from({ length: 4 * 36 }, (_, i) => i % 6);
  for (const scale of [2, 2.1]) {
    const decoder = await loadOnnx(fileOf("Resize", mode("linear"), scaledBy(scale)));
    const row = (await decode(decoder, ramp)).subarray(0, 12);
    for (const [i, value] of row.entries()) {
      const expected = Math.min(Math.max((i + 0.5) / scale - 0.5, 0), 5);
      assert.ok(
        Math.abs(value - expected) < 1e-5,
        `scale ${scale}, pixel ${i}: ${value}, expected ${expected}`,
      );
    }
  }
});

test("the largest number over the points is refused", async () => {
  for (const operator of ["ReduceMax", "ReduceMin", "ReduceLogSumExp"]) {
    const file = new OnnxFile(["z", "xyz", "y"]);
    const [z, xyz] = [file.input("z", ["batch", 3]), file.input("xyz", ["points", 3])];
    const each = file.apply("", "Mul", [file.apply("", "Unsqueeze", [z, file.integers([1])]), xyz]);
    const made = file.apply("module", operator, [each], { axes: integers(1), keepdims: integer(0) });
    await rejected(
      loadOnnx(file.toMessage("y", made, ["batch", 3], []).toBytes(), { points: "xyz", latent: "z" }),
      "invalid_file",
      new RegExp(`\\(${operator}: it takes the (maximum|minimum) over the points\\)`),
    );
  }
});

test("an axis is stretched to as many as there are points, but not to several times as many", async () => {
  for (const times of [1, 2]) {
    const file = new OnnxFile(["z", "xyz", "y"]);
    const [z, xyz] = [file.input("z", ["batch", 3]), file.input("xyz", ["points", 3])];
    const points = file.apply("", "Gather", [file.apply("", "Shape", [xyz]), file.integers([0])]);
    const length = file.apply("", "Mul", [points, file.integers([times])]);
    const shape = file.apply("", "Concat", [file.integers([1]), length, file.integers([3])], {
      axis: integer(0),
    });
    const made = file.apply("module", "Expand", [
      file.apply("", "Unsqueeze", [z, file.integers([1])]),
      shape,
    ]);
    const loaded = loadOnnx(file.toMessage("y", made, ["batch", "n", 3], []).toBytes(), {
      points: "xyz",
      latent: "z",
    });
    if (times === 1) (await loaded).dispose();
    else
      await rejected(
        loaded,
        "invalid_file",
        /\(Expand: it stretches axis 1 of .* to 2 times the number of points\)/,
      );
  }
});

// latentflow_export.py refuses these, too, by its lists of the table.
test("three axes of pixels are refused, and computed inputs where the table says that they are constant", async () => {
  const counts = { ofPixels: 0, constants: 0 };
  for (const name of Object.keys(OPERATORS)) {
    const { ofPixels, constants = [] } = operatorOf(name)!;
    if (ofPixels) {
      counts.ofPixels++;
      const file = new OnnxFile(["z", "y"]);
      const z = file.input("z", ["batch", 2, 3, 3, 3]);
      const made = file.apply("", name, [z, file.filled(1, 1)]);
      const message = await refusalOf(file.toMessage("y", made, ["batch"], []).toBytes());
      assert.match(
        message,
        "it reads [batch, 2, 3, 3, 3], expected [batch, channels, height, width] or one axis less",
      );
      assert.match(rows.get(name)!, /three axes of pixels|refused as Resize/);
    }
    for (const place of constants) {
      counts.constants++;
      const message = await refusalOf(
        fileOf(name, {}, (file, z) => constants.map((each) => (each === place ? z : file.filled(4, 1)))),
      );
      assert.match(message, `its input ${place} is computed, expected a constant`, name);
      assert.match(rows.get(name)!, / (is|are) computed/, name);
    }
  }
  assert.ok(counts.ofPixels > 4 && counts.constants > 10);
});

test("what is read of constants alone is refused of anything else", async () => {
  for (const operator of ["Floor", "ReduceProd", "Round", "Ceil"]) {
    const message = `(${operator}: it depends on inputs; of these only constants are read)`;
    assert.match(await refusalOf(fileOf(operator)), message);
  }
});

test("the refusal of an operator that is not read names the page, of one node and of two", async () => {
  const page = "with operators that site/reference/onnx-operators.md of the package lists";
  assert.is(
    await refusalOf(fileOf("LpPool")),
    `loadOnnx: the file has a node that is not supported: "module/LpPool" (LpPool); export the decoder without it, or write it ${page}`,
  );
  const file = new OnnxFile(["z", "y"]);
  const z = file.input("z", ["batch", 4]);
  const both = file.apply("", "Add", [
    file.apply("a", "Sort", [z]),
    file.apply("b", "Elu", [z], { alpha: { float: -1 } }),
  ]);
  assert.is(
    await refusalOf(file.toMessage("y", both, ["batch", 4], []).toBytes()),
    `loadOnnx: the file has nodes that are not supported: "a/Sort" (Sort), "b/Elu" (Elu: its alpha is -1, expected at least 0); export the decoder without them, or write them ${page}`,
  );
});

test("latentflow_export.py takes the modes that are read", async () => {
  const [, lists = ""] = /^CHOICES: .*? = \{\n(.*?)^\}/ms.exec(exporter)!;
  const choices = [...lists.matchAll(/^ {4}"(\w+)": \{"(\w+)": \((.*)\)\},$/gm)];
  assert.is(choices.length, lists.trim().split("\n").length);
  for (const [, operator, attribute, list] of choices) {
    const others: Others =
      operator === "Resize" ? scaledBy(2) : (file) => [file.integers([0, 0, 1, 1, 0, 0, 1, 1])];
    const message = await refusalOf(fileOf(operator!, { [attribute!]: { text: "another" } }, others));
    assert.match(message, `its ${attribute} is "another", expected ${list!.split(", ").join(" or ")})`);
  }
});

test.run();
