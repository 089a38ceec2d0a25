import { test } from "uvu";
import * as assert from "uvu/assert";
import { gradientFlow, type LbfgsOptions, lbfgs } from "../../../src/index.ts";
import { type AnalyticLoss, solveAnalytic } from "../../support/analytic.ts";
import { randomArray } from "../../support/random.ts";

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
 * The lengths that each search tries, the last point whose gradient was asked for, and what came of it all. There is no
 * curvature, so that the direction is a unit long where all gradients are alike, and where they halve by each step of a
 * unit: a trial of length δt is δt beyond z.
 *
 * @param fallOf what the loss falls by from z to there
 * @param gradientOf the gradient after so many steps, below 0
 */
async function search(
  fallOf: (trial: Trial) => number,
  options: LbfgsOptions,
  initialLoss = 1,
  gradientOf: (step: number) => number = () => -1,
) {
  const searches: Trial[][] = [];
  let [z, loss] = [Number.NaN, initialLoss];
  let last = { z: 0, loss };
  const solution = await solveAnalytic(
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
          return [gradientOf(searches.length - 1)];
        },
      },
    ],
    gradientFlow(),
    lbfgs(options),
    [0],
  );
  const lengths = searches.map((trials) => trials.map(({ length }) => length));
  return { lengths, given: { z, loss }, result: solution.toResult() };
}

