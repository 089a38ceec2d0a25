import type { Case } from "./case.ts";
import { LATENT_CASES } from "./decoders/latents.ts";
import { NORMALISED_CASES } from "./decoders/normalised.ts";
import { DENSE_CASES } from "./decoders/plain.ts";
import { REACHABLE_CASES } from "./decoders/reachable.ts";
import { TRAINED_CASES } from "./decoders/trained.ts";
import { PUBLISHED_CASES } from "./published/published.ts";
import type { Start } from "./starts.ts";

/** A case from one of its starts. */
export interface Task {
  readonly case: Case;
  readonly start: Start;
}

/** Every case from each of its starts. */
export const TASKS: readonly Task[] = [
  ...TRAINED_CASES,
  ...DENSE_CASES,
  ...NORMALISED_CASES,
  ...LATENT_CASES,
  ...REACHABLE_CASES,
  ...PUBLISHED_CASES,
].flatMap((each) => each.starts.map((start) => ({ case: each, start })));

/** Names a case and a start; unique. */
export function taskKey({ case: { family, name }, start }: Task): string {
  return recordKey({ family, name, start });
}

/** The key of the task that a record is of. */
export function recordKey({ family, name, start }: { family: string; name: string; start: string }): string {
  return `${family}: ${name} | ${start}`;
}

/** The task with a key. */
export function taskOf(key: string): Task {
  const task = TASKS.find((each) => taskKey(each) === key);
  if (!task)
    throw new Error(`converged: there is no case ${JSON.stringify(key)}, expected "family: name | start"`);
  return task;
}
