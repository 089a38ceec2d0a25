import { Readable } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { concat, dense, graph, sigmoid } from "../../src/graph/index.ts";
import {
  createDecoder,
  type EncodeItem,
  encode,
  encodeStream,
  gaussian,
  LatentflowError,
} from "../../src/index.ts";
import { until } from "../support/patience.ts";
import { randomArray } from "../support/random.ts";
import { refused } from "../support/refusal.ts";

// Items of samples, encoded as they come.

const [d, n] = [3, 7];
const decoder = createDecoder({ layers: [d, 9, n], loss: "mse", seed: 1 });
const batches = [4, 1, 0, 3].map((count, i) => randomArray(i, count * n, 0, 1));

const unreachable = () => assert.unreachable("it has resolved");

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test("each item has the result that encode has of it, from any iterable", async () => {
  const options = { prior: gaussian({ std: 2 }) };
  const expected = await Promise.all(batches.map((y) => encode(decoder, y, options)));
  const sources: (AsyncIterable<EncodeItem> | Iterable<EncodeItem>)[] = [
    batches,
    new Set(batches),
    (function* () {
      yield* batches;
    })(),
    (async function* () {
      yield* batches.map((y) => ({ y }));
    })(),
    Readable.from(batches),
  ];
  for (const source of sources) {
    for (const ahead of [0, 1, 5]) {
      if (ahead > 0 && !Array.isArray(source)) continue;
      const results = await collect(encodeStream(decoder, source, { ...options, ahead }));
      assert.is(results.length, batches.length);
      results.forEach((result, i) => {
        assert.equal(result.z, expected[i]!.z);
        assert.equal(result.objective, expected[i]!.objective);
      });
    }
  }
});

test("what is given with an item takes the place of what is given for all", async () => {
  const conditional = createDecoder(
    graph(({ latent, fixed }) => sigmoid()(dense(n)(concat()(latent(d), fixed("label", 2))))),
    { seed: 2, loss: "mse" },
  );
  const y = batches[0]!;
  const label = randomArray(8, 4 * 2);
  const weights = randomArray(9, 4 * n, 0, 1);
  const z0 = randomArray(10, 4 * d);
  const one = Float32Array.of(1, -1);
  const results = await collect(
    encodeStream(conditional, [{ y, fixed: { label }, weights, z0 }, y], { fixed: { label: one } }),
  );
  const expected = [
    await encode(conditional, y, { fixed: { label }, weights, z0 }),
    await encode(conditional, y, { fixed: { label: one } }),
  ];
  results.forEach(({ z }, i) => {
    assert.equal(z, expected[i]!.z);
  });
});

/** Counts what it is asked for, and hears when it is closed. */
function counted(items: readonly EncodeItem[]) {
  const seen = { asked: 0, atOnce: 0, most: 0, closed: 0 };
  const iterator: AsyncIterator<EncodeItem> = {
    async next() {
      seen.most = Math.max(seen.most, ++seen.atOnce);
      await new Promise((resolve) => setTimeout(resolve, 1));
      seen.atOnce--;
      const index = seen.asked++;
      return index < items.length ? { done: false, value: items[index]! } : { done: true, value: undefined };
    },
    async return() {
      seen.closed++;
      return { done: true, value: undefined };
    },
  };
  return { seen, items: { [Symbol.asyncIterator]: () => iterator } };
}

test("no more is read than is asked for, one after the other, and the end of the loop closes the source", async () => {
  for (const ahead of [0, 1, 3]) {
    const { seen, items } = counted(Array.from({ length: 20 }, () => batches[1]!));
    let taken = 0;
    for await (const { z } of encodeStream(decoder, items, { ahead })) {
      assert.is(z.length, d);
      taken++;
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.ok(seen.asked <= taken + ahead, `${seen.asked} asked for, ${taken} taken, ${ahead} ahead`);
      if (ahead > 0) await until(() => seen.asked > taken, "some are read in advance");
      if (taken === 4) break;
    }
    assert.is(seen.most, 1);
    assert.is(seen.closed, 1);
  }
  const { seen, items } = counted([batches[0]!]);
  await collect(encodeStream(decoder, items));
  assert.is(seen.closed, 0, "a source that has ended is not closed");
});

