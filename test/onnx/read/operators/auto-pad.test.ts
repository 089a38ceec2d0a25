// run: slow
// Tests src/onnx/read/operators/convolutions.ts, src/onnx/read/operators/pooling.ts,
// src/onnx/read/operators/resampling.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "../../../../src/index.ts";
import { loadOnnx } from "../../../../src/onnx/index.ts";
import { OnnxFile } from "../../../../src/onnx/write/file.ts";
import type { Attributes } from "../../../../src/onnx-format/messages.ts";
import { type Fed, feed, run } from "../../../support/onnx-file.ts";
import { randomArray } from "../../../support/random.ts";
import { relativeDistance } from "../../../support/reference.ts";
import { rejected } from "../../../support/refusal.ts";

// Windows padded by `auto_pad`, held against ONNX Runtime. Where strides are longer than windows the padding may be negative, by
// which ONNX Runtime computes something else than without padding.

const OPERATORS = ["Conv", "MaxPool", "AveragePool"] as const;
/** How half of the padding is rounded to what goes before the first pixel. */
const WAYS = { SAME_UPPER: Math.floor, SAME_LOWER: Math.ceil };
const CHANNELS = 2;

/** A window along one axis. */
interface Along {
  readonly length: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
}

interface Case {
  readonly operator: (typeof OPERATORS)[number];
  readonly way: keyof typeof WAYS;
  readonly axes: readonly Along[];
}

/** All windows that fit on an axis, in one dimension and, each beside another one, in two. */
function* grid(): Generator<Case> {
  for (const operator of OPERATORS) {
    const windows: Along[] = [];
    for (const length of [6, 10])
      for (const stride of [1, 2, 3, 5])
        for (const kernel of [1, 2, 3])
          for (const dilation of operator === "Conv" ? [1, 2] : [1]) {
            if (kernel > 1 || dilation === 1) windows.push({ length, kernel, stride, dilation });
          }
    for (const way of Object.keys(WAYS) as (keyof typeof WAYS)[]) {
      for (const [i, window] of windows.entries()) {
        yield { operator, way, axes: [window] };
        if (i % 4 === 0) yield { operator, way, axes: [window, windows[(7 * i + 3) % windows.length]!] };
      }
    }
  }
}

/** Padding by which windows of an axis make ⌈length / stride⌉ pixels, by the standard's formula; it may be negative. */
function paddingOf({ length, kernel, stride, dilation }: Along): number {
  return (Math.ceil(length / stride) - 1) * stride + (kernel - 1) * dilation + 1 - length;
}

/** The pads of an axis, where negative padding is none. */
function padsOf(way: Case["way"], axis: Along): [number, number] {
  const total = Math.max(paddingOf(axis), 0);
  const before = WAYS[way](total / 2);
  return [before, total - before];
}

/** A file of the node, padded by these attributes. */
function fileOf({ operator, axes }: Case, padding: Attributes): Uint8Array {
  const file = new OnnxFile(["z", "y"]);
  const z = file.input("z", ["batch", CHANNELS, ...axes.map(({ length }) => length)]);
  const each = (name: keyof Along) => ({ integers: axes.map((axis) => axis[name]) });
  const dims = [3, CHANNELS, ...each("kernel").integers];
  const size = dims.reduce((product, length) => product * length, 1);
  const made =
    operator === "Conv"
      ? file.apply("", operator, [z, file.parameter("w", dims, randomArray(1, size, -1, 1))], {
          strides: each("stride"),
          dilations: each("dilation"),
          ...padding,
        })
      : file.apply("", operator, [z], { kernel_shape: each("kernel"), strides: each("stride"), ...padding });
  return file.toMessage("y", made, ["batch", "c", ...axes.map((_, i) => `l${i}`)], []).toBytes();
}

/** What ONNX Runtime makes of a file; undefined where it fails on it. */
const tried = (bytes: Uint8Array, inputs: readonly Fed[]) =>
  run(bytes, inputs, "y", { logSeverityLevel: 4 }).catch(() => undefined);

test("auto_pad: it computes what ONNX Runtime does by it and by the pads that it stands for, or refuses", async () => {
  const counts = { read: 0, refused: 0, different: 0 };
  for (const each of grid()) {
    const { operator, way, axes } = each;
    const what = `${operator} ${way} ${JSON.stringify(axes)}`;
    const bytes = fileOf(each, { auto_pad: { text: way } });
    const inputs = feed(bytes);
    const pads = axes.map((axis) => padsOf(way, axis));
    const explicit = { integers: [...pads.map(([before]) => before), ...pads.map(([, after]) => after)] };
    const expected = await run(fileOf(each, { pads: explicit }), inputs, "y");
    // It computes no dilated convolution by auto_pad, and from 1.30 on no pooling with negative padding.
    const isDilated = axes.some(({ dilation }) => dilation > 1);
    const found = isDilated ? undefined : await tried(bytes, inputs);
    const isDifferent = found !== undefined && String(found.values) !== String(expected.values);
    if (isDifferent) counts.different++;
    if (axes.some((axis) => paddingOf(axis) < -1)) {
      const reason = `(${operator}: its strides are longer than its windows, for which ${way} has no one meaning; export it with pads)`;
      await rejected(loadOnnx(bytes), "invalid_file", RegExp(reason.replace(/[()]/g, "\\$&")));
      counts.refused++;
      continue;
    }
    assert.not(isDifferent, what);
    const got = await decode(await loadOnnx(bytes), inputs[0]!.values);
    assert.is(got.length, expected.values.length, what);
    assert.ok(relativeDistance(got, Array.from(expected.values)) < 1e-6, what);
    counts.read++;
  }
  assert.ok(counts.read > 150 && counts.refused > 20 && counts.different > 4, JSON.stringify(counts));
});

test.run();
