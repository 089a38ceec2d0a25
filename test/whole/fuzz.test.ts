// run: first
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fuzz } from "../fuzz/run.ts";

// Files made wrong, the same each time. For hours, with other seeds: npm run fuzz -- --minutes 120

const seed = 2412;
/** A reader gets hundreds of the files made for it. */
const ROUNDS = 5000;

test(`whatever the bytes, a file is read or refused (seed ${seed})`, async () => {
  console.log(`seed ${seed}`);
  const { rounds, read, refused, byKind } = await fuzz(seed, { rounds: ROUNDS });
  assert.is(rounds, ROUNDS);
  assert.ok(read > rounds / 8, `${read} of ${rounds} are read`);
  assert.ok(refused > rounds / 4, `${refused} of ${rounds} are refused`);
  for (const [kind, counts] of Object.entries(byKind)) {
    if (/^(decoder as decoder|checkpoint as checkpoint|npy as|idx as|npz as|gzip as array)/.test(kind)) {
      assert.ok(counts.refused > 0, `${kind}: ${counts.refused} refused`);
    }
  }
  for (const kind of [
    "decoder as decoder",
    "checkpoint as checkpoint",
    "npy as array",
    "idx as array",
    "npz as named array",
  ]) {
    assert.ok(byKind[kind]!.read > 0, `${kind}: none is read`);
  }
});

test.run();
