// Tests site/page/codes/principal-plane.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type MapPoint, movedTo, principalPlane, project } from "../../site/page/codes/principal-plane.ts";

/** Six codes of three numbers. */
const CODES = Float32Array.of(2, 0, 1, 0, 1, -1, 4, 2, 0, -2, 1, 3, 1, -3, 2, 3, 3, -2);

// numpy.linalg.svd of the codes less their mean: the first two right singular vectors, squared singular values over their
// sum, and the codes' products with the vectors.
const DIRECTIONS = [
  [-0.59708255, -0.55206632, 0.58199244],
  [-0.7105177, 0.70074175, -0.06423074],
] as const;
const SHARES = [0.66263966, 0.25212215] as const;
const PROJECTIONS = [
  [0.2609854, -0.97295501],
  [-0.2609007, 1.27728363],
  [-2.61930479, -0.92827617],
  [3.26123418, 2.44139608],
  [3.09625935, -2.4288933],
  [-3.73827344, 0.61144477],
] as const;

/** Float32 directions. */
const TOLERANCE = 1e-5;

function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.is(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    assert.ok(Math.abs(actual[i]! - expected[i]!) < TOLERANCE, `${actual[i]}, expected ${expected[i]}`);
  }
}

const plane = principalPlane(CODES, 3);
/** Eigenvectors are determined up to their signs. */
const signs = plane.directions.map((direction, i) => Math.sign(direction[0]! * DIRECTIONS[i]![0])) as [
  number,
  number,
];

test("directions and their shares are those of a singular value decomposition", () => {
  assertNear(plane.mean, [4 / 3, 2 / 3, 1 / 2]);
  for (const [i, direction] of plane.directions.entries()) {
    assertNear(
      direction.map((value) => value * signs[i]!),
      DIRECTIONS[i]!,
    );
  }
  assertNear(plane.shares, SHARES);
});

/** Values of a row of the orthonormal discrete cosine transform; rows from 1 on add up to 0. */
const cosines = (row: number, size: number) =>
  Float64Array.from(
    { length: size },
    (_, i) => Math.sqrt(2 / size) * Math.cos((Math.PI * row * (i + 0.5)) / size),
  );

for (const latentSize of [6, 512, 5000]) {
  test(`directions of ${latentSize} numbers are those that codes were made of`, () => {
    const count = 120;
    const scales = [5, 4.5, 3, 2, 1];
    const codes = new Float32Array(count * latentSize);
    // A singular value decomposition, multiplied out.
    for (const [j, scale] of scales.entries()) {
      const [left, right] = [cosines(j + 1, count), cosines(j + 1, latentSize)];
      for (let i = 0; i < codes.length; i++)
        codes[i]! += scale * left[Math.floor(i / latentSize)]! * right[i % latentSize]!;
    }
    const { directions, shares } = principalPlane(codes, latentSize);
    const total = scales.reduce((sum, scale) => sum + scale ** 2, 0);
    assertNear(shares, [scales[0]! ** 2 / total, scales[1]! ** 2 / total]);
    for (const [j, direction] of directions.entries()) {
      const expected = cosines(j + 1, latentSize);
      const sign = Math.sign(direction[0]! * expected[0]!);
      assertNear(
        direction.map((value) => value * sign),
        expected,
      );
    }
  });
}

test("the direction of larger variance comes first, also where all numbers vary alike", () => {
  const square = [2, -2, -2, 2, 1, 1, -1, -1];
  for (const times of [1, 1000]) {
    const codes = Float32Array.from(Array.from({ length: times }, () => square).flat());
    const { directions, shares } = principalPlane(codes, 2);
    assertNear(shares, [0.8, 0.2]);
    assertNear([directions[0][0]! * directions[0][1]!, directions[1][0]! * directions[1][1]!], [-0.5, 0.5]);
  }
});

test("codes on a line have a plane, too", () => {
  for (const along of [
    [0.3, 0.3],
    [0, 1],
    [0.1, -0.7, 0.3],
  ]) {
    const codes = Array.from({ length: 50 }, (_, i) => along.map((value) => Math.sin(i) * value)).flat();
    const line = principalPlane(Float32Array.from(codes), along.length);
    const [u, v] = line.directions;
    const product = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, k) => sum + value * b[k]!, 0);
    assertNear([product(u, u), product(v, v), product(u, v), ...line.shares], [1, 1, 0, 1, 0]);
    assertNear(project(line, movedTo(line, along, [2, -3])), [2, -3]);
  }
  // One number has no second direction.
  const { directions, shares } = principalPlane(Float32Array.of(1, 2, 4), 1);
  assertNear([...directions[0], ...directions[1], ...shares], [1, 0, 1, 0]);
});

test("codes project to its coordinates", () => {
  for (const [i, expected] of PROJECTIONS.entries()) {
    const [across, up] = project(plane, CODES.subarray(3 * i, 3 * i + 3));
    assertNear([across * signs[0], up * signs[1]], expected);
  }
});

test("a code that is moved projects to where it was moved, and stays as far from the plane as it was", () => {
  const code = CODES.subarray(6, 9);
  const [across, up]: MapPoint = [-1.5, 0.25];
  const moved = movedTo(plane, code, [across, up]);
  assertNear(project(plane, moved), [across, up]);
  // Along the third direction, the cross product of the two.
  const [u, v] = plane.directions;
  const third = [0, 1, 2].map((k) => {
    const [i, j] = [(k + 1) % 3, (k + 2) % 3];
    return u[i]! * v[j]! - u[j]! * v[i]!;
  });
  const along = (from: ArrayLike<number>) => third.reduce((sum, value, k) => sum + value * from[k]!, 0);
  assertNear([along(moved)], [along(code)]);
});

test.run();
