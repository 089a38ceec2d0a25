import { refused, show } from "../base/check.ts";
import { cosineOfPi } from "../base/elementary-functions.ts";
import { completeOptions, type FieldsOf, type HelpOf, number } from "../base/options.ts";

/** How the learning rate changes over a training run: an immutable value. */
export interface Schedule {
  readonly name: "constant" | "linear" | "cosine";
  /**
   * What the optimizer's learning rate is multiplied with, 1 at the start.
   *
   * @param progress the share of all mini-batches that are done, in [0, 1]
   */
  readonly factor: (progress: number) => number;
}

/** A schedule that ends elsewhere than it begins. */
export interface DecaySchedule extends Schedule {
  readonly name: "linear" | "cosine";
  /** The factor at the end. */
  readonly to: number;
}

/** Options of `linear` and `cosine`. */
export interface DecayOptions {
  /** The factor at the end of the run, >= 0. Default 0. */
  to?: number | undefined;
}

/** Fields of the options of `linear` and `cosine`. */
export const DECAY_FIELDS = {
  to: number({ min: 0 }, 0),
} satisfies FieldsOf<DecayOptions>;

/** Help of the program for the options of schedules. */
export const SCHEDULE_HELP: HelpOf<DecayOptions> = {
  to: ["factor", "the learning rate's factor at the end"],
};

/**
 * The learning rate as it is: the factor is 1.
 *
 * @example
 * await train(decoder, images, { schedule: constant() });
 */
export function constant(): Schedule {
  return Object.freeze({ name: "constant", factor: SHARES.constant });
}

/**
 * From 1 to `to` along a straight line: (1 - p) + p · to, p the progress.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await train(decoder, images, { optimizer: adam(), schedule: linear({ to: 0.1 }) });
 */
export function linear(options?: DecayOptions): DecaySchedule {
  return decay("linear", options);
}

/**
 * From 1 to `to` along half a cosine, flat at both ends: w + (1 - w) · to with w = (1 + cos(π p)) / 2, p the
 * progress.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await train(decoder, images, { optimizer: adam(), schedule: cosine() });
 */
export function cosine(options?: DecayOptions): DecaySchedule {
  return decay("cosine", options);
}

/** Creates a schedule whose factor is w + (1 - w) · to, with w from SHARES of the start. */
function decay(name: DecaySchedule["name"], options: DecayOptions = {}): DecaySchedule {
  const { to } = completeOptions(name, options, DECAY_FIELDS);
  const factor = (progress: number) => {
    const share = SHARES[name](progress);
    return share + (1 - share) * to;
  };
  return Object.freeze({ name, to, factor });
}

/** Share of the factor at the start of a run in that at `progress`: 1 at 0, and 0 at 1 where the schedule decays. */
const SHARES: { readonly [Name in Schedule["name"]]: (progress: number) => number } = {
  constant: () => 1,
  linear: (progress) => 1 - progress,
  cosine: (progress) => (1 + cosineOfPi(progress)) / 2,
};

/** Refuses a value that is no schedule; returns it otherwise. */
export function checkSchedule(where: string, name: string, schedule: unknown): Schedule {
  if (typeof (schedule as Schedule | null | undefined)?.factor === "function") return schedule as Schedule;
  throw refused(where, name, "is", show(schedule), "constant(), linear() or cosine()");
}
