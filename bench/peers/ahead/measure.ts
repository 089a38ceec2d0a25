import { createRandom } from "../../../src/base/random.ts";
import type { EncodeResult } from "../../../src/index.ts";
import { passesOf } from "../../passes.ts";
import { stepsTo } from "../../steps-to.ts";
import { mean } from "../../timing.ts";
import { medianOf, type Rounds, ratioOf, runsInTurns, type TimedRun } from "../rounds.ts";
import { CONTENDERS, describeSetting } from "./contenders.ts";
import type { TrainedDecoder } from "./decoders.ts";
import { latentflowOn, type Ours } from "./latentflow.ts";
import type { Clock, TorchContenders } from "./pytorch.ts";
import { CRITERIA, type Criterion, firstThere, isThere, leastLosses, shareThere } from "./reach.ts";
import type { DecoderFigure, Reached } from "./results.ts";
import { type Chosen, soonestRuns, tryAll } from "./tried.ts";

/** How much is measured. */
export interface Amounts {
  readonly clock: Clock;
  readonly rounds: number;
  /** The least and the most seconds on the processor after which a setting's run is cut. */
  readonly seconds: readonly [least: number, most: number];
  /** The most samples of a decoder, and the most evaluations of a run. */
  readonly samples: number;
  readonly evaluations: number;
}

/** A setting has so many times as long as ours takes to its own end, within the seconds of the amounts. */
export const PATIENT = 20;
/** More steps than any sample takes before float32 shows no fall. */
const MOST_STEPS = 2000;
/** What took so many times as long as the soonest contender to a criterion is no rival: it is not timed again. */
const RIVAL = 3;
/** By so much a run may be longer than the one before. */
const SLACK = 1.1;

/** Two computations in float32 of one loss, and of one gradient's norm, differ by no larger share. */
const SAME_LOSS = 1e-4;
const SAME_NORM = 1e-3;

const OURS = "ours";
const nameOf = (name: string, criterion: Criterion | "end") => `${name} ${criterion}`;

/**
 * First every setting runs once, which says what the best losses are and which setting of a contender is there the soonest,
 * criterion by criterion. Those near to the soonest of all are then timed in turns with ours.
 */
export async function measureDecoder(
  trained: TrainedDecoder,
  folder: string,
  torch: TorchContenders,
  { clock, rounds, ...amounts }: Amounts,
): Promise<DecoderFigure> {
  const task = { ...trained, samples: Math.min(trained.samples, amounts.samples) };
  const say = (what: string) => console.error(`${trained.name}: ${what}`);
  const ours = await latentflowOn(task, folder);
  await torch.load(task, folder);
  await compareFunctions(task, ours, torch);

  const end = await ours.solve();
  const further = await ours.solve(MOST_STEPS);
  const [least, most] = amounts.seconds;
  const seconds = Math.min(most, Math.max(least, PATIENT * (await ours.time(clock))));
  const runs = await tryAll(torch, { clock, seconds, evaluations: amounts.evaluations }, most, say);
  const best = leastLosses(
    [[end.loss], [further.loss], ...runs.map(({ history }) => history.losses)],
    task.samples,
  );
  say(`ours ${mean(end.loss).toPrecision(6)}, the best ${mean(best).toPrecision(6)}; in turns`);

  const { cases, passes } = await timeOurs(ours, further, best, task.latents, clock);
  const chosen = soonestRuns(runs, best);
  const times = await runsInTurns([...cases, ...timeRivals(torch, chosen, best, clock)], rounds);
  const figure: DecoderFigure = {
    name: trained.name,
    samples: task.samples,
    bestLoss: mean(best),
    ours: {
      share: shareThere(further.loss, best),
      reached: byCriterion((criterion) =>
        passes.has(criterion)
          ? { seconds: medianOf(times, nameOf(OURS, criterion)), passes: passes.get(criterion)! }
          : null,
      ),
      end: {
        seconds: medianOf(times, nameOf(OURS, "end")),
        passes: mean(passesOf(end, task.latents)),
        share: shareThere(end.loss, best),
      },
      onceMilliseconds: await ours.timeOnce(clock),
    },
    contenders: CONTENDERS.map((contender) => {
      const tried = runs
        .filter((run) => run.contender === contender)
        .map(({ setting, history }) => ({
          setting,
          seconds: byCriterion(
            (criterion) => history.times[firstThere(criterion, history.losses, best)] ?? null,
          ),
          share: shareThere(leastLosses([history.losses], task.samples), best),
          cut: history.cut,
        }));
      const reached = byCriterion((criterion) => {
        const one = chosen.get(contender)!.get(criterion);
        return one ? reachedBy(one, criterion, times) : null;
      });
      return { name: contender.name, share: Math.max(...tried.map(({ share }) => share)), reached, tried };
    }),
  };
  ours.dispose();
  return figure;
}

