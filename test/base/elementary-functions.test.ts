// run: both
import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cosineOfPi, exponential, logarithm, power } from "../../src/base/elementary-functions.ts";
import { createRandom } from "../../src/base/random.ts";

const random = createRandom(3);
const between = (min: number, max: number) => min + (max - min) * random.uniform();

/** Refuses what is further from the engine's value than so many units in its last place. */
function assertNear(actual: number, expected: number, units: number, what: string): void {
  const unit = Math.max(Math.abs(expected) * Number.EPSILON, Number.MIN_VALUE);
  assert.ok(Math.abs(actual - expected) <= units * unit, `${what} is ${actual}, expected ${expected}`);
}

/** As `assertNear`, of values that may be infinite or no number. */
function assertAsGiven(actual: number, expected: number, what: string): void {
  if (Number.isFinite(expected)) assertNear(actual, expected, 2, what);
  else assert.ok(Object.is(actual, expected), `${what} is ${actual}, expected ${expected}`);
}

test("e^x", () => {
  for (let i = 0; i < 20_000; i++) {
    const x = between(-745, 709.7) * (i % 2 === 0 ? 1 : 1e-3);
    assertNear(exponential(x), Math.exp(x), 2, `e^${x}`);
  }
  for (const x of [0, -0, 1, 709.7827, 709.79, 1e300, Infinity, -745.1, -746.1, -1e300, -Infinity, NaN])
    assertAsGiven(exponential(x), Math.exp(x), `e^${x}`);
});

test("e^x below the normal numbers, to the nearest", () => {
  assert.equal(
    [-708.5, -744, -744.4, -744.5, -745.1332, -745.14].map((x) => exponential(x) / Number.MIN_VALUE),
    [4_060_456_990_316_460, 2, 1, 1, 1, 0],
  );
});

test("ln x", () => {
  for (let i = 0; i < 20_000; i++) {
    const x = i % 2 === 0 ? 10 ** between(-320, 308) : between(0.3, 3);
    assertNear(logarithm(x), Math.log(x), 2, `ln ${x}`);
  }
  for (let k = -1074; k <= 1023; k++) assertNear(logarithm(2 ** k), Math.log(2 ** k), 2, `ln 2^${k}`);
  for (const x of [1, 0, -0, -1, -Infinity, Infinity, NaN, Number.MIN_VALUE, Number.MAX_VALUE])
    assertAsGiven(logarithm(x), Math.log(x), `ln ${x}`);
});

test("powers", () => {
  for (let i = 0; i < 20_000; i++) {
    const base = 10 ** between(-6, 6);
    const exponent = between(-3, 3);
    const size = Math.abs(exponent * Math.log(base));
    assertNear(power(base, exponent), base ** exponent, 2 + 3 * size, `${base}^${exponent}`);
  }
  for (const n of [0, 1, 2, 3, 7, 100, 12_345, 2 ** 40]) {
    for (const base of [0, 0.5, 0.9, 0.999, 1])
      assertNear(power(base, n), base ** n, 2 * n ** 0.5 + n / 4, `${base}^${n}`);
  }
  for (const n of [-1, -2, -7, -40]) {
    for (const base of [0.3, 1, 3, 10])
      assertNear(power(base, n), base ** n, 3 + 2 * Math.abs(n * Math.log(base)), `${base}^${n}`);
  }
  assert.is(power(0.999, 1), 0.999);
  assert.equal(
    [0, 0.3, NaN, Infinity].map((base) => power(base, 0)),
    [1, 1, 1, 1],
  );
  assert.is(power(3, 4), 81);
  assert.is(power(0, -0.2), Infinity);
  assert.is(power(Infinity, -0.2), 0);
  assert.is(power(0, 0.5), 0);
  assert.ok(Number.isNaN(power(NaN, -0.2)));
});

test("cos πp", () => {
  for (let i = 0; i < 20_000; i++) {
    const p = between(0, 2);
    assert.ok(Math.abs(cosineOfPi(p) - Math.cos(Math.PI * p)) < 2e-15, `cos π ${p}`);
  }
  assert.equal([0, 1, 2].map(cosineOfPi), [1, -1, 1]);
});

// What is meant to change them changes results: it belongs into the change log.
test("the same bits in every engine and every version", () => {
  const random = createRandom(5);
  const values: number[] = [];
  for (let i = 0; i < 5000; i++) {
    const u = random.uniform();
    const scale = 2 ** (random.below(2000) - 1000);
    values.push(
      exponential(1450 * u - 740),
      exponential(u - 0.5),
      logarithm(u * scale),
      logarithm(1 + u / 1e4),
    );
    values.push(logarithm(0.5 + u), power(u * scale, u - 0.5), power(0.9 + u / 9, i), power(1 + u, -i % 50));
    values.push(cosineOfPi(2 * u));
  }
  assert.ok(!values.some(Number.isNaN));
  const bits = createHash("sha256").update(new Float64Array(values)).digest("hex");
  assert.is(bits.slice(0, 16), "3f451fa85a9bd4fe");
});

test.run();
