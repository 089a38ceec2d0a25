import { test } from "uvu";
import * as assert from "uvu/assert";
import { gradientFlow, type LbfgsOptions, lbfgs } from "../src/index.ts";
import { type AnalyticLoss, solveAnalytic } from "./support/analytic.ts";
import { randomArray } from "./support/random.ts";

// How far lbfgs goes along a direction, by losses that are told for each length that it tries.

interface Trial {
  /** δt */
  readonly length: number;
  /** Which one of the search it is, from 0. */
  readonly trial: number;
  /** How many steps have been accepted. */
  readonly step: number;
}

/**
 * The lengths that each search tries, and what came of it. The slope is -1 everywhere and there is no curvature, so that the
 * direction is a unit long: a trial of length δt is δt beyond z.
 *
 * @param fallOf what the loss falls by from z to there
 */
async function search(fallOf: (trial: Trial) => number, options: LbfgsOptions) {
  const searches: Trial[][] = [];
  let [z, loss] = [Number.NaN, 1];
  let last = { z: 0, loss };
  const {
    z: [reached],
    objective,
    ...counts
  } = await solveAnalytic(
    [
      {
        value: ([at]) => {
          const trials = searches.at(-1);
          if (!trials) return loss;
          const trial = { length: at! - z, trial: trials.length, step: searches.length - 1 };
          trials.push(trial);
          last = { z: at!, loss: loss - fallOf(trial) };
          return last.loss;
        },
        gradient: () => {
          [z, loss] = [last.z, last.loss];
          searches.push([]);
          return [-1];
        },
      },
    ],
    gradientFlow(),
    lbfgs(options),
    [0],
  );
  const lengths = searches
    .slice(0, counts.acceptedSteps[0])
    .map((trials) => trials.map(({ length }) => length));
  return { lengths, z: reached!, loss: objective[0]!, given: { z, loss }, counts };
}

function near(lengths: readonly number[], expected: readonly number[], label: string): void {
  const isNear = lengths.every((length, i) => Math.abs(length / expected[i]! - 1) < 1e-5);
  assert.ok(lengths.length === expected.length && isNear, `${label}: ${lengths}, not ${expected}`);
}

test("half of a first step that was made shorter is tried where it falls by 0.4 to 0.5, and taken for 4 % more", async () => {
  const draws = 400;
  const [shares, gains] = [randomArray(1, draws, 0.401, 0.6), randomArray(2, draws, 0.9, 1.2)];
  const notFinite = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e45];
  for (const [i, share] of shares.entries()) {
    const refusals = i % 4;
    const gain = i % 9 === 0 ? notFinite[i % 4]! : gains[i]!;
    if (Math.abs(share - 0.5) < 1e-3 || Math.abs(gain - 1.04) < 1e-3) continue;
    const whole = 10 ** -refusals;
    const fallOf = ({ length, trial }: Trial) => {
      if (trial < refusals) return trial === 1 ? Number.NaN : -100 * length;
      return share * whole * (length < 0.75 * whole ? gain : 1);
    };
    const { lengths, z, loss, given, counts } = await search(fallOf, { maxSteps: 1 });
    const isTried = refusals > 0 && share < 0.5;
    const isTaken = gain > 1.04 && gain < 1e38;
    const label = `${refusals} refused, falls by ${share}, half by ${gain} times as much`;
    const refused = Array.from({ length: refusals }, (_, k) => 10 ** -k);
    const half = !isTried ? [] : isTaken ? [whole / 2] : [whole / 2, whole];
    near(lengths[0]!, [...refused, whole, ...half], label);
    const { length } = lengths[0]!;
    assert.equal([counts.backtracks[0], counts.valueEvaluations[0]], [length - 1, length + 1], label);
    assert.ok(Math.abs(counts.t[0]! / lengths[0]!.at(-1)! - 1) < 1e-5, label);
    assert.ok(Math.abs(z / given.z - 1) < 1e-6 && loss === given.loss, label);
  }
});

test("where the loss is another one when the whole step is tried once more, it is made shorter, without halves", async () => {
  const fallOf = ({ length, trial }: Trial) => [-100, 0.045, 0.03, 0.01, 0.45 * length][trial]!;
  const { lengths } = await search(fallOf, { maxSteps: 1 });
  near(lengths[0]!, [1, 0.1, 0.05, 0.1, 0.05], "not as before");
});

test("no half is tried of a step after the first", async () => {
  for (let step = 1; step < 10; step++) {
    const fallOf = (at: Trial) =>
      at.step < step ? 0.9 * at.length : at.trial === 0 ? -100 : 0.45 * at.length;
    const { lengths } = await search(fallOf, { maxSteps: step + 1 });
    near(lengths[step]!, [1, 0.1], `step ${step}`);
  }
});

test("of what the slope promises the first eight steps have to fall by 0.4 at least, and all by `slope`", async () => {
  for (const [i, share] of randomArray(3, 200, 0, 0.9).entries()) {
    const slope = [1e-4, 0.2, 0.35, 0.45, 0.7][i % 5]!;
    const step = i % 11;
    const fallOf = (at: Trial) => (at.step === step && at.trial === 0 ? share : 0.95 * at.length);
    const { lengths } = await search(fallOf, { slope, maxSteps: step + 1 });
    const least = step < 8 ? Math.max(slope, 0.4) : slope;
    if (Math.abs(share - least) < 1e-3) continue;
    near(lengths[step]!, share > least ? [1] : [1, 0.5], `step ${step}, slope ${slope}, falls by ${share}`);
  }
});

test("a step that is not taken is made shorter by the parabola, to 0.1 of it at least and 0.5 at most", async () => {
  for (const [i, exponent] of randomArray(4, 100, -3, 3).entries()) {
    const fall = i % 10 === 0 ? Number.NaN : i % 3 === 0 ? 0.39 / 10 ** (exponent + 3) : -(10 ** exponent);
    const fallOf = ({ length, trial }: Trial) => (trial === 0 ? fall : 0.9 * length);
    const { lengths } = await search(fallOf, { maxSteps: 1 });
    const minimum = 1 / (2 * (1 - fall));
    const expected = Number.isNaN(fall) ? 0.1 : Math.min(Math.max(minimum, 0.1), 0.5);
    near(lengths[0]!, [1, expected], `falls by ${fall}`);
  }
});

test("where the loss is finite at z0 alone, or float32 cannot hold it elsewhere, it is not finite", async () => {
  for (const sign of [1, -1]) {
    for (const size of [Number.NaN, Number.POSITIVE_INFINITY, 1e39, 1e100, 1e300]) {
      const point: AnalyticLoss = { value: ([z]) => (z === 0 ? 1 : sign * size), gradient: () => [1] };
      const { status, z, loss } = (await solveAnalytic([point], gradientFlow(), lbfgs(), [0])).toResult();
      assert.equal([status[0], z[0], loss[0]], ["nonfinite", 0, 1], `${sign * size}`);
    }
  }
});

test.run();
