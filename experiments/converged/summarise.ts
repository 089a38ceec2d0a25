import { mean, total } from "../../bench/timing.ts";
import type { Row } from "../table.ts";
import { FAMILIES } from "./case.ts";
import { keyOf } from "./cases.ts";
import type { CaseRecord } from "./measures.ts";

/** A share of samples in per cent. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "" : `${((100 * part) / whole).toFixed(2)} %`;
}

/** Figures of some records. */
export interface Figures {
  readonly cases: number;
  readonly samples: number;
  readonly converged: number;
  readonly short: number;
  /** Undefined where not all records have them. */
  readonly long: number | undefined;
  readonly early: number;
  readonly unmoved: number;
  /** Mean over all samples. */
  readonly passes: number;
}

export function figuresOf(records: readonly CaseRecord[]): Figures {
  const count = (of: (record: CaseRecord) => number) => total(records.map(of));
  const samples = count((record) => record.samples);
  return {
    ...{ cases: records.length, samples },
    converged: count(({ statuses }) => statuses.converged ?? 0),
    short: count(({ short }) => short.length),
    long: records.every(({ long }) => long) ? count(({ long }) => long!.length) : undefined,
    early: count(({ early }) => early.length),
    unmoved: count(({ unmoved }) => unmoved),
    passes: count(({ passes }) => total(passes)) / samples,
  };
}

/** A row for each family, and for all. */
export function byFamily(records: readonly CaseRecord[]): Row[] {
  return groups(records).map(([family, of]) => {
    const { cases, samples, converged, short, long, early, passes } = figuresOf(of);
    return {
      ...{ family, cases, samples },
      converged: percent(converged, samples),
      "short lies": percent(short, samples),
      ...(long !== undefined && { "long lies": percent(long, samples) }),
      "too early": percent(early, samples),
      passes: passes.toFixed(1),
    };
  });
}

/** Records by their families, in the order of `FAMILIES`, and all of them. */
export function groups(
  records: readonly CaseRecord[],
): (readonly [name: string, records: readonly CaseRecord[]])[] {
  const families = FAMILIES.map((name) => [name, records.filter(({ family }) => family === name)] as const);
  return [...families.filter(([, of]) => of.length > 0), ["all", records]];
}

/** The cases with the most lies, and with the most ends that are too early. */
export function worstCases(records: readonly CaseRecord[]): Row[] {
  const share = ({ short, early, samples }: CaseRecord) => [short.length / samples, early.length / samples];
  return records
    .filter(({ short, early, samples }) => short.length > 0 || early.length > 0.1 * samples)
    .sort((a, b) => share(b)[0]! - share(a)[0]! || share(b)[1]! - share(a)[1]!)
    .map((record) => ({
      case: keyOf(record, record.start),
      "short lies": percent(record.short.length, record.samples),
      "too early": percent(record.early.length, record.samples),
      loss: `${record.initialObjective.toPrecision(3)} → ${record.objective.toPrecision(3)}`,
      "found in 40 evaluations": record.carefulObjective.toPrecision(3),
      passes: mean(record.passes).toFixed(1),
      statuses: Object.entries(record.statuses)
        .map(([status, count]) => `${count} ${status}`)
        .join(" "),
    }));
}

/** Lines that say it all. */
export function summaryLines(records: readonly CaseRecord[]): string[] {
  const all = figuresOf(records);
  const published = figuresOf(records.filter(({ family }) => family === "published"));
  const withLies = records.filter(({ short }) => short.length > 0).length;
  return [
    `${all.samples} samples in ${all.cases} cases of ${new Set(records.map(({ family, name }) => `${family} ${name}`)).size} decoders`,
    `called converged: ${percent(all.converged, all.samples)}`,
    `short lies: ${percent(all.short, all.samples)} of all samples, in ${withLies} cases`,
    ...(all.long === undefined ? [] : [`long lies: ${percent(all.long, all.samples)} of all samples`]),
    `too early: ${percent(all.early, all.samples)} of all samples; ${percent(published.early, published.samples)} of published architectures`,
    `called converged at z0, without a step: ${percent(all.unmoved, all.samples)} of all samples`,
    `passes a sample: ${all.passes.toFixed(1)}`,
  ];
}