function near(lengths: readonly number[], expected: readonly number[], label: string): void {
  const isNear = lengths.every((length, i) => Math.abs(length / expected[i]! - 1) < 1e-4);
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
    const { lengths, given, result } = await search(fallOf, { maxSteps: 1 });
    const isTried = refusals > 0 && share < 0.5;
    const isTaken = gain > 1.04 && gain < 1e38;
    const label = `${refusals} refused, falls by ${share}, half by ${gain} times as much`;
    const refused = Array.from({ length: refusals }, (_, k) => 10 ** -k);
    const half = !isTried ? [] : isTaken ? [whole / 2] : [whole / 2, whole];
    near(lengths[0]!, [...refused, whole, ...half], label);
    const { length } = lengths[0]!;
    const { stats, z, loss } = result;
    assert.equal([stats.backtracks[0], stats.valueEvaluations[0]], [length - 1, length + 1], label);
    assert.ok(Math.abs(stats.t[0]! / lengths[0]!.at(-1)! - 1) < 1e-5, label);
    assert.equal([z[0], loss[0]], [given.z, given.loss].map(Math.fround), label);
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

test("steps that raise the loss by as much of their length say that the gradient is wrong; by less and less, rest", async () => {
  // By trial, what the loss rises by as a share of δt.
  const shares: Record<string, (length: number, trial: number) => number> = {
    "of first order": () => 0.25,
    "of second order": (length) => 0.25 * length,
    "as much now and then": (_, trial) => 0.2 / 2 ** Math.floor(trial / 2),
  };
  for (const initialLoss of [1, -1]) {
    for (const [name, shareOf] of Object.entries(shares)) {
      const fallOf = ({ length, trial }: Trial) => -length * shareOf(length, trial);
      const { result } = await search(fallOf, {}, initialLoss);
      assert.is(
        result.status[0],
        name === "of first order" ? "stalled" : "converged",
        `${name}, ${initialLoss}`,
      );
    }
    // Twice the threshold, and what float32 may be off by.
    for (const [rise, expected] of [
      [4e-6, "stalled"],
      [1e-6, "converged"],
    ] as const) {
      const { result } = await search(() => -rise, {}, initialLoss);
      assert.is(result.status[0], expected, `${rise}, ${initialLoss}`);
    }
    // ½·δt·|slope| of the next step is 0.2, 0.08 and 0.032: it takes three to tell.
    for (const [tolerance, expected] of [
      [0.05, "stalled"],
      [0.1, "converged"],
    ] as const) {
      const { result } = await search(({ length }) => -0.25 * length, { tolerance }, initialLoss);
      assert.is(result.status[0], expected, `tolerance ${tolerance}, ${initialLoss}`);
    }
  }
});

test("where some losses are not finite and the others rise, it is stalled, unless the whole step promises next to nothing", async () => {
  for (const [gradient, expected] of [
    [-1, "stalled"],
    [-1e-7, "converged"],
  ] as const) {
    // The first trial of a small gradient is a probe, the second one the step itself.
    const fallOf = ({ length, trial }: Trial) => (trial < 2 ? Number.NaN : -length * length);
    const { result } = await search(fallOf, {}, 1, () => gradient);
    assert.equal([result.status[0], result.stats.acceptedSteps[0]], [expected, 0]);
    // 5 (½·1e-7 + θ)
    const left = expected === "converged" ? 5 * (0.5e-7 + 1e-6 + 2 ** -23) : Number.POSITIVE_INFINITY;
    assert.ok(
      result.stats.remainingFall[0] === left || Math.abs(result.stats.remainingFall[0]! / left - 1) < 1e-5,
    );
  }
});

test("once the loss has fallen by more than float32 may be off by, no step that raises it says that the gradient is wrong", async () => {
  for (const initialLoss of [1, -1]) {
    for (const [fall, expected] of [
      [1e-5, "converged"],
      [1e-8, "stalled"],
    ] as const) {
      const fallOf = ({ length, step }: Trial) =>
        step > 0 ? -0.25 * length : length > 2 * fall ? Number.NaN : 0.9 * length;
      const { result } = await search(fallOf, {}, initialLoss);
      assert.equal(
        [result.stats.acceptedSteps[0], result.status[0]],
        [1, expected],
        `${fall}, ${initialLoss}`,
      );
    }
  }
});

test("a long step that has lowered the loss by next to nothing says rest, whatever the gradient says then", async () => {
  const gradientOf = (step: number) => (step === 0 ? -1e-7 : -1);
  const { result } = await search(({ length }) => 0.9e-7 * Math.min(length, 1), {}, 1, gradientOf);
  assert.equal([result.status[0], result.stats.acceptedSteps[0]], ["converged", 1]);
});

test("where a step promises less than the tolerance, one is tried that float32 can measure, from z0 or after a fall above 100 thresholds", async () => {
  for (let steps = 0; steps < 10; steps++) {
    for (const lastFall of steps === 1 ? [0.9, 105e-6, 118e-6] : [0.9]) {
      // The loss is 1 or less, and the largest of it and its fall so far is what the tolerance is a share of.
      const gradientOf = (step: number) => (step < steps - 1 ? -1 : step < steps ? -lastFall / 0.9 : -1e-9);
      const before = Math.max(steps - 1, 0) * 0.9;
      const [fallen, loss] = [before + lastFall, Math.abs(1 - before - lastFall)];
      const threshold = 1e-6 * Math.max(fallen, loss) + 2 ** -23 * loss;
      const fallOf = ({ length, step }: Trial) =>
        step < steps - 1 ? 0.9 * length : step < steps ? lastFall * length : 0;
      const { lengths, result } = await search(fallOf, {}, 1, gradientOf);
      const label = `${steps} steps, the last falls by ${lastFall}`;
      assert.equal([result.status[0], result.stats.acceptedSteps[0]], ["converged", steps], label);
      const trials = lengths[steps]!;
      if (steps === 0) assert.is(trials.length, 2, `${label}: the probe, then a step of a unit`);
      else assert.is(trials.length, lastFall > 100 * threshold ? 1 : 0, label);
      if (trials.length > 0) assert.ok(trials[0]! > 100, `${label}: ${trials[0]} is measurable`);
    }
  }
});

test("a probe in vain is of its z alone: after the next abrupt fall there is another one", async () => {
  // Pairs of curvature 0.001 and 1. The third step promises too little by the second one, a probe falls by nothing, and the
  // look by the first one leads on; then the slope is next to none again.
  const slopes = [-1, -0.999, -1e-3, -1e-7];
  const fallOf = ({ length, step, trial }: Trial) => {
    if (step < 2) return length > 2 ? -100 * length : 0.9 * length;
    return step === 2 && trial === 1 ? 0.9e-3 * length : 0;
  };
  const { lengths, result } = await search(fallOf, {}, 1, (step) => slopes[step]!);
  near(lengths[1]!, [999, 99.9, 9.99, 0.999], "the second step");
  assert.equal([result.status[0], result.stats.acceptedSteps[0]], ["converged", 3]);
  assert.equal(
    lengths.slice(2).map((trials) => trials.length),
    [2, 1],
    "a probe and a step, then a probe",
  );
});

test("the tolerance is of the loss's size, below 0 too, and what float32 may be off by comes to it", async () => {
  // From -1 to -1.9, where ½·|slope| is 0.014 of 0.019; or down by 1e-5, where it is 5.6e-8 of 1.2e-7.
  for (const [tolerance, first, gradient] of [
    [0.01, -1, -0.155],
    [0, -1.1e-5, -1.0e-6],
  ] as const) {
    const gradientOf = (step: number) => (step === 0 ? first : gradient);
    const fallOf = ({ length }: Trial) => 0.9 * -first * length;
    const { lengths, result } = await search(fallOf, { tolerance }, -1, gradientOf);
    assert.equal([result.status[0], lengths[1]], ["converged", []]);
  }
});

test("without matrices the last look goes by the least curvature of the pairs, and not by the first step", async () => {
  // Half a unit, along which the gradient changes by 0.99: then ½·|slope| is 2.5e-5 of 3.7e-5, and 5e-5 by the first length.
  const fallOf = ({ length, trial, step }: Trial) => (step > 0 ? 0 : (trial === 0 ? 0.39 : 0.9) * length);
  const gradientOf = (step: number) => (step === 0 ? -1 : -0.01);
  const { lengths, result } = await search(fallOf, { tolerance: 6.8e-5 }, 1, gradientOf);
  near(lengths[0]!, [1, 0.5], "the first step");
  // It fell by much, so one longer step is tried; the look after it finds too little for another one.
  assert.equal([result.status[0], lengths[1]!.length], ["converged", 1]);
});

test("a first step is made longer while the loss falls as its slope promises, and the longest that does is taken", async () => {
  for (const [i, exponent] of randomArray(5, 100, 0, 8).entries()) {
    // Linear up to an end, where the loss stops falling, or rises.
    const end = 10 ** exponent;
    const beyond = i % 2 === 0 ? 0 : -1;
    const slope = 1e-4 / end;
    const fallOf = ({ length }: Trial) =>
      slope * (Math.min(length, end) + beyond * Math.max(length - end, 0));
    const { lengths, given, result } = await search(fallOf, { maxSteps: 1 }, 1, () => -slope);
    const label = `linear up to ${end}: ${lengths[0]}`;
    const [accepted, tried] = [lengths[0]!.at(-1)!, lengths[0]!];
    assert.ok(accepted > end / 30.1 && accepted < end / 0.39, label);
    assert.ok(tried.length <= 3 + Math.ceil(exponent / Math.log10(30)), label);
    // Lengths that fell by nine tenths of the promise; the accepted one falls no less than any of them.
    const falls = tried.map((length) => fallOf({ length, trial: 0, step: 0 }));
    const linear = falls.filter((fall, k) => fall > 0.901 * slope * tried[k]!);
    assert.ok(
      linear.every((fall) => 1 - given.loss > fall - 1e-15),
      label,
    );
    assert.is(result.stats.backtracks[0], tried.length - 1);
  }
});

test("a point within a first step that was made longer is as far along it as its time is", async () => {
  const loss = { value: ([z]: Float64Array) => 1 - 1e-4 * Math.min(z!, 1000), gradient: () => [-1e-4] };
  const { recording } = await solveAnalytic(
    [loss],
    gradientFlow(),
    lbfgs({ maxSteps: 1 }),
    [0],
    [0, 0.25, 1],
  );
  const { t, states } = recording!.samples[0]!;
  assert.equal(t, [0, 0.25, 1]);
  const [, within, end] = states as [number, number, number];
  // The end is rounded to float32.
  assert.ok(end > 100 && Math.abs(within / end - 0.25) < 1e-7, `${within} of ${end}`);
});

test("no later step is made longer", async () => {
  const fallOf = ({ length, step }: Trial) => (step === 0 ? 0.9 : 1) * 2 ** -step * length;
  const { lengths } = await search(fallOf, { maxSteps: 3 }, 1, (step) => -(2 ** -step));
  assert.equal([lengths[1]!.length, lengths[2]!.length], [1, 1]);
});

test("a look in vain that promised 5 thresholds tries one step along the gradient, and goes on if that falls", async () => {
  // The ninth step lowers the loss by less than the tolerance; the tenth raises it, however short. A probe falls, or does not.
  for (const probeFalls of [true, false]) {
    let probes = 0;
    const fallOf = ({ length, step, trial }: Trial) => {
      const share = 2 ** -step * length;
      if (step < 9) return (step < 8 ? 0.9 : 2e-4) * share;
      if (step === 9 && trial > 0 && length < 0.02) probes++;
      return step === 9 && length < 0.02 && probeFalls ? 0.5 * share : -share;
    };
    const { result } = await search(fallOf, {}, 1, (step) => -(2 ** -step));
    assert.is(result.status[0], "converged");
    assert.ok(probes > 0);
    assert.is(result.stats.acceptedSteps[0]! > 9, probeFalls);
  }
});

test("a step along the gradient is made longer while it falls as its slope promises; the longest that does is taken", async () => {
  // As above; the loss falls along the gradient up to a tenth of a unit. The trials before get shorter and shorter.
  let [isProbe, last] = [false, 1];
  const fallOf = ({ length, step, trial }: Trial) => {
    const share = 2 ** -step * length;
    if (step < 9) return (step < 8 ? 0.9 : 2e-4) * share;
    isProbe ||= step === 9 && trial > 0 && length > last;
    last = length;
    return isProbe && step === 9 && length < 0.1 ? share : -share;
  };
  const { lengths, result } = await search(fallOf, {}, 1, (step) => -(2 ** -step));
  const [probe, longer, taken] = lengths[9]!.slice(-3);
  assert.ok(Math.abs(longer! / probe! / 30 - 1) < 1e-4, `${lengths[9]}`);
  assert.is(taken, probe);
  assert.ok(result.status[0] === "converged" && result.stats.acceptedSteps[0]! > 9);
});

test("what remains is five times the last promise and a threshold for each step, or anything where there was no look", async () => {
  const { result } = await search(
    ({ length }) => 0.9e-7 * Math.min(length, 1),
    {},
    1,
    (step) => (step === 0 ? -1e-7 : -1),
  );
  // No pair could be kept, so the promise of the first direction is the last one: ½·1e-7.
  const threshold = 1e-6 + 2 ** -23;
  const expected = 5 * (0.5e-7 + 2 * threshold);
  assert.ok(Math.abs(result.stats.remainingFall[0]! / expected - 1) < 1e-5);
  const { result: stopped } = await search(({ length }) => 0.9 * length, { maxSteps: 2 });
  assert.equal([stopped.status[0], stopped.stats.remainingFall[0]], ["max_steps", Number.POSITIVE_INFINITY]);
  const { result: flat } = await search(
    () => 0,
    {},
    1,
    () => 0,
  );
  assert.equal([flat.status[0], flat.stats.remainingFall[0]], ["converged", Number.POSITIVE_INFINITY]);
});

test("what one search has found says nothing of the next", async () => {
  // A step to a finite loss is refused, and then no loss is finite.
  const walled = await search(
    ({ length, step, trial }) => (step > 0 ? Number.NaN : trial === 0 ? -1 : 0.9 * length),
    {},
  );
  assert.equal([walled.result.status[0], walled.result.stats.acceptedSteps[0]], ["nonfinite", 1]);

  // The first search has seen the loss rise by as much of each length, until a step lowers it by less than float32 shows.
  for (const riseOf of [() => 1e-8, (length: number) => 0.25 * length]) {
    const fallOf = ({ length, step }: Trial) =>
      step > 0 ? -riseOf(length) : length > 1e-8 ? -0.01 * length : 0.9 * length;
    const { result } = await search(fallOf, { tolerance: 0.1 });
    assert.equal([result.status[0], result.stats.acceptedSteps[0]], ["converged", 1]);
  }
});

test("a last look where no loss is finite ends as soon as steps are too short to matter", async () => {
  // The ninth step lowers the loss by less than the tolerance.
  const fallOf = ({ length, step }: Trial) =>
    step > 8 ? Number.NaN : (step < 8 ? 0.9 : 2e-4) * length * 2 ** -step;
  const { lengths, result } = await search(fallOf, {}, 1, (step) => -(2 ** -step));
  assert.equal([result.status[0], result.stats.acceptedSteps[0]], ["converged", 9]);
  const [probe, ...others] = [lengths[9]!.at(-1)!, ...lengths[9]!.slice(0, -1)];
  near(others, [1, 0.1, 0.01], "then ½·δt·|slope| of the next is less than the tolerance");
  assert.ok(probe < 0.1, `${probe}: once along the gradient, as long as float32 can measure`);
});

test("a last look at steps that raise the loss ends at rest, however wrong the gradient seems then", async () => {
  // The first step lowers the loss by less than float32 shows. The second search finds rest; the one after it, whose first
  // step is the longest again, rises by as much of each length.
  let [shortest, isLast] = [1, false];
  const fallOf = ({ length, step }: Trial) => {
    if (step === 0) return length > 1e-7 ? -0.01 * length : 0.9 * length;
    isLast ||= length > shortest;
    shortest = length;
    return isLast ? -0.25 * length : -1000 * length ** 2;
  };
  const gradientOf = (step: number) => (step === 0 ? -1 : -0.9998);
  const { lengths, result } = await search(fallOf, { tolerance: 0 }, 1, gradientOf);
  assert.equal([result.status[0], result.stats.acceptedSteps[0]], ["converged", 1]);
  assert.ok(isLast && lengths[1]!.length > 12, "looked to the shortest step");
});

test("no step shorter than 1e-12 is tried", async () => {
  const { lengths } = await search(() => Number.NaN, {});
  const shortest = lengths[0]!.at(-1)!;
  assert.ok(shortest > 0.9e-12 && shortest < 1.1e-11, `${shortest}`);
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
