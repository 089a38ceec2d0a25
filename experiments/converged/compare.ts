import { mean } from "../../bench/timing.ts";
import type { Row } from "../table.ts";
import { recordKey } from "./cases.ts";
import { type CaseRecord, MEASURES, type MeasureName } from "./measures.ts";
import { figuresOf, foundColumns, groups, madeBy, percent } from "./summarise.ts";

/** The same case in an earlier run and in this one. */
interface Both {
  readonly key: string;
  readonly before: CaseRecord;
  readonly after: CaseRecord;
  /** Mean passes of this run by those of the earlier one. */
  readonly passes: number;
  /** Mean objective of this run by that of the earlier one, see `objectiveRatio`. */
  readonly objective: number;
}

/** The largest share of short lies that a case may have before to count as one without lies. */
const FEW = 0.01;

export function pair(before: ReadonlyMap<string, CaseRecord>, after: readonly CaseRecord[]): Both[] {
  return after.flatMap((record) => {
    const key = recordKey(record);
    const earlier = before.get(key);
    if (!earlier) return [];
    return {
      key,
      before: earlier,
      after: record,
      passes: mean(record.passes) / mean(earlier.passes),
      objective: objectiveRatio(record, earlier),
    };
  });
}

/** Added to both objectives of a ratio, as a share of the one at z0: ends below that are alike. */
const ALIKE = 1e-6;

function objectiveRatio(after: CaseRecord, before: CaseRecord): number {
  const floor = ALIKE * before.initialObjective;
  return (after.objective + floor) / (before.objective + floor);
}

/** The measures that each run has made of all cases. */
function measuresOf(pairs: readonly Both[]): {
  readonly before: MeasureName[];
  readonly after: MeasureName[];
} {
  return {
    before: madeBy(pairs.map(({ before }) => before)),
    after: madeBy(pairs.map(({ after }) => after)),
  };
}

function isWithoutLies({ before }: Both): boolean {
  return (before.short?.length ?? 0) <= FEW * before.samples;
}

/** Geometric mean of a ratio over cases. */
function ratioOf(pairs: readonly Both[], ratio: "passes" | "objective"): number {
  return Math.exp(mean(pairs.map((each) => Math.log(each[ratio]))));
}

/** A row for each family, and for all. */
export function compareFamilies(pairs: readonly Both[]): Row[] {
  const measures = measuresOf(pairs);
  const named = new Map(pairs.map((each) => [each.after, each]));
  return groups(pairs.map(({ after }) => after)).map(([family, records]) => {
    const of = records.map((record) => named.get(record)!);
    const earlier = of.map((each) => each.before);
    const [before, after] = [figuresOf(earlier, measures.before), figuresOf(records, measures.after)];
    const kept = of.filter(isWithoutLies);
    return {
      family,
      samples: after.samples,
      ...foundColumns(before, " before"),
      ...foundColumns(after),
      "passes before": before.passes.toFixed(1),
      passes: after.passes.toFixed(1),
      "÷ where without lies": kept.length > 0 ? ratioOf(kept, "passes").toFixed(4) : "none",
      "end loss ÷": ratioOf(of, "objective").toFixed(4),
    };
  });
}

/** A case is listed where its mean passes, or its mean objective, differ by more than this share. */
const LISTED = { passes: 0.01, objective: 1e-3 } as const;

/** The cases that differ, those with the most passes first. */
export function compareCases(pairs: readonly Both[]): Row[] {
  const measures = measuresOf(pairs);
  const differs = (each: Both, ratio: keyof typeof LISTED) => Math.abs(Math.log(each[ratio])) > LISTED[ratio];
  return pairs
    .filter((each) => {
      const hasOtherLies = each.before.short?.length !== each.after.short?.length;
      return hasOtherLies || differs(each, "passes") || differs(each, "objective");
    })
    .sort((a, b) => b.passes - a.passes)
    .map(({ key, before, after, passes, objective }) => ({
      case: key,
      ...foundColumns(figuresOf([before], measures.before), " before"),
      ...foundColumns(figuresOf([after], measures.after)),
      "passes before": mean(before.passes).toFixed(1),
      "passes ÷": passes.toFixed(3),
      "end loss ÷": objective.toPrecision(4),
    }));
}

/** The comparison in a few lines. */
export function comparisonLines(pairs: readonly Both[]): string[] {
  const published = pairs.filter(({ after }) => after.family === "published");
  const trained = pairs.filter(({ after }) => after.family === "trained");
  const kept = pairs.filter(isWithoutLies);
  const withLies = pairs.filter((each) => !isWithoutLies(each));
  return [
    `${pairs.length} cases, before → now`,
    ...measureLines(pairs),
    ...measureLines(published).map((line) => `published architectures, ${line}`),
    ...ratioLines(`${kept.length} cases without lies before (at most 1 %)`, kept),
    ...ratioLines("trained decoders", trained),
    ...ratioLines(`${withLies.length} cases with lies before`, withLies),
  ];
}

function measureLines(pairs: readonly Both[]): string[] {
  const [before, after] = [pairs.map((each) => each.before), pairs.map((each) => each.after)];
  const share = (records: readonly CaseRecord[], name: MeasureName) => {
    const { found, samples } = figuresOf(records);
    return percent(found[name]!, samples);
  };
  const cases = (records: readonly CaseRecord[], name: MeasureName) =>
    records.filter((record) => record[name]!.length > 0).length;
  const made = measuresOf(pairs);
  return made.after.map((name) => {
    const wasMade = made.before.includes(name);
    const ofShares = `${wasMade ? `${share(before, name)} → ` : ""}${share(after, name)}`;
    const ofCases = `${wasMade ? `${cases(before, name)} → ` : ""}${cases(after, name)}`;
    return `${MEASURES[name].title}: ${ofShares} of ${figuresOf(after).samples} samples; cases with any ${ofCases}`;
  });
}

function ratioLines(what: string, pairs: readonly Both[]): string[] {
  return (["passes", "objective"] as const).flatMap((ratio) => {
    const most = [...pairs].sort((a, b) => b[ratio] - a[ratio])[0];
    if (!most) return [];
    const title = ratio === "passes" ? "passes" : "end loss";
    const mean = ratioOf(pairs, ratio).toFixed(4);
    return `${title} ÷ before in ${what}: geometric mean ${mean}, most ${most[ratio].toFixed(4)} (${most.key})`;
  });
}
