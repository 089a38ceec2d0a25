import { InvalidArgumentError } from "commander";
import { invalid, show } from "../../base/check.ts";
import type { Shard } from "./units.ts";

/** What `--shard` says: which shard of how many, or that the batch system says which. */
export type ShardFlag = Shard | "auto";

/** A whole number as batch systems and people write it. */
const INDEX = /^\d{1,15}$/;

/** `0/16`: the first of 16 shards. */
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

/** What a batch system sets in the environment of each of its tasks. */
interface BatchSystem {
  readonly variable: string;
  readonly name: string;
  /** The index of its first task, as the system counts them. */
  readonly from: 0 | 1;
  /** How to start so many tasks. */
  readonly start: (count: number) => string;
}

const BATCH_SYSTEMS: readonly BatchSystem[] = [
  {
    ...{ variable: "SLURM_ARRAY_TASK_ID", name: "Slurm", from: 0 },
    start: (count) => `sbatch --array=0-${count - 1}`,
  },
  {
    ...{ variable: "JOB_COMPLETION_INDEX", name: "Kubernetes", from: 0 },
    start: (count) => `an Indexed Job with completions: ${count}`,
  },
  {
    ...{ variable: "AWS_BATCH_JOB_ARRAY_INDEX", name: "AWS Batch", from: 0 },
    start: (count) => `an array job with size ${count}`,
  },
  {
    ...{ variable: "PARALLEL_SEQ", name: "GNU parallel", from: 1 },
    start: (count) => `seq ${count} | parallel -N0`,
  },
];

const variables = BATCH_SYSTEMS.map(({ variable }) => variable);
const longestVariable = Math.max(...variables.map(({ length }) => length));

/** What `--shard auto` looks at, for the help: a line for each batch system. */
export const batchSystemsHelp = BATCH_SYSTEMS.map(
  ({ variable, name }) => `  ${variable.padEnd(longestVariable)}  ${name}`,
).join("\n");

/**
 * The shard that a command is to do.
 *
 * @param shards as --shards says it, which goes with "auto" alone
 * @param environment of the process
 * @throws LatentflowError where there is no batch system, several, or more tasks than shards
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
