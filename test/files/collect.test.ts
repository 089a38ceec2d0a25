// Tests src/files/limits.ts: apart from limits.test.ts, which takes seconds.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LatentflowError } from "../../src/base/errors.ts";
import { collect } from "../../src/files/limits.ts";

test("what comes in chunks is taken up to the limit to the byte, and no chunk after the one that exceeds it", async () => {
  const take = async (sizes: readonly number[], maxBytes: number) => {
    let taken = 0;
    const chunks = async function* () {
      for (const size of sizes) {
        taken++;
        yield new Uint8Array(size).fill(taken);
      }
    };
    const bytes = await collect(chunks(), { maxBytes, signal: undefined }).catch(
      (error: LatentflowError) => error.message,
    );
    return { bytes, taken };
  };
  for (const sizes of [[5], [1, 1, 1, 1, 1], [2, 0, 3], [4, 1]]) {
    const { bytes } = await take(sizes, 5);
    const expected = sizes.flatMap((size, i) => new Array<number>(size).fill(i + 1));
    assert.equal([...bytes], expected, `${sizes}`);
    assert.is(
      (await take(sizes, 4)).bytes,
      "the file has more than maxBytes, 4 bytes; give a larger maxBytes to read it",
      `${sizes}`,
    );
  }
  assert.is((await take([3, 3, 3, 3], 5)).taken, 2);
  assert.is((await take([1], 0)).taken, 1);
});

test.run();
