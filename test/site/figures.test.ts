// Tests site/page/answers.ts, race.ts and components/draw-pixels.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { heaviest, meanAndSpread } from "../../site/page/answers.ts";
import { imageBytes, rgbOf } from "../../site/page/components/draw-pixels.ts";
import type { DescentPoint, Samples } from "../../site/page/engine/messages.ts";
import { chartColumns, longest, pointAt } from "../../site/page/race.ts";

const samples: Samples = {
  codes: new Float32Array(3),
  weights: Float64Array.of(0.25, 0.5, 0.25),
  x: Float32Array.of(0, 1, 1, 1, 0, 1),
  effectiveSampleSize: 8 / 3,
  z: new Float32Array(1),
};

test("the heaviest samples come first, each with its picture", () => {
  const [first, second] = heaviest(samples, 2);
  assert.equal([...first!.x, first!.weight], [1, 1, 0.5]);
  assert.equal([...second!.x, second!.weight], [0, 1, 0.25]);
});

test("mean and spread are weighted", () => {
  const { mean, spread } = meanAndSpread(samples);
  assert.equal([...mean], [0.5, 1]);
  assert.equal([...spread], [0.5, 0]);
});

const point = (passes: number, loss: number): DescentPoint => ({
  steps: passes,
  passes,
  loss,
  objective: loss,
  status: "max_steps" as const,
  z: new Float32Array(1),
  x: new Float32Array(1),
});
const [short, long] = [
  [point(2, 3), point(4, 2)],
  [point(2, 3), point(7, 1)],
];

test("a race stands at the last point that each has paid for", () => {
  assert.is(pointAt(long, 1), undefined);
  assert.is(pointAt(long, 6)?.passes, 2);
  assert.is(pointAt(long, 7)?.loss, 1);
  assert.is(longest(short, long, []), 7);
  assert.equal(chartColumns([short, long], 5), [
    [2, 4],
    [3, 2],
    [3, null],
  ]);
  const late = [point(10, 1)];
  assert.equal(chartColumns([late, short], 10)[0], [2, 4, 10]);
});

test("hidden pixels have the colour of paper, whatever is under them", () => {
  const palette = { ink: rgbOf("rgb(10, 20, 30)"), paper: rgbOf("rgba(210, 220, 230, 1)"), hatch: "" };
  const bytes = imageBytes(
    { levels: Float32Array.of(1, 1, 0.5), hidden: Uint8Array.of(0, 1, 0), rows: 1, columns: 3 },
    palette,
  );
  assert.equal([...bytes], [10, 20, 30, 255, 210, 220, 230, 255, 110, 120, 130, 255]);
});

test.run();
