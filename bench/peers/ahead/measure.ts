import { createRandom } from "../../../src/random.ts";
import { mean } from "../../measure.ts";
import { stepsTo } from "../../steps-to.ts";
import { medianOf, type Rounds, ratioOf, runsInTurns, type TimedRun } from "../rounds.ts";
import { CONTENDERS, type Contender, describeSetting, type Setting } from "./contenders.ts";
import type { TrainedDecoder } from "./decoders.ts";
import { latentflowOn, type Ours, passesOf } from "./latentflow.ts";
import type { Clock, History, TorchContenders } from "./pytorch.ts";
import { CRITERIA, type Criterion, firstThere, isThere, leastLosses, shareThere } from "./reach.ts";
import type { ContenderFigure, DecoderFigure, OurFigure, Reached, ReachedBy } from "./results.ts";

/** How much is measured. */
export interface Amounts {
  readonly clock: Clock;
  readonly rounds: number;
  /** Seconds on the processor after which a setting's run is cut. */
  readonly seconds: number;
  /** The most samples of a decoder, and the most evaluations of a run. */
  readonly samples: number;
  readonly evaluations: number;
}

/** The run of a contender that is the soonest to a criterion, and the evaluation at which it is there. */
interface Chosen {
  readonly setting: Setting;
  readonly history: History;
  readonly at: number;
}

/** Two computations in float32 of one loss, and of one gradient's norm, differ by no larger share. */
const SAME_LOSS = 1e-4;
const SAME_NORM = 1e-3;

/**
 * First every setting runs once, which says what the best losses are and which setting of a contender is there the soonest,
 * criterion by criterion. Those are then timed in turns with ours.
 */
