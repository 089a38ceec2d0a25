import { expDecay, type FlowAndSolver, logGrid, type Rk4, rk4 } from "../src/index.ts";
import { type Adjoint, train } from "../src/train/index.ts";
import { type Calls, countedAdjoint, noCalls } from "./counted-adjoint.ts";
import type { Job, JobContext, Results, Settings } from "./element.ts";
import { FLOORS } from "./floors.ts";
import { excessPoint, means } from "./page.ts";
import { chooseRows, createPaperDecoder, imagesOf, readData, training } from "./paper-setting.ts";
import { followTraining } from "./training-run.ts";
import type { Validation } from "./validation.ts";

// What both sides of figure 2 do: train the paper's decoder by flows, and look at the loss of validation images as training goes on.

/** The end of the flow on a fixed grid: the authors' code has 1e4 to 1.5e4, the paper names none. */
export const T1 = 1e4;
/** 100 slices, denser near t = 0; the base is the authors' code's. */
export const grid = (rule: Rk4["rule"]) => rk4({ grid: logGrid({ t1: T1, slices: 100, base: 4 }), rule });
export const decaying = { alpha: expDecay({ rate: 2 }) };

export interface Found {
  readonly validation: readonly Validation[];
  readonly trainedInSeconds: number;
  /** Of the digits trained on since the job was begun, or went on. */
  readonly calls?: Calls;
}

export interface Figure2Method {
  readonly label: string;
  readonly encodedBy: FlowAndSolver;
  readonly adjoint: Adjoint;
  /** For 1,000 images trained on and 1,000 validated, on one core. */
  readonly seconds: readonly [trained: number, validated: number];
  /** In the chart: it would hide another line. */
  readonly isDashed?: true;
}

/** Validation images whose loss is followed. */
export const VALIDATED = 100;
/** Floor of their losses. */
export const FLOOR = FLOORS["MNIST, first 100 of validation"];
/** Validations in a run. */
export const POINTS = 16;
/** Digits in a mini-batch, one for each update; the authors' code's. */
export const BATCH = 5;

export function trainings(
  methods: Readonly<Record<string, Figure2Method>>,
  images: number,
  seeds: readonly number[],
  settings: Settings,
): Job<Found>[] {
  return seeds.flatMap((seed) =>
    Object.entries(methods).map(([name, { encodedBy, adjoint, seconds }]) => ({
      id: idOf(name, images, seed),
      data: "MNIST",
      seconds: (seconds[0] * images + seconds[1] * POINTS * VALIDATED) / 1000,
      async run(context: JobContext) {
        const { train: digits, validation } = await readData("MNIST", settings);
        const y = chooseRows(digits, imagesOf(images, settings), seed);
        const calls = noCalls();
        const following = followTraining(context, "training", context.progress);
        const run = await train(createPaperDecoder(seed), y, {
          ...encodedBy,
          ...training(seed),
          adjoint: countedAdjoint(adjoint, calls),
          validation: {
            data: validation.slice(0, VALIDATED),
            everyImages: Math.ceil(y.length / digits.size / POINTS),
          },
          ...following.options,
        });
        return { validation: run.validation, trainedInSeconds: following.seconds(), calls };
      },
    })),
  );
}

export const idOf = (name: string, images: number, seed: number) => `${images} images, ${name}, seed ${seed}`;

/** The work for a digit. */
export const KINDS = [
  "forwards",
  "gradients",
  "tangents",
  "mixed",
] as const satisfies readonly (keyof Calls)[];

/** By how much the excess was above the lowest before it at most, as a share of that. Infinite where a loss is not finite. */
function largestRise(validation: Found["validation"]): number {
  let lowest = validation[0]?.loss ?? Number.NaN;
  let largest = 0;
  for (const { loss } of validation) {
    if (!Number.isFinite(loss)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, (loss - lowest) / (lowest - FLOOR));
    lowest = Math.min(lowest, loss);
  }
  return largest;
}

/** The loss at the end, over seeds, and the lines of the chart. */
export function outcomeOf(
  methods: Readonly<Record<string, Figure2Method>>,
  images: number,
  seeds: readonly number[],
  results: Results<Found>,
) {
  const runs = (name: string) => seeds.map((seed) => results.get(idOf(name, images, seed)));
  const lossAt = (name: string, i: number) => means(runs(name).map((run) => run?.validation.at(i)?.loss));
  return {
    end: (name: string) => lossAt(name, -1),
    lowest: (name: string) =>
      means(
        runs(name).map(
          (run) =>
            run && Math.min(...run.validation.map(({ loss }) => (Number.isFinite(loss) ? loss : Infinity))),
        ),
      ),
    /** After the first mini-batches that are looked at. */
    first: (name: string) => lossAt(name, 1),
    firstUpdates: (name: string) => (runs(name).find((run) => run)?.validation[1]?.images ?? 0) / BATCH,
    /** By seed, see `largestRise`. */
    rises: (name: string) => runs(name).map((run) => run && largestRise(run.validation)),
    /** A digit's, of a kind. */
    callsOf: (name: string, kind: keyof Calls) =>
      means(
        // None where a job went on after its last update.
        runs(name).map((run) => (run?.calls?.digits ? run.calls[kind] / run.calls.digits : undefined)),
        0,
      ),
    /** All of them. */
    allCallsOf: (name: string) =>
      means(
        runs(name).map((run) =>
          run?.calls?.digits
            ? KINDS.reduce((sum, kind) => sum + run.calls![kind], 0) / run.calls.digits
            : undefined,
        ),
        0,
      ),
    /** To train on a digit. */
    millisecondsOf: (name: string) =>
      means(
        runs(name).map((run) => run && (1000 * run.trainedInSeconds) / run.validation.at(-1)!.images),
        0,
      ),
    lines: Object.entries(methods)
      .map(([name, { label, isDashed }]) => ({
        name: label,
        ...(isDashed && { isDashed }),
        points: (runs(name).find((run) => run)?.validation ?? []).flatMap(({ images: seen }, i) =>
          // Where training begins the loss is so high that nothing of the rest would be seen.
          seen > 0 ? excessPoint(seen / BATCH, lossAt(name, i), FLOOR) : [],
        ),
      }))
      .filter(({ points }) => points.length > 0),
  };
}

export type Outcome = ReturnType<typeof outcomeOf>;
