import { InvalidArgumentError } from "commander";
import { invalid } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import type { ChosenPart } from "./part-range.ts";

/** Value of `--part`: a part of the run, or "auto" for the part whose index the batch system assigns. */
export type PartFlag = ChosenPart | "auto";

/** Pattern of an integer with at most 15 digits, leading zeros included. */
const INDEX = /^\d{1,15}$/;

/** Parses the value of `--part`: "auto", or index/count such as `0/16`, the first of 16 parts. */
export function parsePartFlag(text: string): PartFlag {
  if (text === "auto") return text;
  const [first = "", second = "", ...rest] = text.split("/");
  const [index, count] = [Number(first), Number(second)];
  if (!INDEX.test(first) || !INDEX.test(second) || rest.length > 0 || count < 1) {
    throw new InvalidArgumentError("Expected I/N, 0/16 say, or auto.");
  }
  if (index >= count) {
    throw new InvalidArgumentError(`I counts from 0: expected 0/${count} to ${count - 1}/${count}.`);
  }
  return { index, count };
}

/** Batch systems: the environment variable that each sets for a task, and the index that it gives to the first task. */
const BATCH_SYSTEMS = [
  { name: "Slurm", variable: "SLURM_ARRAY_TASK_ID", from: 0 },
  { name: "Kubernetes", variable: "JOB_COMPLETION_INDEX", from: 0 },
  { name: "AWS Batch", variable: "AWS_BATCH_JOB_ARRAY_INDEX", from: 0 },
  { name: "GNU parallel", variable: "PARALLEL_SEQ", from: 1 },
];

const variables = BATCH_SYSTEMS.map(({ variable }) => variable);
const longestVariable = Math.max(...variables.map(({ length }) => length));

/** Help text on the environment variables that `--part auto` reads: a line for each batch system. */
export const batchSystemsHelp = BATCH_SYSTEMS.map(
  ({ variable, name }) => `  ${variable.padEnd(longestVariable)}  ${name}`,
).join("\n");

/**
 * Determines the part that this process encodes; undefined if it encodes all parts.
 *
 * @param parts value of `--parts`, only used with "auto"
 * @param environment environment variables of the process
 * @throws LatentflowError if "auto" finds no batch system or several, or the task's index is not below `parts`
 */
export function chosenPart(
  part: PartFlag | undefined,
  parts: number | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): ChosenPart | undefined {
  if (part !== "auto") return part;
  const found = BATCH_SYSTEMS.flatMap((system) => {
    const value = environment[system.variable];
    return value === undefined || value === "" ? [] : [{ ...system, value }];
  });
  const [system, second] = found;
  if (!system) {
    throw invalid(
      `--part auto: none of ${variables.join(", ")} is set here, which tasks of batch systems have; ` +
        "give --part I/N, 0/16 say",
    );
  }
  if (second) {
    throw invalid(
      `--part auto: ${system.variable} and ${second.variable} are both set; say which counts: ` +
        `--part $${system.variable}/N`,
    );
  }
  const { variable, name, from, value } = system;
  if (parts === undefined)
    throw invalid(`--part auto: ${name} says which part this is, but not of how many; add --parts N`);
  const index = Number(value) - from;
  if (INDEX.test(value) && index >= 0 && index < parts) return { index, count: parts };
  throw invalid(
    `--part auto: ${variable} is ${show(value)}, expected ${from} to ${parts - 1 + from} of --parts ${parts}; start ` +
      `${parts} tasks, numbered from ${from}, or give as --parts how many there are`,
  );
}
