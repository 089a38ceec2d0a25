import { test } from "uvu";
import * as assert from "uvu/assert";
import { FIELD_SIZE, HEIGHT, RANGE, WIDTH } from "../../examples/typefaces/geometry/cell.ts";
import { contoursOf } from "../../examples/typefaces/geometry/contours.ts";
import { fieldOfOutline, fieldOfStrokes } from "../../examples/typefaces/geometry/fields.ts";
import { countParts, coverageOf, overlapOf } from "../../examples/typefaces/geometry/ink.ts";
import { leftOfInk } from "../../examples/typefaces/geometry/layout.ts";
import { flatten, type PathCommand } from "../../examples/typefaces/geometry/outline.ts";
import { cellOf, sampleOf, UNCHANGED } from "../../examples/typefaces/geometry/typeface.ts";

// Fields of known shapes, whose distances follow from their definition.

const SAME = { xx: 1, xy: 0, yx: 0, yy: 1, dx: 0, dy: 0 };

/** A rectangle, clockwise on the screen, or the other way around: a hole. */
function rectangle(left: number, top: number, right: number, bottom: number, isHole = false): PathCommand[] {
  const corners: [number, number][] = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
  if (isHole) corners.reverse();
  return [...corners.map(([x, y], i) => ({ type: i === 0 ? "M" : "L", x, y }) as const), { type: "Z" }];
}

/** Four cubic curves along a circle. They are off it by at most 0.03 % of its radius. */
function circle(cx: number, cy: number, r: number): PathCommand[] {
  const k = 0.5522847498 * r;
  const quarter = (x1: number, y1: number, x2: number, y2: number, x: number, y: number) =>
    ({ type: "C", x1: cx + x1, y1: cy + y1, x2: cx + x2, y2: cy + y2, x: cx + x, y: cy + y }) as const;
  return [
    { type: "M", x: cx + r, y: cy },
    quarter(r, k, k, r, 0, r),
    quarter(-k, r, -r, k, -r, 0),
    quarter(-r, -k, -k, -r, 0, -r),
    quarter(k, -r, r, -k, r, 0),
    { type: "Z" },
  ];
}

const outline = (...paths: PathCommand[][]) => flatten(paths.flat(), SAME);

/** Compares a field with distances in pixels, positive inside. */
function assertField(
  field: Float32Array,
  distanceAt: (x: number, y: number) => number,
  tolerance: number,
): void {
  let largest = 0;
  for (let i = 0; i < FIELD_SIZE; i++) {
    const distance = distanceAt((i % WIDTH) + 0.5, Math.floor(i / WIDTH) + 0.5);
    const expected = Math.max(-1, Math.min(1, distance / RANGE));
    largest = Math.max(largest, Math.abs(field[i]! - expected));
  }
  assert.ok(largest * RANGE <= tolerance, `off by ${largest * RANGE} pixels, expected at most ${tolerance}`);
}

/** Distance to a rectangle's border, positive inside. */
function rectangleAt(left: number, top: number, right: number, bottom: number) {
  return (x: number, y: number) => {
    const [dx, dy] = [Math.max(left - x, x - right), Math.max(top - y, y - bottom)];
    return -(Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0));
  };
}

test("the field of a circle is the distance to it", () => {
  const field = fieldOfOutline(outline(circle(15.3, 20.6, 9)));
  // Segments stay within 0.01 of the curves, and these within 0.0003 · 9 of the circle.
  assertField(field, (x, y) => 9 - Math.hypot(x - 15.3, y - 20.6), 0.013);
});

test("a quadratic curve is followed as closely as a cubic one", () => {
  const path: PathCommand[] = [
    { type: "M", x: 6, y: 30 },
    { type: "Q", x1: 16, y1: 0, x: 26, y: 30 },
    { type: "Z" },
  ];
  const pieces = flatten(path, SAME);
  for (let i = 0; i < pieces.length - 4; i += 4) {
    const middle = (pieces[i]! + pieces[i + 2]!) / 2;
    const t = (middle - 6) / 20;
    const y = 30 * (1 - t) ** 2 + 30 * t ** 2;
    assert.ok(Math.abs((pieces[i + 1]! + pieces[i + 3]!) / 2 - y) <= 0.01 + 1e-9);
  }
});

