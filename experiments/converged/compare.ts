import { mean } from "../../bench/timing.ts";
import type { Row } from "../table.ts";
import { keyOf } from "./cases.ts";
import type { CaseRecord } from "./measures.ts";
import { figuresOf, groups, percent } from "./summarise.ts";

/** The same case in an earlier run and in this one. */
interface Both {
  readonly key: string;
  readonly before: CaseRecord;
  readonly after: CaseRecord;
  /** Mean passes of this run by those of the earlier one. */
  readonly passes: number;
  /** Mean objective of this run by that of the earlier one. */
  readonly objective: number;
}

/** The largest share of short lies that a case may have before to count as one without lies. */
const FEW = 0.01;

export function pair(before: ReadonlyMap<string, CaseRecord>, after: readonly CaseRecord[]): Both[] {
  return after.flatMap((record) => {
    const key = keyOf(record, record.start);
    const earlier = before.get(key);
    if (!earlier) return [];
    return {
      ...{ key, before: earlier, after: record },
      passes: mean(record.passes) / mean(earlier.passes),
      objective: record.objective / earlier.objective,
    };
  });
}

const isWithoutLies = ({ before }: Both) => before.short.length <= FEW * before.samples;
const geometricMean = (ratios: readonly number[]) => Math.exp(mean(ratios.map(Math.log)));
const passesOf = (pairs: readonly Both[]) => geometricMean(pairs.map(({ passes }) => passes));

/** A row for each family, and for all. */
export function compareFamilies(pairs: readonly Both[]): Row[] {
  const named = new Map(pairs.map((each) => [each.after, each]));
  return groups(pairs.map(({ after }) => after)).map(([family, records]) => {
    const of = records.map((record) => named.get(record)!);
    const [before, after] = [figuresOf(of.map(({ before }) => before)), figuresOf(records)];
    const kept = of.filter(isWithoutLies);
    return {
      ...{ family, samples: after.samples },
      "short lies before": percent(before.short, before.samples),
      "short lies": percent(after.short, after.samples),
      "too early before": percent(before.early, before.samples),
      "too early": percent(after.early, after.samples),
      "passes before": before.passes.toFixed(1),
      passes: after.passes.toFixed(1),
      "÷ where without lies": kept.length > 0 ? passesOf(kept).toFixed(4) : "",
      "loss ÷ before": geometricMean(of.map(({ objective }) => objective)).toFixed(4),
    };
  });
}

/** The cases that differ by more than a little, those with the most passes first. */
export function compareCases(pairs: readonly Both[]): Row[] {
  return pairs
    .filter(({ before, after, passes, objective }) => {
      const isElsewhere = Math.abs(Math.log(objective)) > 1e-3 || Math.abs(Math.log(passes)) > 0.01;
      return isElsewhere || before.short.length !== after.short.length;
    })
    .sort((a, b) => b.passes - a.passes)
    .map(({ key, before, after, passes, objective }) => ({
      case: key,
      "short lies before": percent(before.short.length, before.samples),
      "short lies": percent(after.short.length, after.samples),
      "too early before": percent(before.early.length, before.samples),
      "too early": percent(after.early.length, after.samples),
      "passes before": mean(before.passes).toFixed(1),
      "passes ÷": passes.toFixed(3),
      "loss ÷": objective.toPrecision(4),
    }));
}

/** Lines that say it all. */
export function comparisonLines(pairs: readonly Both[]): string[] {
  const before = figuresOf(pairs.map((each) => each.before));
  const after = figuresOf(pairs.map((each) => each.after));
  const published = pairs.filter((each) => each.after.family === "published");
  const [publishedBefore, publishedAfter] = [
    figuresOf(published.map((each) => each.before)),
    figuresOf(published.map((each) => each.after)),
  ];
  const kept = pairs.filter(isWithoutLies);
  const trained = pairs.filter((each) => each.after.family === "trained");
  const cases = (of: "before" | "after") => pairs.filter((each) => each[of].short.length > 0).length;
  const worst = (among: readonly Both[]) => {
    const most = [...among].sort((a, b) => b.passes - a.passes)[0];
    return most ? `${most.passes.toFixed(4)} (${most.key})` : "none";
  };
  const higher = [...kept].sort((a, b) => b.objective - a.objective)[0];
  return [
    `${pairs.length} cases, ${after.samples} samples, before → now`,
    `short lies: ${percent(before.short, before.samples)} → ${percent(after.short, after.samples)} of all samples; cases with any: ${cases("before")} → ${cases("after")}`,
    `too early: ${percent(before.early, before.samples)} → ${percent(after.early, after.samples)} of all samples; published architectures ${percent(publishedBefore.early, publishedBefore.samples)} → ${percent(publishedAfter.early, publishedAfter.samples)}`,
    `passes in ${kept.length} cases without lies before (≤ 1 %): geometric mean ${passesOf(kept).toFixed(4)}, worst ${worst(kept)}`,
    `passes of trained decoders: geometric mean ${passesOf(trained).toFixed(4)}, worst ${worst(trained)}`,
    `end loss in cases without lies: geometric mean ${geometricMean(kept.map(({ objective }) => objective)).toFixed(5)}, highest ${higher ? `${higher.objective.toFixed(4)} (${higher.key})` : "none"}`,
    `end loss in all cases: geometric mean ${geometricMean(pairs.map(({ objective }) => objective)).toFixed(4)}`,
  ];
}
