import { InvalidArgumentError } from "commander";
import { invalid } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import type { Shard } from "./shard-units.ts";

/** Value of `--shard`: a shard (one process's share of the run), or "auto" to use the index that the batch system assigns. */
export type ShardFlag = Shard | "auto";

/** Pattern of an integer with at most 15 digits, leading zeros included. */
const INDEX = /^\d{1,15}$/;

/** Parses the value of `--shard`: "auto", or index/count such as `0/16`, the first of 16 shards. */
export function parseShard(text: string): ShardFlag {
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

/**
 * Batch systems: the environment variable that each sets for a task, the index that it gives to the first task, and the
 * command that starts `count` tasks, or a phrase that describes the job with these tasks.
 */
const BATCH_SYSTEMS = [
  {
    name: "Slurm",
    variable: "SLURM_ARRAY_TASK_ID",
    from: 0,
    start: (count: number) => `sbatch --array=0-${count - 1}`,
  },
  {
    name: "Kubernetes",
    variable: "JOB_COMPLETION_INDEX",
    from: 0,
    start: (count: number) => `an Indexed Job with completions: ${count}`,
  },
  {
    name: "AWS Batch",
    variable: "AWS_BATCH_JOB_ARRAY_INDEX",
    from: 0,
    start: (count: number) => `an array job with size ${count}`,
  },
  {
    name: "GNU parallel",
    variable: "PARALLEL_SEQ",
    from: 1,
    start: (count: number) => `seq ${count} | parallel -N0`,
  },
];

const variables = BATCH_SYSTEMS.map(({ variable }) => variable);
const longestVariable = Math.max(...variables.map(({ length }) => length));

/** Help text on the environment variables that `--shard auto` reads: a line for each batch system. */
export const batchSystemsHelp = BATCH_SYSTEMS.map(
  ({ variable, name }) => `  ${variable.padEnd(longestVariable)}  ${name}`,
).join("\n");

/**
 * Determines the shard (share of the run) that this process encodes; undefined for a run without shards.
 *
 * @param shards value of `--shards`, only used with "auto"
 * @param environment environment variables of the process
 * @throws LatentflowError if "auto" finds no batch system or several, or the task's index is not below `shards`
 */
export function chosenShard(
  shard: ShardFlag | undefined,
  shards: number | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Shard | undefined {
  if (shard !== "auto") return shard;
  const found = BATCH_SYSTEMS.flatMap((system) => {
    const value = environment[system.variable];
    return value === undefined || value === "" ? [] : [{ ...system, value }];
  });
  const [system, second] = found;
  if (!system) {
    throw invalid(
      `--shard auto: none of ${variables.join(", ")} is set here, which tasks of batch systems have; ` +
        "give --shard I/N, 0/16 say",
    );
  }
  if (second) {
    throw invalid(
      `--shard auto: ${system.variable} and ${second.variable} are both set; say which counts: ` +
        `--shard $${system.variable}/N`,
    );
  }
  const { variable, name, from, value, start } = system;
  if (shards === undefined) {
    throw invalid(`--shard auto: ${name} says which shard this is, but not of how many; add --shards N`);
  }
  if (!INDEX.test(value) || Number(value) < from) {
    throw invalid(`--shard auto: ${variable} is ${show(value)}, expected a whole number >= ${from}`);
  }
  const index = Number(value) - from;
  if (index < shards) return { index, count: shards };
  throw invalid(
    `--shard auto: ${variable} is ${value}, expected ${from} to ${shards - 1 + from} of --shards ${shards}; start ` +
      `${start(shards)}, or give --shards ${index + 1} or more`,
  );
}
