// Tests src/onnx/read/operators/resize.ts.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode, wasm } from "../../../src/index.ts";
import { loadOnnx, toOnnx } from "../../../src/onnx/index.ts";
import { rejected } from "../../support/refusal.ts";

// Resize in all its modes, and operators as opsets 9 to 12 have them: what ONNX Runtime computes, or a refusal with a
// reason. test/fixtures/onnx/opsets.py makes the files and computes what is expected.

interface Case {
  /** The file, as base64. */
  readonly model: string;
  readonly z: readonly number[];
  /** Missing where ONNX Runtime fails. */
  readonly y?: readonly number[];
  readonly shape?: readonly number[];
}

const CASES = JSON.parse(
  readFileSync(new URL("../../fixtures/onnx/opsets.json", import.meta.url), "utf8"),
) as Readonly<Record<string, Case>>;

const OPSETS = [9, 10, 11, 12];

/** The files that are refused, and what the refusal says. */
const REFUSALS: Readonly<Record<string, RegExp>> = {
  "resize-crop": /its coordinate_transformation_mode is "tf_crop_and_resize", expected "half_pixel" or/,
  "resize-shifts-batch": /its nearest_mode is "ceil" with tf_half_pixel_for_nn, which moves the batch/,
  // ONNX Runtime copies the axis.
  "resize-antialias-copied": /it leaves \[4,3\] pixels as many by \[1\.1\d*,0\.5\], which has no one meaning/,
  // ONNX Runtime rounds the new lengths down before it divides by them. The standard's own test data do not: the first two are theirs.
  ...Object.fromEntries(
    [
      ...["standard-linear", "standard-cubic"],
      ...["both", "down"].flatMap((ratio) =>
        ["linear", "cubic", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"].map(
          (mode) => `${ratio}-${mode}`,
        ),
      ),
    ].map((each) => [
      `resize-align_corners-${each}`,
      /it aligns corners of \[\d,\d\] pixels by \[.*\], which makes no whole number of them .*; give the new size in place of scales/,
    ]),
  ),
  // It takes the ceiling, PyTorch the floor, and the standard says neither.
  "opset-10-fewer-nearest": /of which opset 10 does not say which; convert it to opset 13/,
  ...Object.fromEntries(
    OPSETS.flatMap((opset) => [
      [`opset-${opset}-Softmax-all`, /it treats the batch as channels/],
      [`opset-${opset}-LogSoftmax-all`, /it treats the batch as channels/],
      [`opset-${opset}-batchnorm-training`, /it is in training mode, statistics over the batch/],
    ]),
  ),
};

/** Both add float32 numbers up, in different orders, with weights that each has rounded. */
const TOLERANCE = 2e-6;
const BACKEND = wasm({ relaxed: false, threads: 1 });

for (const [name, { model, z, y = [], shape = [] }] of Object.entries(CASES)) {
  const bytes = new Uint8Array(Buffer.from(model, "base64"));
  const refusal = REFUSALS[name];
  if (refusal) {
    test(`${name} is refused`, () => rejected(loadOnnx(bytes), "invalid_file", refusal));
    continue;
  }
  test(`${name}: it computes what ONNX Runtime does, also once it has been written`, async () => {
    const decoder = await loadOnnx(bytes);
    assert.ok(y.length > 0, "ONNX Runtime computes it");
    assert.equal(decoder.outputShape, shape.slice(1));
    const tolerance = TOLERANCE * y.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (const each of [decoder, await loadOnnx(await toOnnx(decoder))]) {
      const got = await decode(each, Float32Array.from(z), { backend: BACKEND });
      assert.is(got.length, y.length, "the number of outputs");
      for (const [i, value] of y.entries()) {
        assert.ok(Math.abs(got[i]! - value) <= tolerance, `number ${i} is ${got[i]}, not ${value}`);
      }
      each.dispose();
    }
  });
}

test("every refusal is of a file that is there, and each opset has files", () => {
  const names = Object.keys(CASES);
  assert.equal(
    Object.keys(REFUSALS).filter((name) => !names.includes(name)),
    [],
  );
  for (const opset of OPSETS)
    assert.ok(names.filter((name) => name.startsWith(`opset-${opset}-`)).length > 12);
});

test.run();