/** Calls with the fewest steps that come to each criterion, and their passes of a sample. */
async function timeOurs(
  ours: Ours,
  further: EncodeResult,
  best: readonly number[],
  latents: number,
  clock: Clock,
): Promise<{ readonly cases: TimedRun[]; readonly passes: ReadonlyMap<Criterion, number> }> {
  const timed = (criterion: Criterion | "end", maxSteps?: number): TimedRun => ({
    names: [nameOf(OURS, criterion)],
    time: async () => [await ours.time(clock, maxSteps)],
  });
  const cases = [timed("end")];
  const passes = new Map<Criterion, number>();
  for (const criterion of CRITERIA) {
    if (!isThere(criterion, further.loss, best)) continue;
    // A call of so many steps is the start of a longer one.
    const steps = await stepsTo(0, async (count) =>
      isThere(criterion, (await ours.solve(count)).loss, best) ? 0 : 1,
    );
    passes.set(criterion, mean(passesOf(await ours.solve(steps), latents)));
    cases.push(timed(criterion, steps));
  }
  return { cases, passes };
}

/** The chosen runs that are rivals, once more, as far as the last criterion that each was chosen for. */
function timeRivals(
  torch: TorchContenders,
  chosen: ReturnType<typeof soonestRuns>,
  best: readonly number[],
  clock: Clock,
): TimedRun[] {
  const isRival = ({ seconds }: Chosen, criterion: Criterion) =>
    [...chosen.values()].every((each) => seconds <= RIVAL * (each.get(criterion)?.seconds ?? seconds));
  return [...chosen].flatMap(([{ name }, soonest]) => {
    const rivals = [...soonest].filter(([criterion, one]) => isRival(one, criterion));
    return [...new Set(rivals.map(([, { setting }]) => setting))].map((setting): TimedRun => {
      const parts = rivals.filter(([, one]) => one.setting === setting);
      const evaluations = Math.ceil(SLACK * (1 + Math.max(...parts.map(([, { at }]) => at))));
      return {
        names: parts.map(([criterion]) => nameOf(name, criterion)),
        async time() {
          const { losses, times } = await torch.run(name, setting, {
            clock,
            evaluations,
            seconds: Number.MAX_VALUE,
            patience: 0,
          });
          return parts.map(([criterion, { at }]) => {
            const again = times[firstThere(criterion, losses, best)];
            if (again !== undefined) return again;
            throw new Error(
              `${name}, ${describeSetting(setting)}: there after ${at + 1} evaluations, and in another run not after ${evaluations}`,
            );
          });
        },
      };
    });
  });
}

/** The median of what was timed in turns with ours; of what was not the one run. */
function reachedBy(
  { contender, setting, history, at, seconds }: Chosen,
  criterion: Criterion,
  times: Rounds,
): Reached {
  const [own, theirs] = [nameOf(OURS, criterion), nameOf(contender.name, criterion)];
  const again = times.has(theirs);
  const figures = {
    seconds: again ? medianOf(times, theirs) : seconds,
    passes: history.passes[at]!,
    setting,
  };
  if (!times.has(own)) return { ...figures, ratio: null };
  return { ...figures, ratio: again ? ratioOf(times, theirs, own) : seconds / medianOf(times, own) };
}

function byCriterion<T>(of: (criterion: Criterion) => T): Readonly<Record<Criterion, T>> {
  return { mean: of("mean"), half: of("half"), most: of("most") };
}

/** Both are the same function of z, or what follows says nothing. */
async function compareFunctions(
  { name, samples, latents }: TrainedDecoder,
  ours: Ours,
  torch: TorchContenders,
): Promise<void> {
  const random = createRandom(0);
  const z = Float32Array.from({ length: samples * latents }, () => random.uniform() - 0.5);
  const [own, theirs] = [await ours.evaluate(z), await torch.evaluate(z)];
  for (let i = 0; i < samples; i++) {
    const loss = Math.abs(own.loss[i]! / theirs.losses[i]! - 1);
    const norm = Math.abs(own.gradientNorm[i]! / theirs.norms[i]! - 1);
    if (!(loss <= SAME_LOSS && norm <= SAME_NORM)) {
      throw new Error(
        `${name}: of sample ${i} the loss is ${own.loss[i]}, its gradient's norm ${own.gradientNorm[i]}; in PyTorch ${theirs.losses[i]} and ${theirs.norms[i]}, expected the same within ${SAME_LOSS} and ${SAME_NORM}`,
      );
    }
  }
}
