// Tests site/page/plane.ts and components/landscape-paths.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bandsOf, lineOf, placeOf, SIZE } from "../../site/page/components/landscape-paths.ts";
import type { Landscape } from "../../site/page/landscape.ts";
import { gridAround, planeThrough, projected, projectedPath } from "../../site/page/plane.ts";

const start = Float32Array.of(1, 2, 3, 4);
const end = Float32Array.of(2, 0, 1, 1);
const third = Float32Array.of(-1, 1, 0, 5);
const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-5, `${a}, expected ${b}`);
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, k) => sum + value * b[k]!, 0);

test("three codes lie in their plane: their distances are kept", () => {
  const frame = planeThrough(start, end, third);
  near(dot(frame.u, frame.u), 1);
  near(dot(frame.v, frame.v), 1);
  near(dot(frame.u, frame.v), 0);
  const [s, t] = [projected(frame, start), projected(frame, third)];
  near(Math.hypot(s.a, s.b), Math.hypot(...start.map((value, k) => value - end[k]!)));
  near(Math.hypot(t.a, t.b), Math.hypot(...third.map((value, k) => value - end[k]!)));
  near(Math.hypot(s.a - t.a, s.b - t.b), Math.hypot(...start.map((value, k) => value - third[k]!)));
  assert.ok(s.a < 0, "the flow goes to the right");
});

test("codes on a line, and codes that are one, still have a plane", () => {
  for (const [a, b, c] of [
    [start, end, end],
    [end, end, end],
  ] as const) {
    const { u, v } = planeThrough(a, b, c);
    near(dot(u, u), 1);
    near(dot(v, v), 1);
    near(dot(u, v), 0);
  }
});

test("a grid is square, and has all points within", () => {
  const frame = planeThrough(start, end, third);
  const points = projectedPath(frame, Float32Array.of(...start, ...end, ...third));
  assert.is(points.length, 3);
  const { a, b } = gridAround(frame, points);
  near(a.at(-1)! - a[0]!, b.at(-1)! - b[0]!);
  for (const point of points) {
    assert.ok(point.a > a[0]! && point.a < a.at(-1)! && point.b > b[0]! && point.b < b.at(-1)!);
  }
});

/** A bowl around (1, 0), over a grid from -2 to 2. */
function bowl(): Landscape {
  const axis = Float64Array.from({ length: 21 }, (_, i) => i / 5 - 2);
  const values = Float32Array.from([...axis].flatMap((b) => [...axis].map((a) => (a - 1) ** 2 + b ** 2)));
  return {
    values,
    a: axis,
    b: axis,
    path: [
      { a: -1, b: 0 },
      { a: 1, b: 0 },
    ],
    guess: { a: 0, b: 0 },
  };
}

test("contours lie at their values' places", () => {
  const landscape = bowl();
  const bands = bandsOf(landscape);
  // The second threshold: (2/12)^2.2 of the highest, 9 + 4 = 13. Its contour is a circle of that radius around the minimum.
  const radius = Math.sqrt((2 / 12) ** 2.2 * 13);
  const { path } = bands[1]!;
  const hole = path.split("M").at(-1)!.replace("Z", "").split("L");
  const middle = placeOf(landscape, { a: 1, b: 0 });
  for (const point of hole) {
    const [x, y] = point.split(",").map(Number);
    // A grid of steps of 0.2 is interpolated linearly.
    assert.ok(Math.abs(Math.hypot(x! - middle.x, y! - middle.y) / (SIZE / 4) - radius) < 0.03, point);
  }
});

test("places go from corner to corner", () => {
  const landscape = bowl();
  assert.equal(placeOf(landscape, { a: -2, b: 2 }), { x: 0, y: SIZE });
  assert.is(
    lineOf(landscape, landscape.path),
    `${SIZE / 4}.0,${SIZE / 2}.0 ${(3 * SIZE) / 4}.0,${SIZE / 2}.0`,
  );
});

test.run();
