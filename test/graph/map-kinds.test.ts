// Tests src/graph/map-kind.ts with src/graph/kinds/upsample.ts and src/graph/kinds/resize.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { costOf } from "../../src/graph/graph.ts";
import {
  dense,
  type Layer,
  pad,
  reshape,
  resize,
  sequential,
  slice,
  upsample,
} from "../../src/graph/index.ts";
import {
  isUnresized,
  RESIZE_COORDINATES,
  RESIZE_ROUNDINGS,
  resize as resizeKind,
} from "../../src/graph/kinds/resize.ts";
import { type UpsampleMode, upsample as upsampleKind } from "../../src/graph/kinds/upsample.ts";
import { createDecoder } from "../../src/index.ts";

/** Positions that the first axis of a picture of `length` × 1 reads, and their number by the axis's own formula. */
function upsampled(length: number, scale: number, mode: UpsampleMode, alignCorners: boolean) {
  const shape = [length * scale, 1, 1];
  const [axis] = upsampleKind.axes({ scale: [scale, 1], mode, alignCorners, shape }, [[length, 1, 1]], 0);
  const terms = Array.from({ length: shape[0]! }, (_, at) => axis!.terms(at)!);
  return { terms, count: terms.flat().length, entries: axis!.entries };
}

test("upsampling counts what it reads: exactly, and with corners aligned no less", () => {
  for (let length = 1; length <= 6; length++) {
    for (let scale = 1; scale <= 5; scale++) {
      const at = `${length} × ${scale}`;
      const nearest = upsampled(length, scale, "nearest", false);
      assert.is(nearest.entries, length * scale, at);
      assert.equal(
        nearest.terms.map(([term]) => term!.position),
        Array.from({ length: length * scale }, (_, i) => Math.floor(i / scale)),
      );
      const between = upsampled(length, scale, "bilinear", false);
      assert.is(between.entries, between.count, `${at} bilinear`);
      const aligned = upsampled(length, scale, "bilinear", true);
      assert.ok(aligned.entries >= aligned.count && aligned.entries <= 2 * length * scale, `${at} aligned`);
    }
  }
});

test("an axis that keeps its length is left alone, but by tf_half_pixel_for_nn, which is half a pixel off", () => {
  for (const coordinates of RESIZE_COORDINATES) {
    const moves = coordinates === "tf_half_pixel_for_nn";
    assert.is(isUnresized({ from: 3, to: 3, scale: 1 }, coordinates), !moves, coordinates);
    assert.not(isUnresized({ from: 3, to: 3, scale: 1.1 }, coordinates), coordinates);
    assert.not(isUnresized({ from: 3, to: 4, scale: 1 }, coordinates), coordinates);
    for (const rounding of RESIZE_ROUNDINGS) {
      const fields = { size: [3, 1], scale: [1, 1], mode: "nearest", coordinates, rounding } as const;
      const rest = { cubicCoefficient: -0.75, antialias: false, excludeOutside: false, shape: [3, 1, 1] };
      const [axis] = resizeKind.axes({ ...fields, ...rest }, [[3, 1, 1]], 0);
      const found = [0, 1, 2].map((at) => axis!.terms(at)![0]!.position);
      // The last one reads beyond the edge, which is repeated.
      const isUp = rounding === "ceil" || rounding === "round_prefer_ceil";
      assert.equal(found, moves && isUp ? [1, 2, 2] : [0, 1, 2], `${coordinates} ${rounding}`);
    }
  }
});

test("each rounding takes a quarter, a half and three quarters of a pixel to the pixel of its own", () => {
  // The output's pixels 0 to 4 lie at 0, 1/4, 1/2, 3/4 and 1.
  const expected: { readonly [Each in (typeof RESIZE_ROUNDINGS)[number]]: readonly number[] } = {
    round_prefer_floor: [0, 0, 0, 1, 1],
    round_prefer_ceil: [0, 0, 1, 1, 1],
    floor: [0, 0, 0, 0, 1],
    ceil: [0, 1, 1, 1, 1],
  };
  for (const rounding of RESIZE_ROUNDINGS) {
    const fields = { size: [12, 1], scale: [4, 1], mode: "nearest", coordinates: "asymmetric" } as const;
    const rest = { rounding, cubicCoefficient: -0.75, antialias: false, excludeOutside: false };
    const [axis] = resizeKind.axes({ ...fields, ...rest, shape: [12, 1, 1] }, [[3, 1, 1]], 0);
    const found = [0, 1, 2, 3, 4].map((at) => axis!.terms(at)![0]!.position);
    assert.equal(found, expected[rounding], rounding);
  }
});

test("what only moves numbers or adds them up costs a sum for each number of its output", () => {
  const sumsOf = (...layers: readonly Layer[]) =>
    costOf(createDecoder(sequential(2, [dense(12), reshape([2, 3, 2]), ...layers])));
  const before = sumsOf();
  for (const [layer, size] of [
    [upsample({ scale: 2 }), 4 * 6 * 2],
    [resize({ size: [5, 4] }), 5 * 4 * 2],
    [pad({ padding: 1 }), 4 * 5 * 2],
    [slice({ axis: 1, start: 1, end: 3 }), 2 * 2 * 2],
  ] as const) {
    const after = sumsOf(layer);
    assert.is(after.sums - before.sums, size);
    assert.equal([after.multiplications, after.functions], [before.multiplications, before.functions]);
  }
});

test.run();
