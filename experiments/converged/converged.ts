import { mean } from "../../bench/timing.ts";
import type { ExperimentSettings } from "../experiment-settings.ts";
import { report } from "../table.ts";
import { keyOf, TASKS, type Task } from "./cases.ts";
import { compareCases, compareFamilies, comparisonLines, pair } from "./compare.ts";
import { type CaseRecord, MEASURES, measure, measuresOf } from "./measures.ts";
import type { ConvergedOptions } from "./options.ts";
import { appendRecord, readRecords, recordsFile } from "./records.ts";
import { byFamily, madeBy, summaryLines, worstCases } from "./summarise.ts";

/**
 * Which ends that a solver calls converged are not: over many decoders and starts, a careful descent goes on from each end,
 * and so does a second call of the solver. Records are kept in `out`, where a run that was interrupted goes on.
 */
export async function mapConverged({ out }: ExperimentSettings, options: ConvergedOptions): Promise<void> {
  const { solver, only, part, against } = options;
  const file = recordsFile(out, solver);
  const chosen = TASKS.filter((task) => only?.test(taskKey(task)) ?? true);
  await measureAll(
    chosen.filter((_, i) => i % part.count === part.index),
    file,
    options,
  );
  const records = readRecords(file);
  const found = chosen.flatMap((task) => records.get(taskKey(task)) ?? []);
  if (found.length === 0) throw new Error("converged: no case was chosen; change --only or --part");
  const name = `converged-${solver}`;
  const worst = worstCases(found);
  if (worst.length > 0) report(out, `${name}-worst`, worst);
  report(out, name, byFamily(found));
  const missing = chosen.length - found.length;
  if (missing > 0)
    console.log(`${missing} of ${chosen.length} cases are missing: other parts are still running`);
  for (const line of summaryLines(found)) console.log(line);
  if (against === undefined) return;
  const pairs = pair(readRecords(recordsFile(against, solver)), found);
  if (pairs.length === 0)
    throw new Error(`converged: ${against} has none of these cases; expected an earlier --out`);
  const different = compareCases(pairs);
  if (different.length > 0) report(out, `${name}-compared-cases`, different);
  report(out, `${name}-compared`, compareFamilies(pairs));
  for (const line of comparisonLines(pairs)) console.log(line);
}

function taskKey({ case: each, start }: Task): string {
  return keyOf(each, start);
}

/** Measures the tasks that the file has no record of, and appends theirs. */
async function measureAll(tasks: readonly Task[], file: string, options: ConvergedOptions): Promise<void> {
  const { solver, long } = options;
  const known = readRecords(file);
  const due = tasks.filter((task) => {
    const record = known.get(taskKey(task));
    return measuresOf({ long }).some((name) => !record?.[name]);
  });
  const begin = performance.now();
  for (const [i, task] of due.entries()) {
    const start = performance.now();
    const { family, name } = task.case;
    const subject = await task.case.make();
    const record: CaseRecord = { family, name, ...(await measure(subject, task.start, { solver, long })) };
    subject.decoder.dispose();
    appendRecord(file, record);
    const now = performance.now();
    const left = ((now - begin) / (i + 1)) * (due.length - i - 1);
    console.log(`${progress(i + 1, due.length, left)} ${describe(record)} ${seconds(now - start)} s`);
  }
}

function progress(done: number, all: number, left: number): string {
  return `[${done}/${all}, ${(left / 60_000).toFixed(1)} min left]`;
}

function describe(record: CaseRecord): string {
  const { samples, passes, objective } = record;
  const shares = madeBy([record]).map(
    (name) => `${MEASURES[name].title} ${(record[name]!.length / samples).toFixed(2)}`,
  );
  const figures = [...shares, `loss ${objective.toPrecision(5)}`, `passes ${mean(passes).toFixed(1)}`];
  return `${keyOf(record, record.start)}: ${figures.join(", ")}`;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}
