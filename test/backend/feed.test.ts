import { test } from "uvu";
import * as assert from "uvu/assert";
import { allSamples, dividedSamples } from "../../src/backend/feed.ts";
import { createRandom } from "../../src/base/random.ts";

test("one thread takes all samples in order, as many as it asks for", () => {
  const feed = allSamples(5);
  assert.equal(
    [feed.take(2), feed.take(2), feed.hasMore],
    [{ first: 0, count: 2 }, { first: 2, count: 2 }, true],
  );
  assert.equal([feed.take(9), feed.hasMore, feed.take(1)], [{ first: 4, count: 1 }, false, undefined]);
});

test("of several threads each takes its share at most, each sample is taken once, and all are busy to the end", () => {
  const random = createRandom(1);
  for (const samples of [0, 1, 2, 3, 17, 300]) {
    for (const threads of [1, 2, 3, 8]) {
      const feeds = dividedSamples(samples, threads);
      const held = feeds.map((): number[] => []);
      const taken: number[] = [];
      let ended = 0;
      const count = () => held.reduce((sum, each) => sum + each.length, 0);
      while (ended < samples) {
        const thread = random.below(threads);
        const feed = feeds[thread]!;
        const own = held[thread]!;
        const hadMore = feed.hasMore;
        const range = feed.take(1 + random.below(30));
        assert.is(range !== undefined, hadMore);
        for (let i = 0; range && i < range.count; i++) {
          taken.push(range.first + i);
          own.push(range.first + i);
        }
        assert.ok(!range || own.length <= Math.ceil((samples - ended) / threads), "no more than a share");
        // One that has nothing finds something as long as there is a sample that no thread has.
        assert.ok(range || own.length > 0 || count() === samples - ended, "none is left over");
        const ends = random.below(own.length + 1);
        own.splice(0, ends);
        feed.end(ends);
        ended += ends;
      }
      assert.equal(
        taken,
        Array.from({ length: samples }, (_, i) => i),
      );
      assert.ok(feeds.every((feed) => !feed.hasMore && feed.take(1) === undefined));
    }
  }
});

test.run();
