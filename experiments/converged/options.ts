import { type Command, InvalidArgumentError, Option } from "commander";
import { SOLVER_NAMES, type SolverName } from "./measures.ts";
import type { Part } from "./run.ts";

/** Options of `npm run experiment -- converged`. */
export interface ConvergedOptions {
  readonly solver: SolverName;
  /** Cases to run. Default: all. */
  readonly only?: RegExp;
  readonly part: Part;
  readonly long: boolean;
  /** The folder of an earlier run. */
  readonly against?: string;
  /** Are `amd` beside `lbfgs`, and training, examined instead? */
  readonly others: boolean;
  /** Are the tables put into site/results/experiments.md? */
  readonly write: boolean;
}

/** Adds them to a command. */
export function addConvergedOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--solver <name>", "whose ends are examined").choices(SOLVER_NAMES).default("lbfgs"),
    )
    .option("--only <regex>", 'cases whose "family: name | start" matches', parseRegex)
    .addOption(
      new Option("--part <i/n>", "one of n processes that share the cases, i from 0")
        .argParser(parsePart)
        .default({ index: 0, count: 1 }, "0/1"),
    )
    .option("--long", "also look for lies that show within 400 evaluations", false)
    .option("--against <folder>", "compare with an earlier run's --out")
    .option("--others", "both solvers by groups of calls, and training, instead", false)
    .option("--write", "put the tables into site/results/experiments.md", false);
}

function parseRegex(text: string): RegExp {
  try {
    return new RegExp(text, "i");
  } catch {
    throw new InvalidArgumentError("Expected a regular expression.");
  }
}

function parsePart(text: string): Part {
  const [index, count] = text.split("/").map(Number);
  if (!Number.isInteger(index) || !Number.isInteger(count) || index! < 0 || index! >= count!) {
    throw new InvalidArgumentError("Expected i/n with 0 <= i < n, as 0/2.");
  }
  return { index: index!, count: count! };
}
