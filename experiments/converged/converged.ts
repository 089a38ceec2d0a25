import type { ExperimentSettings } from "../experiment-settings.ts";
import { report } from "../table.ts";
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
 * Which ends that a solver calls converged are not: over many decoders and starts, a careful descent goes on from each end,
 * and so does a second call of the solver. Records are kept in `out`, where a run that was interrupted goes on.
 */
export async function mapConverged(settings: ExperimentSettings, options: ConvergedOptions): Promise<void> {
  if (options.others) return mapOthers(settings, options);
  const { out } = settings;
  const { solver, against, write } = options;
  const tasks = chosenTasks(options);
  const records = await measureAll(tasks, out, options.part, options);
  const name = `converged-${solver}`;
  const worst = worstCases(records);
  if (worst.length > 0) report(out, `${name}-worst`, worst);
  let table = byFamily(records);
  let lines = summaryLines(records);
  report(out, name, table);
  const missing = tasks.length - records.length;
  if (missing > 0)
    console.log(`${missing} of ${tasks.length} cases are missing: other parts have them to do`);
  for (const line of lines) console.log(line);
  if (against !== undefined) {
    const pairs = pair(readRecords(recordsFile(against, solver)), records);
    if (pairs.length === 0)
      throw new Error(`converged: --against ${against} has none of these cases, expected an earlier --out`);
    const different = compareCases(pairs);
    if (different.length > 0) report(out, `${name}-compared-cases`, different);
    [table, lines] = [compareFamilies(pairs), comparisonLines(pairs)];
    report(out, `${name}-compared`, table);
    for (const line of lines) console.log(line);
  }
  if (!write) return;
  if (missing > 0 || options.only) throw new Error("converged: --write is for all cases, some are missing");
  writeDocument("converged", table, lines);
}

/** The same of `amd` beside `lbfgs`, by groups of calls; and of training. */
async function mapOthers({ out, seed }: ExperimentSettings, options: ConvergedOptions): Promise<void> {
  const tasks = chosenTasks(options);
  const records: CaseRecord[] = [];
  for (const solver of SOLVER_NAMES)
    records.push(...(await measureAll(tasks, out, options.part, { ...options, solver })));
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
