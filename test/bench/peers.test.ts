// run: alone
import { test } from "uvu";
import * as assert from "uvu/assert";
import { latentflowConvolutions } from "../../bench/peers/convolution-latentflow.ts";
import { onnxruntimeConvolutions } from "../../bench/peers/convolution-onnxruntime.ts";
import { convolutionTask } from "../../bench/peers/convolution-task.ts";
import { largestDifference, measureGradients, RELAXED } from "../../bench/peers/gradient.ts";
import { latentflowGradient } from "../../bench/peers/latentflow.ts";
import { onnxruntimePeer } from "../../bench/peers/onnxruntime.ts";
import { inTurns, leastOf, medianOf, ratioOf } from "../../bench/peers/rounds.ts";
import { checkTargets } from "../../bench/peers/targets.ts";
import { benchDecoder, testDigits } from "../../bench/rig.ts";
import { stepsTo } from "../../bench/steps-to.ts";
import { createRandom } from "../../src/base/random.ts";

// Of the benchmark against others what needs nothing but this package's own development tools.

test("the gradient that onnxruntime-web is timed with is ours", async () => {
  const decoder = await benchDecoder();
  const random = createRandom(1);
  const z = Float32Array.from({ length: 5 * decoder.latentSize }, () => 4 * random.uniform() - 2);
  const task = { decoder, y: await testDigits(5), z };
  const peer = await onnxruntimePeer(task);
  for (const rows of [1, 3, 5]) {
    const theirs = await (await peer.gradient(rows)).gradients();
    const ours = await (await latentflowGradient(task, false, rows)).gradients();
    // Two float32 computations of sums of up to 784 terms.
    assert.ok(largestDifference(theirs, ours, decoder.latentSize) < 1e-4, `${rows} rows`);
  }
  peer.dispose();
});

test("so is that of a decoder with convolutions", async () => {
  for (const between of ["elu", "relu"] as const) {
    const task = await convolutionTask(between, 3);
    const peer = await onnxruntimeConvolutions(task);
    const own = latentflowConvolutions(task, false);
    for (const rows of [1, 3]) {
      const theirs = await (await peer.gradient(rows)).gradients();
      const ours = await (await own.gradient(rows)).gradients();
      // Two float32 computations of sums of up to 4,096 terms.
      assert.ok(largestDifference(theirs, ours, task.decoder.latentSize) < 1e-4, `${between}, ${rows} rows`);
    }
    peer.dispose();
  }
});

test("a gradient that is off in one row, or of another size, is seen", () => {
  const ours = Float32Array.of(1000, -2000, 1, -2);
  assert.is(largestDifference(ours.slice(), ours, 2), 0);
  assert.is(largestDifference(Float32Array.of(1000, -2000, 1, -1), ours, 2), 0.5);
  assert.ok(Number.isNaN(largestDifference(ours.subarray(2), ours, 2)));
});

test("a peer whose gradient is another one is refused before anything is timed", async () => {
  const decoder = await benchDecoder();
  const z = new Float32Array(2 * decoder.latentSize).fill(0.5);
  const task = { decoder, y: await testDigits(2), z };
  let timed = 0;
  const peer = {
    name: "a peer",
    about: "",
    encode: undefined,
    dispose() {},
    async gradient(rows: number) {
      const ours = await latentflowGradient(task, false, rows);
      return {
        async run() {
          timed++;
          return 1;
        },
        // Wrong at two rows alone.
        gradients: async () => (await ours.gradients()).map((value) => value * (rows === 2 ? 1.01 : 1)),
      };
    },
  };
  await measureGradients(task, [peer], [1, 2], 1).then(
    () => assert.unreachable(),
    ({ message }) =>
      assert.match(message, /^a peer: its gradient differs from that of latentflow, plain SIMD by 0\.0[01]/),
  );
  assert.is(timed, 0);
});

test("rounds run all in turns, and a ratio is the median of the rounds' own", async () => {
  const order: string[] = [];
  const timed = (name: string, figures: readonly number[]) => {
    const left = [...figures];
    return { name, time: async () => left.splice(0, order.push(name) && 1)[0]! };
  };
  const times = await inTurns([timed("ours", [1, 10, 2]), timed("theirs", [3, 40, 4])], 3);
  assert.is(order.join(), "ours,theirs,ours,theirs,ours,theirs");
  assert.is(ratioOf(times, "theirs", "ours"), 3);
  assert.is(medianOf(times, "theirs"), 4);
  assert.is(leastOf(times, "ours"), 1);
});

test("the fewest steps to a loss are found", async () => {
  const tried: number[] = [];
  const lossAfter = async (steps: number) => {
    tried.push(steps);
    return steps < 3 ? Number.NaN : 1 / steps;
  };
  for (const least of [3, 4, 5, 8, 13]) assert.is(await stepsTo(1 / least, lossAfter), least);
  assert.ok(Math.max(...tried) <= 16);
});

test("a target is looked at only where its peer was measured", () => {
  const figure = { rows: 32, microsecondsPerSample: 1, shareOfPeak: 1 };
  const gradient = [
    { ...figure, name: RELAXED, ratio: 1 },
    { ...figure, name: "onnxruntime-web", ratio: 1.5 },
  ];
  const targets = checkTargets({ gradient, encode: { samples: 1, figures: [] } });
  assert.equal(
    targets.map(({ least, measured }) => [least, measured]),
    [[2, 1.5]],
  );
});

test.run();
