import { mean } from "../../timing.ts";
import { CONTENDERS, type Contender, describeSetting, type Setting } from "./contenders.ts";
import type { Clock, History, TorchContenders } from "./pytorch.ts";
import { CRITERIA, type Criterion, firstThere } from "./reach.ts";

/** How a contender fared with one of its settings. */
export interface TriedRun {
  readonly contender: Contender;
  readonly setting: Setting;
  readonly history: History;
}

/** The run that is the soonest to a criterion, and the evaluation at which it is there. */
export interface Chosen extends TriedRun {
  readonly at: number;
  readonly seconds: number;
}

/** Every setting of every contender once. */
export async function tryAll(
  torch: TorchContenders,
  limits: { readonly clock: Clock; readonly seconds: number; readonly evaluations: number },
  /** Of a run of one sample after the other, which says little where it has not come to all of them. */
  mostSeconds: number,
  say: (what: string) => void,
): Promise<TriedRun[]> {
  const runs: TriedRun[] = [];
  for (const contender of CONTENDERS) {
    const { name, settings, patience } = contender;
    // Not what only a first run pays.
    await torch.run(name, settings[0]!, { ...limits, evaluations: 3, patience: 0 });
    // Without patience evaluations are those of single samples.
    const evaluations = patience
      ? Math.min(contender.evaluations, limits.evaluations)
      : contender.evaluations;
    for (const setting of settings) {
      const seconds = patience ? limits.seconds : mostSeconds;
      const history = await torch.run(name, setting, { ...limits, seconds, evaluations, patience });
      runs.push({ contender, setting, history });
      const [end, loss] = [history.times.at(-1)!, mean(history.losses.at(-1)!)];
      say(
        `${name}, ${describeSetting(setting)}: ${end.toFixed(2)} s, ${history.times.length} evaluations, ` +
          `loss ${loss.toPrecision(6)}${history.cut ? ", cut" : ""}`,
      );
    }
  }
  return runs;
}

/** Of each contender the run that is the soonest to each criterion, where one is ever there. */
export function soonestRuns(
  runs: readonly TriedRun[],
  best: readonly number[],
): ReadonlyMap<Contender, ReadonlyMap<Criterion, Chosen>> {
  return new Map(
    CONTENDERS.map((contender) => {
      const chosen = new Map<Criterion, Chosen>();
      for (const criterion of CRITERIA) {
        const [first] = runs
          .filter((run) => run.contender === contender)
          .flatMap((run) => {
            const at = firstThere(criterion, run.history.losses, best);
            return at < 0 ? [] : [{ ...run, at, seconds: run.history.times[at]! }];
          })
          .sort((a, b) => a.seconds - b.seconds);
        if (first) chosen.set(criterion, first);
      }
      return [contender, chosen];
    }),
  );
}