test("a hole is outside", () => {
  const field = fieldOfOutline(outline(rectangle(6, 8, 26, 32), rectangle(12, 14, 20, 26, true)));
  const [outer, inner] = [rectangleAt(6, 8, 26, 32), rectangleAt(12, 14, 20, 26)];
  assertField(field, (x, y) => Math.min(outer(x, y), -inner(x, y)), 1e-6);
});

test("overlapping contours are one shape, without the edges inside it", () => {
  const field = fieldOfOutline(outline(rectangle(4, 16, 28, 24), rectangle(12, 6, 20, 34)));
  const [wide, high] = [rectangleAt(4, 16, 28, 24), rectangleAt(12, 6, 20, 34)];
  // Inside, the nearest border of a cross is that of a bar, or one of the four corners where the bars meet.
  const corners = [
    [12, 16],
    [20, 16],
    [12, 24],
    [20, 24],
  ] as const;
  const distanceAt = (x: number, y: number) => {
    const larger = Math.max(wide(x, y), high(x, y));
    const isInBoth = wide(x, y) > 0 && high(x, y) > 0;
    return isInBoth ? Math.min(...corners.map(([cx, cy]) => Math.hypot(x - cx, y - cy))) : larger;
  };
  assertField(field, distanceAt, 1e-6);
});

test("a contour within another of the same direction leaves no trace", () => {
  const alone = fieldOfOutline(outline(rectangle(6, 8, 26, 32)));
  assert.equal(fieldOfOutline(outline(rectangle(6, 8, 26, 32), rectangle(12, 14, 20, 26))), alone);
});

test("contours that share an edge are joined there", () => {
  const field = fieldOfOutline(outline(rectangle(6, 8, 16, 32), rectangle(16, 8, 26, 32)));
  assertField(field, rectangleAt(6, 8, 26, 32), 1e-6);
});

test("thicker outlines are further out by as much", () => {
  const field = fieldOfOutline(outline(circle(16, 20, 8)), 1.5);
  assertField(field, (x, y) => 9.5 - Math.hypot(x - 16, y - 20), 0.013);
});

test("a stroke's field is the distance to its line, less the pen's radius", () => {
  const field = fieldOfStrokes([[16, 10, 16, 30]], { radius: 2 });
  const distanceAt = (x: number, y: number) => {
    const beyond = Math.max(10 - y, y - 30, 0);
    return 2 - Math.hypot(x - 16, beyond);
  };
  assertField(field, distanceAt, 1e-6);
});

test("a broad nib draws horizontal lines thinner", () => {
  const field = fieldOfStrokes([[8, 20, 24, 20]], { radius: 2, contrast: 2 });
  assert.ok(field[20 * WIDTH + 16]! > 0);
  // Half as thick: ink ends 1 pixel from the line, not 2.
  assert.ok(field[21 * WIDTH + 16]! < 0);
});

test("contours lie where the field is 0, closed, one around the ink and one around the hole", () => {
  const outer = 9.2;
  const inner = 4.1;
  const field = Float32Array.from({ length: FIELD_SIZE }, (_, i) => {
    const from = Math.hypot((i % WIDTH) + 0.5 - 16, Math.floor(i / WIDTH) + 0.5 - 20);
    return Math.max(-1, Math.min(1, Math.min(outer - from, from - inner) / RANGE));
  });
  const contours = contoursOf(field);
  assert.is(contours.length, 2);
  const areas = contours.map((contour) => {
    let area = 0;
    for (let i = 0; i < contour.length; i += 2) {
      const [x, y] = [contour[i]!, contour[i + 1]!];
      const [nextX, nextY] = [contour[(i + 2) % contour.length]!, contour[(i + 3) % contour.length]!];
      const radius = Math.hypot(x - 16, y - 20);
      // Linear interpolation of a distance between pixels r from the centre is off by at most 1/(8r).
      assert.ok(Math.min(Math.abs(radius - outer), Math.abs(radius - inner)) < 0.035, `at ${radius}`);
      area += (x * nextY - nextX * y) / 2;
    }
    return area;
  });
  areas.sort((a, b) => Math.abs(b) - Math.abs(a));
  assert.ok(Math.abs(Math.abs(areas[0]!) / (Math.PI * outer ** 2) - 1) < 0.01);
  assert.ok(Math.abs(Math.abs(areas[1]!) / (Math.PI * inner ** 2) - 1) < 0.02);
  assert.ok(areas[0]! * areas[1]! < 0, "the hole's contour runs the other way around");
});

