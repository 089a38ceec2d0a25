// run: both, revectorize
import { test } from "uvu";
import * as assert from "uvu/assert";
import { conv, dense, reshape, sequential, tanh } from "../../../src/graph/index.ts";
import { createDecoder, decode } from "../../../src/index.ts";
import { hashCase, NARROW, WIDE } from "../../support/bits-case.ts";
import { randomArray } from "../../support/random.ts";

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

test("convolutions of several panels and taps: tiles of each height give the bits of the other ones", async () => {
  // One pixel for each row, so that tiles have all heights.
  const decoder = createDecoder(
    sequential(3, [dense(2 * 2 * 11), tanh(), reshape([2, 2, 11]), conv({ channels: 23, kernel: 2 })]),
    { seed: 1 },
  );
  for (let rows = 1; rows <= 13; rows++) {
    const z = randomArray(rows, rows * decoder.latentSize);
    for (const build of ["plain", "relaxed"] as const) {
      const narrow = await decode(decoder, z, { backend: NARROW[build] });
      const wide = await decode(decoder, z, { backend: WIDE[build] });
      assert.equal(wide, narrow, `${build}, ${rows} rows`);
    }
  }
  decoder.dispose();
});

test.run();
