// run: slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openInput } from "../../../src/cli/input/encoding-input.ts";
import { encodeParts } from "../../../src/cli/parts/encode-parts.ts";
import type { Part } from "../../../src/cli/parts/part.ts";
import { rangesOf } from "../../../src/cli/parts/part-range.ts";
import { encode, wasm } from "../../../src/index.ts";
import { B, decoder, job, labels, weights, y, z0 } from "../../support/parts-run.ts";

test("blocks change nothing: a part is the same, however many samples are in memory", async () => {
  const { signal } = new AbortController();
  const input = await openInput(job, signal);
  const parts = async (most?: number) => {
    const found: Part[] = [];
    const done: number[] = [];
    const onProgress = (progress: { done: number }) => void done.push(progress.done);
    const ranges = rangesOf({ samples: B, parts: 3 });
    for await (const part of encodeParts({ job, input, signal, onProgress }, ranges, most))
      found.push({ ...part, seconds: 0 });
    assert.equal(
      done,
      [...done].sort((a, b) => a - b),
      "progress goes on",
    );
    assert.is(done.at(-1), B);
    return found;
  };
  const whole = await parts();
  assert.equal(
    whole.map(({ count }) => count),
    [7, 8, 8],
  );
  for (const most of [1, 3, 10]) assert.equal(await parts(most), whole, `${most}`);

  const backend = wasm({ relaxed: false, threads: 1 });
  const expected = await encode(decoder, y, { weights, z0, fixed: { label: labels }, backend });
  const z = Float32Array.from(whole.flatMap((part) => [...part.results.z]));
  assert.equal(z, expected.z, "and what one call of encode returns");
});

test("of what is stopped half-way there is no part", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const input = await openInput(job, signal);
  const onProgress = ({ done }: { done: number }) => {
    if (done >= 12) controller.abort();
  };
  const found: number[] = [];
  // So few are encoded at once that it is known which are done.
  const ranges = rangesOf({ samples: B, parts: 3 });
  for await (const { index } of encodeParts({ job, input, signal, onProgress }, ranges, 1)) found.push(index);
  assert.equal(found, [0]);
});

test.run();