test("what is wrong is refused at once, or in the item's turn with its number", async () => {
  const wrong =
    (items: unknown, options: object = {}) =>
    () =>
      encodeStream(decoder, items as Iterable<EncodeItem>, options);
  refused(
    wrong(batches[0]),
    "invalid_argument",
    /items is a Float32Array, expected an iterable .*give \[y\]/,
  );
  refused(wrong("abc"), "invalid_argument", /items is "abc"/);
  refused(wrong(undefined), "invalid_argument", /items is undefined/);
  refused(wrong(batches, { ahead: -1 }), "invalid_argument", /encodeStream: ahead is -1/);
  refused(wrong(batches, { z0: 1 }), "invalid_argument", /unknown option "z0"/);
  refused(wrong(batches, { prior: 1 }), "invalid_argument", /encodeStream: prior is 1/);
  for (const [bad, message] of [
    [new Float32Array(n + 1), /^item 1: encodeStream: y has 8 values/],
    [{ y: batches[0]!, wieghts: 1 }, /^item 1: encodeStream: unknown option "wieghts"/],
    [null, /^item 1: encodeStream: y is null/],
    [[1], /^item 1: encodeStream: y is an Array/],
  ] as const) {
    const { seen, items } = counted([batches[0]!, bad as EncodeItem, batches[0]!]);
    let results = 0;
    try {
      for await (const _ of encodeStream(decoder, items)) results++;
      assert.unreachable();
    } catch (error) {
      assert.instance(error, LatentflowError);
      assert.match((error as Error).message, message);
    }
    assert.is(results, 1);
    assert.is(seen.closed, 1);
  }
});

test("what the source throws comes in its turn, and nothing is left unhandled", async () => {
  const unhandled: unknown[] = [];
  const hear = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", hear);
  async function* failing() {
    yield batches[0]!;
    yield batches[1]!;
    throw new Error("torn");
  }
  for (const leaveEarly of [true, false]) {
    let results = 0;
    try {
      for await (const _ of encodeStream(decoder, failing(), { ahead: 5 })) {
        results++;
        if (leaveEarly) break;
      }
      assert.ok(leaveEarly);
    } catch (error) {
      assert.is((error as Error).message, "torn");
      assert.is(results, 2);
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off("unhandledRejection", hear);
  assert.equal(unhandled, []);
});

test("a source that fails at its end is heard; one that has failed is not asked again", async () => {
  async function* failing() {
    try {
      yield batches[0]!;
      yield batches[1]!;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: what closing a file does where its disk is gone
      throw new Error("not closed");
    }
  }
  let message = "";
  try {
    for await (const _ of encodeStream(decoder, failing(), { ahead: 0 })) break;
  } catch (error) {
    message = (error as Error).message;
  }
  assert.is(message, "not closed");

  const calls = { next: 0, return: 0 };
  const iterator = {
    async next(): Promise<IteratorResult<Float32Array>> {
      calls.next++;
      throw new Error("torn");
    },
    async return() {
      calls.return++;
      return { done: true as const, value: undefined };
    },
  };
  const source = { [Symbol.asyncIterator]: () => iterator };
  message = "";
  try {
    await collect(encodeStream(decoder, source, { ahead: 3 }));
  } catch (error) {
    message = (error as Error).message;
  }
  assert.equal([message, calls], ["torn", { next: 1, return: 0 }]);
});

test("an item that fails is said at once, whatever the source does then", async () => {
  const bad = new Float32Array(n + 1);
  const silent = {
    asked: 0,
    next() {
      return this.asked++ === 0 ? Promise.resolve({ done: false, value: bad }) : new Promise<never>(() => {});
    },
    return: () => new Promise<never>(() => {}),
  };
  const failing = {
    next: () => Promise.resolve({ done: false, value: bad }),
    return: () => Promise.reject(new Error("of the end")),
  };
  for (const iterator of [silent, failing]) {
    const items = { [Symbol.asyncIterator]: () => iterator as AsyncIterator<EncodeItem> };
    await collect(encodeStream(decoder, items)).then(unreachable, (error) => {
      assert.match(error.message, /^item 0: encodeStream: y has 8 values/);
    });
  }
});

test("an abort ends a wait for a source that does not answer, and work that is begun", async () => {
  const controller = new AbortController();
  const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
  const waiting = collect(encodeStream(decoder, silent, { signal: controller.signal }));
  controller.abort(new Error("enough"));
  await waiting.then(unreachable, (error) => assert.is(error.message, "enough"));
  const aborted = collect(encodeStream(decoder, batches, { signal: AbortSignal.abort(new Error("no")) }));
  await aborted.then(unreachable, (error) => assert.is(error.message, "no"));
});

test.run();
