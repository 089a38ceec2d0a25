import { mean, total } from "../../bench/timing.ts";
import type { Row } from "../table.ts";
import { FAMILIES } from "./case.ts";
import { recordKey } from "./cases.ts";
import { type CaseRecord, MEASURE_NAMES, MEASURES, type MeasureName } from "./measures.ts";

/** A share of samples in per cent. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "none" : `${((100 * part) / whole).toFixed(2)} %`;
}

/** Figures of some records. */
export interface Figures {
  readonly cases: number;
  readonly samples: number;
  readonly converged: number;
  readonly unmoved: number;
  readonly withoutGradient: number;
  /** Findings of each measure asked for. */
  readonly found: { readonly [M in MeasureName]?: number };
  /** Mean over all samples. */
  readonly passes: number;
}

/** @param measures default: those that all of the records have */
export function figuresOf(
  records: readonly CaseRecord[],
  measures: readonly MeasureName[] = madeBy(records),
): Figures {
  const count = (of: (record: CaseRecord) => number) => total(records.map(of));
  const samples = count((record) => record.samples);
  return {
    cases: records.length,
    samples,
    converged: count(({ statuses }) => statuses.converged ?? 0),
    unmoved: count(({ unmoved }) => unmoved),
    withoutGradient: count(({ withoutGradient }) => withoutGradient),
    found: Object.fromEntries(measures.map((name) => [name, count((record) => record[name]!.length)])),
    passes: count(({ passes }) => total(passes)) / samples,
  };
}

/** The measures that all of the records have. */
export function madeBy(records: readonly CaseRecord[]): MeasureName[] {
  return MEASURE_NAMES.filter((name) => records.every((record) => record[name]));
}

/** Columns of the measures that figures have, as shares of all samples. */
export function foundColumns({ found, samples }: Figures, suffix = ""): Row {
  const names = MEASURE_NAMES.filter((name) => found[name] !== undefined);
  return Object.fromEntries(
    names.map((name) => [`${MEASURES[name].title}${suffix}`, percent(found[name]!, samples)]),
  );
}

/** A row for each family, and for all. */
export function byFamily(records: readonly CaseRecord[]): Row[] {
  const measures = madeBy(records);
  return groups(records).map(([family, of]) => {
    const figures = figuresOf(of, measures);
    return {
      family,
      cases: figures.cases,
      samples: figures.samples,
      converged: percent(figures.converged, figures.samples),
      ...foundColumns(figures),
      passes: figures.passes.toFixed(1),
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

/** A case is listed from this share of samples that a measure has found. */
const LISTED: { readonly [M in MeasureName]: number } = {
  short: 0,
  long: 0.05,
  early: 0.2,
  tooEarly: 0.1,
  beyond: 0.05,
};

/** The cases with the most findings. */
export function worstCases(records: readonly CaseRecord[]): Row[] {
  const names = madeBy(records);
  const share = (record: CaseRecord, name: MeasureName) => record[name]!.length / record.samples;
  return records
    .filter((record) => names.some((name) => share(record, name) > LISTED[name]))
    .sort((a, b) => names.reduce((order, name) => order || share(b, name) - share(a, name), 0))
    .map((record) => ({
      case: recordKey(record),
      ...foundColumns(figuresOf([record], names)),
      loss: `${record.initialObjective.toPrecision(3)} → ${record.objective.toPrecision(3)}`,
      "careful descent": record.carefulObjective.toPrecision(3),
      passes: mean(record.passes).toFixed(1),
      statuses: Object.entries(record.statuses)
        .map(([status, count]) => `${count} ${status}`)
        .join(" "),
    }));
}

/** The results in a few lines. */
export function summaryLines(records: readonly CaseRecord[]): string[] {
  const all = figuresOf(records);
  const decoders = new Set(records.map(({ family, name }) => `${family}: ${name}`));
  return [
    `${all.samples} samples in ${all.cases} cases of ${decoders.size} decoders`,
    `called converged: ${percent(all.converged, all.samples)}`,
    ...madeBy(records).map((name) => {
      const cases = records.filter((record) => record[name]!.length > 0).length;
      return `${MEASURES[name].title}: ${percent(all.found[name]!, all.samples)} of all samples, in ${cases} cases`;
    }),
    ...publishedLine(records),
    ...reachableLine(records),
    `called converged without a step: ${all.unmoved} samples, ${all.withoutGradient} of them at a gradient of 0`,
    `passes a sample: ${all.passes.toFixed(1)}`,
  ];
}

/** Loss, as a share of the mean at z0, below which a sample that a code decodes to counts as found. */
const FOUND = 1e-9;

/** Share of the reachable samples that are found, among those of losses that fall to 0. */
export function reachableLine(records: readonly CaseRecord[]): string[] {
  const reachable = records.filter(
    ({ family, name }) => family === "reachable" && !name.includes("cross entropy"),
  );
  if (reachable.length === 0) return [];
  const found = total(
    reachable.map(({ objectives, initialObjective }) => {
      return objectives.filter((objective) => objective <= FOUND * initialObjective).length;
    }),
  );
  const samples = total(reachable.map((record) => record.samples));
  return [
    `reachable samples by squared error, loss at most ${FOUND} of its start: ${percent(found, samples)} of ${samples}`,
  ];
}

function publishedLine(records: readonly CaseRecord[]): string[] {
  const published = records.filter(({ family }) => family === "published");
  if (published.length === 0) return [];
  const shares = Object.entries(foundColumns(figuresOf(published))).map(
    ([title, share]) => `${title} ${share}`,
  );
  return [`published architectures: ${shares.join(", ")}`];
}
