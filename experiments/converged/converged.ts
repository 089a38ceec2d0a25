import type { ExperimentSettings } from "../experiment-settings.ts";
import { type Row, report } from "../table.ts";
import { TASKS, type Task, taskKey } from "./cases.ts";
import { compareCases, compareFamilies, comparisonLines, pair } from "./compare.ts";
import { writeDocument } from "./document.ts";
import { type CaseRecord, SOLVER_NAMES } from "./measures.ts";
import type { ConvergedOptions } from "./options.ts";
import { byGroup } from "./others.ts";
import { readRecords, recordsFile } from "./records.ts";
import { measureAll } from "./run.ts";
import { byFamily, summaryLines, worstCases } from "./summarise.ts";
import { compareTrainings } from "./training.ts";

/**
 * Measures how often "converged" is wrong, over many decoders and starts: from each end it runs a careful descent and a second
 * call. Records are kept in `out`, where a run that was interrupted goes on.
 */
export async function mapConverged(settings: ExperimentSettings, options: ConvergedOptions): Promise<void> {
  const { solver, only, against, write, others } = options;
  if (write && only) throw new Error("converged: --write is for all cases; leave out --only");
  if (others) return mapOthers(settings, options);
  const { out } = settings;
  const earlier = against === undefined ? undefined : readRecords(recordsFile(against, solver));
  if (earlier?.size === 0) {
    throw new Error(`converged: --against ${against} has no records of ${solver}, expected an earlier --out`);
  }
  const tasks = chosenTasks(options);
  const records = await measureAll(tasks, out, options.part, options);
  if (records.length === 0) {
    console.log("this part has no case to do");
    return;
  }
  const name = `converged-${solver}`;
  reportIfAny(out, `${name}-worst`, worstCases(records));
  let table = byFamily(records);
  let lines = summaryLines(records);
  report(out, name, table);
  for (const line of lines) console.log(line);
  const pairs = earlier && pair(earlier, records);
  if (pairs && pairs.length > 0) {
    reportIfAny(out, `${name}-compared-cases`, compareCases(pairs));
    [table, lines] = [compareFamilies(pairs), comparisonLines(pairs)];
    report(out, `${name}-compared`, table);
    for (const line of lines) console.log(line);
  }
  const missing = tasks.length - records.length;
  if (missing > 0) console.log(`${missing} of ${tasks.length} cases are missing: other parts have them`);
  else if (write) writeDocument("converged", table, lines);
}

function reportIfAny(folder: string, name: string, rows: readonly Row[]): void {
  if (rows.length > 0) report(folder, name, rows);
}

/** Measures `amd` and `lbfgs` by groups of calls, and training. */
async function mapOthers({ out, seed }: ExperimentSettings, options: ConvergedOptions): Promise<void> {
  const tasks = chosenTasks(options);
  const records: CaseRecord[] = [];
  for (const solver of SOLVER_NAMES) {
    records.push(...(await measureAll(tasks, out, options.part, { ...options, solver })));
  }
  const groups = byGroup(records);
  report(out, "converged-groups", groups);
  const trainings = await compareTrainings(seed);
  report(out, "converged-training", trainings);
  if (!options.write) return;
  writeDocument("converged groups", groups);
  writeDocument("converged training", trainings);
}

function chosenTasks({ only }: ConvergedOptions): Task[] {
  const chosen = TASKS.filter((task) => only?.test(taskKey(task)) ?? true);
  if (chosen.length === 0) throw new Error(`converged: --only ${only} matches no case`);
  return chosen;
}
