import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../src/base/random.ts";
import {
  createSampler,
  type Sampler,
  type SamplerOptions,
  type SamplerState,
} from "../../src/train/sampler.ts";

/** The next `count` mini-batches. */
function take(sampler: Sampler, count: number): number[][] {
  return Array.from({ length: count }, () => [...sampler.next()]);
}

/** Asserts that counts of equally likely outcomes are as far from each other as chance has them. */
function assertUniform(counts: readonly number[], what: string): void {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const freedom = counts.length - 1;
  // Within five standard deviations of its mean, on both sides: too even is not random either.
  assert.ok(Math.abs(chiSquare - freedom) < 5 * Math.sqrt(2 * freedom), `${what}: χ² = ${chiSquare}`);
}

test("without replacement, an epoch is a permutation, and the next another", () => {
  const sampler = createSampler({ count: 10, batchSize: 4 });
  const epochs = [take(sampler, 3), take(sampler, 3)];
  for (const epoch of epochs) {
    assert.equal(
      epoch.map((batch) => batch.length),
      [4, 4, 2],
      "the last mini-batch has what is left",
    );
    assert.equal(epoch.flat().sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
  assert.not.equal(epochs[0], epochs[1]);
});

test("with replacement, an epoch is as many draws, some the same", () => {
  const sampler = createSampler({ count: 1000, batchSize: 300, replacement: true });
  const epoch = take(sampler, 4);
  assert.equal(
    epoch.map((batch) => batch.length),
    [300, 300, 300, 100],
  );
  // The expected number of different ones is 1000 · (1 - 1/e), 632, give or take 10.
  const different = new Set(epoch.flat()).size;
  assert.ok(different > 580 && different < 680, `${different} different ones`);
});

test("a seed gives the same batches, another seed others", () => {
  const options = { count: 100, batchSize: 7 };
  const first = (seed?: number) => take(createSampler({ ...options, seed }), 40);
  assert.equal(first(3), first(3));
  assert.equal(first(), first(0));
  assert.not.equal(first(3), first(4));
  // They stay from one version to the next: a checkpoint holds the random state, not the order made from it.
  const eight = { count: 8, batchSize: 8, seed: 1 };
  assert.equal(take(createSampler(eight), 1), [[1, 3, 7, 5, 6, 2, 4, 0]]);
  assert.equal(take(createSampler({ ...eight, replacement: true }), 1), [[0, 4, 3, 6, 5, 0, 2, 5]]);
});

test("a batch is the caller's own", () => {
  const options = { count: 6, batchSize: 3 };
  const [touched, untouched] = [createSampler(options), createSampler(options)];
  touched.next().fill(99);
  untouched.next();
  assert.equal(touched.next(), untouched.next());
});

test("resumes exactly from every state, through JSON", () => {
  for (const options of [
    { count: 10, batchSize: 4, seed: 5 },
    { count: 10, batchSize: 4, seed: 5, replacement: true },
    { count: 8, batchSize: 4, seed: 2 ** 53 - 1 },
    { count: 3, batchSize: 5 },
    { count: 1, batchSize: 1 },
  ] satisfies SamplerOptions[]) {
    const sampler = createSampler(options);
    const states: SamplerState[] = [];
    const batches: number[][] = [];
    for (let i = 0; i < 9; i++) {
      states.push(JSON.parse(JSON.stringify(sampler.state())));
      batches.push([...sampler.next()]);
    }
    states.forEach((state, i) => {
      const resumed = createSampler({ ...options, seed: 77 });
      resumed.next();
      resumed.restore(state);
      assert.equal(resumed.state(), state);
      assert.equal(take(resumed, 9 - i), batches.slice(i), `from mini-batch ${i}`);
    });
  }
});

test("the state says where in the data it stands", () => {
  const sampler = createSampler({ count: 5, batchSize: 2 });
  const where = () => [sampler.state().epoch, sampler.state().position];
  assert.equal(where(), [0, 0]);
  take(sampler, 4);
  assert.equal(where(), [1, 2]);
  take(sampler, 2);
  assert.equal(where(), [1, 5], "an epoch that is over, before the next is begun");
});

test("every index is as likely at every place, and every permutation", () => {
  const count = 8;
  const places = Array.from({ length: count }, () => Array<number>(count).fill(0));
  const sampler = createSampler({ count, batchSize: count, seed: 11 });
  for (const order of take(sampler, 8000)) {
    order.forEach((index, place) => {
      places[place]![index]!++;
    });
  }
  places.forEach((counts, place) => {
    assertUniform(counts, `place ${place}`);
  });

  const permutations = new Map<string, number>();
  for (const order of take(createSampler({ count: 4, batchSize: 4, seed: 12 }), 12_000)) {
    permutations.set(order.join(), (permutations.get(order.join()) ?? 0) + 1);
  }
  assert.is(permutations.size, 24);
  assertUniform([...permutations.values()], "permutations");
});

test("with replacement every index is as likely, and every pair", () => {
  const count = 6;
  const pairs = Array<number>(count * count).fill(0);
  const sampler = createSampler({ count, batchSize: 2, replacement: true, seed: 13 });
  for (const [a, b] of take(sampler, 36_000)) pairs[count * a! + b!]!++;
  assertUniform(pairs, "pairs");
});

test("random: a restored generator continues as the first did", () => {
  const random = createRandom(2 ** 40 + 3);
  for (let i = 0; i < 100; i++) {
    const state = random.state();
    const copy = createRandom(1);
    copy.restore(JSON.parse(JSON.stringify(state)));
    assert.equal(copy.state(), state);
    const expected = Array.from({ length: 20 }, () => random.uint32());
    assert.equal(
      Array.from({ length: 20 }, () => copy.uint32()),
      expected,
    );
  }
});

test("random: streams of one seed have nothing in common", () => {
  const numbers = (stream?: number) => {
    const random = createRandom(4, stream);
    return Array.from({ length: 1000 }, () => random.uint32());
  };
  assert.equal(numbers(), numbers(0));
  const all = [0, 1, 2, 3].flatMap(numbers);
  // Among 4000 of 2^32 numbers chance has 0.002 pairs of equals.
  assert.is(new Set(all).size, all.length);
});

test("random: integers below a bound", () => {
  const random = createRandom(9);
  const counts = Array<number>(7).fill(0);
  for (let i = 0; i < 7000; i++) counts[random.below(7)]!++;
  assertUniform(counts, "below(7)");
  assert.is(random.below(1), 0);
});

test.run();