test("ink at the cell's side is closed there", () => {
  const contours = contoursOf(new Float32Array(FIELD_SIZE).fill(1));
  assert.is(contours.length, 1);
  assert.ok(contours[0]!.every((value, i) => value >= -0.5 && value <= (i % 2 === 0 ? WIDTH : HEIGHT) + 0.5));
});

test("ink of a corner to corner diagonal hangs together by the mean of its corners", () => {
  for (const [other, contours] of [
    [-0.2, 1],
    [-0.9, 2],
  ] as const) {
    const field = new Float32Array(FIELD_SIZE).fill(-1);
    for (const [column, row] of [
      [10, 10],
      [11, 11],
    ] as const) {
      field[row * WIDTH + column] = 0.5;
      field[row * WIDTH + 21 - column] = other;
    }
    assert.is(contoursOf(field).length, contours);
  }
});

test("parts of the ink are counted, hairlines held together", () => {
  const dotted = fieldOfOutline(outline(rectangle(14, 6, 18, 10), rectangle(14, 14, 18, 30)));
  assert.is(countParts(dotted), 2);
  // A line of 0.6 pixels between two rows of pixels' centres: no centre is inside.
  const hairline = fieldOfOutline(outline(rectangle(6, 19.7, 26, 20.3)));
  assert.ok(hairline.every((value) => value < 0));
  assert.is(countParts(hairline), 1);
  assert.is(countParts(hairline, 0), 0);
});

test("overlap of ink: all of it with itself, half of it where half is shared", () => {
  const left = fieldOfOutline(outline(rectangle(6, 8, 18, 32)));
  const right = fieldOfOutline(outline(rectangle(12, 8, 24, 32)));
  assert.equal(overlapOf(left, left).common, overlapOf(left, left).either);
  const { common, either } = overlapOf(left, right);
  assert.ok(Math.abs(common / either - 1 / 3) < 0.01);
  assert.is(coverageOf(0), 0.5);
});

test("a sample's letters are centred, and its bearings are the font's", () => {
  // A font of rectangles, 1,000 units for a cap height; every letter is 400 wide and begins at 100.
  const glyph = { path: rectangle(100, 0, 500, 700), advance: 650 };
  const typeface = { glyphs: Array.from({ length: 26 }, () => glyph), capHeight: 1000 };
  const sample = sampleOf(typeface)!;
  const unit = 21 / 1000;
  const field = sample.subarray(0, FIELD_SIZE);
  const half = 200 * unit;
  assertField(field, rectangleAt(16 - half, 29 - 700 * unit, 16 + half, 29), 1e-5);
  assert.ok(Math.abs(leftOfInk(field) - (16 - half)) < 1e-5);
  const bearings = sample.subarray(26 * FIELD_SIZE);
  assert.ok(Math.abs(bearings[0]! * RANGE - 650 * unit) < 1e-5);
  assert.ok(Math.abs(bearings[1]! * RANGE - 100 * unit) < 1e-5);
  assert.is(sampleOf(typeface, { ...UNCHANGED, stretch: 4 }), undefined, "it does not fit into its cell");
  // Grown by half a pixel on all sides, its ink begins as much further to the left.
  const thicker = cellOf(glyph, 1000, { ...UNCHANGED, thicker: 0.5 })!;
  assert.ok(Math.abs(thicker.bearings.left - (100 * unit - 0.5)) < 1e-9);
  const wide = (width: number) => ({ path: rectangle(0, 0, width / unit, 700), advance: 0 });
  assert.ok(cellOf(wide(31), 1000, { ...UNCHANGED, thicker: 0.5 }));
  assert.is(cellOf(wide(31.1), 1000, { ...UNCHANGED, thicker: 0.5 }), undefined, "both sides grow");
});

test.run();
