import { calling } from "../base/calling.ts";
import { checkNumber } from "../base/check.ts";
import { cosineOfPi } from "../base/elementary-functions.ts";
import { completeOptions, type Field, type FieldsOf, number } from "../base/options.ts";
import { ignoreRejection } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { alternatives, show } from "../base/show.ts";

/**
 * Schedule of the learning rate over a training run: an immutable value. Its function may be a caller's own; a run that resumes
 * from a checkpoint compares names and numbers, not functions.
 */
export interface Schedule {
  readonly name: "constant" | "linear" | "cosine";
  /**
   * Returns the factor by which the optimizer's learning rate is multiplied, 1 at the start; finite, ≥ 0. What it throws, the
   * call of `train` rejects with.
   *
   * @param progress fraction of all images that have been processed, in [0, 1]
   */
  readonly factor: (progress: number) => number;
}

/** Schedule whose factor goes from 1 to `to` over the run. */
export interface DecaySchedule extends Schedule {
  readonly name: "linear" | "cosine";
  /** Factor of the learning rate at the end of the run. */
  readonly to: number;
}

/** Options of `linear` and `cosine`. */
export interface DecayOptions {
  /** Factor of the learning rate at the end of the run, ≥ 0. Default 0. */
  to?: number | undefined;
}

/** Check and default of the option of `linear` and `cosine`. */
export const DECAY_FIELDS = {
  to: number({ min: 0 }, 0),
} satisfies FieldsOf<DecayOptions>;

/**
 * Makes a schedule with a constant learning rate: the factor is 1.
 *
 * @example
 * await train(decoder, images, { schedule: constant() });
 */
export function constant(): Schedule {
  return Object.freeze({ name: "constant", factor: SCHEDULES.constant.share });
}

/**
 * Makes a schedule whose factor of the learning rate goes from 1 to `to` along a straight line: (1 - p) + p · to, with p the
 * progress.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await train(decoder, images, { optimizer: adam(), schedule: linear({ to: 0.1 }) });
 */
export function linear(options?: DecayOptions): DecaySchedule {
  return decay("linear", options);
}

/**
 * Makes a schedule whose factor of the learning rate goes from 1 to `to` along half a cosine, flat at both ends: w + (1 - w)
 * · to with w = (1 + cos(π p)) / 2 and p the progress.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await train(decoder, images, { optimizer: adam(), schedule: cosine() });
 */
export function cosine(options?: DecayOptions): DecaySchedule {
  return decay("cosine", options);
}

/** Makes the schedule `name`, whose factor of the learning rate is w + (1 - w) · to, with w the function `share` in SCHEDULES. */
function decay(name: DecaySchedule["name"], options: DecayOptions = {}): DecaySchedule {
  return calling(name, () => {
    const { to } = completeOptions(options, DECAY_FIELDS);
    return Object.freeze<DecaySchedule>({
      name,
      to,
      factor(this: DecaySchedule | undefined, progress) {
        const share = SCHEDULES[name].share(progress);
        // A changed copy, { ...linear(), to: 0.5 }, has a `to` of its own; the function alone, without its schedule, has this one.
        return share + (1 - share) * (this?.to ?? to);
      },
    });
  });
}

/**
 * Learning rate schedules by name: the function that makes each, the fields of its options, and `share`, which returns the
 * weight w at a progress in [0, 1]. The learning rate is multiplied by w + (1 - w) · `to`; w falls from 1 to 0 over the run,
 * or stays 1 if the schedule is constant.
 */
export const SCHEDULES: {
  readonly [Name in Schedule["name"]]: {
    readonly make: (options: DecayOptions) => Schedule;
    readonly fields: Readonly<Record<string, Field<unknown>>>;
    readonly share: (progress: number) => number;
  };
} = {
  constant: {
    make: constant,
    fields: {},
    share: () => 1,
  },
  linear: {
    make: linear,
    fields: DECAY_FIELDS,
    share: (progress) => 1 - progress,
  },
  cosine: {
    make: cosine,
    fields: DECAY_FIELDS,
    share: (progress) => (1 + cosineOfPi(progress)) / 2,
  },
};

/**
 * Returns a schedule that checks the factors of the caller's, which may have a function of its own.
 *
 * @throws LatentflowError `invalid_argument` if it is no schedule, or its factor at the start or the end of the run is not a
 *   finite number ≥ 0; so does the returned `factor` in between
 */
export function checkSchedule(name: string, schedule: unknown): Schedule {
  const given = schedule as Schedule | null | undefined;
  if (typeof given?.factor !== "function") {
    const expected = alternatives(Object.keys(SCHEDULES).map((each) => `${each}()`));
    throw refused(name, "is", show(schedule), expected);
  }
  // A changed copy of the library's, { ...linear(), to: "0.5" }, has its function.
  const { to } = given as Partial<DecaySchedule>;
  if (to !== undefined && Object.hasOwn(SCHEDULES, String(given.name))) {
    DECAY_FIELDS.to.check(`${name}.to`, to);
  }
  const factor = (progress: number) => {
    const value: unknown = given.factor(progress);
    if (typeof value !== "number") ignoreRejection(value);
    return checkNumber(`${name}.factor(${progress})`, value, { min: 0 });
  };
  factor(0);
  factor(1);
  return { ...given, name: given.name, factor };
}
