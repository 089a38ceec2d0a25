// Tests src/cli/parts/sample-slices.ts.
import { deepStrictEqual } from "node:assert/strict";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatPart, type Part, parsePart } from "../../../src/cli/parts/part.ts";
import { sampleBytes } from "../../../src/cli/parts/results-plan.ts";
import { joinAll, sliceAll } from "../../../src/cli/parts/sample-slices.ts";
import { readSafetensors } from "../../../src/files/safetensors.ts";
import { STATUSES } from "../../../src/solver/status.ts";
import { randomArray } from "../../support/random.ts";

const count = STATUSES.length;
const range = { index: 3, first: 12, count };
const values = (seed: number, size = 1) => randomArray(seed, count * size, -1, 1);
const doubles = (seed: number, size = 1) => Float64Array.from(values(seed, size), (value) => value / 3);
const counts = (from: number) => Uint32Array.from(STATUSES, (_, i) => from + i);
const part = (ids: Part["results"]["ids"]): Part => ({
  ...range,
  seconds: 0.1,
  threads: 2,
  kernels: "plain",
  results: {
    z: values(1, 2),
    initialLoss: values(2),
    loss: values(3),
    leastLoss: doubles(12).fill(Number.NaN, 1, 2),
    prior: values(4),
    objective: values(5),
    gradientNorm: values(6),
    missing: counts(3),
    status: STATUSES,
    stats: { acceptedSteps: counts(1), backtracks: counts(9), t: doubles(7) },
    reconstructions: values(8, 4),
    ids,
    sampling: { codes: values(9, 3 * 2), weights: doubles(10, 3), effectiveSampleSize: doubles(11) },
  },
});
const texts = ["", "a", "é\u0000,\n", "", "😀", "z".repeat(300)];
const numbers = BigInt64Array.from(texts, (_, i) => -(2n ** 62n) + BigInt(i));

// By deepStrictEqual, since to uvu arrays with NaN are never equal.

test("a part's file holds every bit, each under its name, and the run's", () => {
  for (const ids of [texts, numbers])
    deepStrictEqual(parsePart(formatPart(part(ids), "run"), range, "run"), part(ids));
  const { tensors } = readSafetensors(formatPart(part(undefined), "run"));
  assert.equal(tensors.get("z")!.shape, [count, 2]);
  assert.equal(tensors.get("stats.t")!.shape, [count]);
  const plan = { samples: count, latentSize: 2, sampleShape: [4], hasPrior: true, hasReconstructions: true };
  const bytes = [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes.length, 0);
  assert.ok(bytes <= count * sampleBytes({ ...plan, codesPerSample: 3 }), `${bytes}`);
});

test("a part of another run, another part and a torn one are refused", () => {
  const bytes = formatPart(part(texts), "run");
  for (const [other, run] of [
    [range, "another"],
    [{ ...range, index: 2 }, "run"],
    [{ ...range, first: 11 }, "run"],
    [{ ...range, count: count - 1 }, "run"],
  ] as const)
    assert.throws(() => parsePart(bytes, other, run), /^it is a part of another run, or another part/);
  for (const length of [0, 20, bytes.length - 1])
    assert.throws(() => parsePart(bytes.subarray(0, length), range, "run"), /^not a valid safetensors/);
});

test("a part of which one bit has changed is refused", () => {
  const bytes = formatPart(part(texts), "run");
  for (let at = 0; at < bytes.length; at += 7) {
    const damaged = bytes.slice();
    damaged[at]! ^= 1 << (at % 8);
    assert.throws(() => parsePart(damaged, range, "run"), /^(not a valid|it is damaged: its checksum is) /);
  }
});

test("results that are cut and joined again are the same", () => {
  for (const ids of [texts, numbers, undefined]) {
    const { results } = part(ids);
    const cuts = [0, 2, 3, count];
    const pieces = cuts.slice(1).map((end, i) => sliceAll(results, count, cuts[i]!, end));
    assert.is(pieces[1]!.status[0], STATUSES[2]);
    deepStrictEqual(joinAll(pieces), results);
  }
});

test.run();
