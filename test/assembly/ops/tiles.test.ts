// run: both, wide
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hashCase, NARROW, WIDE } from "../../support/bits-case.ts";

// Tiles of two panels sum in the order of the other ones. The soak compares the same cases for longer.

const SEEDS = 30;

test("tiles of two panels give the bits of the other ones: decode, encode, train", async () => {
  let compared = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const [narrow, wide] = [await hashCase(seed, NARROW), await hashCase(seed, WIDE)];
    assert.equal(wide, narrow, `seed ${seed}`);
    compared += Object.keys(narrow).length;
  }
  assert.ok(compared > 200, `${compared} results`);
});

test.run();
