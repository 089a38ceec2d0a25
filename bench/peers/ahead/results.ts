import type { Machine } from "../machine.ts";
import { CONTENDERS, type Setting } from "./contenders.ts";
import { DECODERS } from "./decoders.ts";
import type { Clock, TorchInfo } from "./pytorch.ts";
import { CRITERIA, type Criterion } from "./reach.ts";

/** How a run came to hold a criterion. */
export interface Reached {
  /** For all samples. */
  readonly seconds: number;
  /** Passes of a sample, on average. */
  readonly passes: number;
  /** PyTorch: the setting that was soonest. */
  readonly setting?: Setting;
  /** PyTorch: its time divided by ours; null where ours is never there. */
  readonly ratio?: number | null;
}

/** By criterion; null: never. */
export type ReachedBy = Readonly<Record<Criterion, Reached | null>>;

/** A setting that was tried, and the seconds that its one run took to each criterion; null: never. */
export interface Tried {
  readonly setting: Setting;
  readonly seconds: Readonly<Record<Criterion, number | null>>;
  /** Of the samples, those that came there. */
  readonly share: number;
  /** Its limit of time ended it, and not its evaluations. */
  readonly cut: boolean;
}

export interface ContenderFigure {
  readonly name: string;
  readonly share: number;
  readonly reached: ReachedBy;
  readonly tried: readonly Tried[];
}

export interface OurFigure {
  /** Of the samples, those that come there without a stop, as PyTorch's runs have none. */
  readonly share: number;
  readonly reached: ReachedBy;
  /** To its own end, by `lbfgs()` as it is. */
  readonly end: { readonly seconds: number; readonly passes: number; readonly share: number };
  /** Milliseconds more that a decoder's first call takes. */
  readonly onceMilliseconds: number;
}

export interface DecoderFigure {
  readonly name: string;
  readonly samples: number;
  /** The mean of the best losses. */
  readonly bestLoss: number;
  readonly ours: OurFigure;
  readonly contenders: readonly ContenderFigure[];
}

export interface AheadResults {
  readonly machine: Machine;
  readonly quick: boolean;
  readonly clock: Clock;
  readonly torch: TorchInfo;
  /** The least and the most seconds on the processor after which a setting's one run was cut. */
  readonly seconds: readonly [least: number, most: number];
  readonly decoders: readonly DecoderFigure[];
}

/** What of the decoders, the contenders and their settings is not in the results. */
export function missingIn(results: AheadResults | undefined): string[] {
  return DECODERS.flatMap(({ name }) => {
    const figure = results?.decoders.find((each) => each.name === name);
    if (!figure) return [name];
    return CONTENDERS.flatMap((contender) => {
      const found = figure.contenders.find((each) => each.name === contender.name);
      if (!found) return [`${name}: ${contender.name}`];
      const tried = new Set(found.tried.map(({ setting }) => JSON.stringify(setting)));
      return contender.settings
        .map((setting) => JSON.stringify(setting))
        .filter((setting) => !tried.has(setting))
        .map((setting) => `${name}: ${contender.name} ${setting}`);
    });
  });
}

/** The soonest contender to a criterion, by its ratio to ours; undefined where none comes there. */
export function soonest(
  { contenders }: DecoderFigure,
  criterion: Criterion,
): { readonly name: string; readonly reached: Reached } | undefined {
  return contenders
    .flatMap(({ name, reached }) => {
      const one = reached[criterion];
      return one ? [{ name, reached: one }] : [];
    })
    .sort((a, b) => a.reached.seconds - b.reached.seconds)[0];
}

/** The hardest criterion of those that hold. */
export function hardest(reached: ReachedBy): Criterion | undefined {
  return [...CRITERIA].reverse().find((criterion) => reached[criterion]);
}