export async function measureDecoder(
  trained: TrainedDecoder,
  folder: string,
  torch: TorchContenders,
  amounts: Amounts,
): Promise<DecoderFigure> {
  const task = { ...trained, samples: Math.min(trained.samples, amounts.samples) };
  const step = (what: string) => console.error(`${trained.name}: ${what}`);
  const ours = await latentflowOn(task, folder);
  await torch.load(task, folder);
  await compareFunctions(task, ours, torch);

  const end = await ours.solve();
  const runs = new Map<Contender, { setting: Setting; history: History }[]>();
  for (const contender of CONTENDERS) {
    // Without patience evaluations are those of single samples.
    const evaluations = contender.patience
      ? Math.min(contender.evaluations, amounts.evaluations)
      : contender.evaluations;
    const limits = { clock: amounts.clock, seconds: amounts.seconds, evaluations };
    // Not what only a first run pays.
    await torch.run(contender.name, contender.settings[0]!, { ...limits, evaluations: 3, patience: 0 });
    runs.set(contender, []);
    for (const setting of contender.settings) {
      const history = await torch.run(contender.name, setting, { ...limits, patience: contender.patience });
      runs.get(contender)!.push({ setting, history });
      const [seconds, loss] = [history.times.at(-1)!, mean(history.losses.at(-1)!)];
      step(
        `${contender.name}, ${describeSetting(setting)}: ${seconds.toFixed(2)} s, ${history.times.length} evaluations, loss ${loss.toPrecision(6)}${history.cut ? ", cut" : ""}`,
      );
    }
  }
  const histories = [...runs.values()].flat().map(({ history }) => history.losses);
  const best = leastLosses([[end.loss], ...histories], task.samples);
  step(`ours ${mean(end.loss).toPrecision(6)}, the best ${mean(best).toPrecision(6)}; in turns`);

  const cases: TimedRun[] = [];
  const OURS = "ours";
  const nameOf = (name: string, criterion: Criterion | "end") => `${name} ${criterion}`;
  const timeOurs = (name: string, maxSteps?: number) =>
    cases.push({ names: [name], time: async () => [await ours.time(amounts.clock, maxSteps)] });
  timeOurs(nameOf(OURS, "end"));
  const ourPasses = new Map<Criterion, number>();
  for (const criterion of CRITERIA) {
    if (!isThere(criterion, end.loss, best)) continue;
    // A run of so many steps is the start of a longer one.
    const steps = await stepsTo(0, async (count) =>
      isThere(criterion, (await ours.solve(count)).loss, best) ? 0 : 1,
    );
    ourPasses.set(criterion, passesOf(await ours.solve(steps), task.latents));
    timeOurs(nameOf(OURS, criterion), steps);
  }
  const chosen = new Map<Contender, Map<Criterion, Chosen>>();
  for (const [contender, tried] of runs) {
    const soonest = new Map<Criterion, Chosen>();
    for (const criterion of CRITERIA) {
      const [first] = tried
        .map(({ setting, history }) => ({
          ...{ setting, history, at: firstThere(criterion, history.losses, best) },
        }))
        .filter(({ at }) => at >= 0)
        .sort((a, b) => a.history.times[a.at]! - b.history.times[b.at]!);
      if (first) soonest.set(criterion, first);
    }
    chosen.set(contender, soonest);
    for (const setting of new Set([...soonest.values()].map((one) => one.setting))) {
      const parts = [...soonest].filter(([, one]) => one.setting === setting);
      const evaluations = 1 + Math.max(...parts.map(([, { at }]) => at));
      const limits = { clock: amounts.clock, evaluations, seconds: 1e9, patience: 0 };
      cases.push({
        names: parts.map(([criterion]) => nameOf(contender.name, criterion)),
        async time() {
          const again = await torch.run(contender.name, setting, limits);
          return parts.map(([criterion, { at }]) => {
            if (isThere(criterion, again.losses[at] ?? [], best)) return again.times[at]!;
            throw new Error(
              `${trained.name}: ${contender.name}, ${describeSetting(setting)} was there after ${at + 1} evaluations, and is not in another run`,
            );
          });
        },
      });
    }
  }
  const times = await runsInTurns(cases, amounts.rounds);
  const byCriterion = (of: (criterion: Criterion) => Reached | null): ReachedBy => ({
    mean: of("mean"),
    half: of("half"),
    most: of("most"),
  });
  const oursFigure: OurFigure = {
    share: shareThere(end.loss, best),
    reached: byCriterion((criterion) =>
      ourPasses.has(criterion)
        ? { seconds: medianOf(times, nameOf(OURS, criterion)), passes: ourPasses.get(criterion)! }
        : null,
    ),
    end: { seconds: medianOf(times, nameOf(OURS, "end")), passes: passesOf(end, task.latents) },
    onceMilliseconds: await ours.timeOnce(amounts.clock),
  };
  const contenders = [...runs].map(([contender, tried]): ContenderFigure => {
    const all = tried.map(({ setting, history }) => ({
      setting,
      seconds: Object.fromEntries(
        CRITERIA.map((criterion) => {
          const at = firstThere(criterion, history.losses, best);
          return [criterion, at < 0 ? null : history.times[at]!];
        }),
      ) as Record<Criterion, number | null>,
      share: shareThere(leastLosses([history.losses], task.samples), best),
      cut: history.cut,
    }));
    return {
      name: contender.name,
      share: Math.max(...all.map(({ share }) => share)),
      reached: byCriterion((criterion) => {
        const one = chosen.get(contender)!.get(criterion);
        const name = nameOf(contender.name, criterion);
        if (!one) return null;
        const { setting, history, at } = one;
        return {
          ...{ seconds: medianOf(times, name), passes: history.passes[at]!, setting },
          ratio: ratioTo(times, name, nameOf(OURS, criterion)),
        };
      }),
      tried: all,
    };
  });
  ours.dispose();
  return { name: trained.name, samples: task.samples, bestLoss: mean(best), ours: oursFigure, contenders };
}

function ratioTo(times: Rounds, above: string, below: string): number | null {
  return times.has(below) ? ratioOf(times, above, below) : null;
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
