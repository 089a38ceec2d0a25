// Tests site/page/element/brush.ts and settings.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hidePart, type Sheet, stroke } from "../../site/page/element/brush.ts";
import { readSettings } from "../../site/page/element/settings.ts";

/** A grey sheet of four rows of six pixels. */
function greySheet(): Sheet {
  return {
    height: 4,
    width: 6,
    channels: 1,
    isChannelsFirst: false,
    y: new Float32Array(24).fill(-1),
    weights: new Float32Array(24).fill(1),
  };
}

const rowsOf = (values: Float32Array, width: number) =>
  Array.from({ length: values.length / width }, (_, row) => [
    ...values.subarray(row * width, (row + 1) * width),
  ]);

test("a stroke that hides covers the pixels whose middles it passes", () => {
  const sheet = greySheet();
  stroke(sheet, "hide", { x: 1.5, y: 1.5 }, { x: 4.5, y: 1.5 }, 1.2, [-1, 1]);
  assert.equal(rowsOf(sheet.weights, 6), [
    [1, 1, 1, 1, 1, 1],
    [1, 0, 0, 0, 0, 1],
    [1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1, 1],
  ]);
  assert.ok(sheet.y.every((value) => value === -1));
});

test("ink is white in the middle, fades, never darkens, and is seen", () => {
  const sheet = greySheet();
  hidePart(sheet, "top");
  const at = { x: 2.5, y: 1.5 };
  stroke(sheet, "draw", at, at, 2.5, [-1, 1]);
  const [before] = rowsOf(sheet.y, 6).slice(1);
  assert.is(before![2], 1);
  assert.ok(before![3]! > -1 && before![3]! < 1, `${before}`);
  assert.is(before![4], -1);
  assert.is(sheet.weights[6 + 2], 1);
  assert.is(sheet.weights[6 + 5], 0);
  stroke(sheet, "draw", { x: 3.6, y: 1.5 }, { x: 3.6, y: 1.5 }, 2.5, [-1, 1]);
  assert.is(sheet.y[6 + 2], 1);
});

test("a half is hidden in all channels, wherever their axis is", () => {
  for (const isChannelsFirst of [true, false]) {
    const values = () => new Float32Array(12).fill(1);
    const sheet: Sheet = {
      height: 2,
      width: 2,
      channels: 3,
      isChannelsFirst,
      y: values(),
      weights: values(),
    };
    hidePart(sheet, "right");
    const hidden = isChannelsFirst
      ? [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]
      : [1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0];
    assert.equal([...sheet.weights], hidden);
  }
});

function elementWith(attributes: Record<string, string>) {
  return { baseURI: "https://example.org/page/", getAttribute: (name: string) => attributes[name] ?? null };
}

test("attributes have defaults, and URLs are the page's", () => {
  assert.equal(readSettings(elementWith({ decoder: "d.onnx" })), {
    decoder: "https://example.org/page/d.onnx",
    picture: undefined,
    brush: "draw",
    brushSize: 0.08,
    hide: "none",
    solver: "lbfgs",
  });
  const { picture, brush } = readSettings(elementWith({ decoder: "d.onnx", picture: "/p.png" }));
  assert.equal([picture, brush], ["https://example.org/p.png", "hide"]);
});

test("an address that is none is shown without its secrets", () => {
  for (const name of ["decoder", "picture"]) {
    const attributes = { decoder: "d", [name]: "https://user:pass@[x/a.onnx?token=abc#def" };
    assert.throws(
      () => readSettings(elementWith(attributes)),
      ({ message }: Error) =>
        message === `<latent-flow>: ${name} is "https://[x/a.onnx?…", expected the URL of a file.`,
    );
  }
});

test("a wrong attribute is named", () => {
  const wrong: Record<string, RegExp> = {
    hide: /hide is "x", expected none, top, bottom/,
    brush: /brush is "x", expected draw, hide/,
    solver: /solver is "x", expected lbfgs, amd/,
    "brush-size": /brush-size is "x", expected a share/,
  };
  for (const [name, message] of Object.entries(wrong))
    assert.throws(() => readSettings(elementWith({ decoder: "d", [name]: "x" })), message);
  for (const attributes of [{}, { decoder: "" }])
    assert.throws(() => readSettings(elementWith(attributes)), /decoder is missing/);
  assert.throws(
    () => readSettings(elementWith({ decoder: "http://[" })),
    /decoder is "http:\/\/\[", expected the URL/,
  );
  assert.throws(
    () => readSettings(elementWith({ decoder: "d", picture: "http://[" })),
    /picture is "http:\/\/\[", expected the URL/,
  );
});

test.run();
