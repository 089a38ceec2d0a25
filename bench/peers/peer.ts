import type { Decoder } from "../../src/index.ts";

/** What all are given: a decoder with ELU between its layers and cross entropy on its logits, and data for it. */
export interface Task {
  readonly decoder: Decoder;
  /** Rows of `decoder.outputSize` values in [0, 1]. */
  readonly y: Float32Array;
  /** As many rows of `decoder.latentSize`, at which gradients are asked for. */
  readonly z: Float32Array;
}

/** Something a user could compute the same with, ready for a task. */
export interface Peer {
  readonly name: string;
  /** Its version and how it runs, for the report. */
  readonly about: string;
  /** The z-gradients of the task's first so many rows, from z in JavaScript (or Python) to ∇l there. */
  gradient(rows: number): Promise<GradientRun>;
  /** AMD as one would write it there; undefined where nobody would. */
  readonly encode: PeerEncode | undefined;
  dispose(): void;
}

/** Gradients of one size of batch, everything made that is made once. */
export interface GradientRun {
  /** Computes them so often; resolves to the milliseconds that took. */
  run(repeats: number): Promise<number>;
  /** [rows, latentSize] */
  gradients(): Promise<Float32Array>;
}

/**
 * AMD on the task's rows first … first + count - 1 at once, every sample with a step of its own, until the mean of
 * their losses is at most `loss`. That is less than latentflow's `amd` does, which finds out for each sample that it
 * has converged.
 */
export type PeerEncode = (first: number, count: number, loss: number) => Promise<PeerEncoded>;

export interface PeerEncoded {
  readonly seconds: number;
  readonly meanLoss: number;
  /** Evaluations of the whole batch. */
  readonly iterations: number;
}

/** AMD's settings, the defaults of `amd()`. */
export const AMD = { stepInit: 1, stepMax: 10, increaseFactor: 1.1, decreaseFactor: 0.75 } as const;

/** Far more than AMD needs for any digit: a peer that gets there does not do what it should. */
export const MOST_ITERATIONS = 5000;

export function tooMany(name: string, meanLoss: number, loss: number): Error {
  return new Error(
    `${name}: after ${MOST_ITERATIONS} iterations the mean loss is ${meanLoss}, expected at most ${loss}`,
  );
}

export async function repeatTimed(repeats: number, once: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < repeats; i++) await once();
  return performance.now() - start;
}
