// Tests site/page/codes/code-map.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CodeMap, layOut, nearbyClasses, within } from "../../site/page/codes/code-map.ts";

test("codes lie in a square about their middle, with a little room", () => {
  // They vary most along the second number.
  const codes = Float32Array.of(0, -4, 1, 0, 0, 4, -1, 0, 0, 10);
  const { points, centre, reach, labels } = layOut(codes, 2, [3, 1, 4, 1, 5]);
  assert.equal(labels, [3, 1, 4, 1, 5]);
  const sign = Math.sign(points[4]![0] - points[0]![0]);
  const across = [...points.map((point) => sign * point[0])];
  assert.ok(
    across.every((value, i) => Math.abs(value - (codes[2 * i + 1]! - 2)) < 1e-5),
    `${across}`,
  );
  assert.ok(Math.abs(sign * centre[0] - 1) < 1e-5 && Math.abs(centre[1]) < 1e-5, `${centre}`);
  assert.ok(Math.abs(reach - (1.06 * 14) / 2) < 1e-5, `${reach}`);
});

/** Points on a line, ten of class 7 nearby, nine of class 2 beside them and thirty of class 5 far away. */
const classes = [...Array(10).fill(7), ...Array(9).fill(2), ...Array(30).fill(5)] as number[];
const map: Pick<CodeMap, "points" | "labels" | "centre" | "reach"> = {
  points: classes.map((label, i) => [label === 5 ? 1000 + i : i, 0]),
  labels: classes,
  centre: [10, -2],
  reach: 4,
};

test("the classes of the nearest points, that of most points first", () => {
  // The fifteen nearest: ten of class 7, and five of class 2.
  assert.equal(nearbyClasses(map as CodeMap, [0, 0]), [7, 2]);
  // Nine of class 2, and six of class 7.
  assert.equal(nearbyClasses(map as CodeMap, [18, 0]), [2, 7]);
});

test("a place outside the square is moved to its side", () => {
  assert.equal(within(map as CodeMap, [11, -3]), [11, -3]);
  assert.equal(within(map as CodeMap, [99, -99]), [14, -6]);
  assert.equal(within(map as CodeMap, [-99, 99]), [6, 2]);
});

test.run();
