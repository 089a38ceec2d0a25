import type { Results, Settings } from "./element.ts";
import { type GapFound, type GapWay, METHOD_WAYS, REFINED_STEPS } from "./encoder-gap-measuring.ts";
import { type GapData, idOf, seedsFor } from "./encoder-gap-runs.ts";
import type { GapCount, GapMethod } from "./encoder-gap-training.ts";
import { testFloor } from "./floors.ts";
import { type Figure, means } from "./page.ts";

// What all tables of the encoder gap's page read: figures over seeds, and names of ways.

/** Ways to find codes, all of which a plain autoencoder has. */
export const WAYS = METHOD_WAYS.autoencoder;

/** Ways as columns name them. */
export const WAY_NAMES: Readonly<Record<GapWay, string>> = {
  encoder: "encoder's code",
  refined: `encoder's code, ${REFINED_STEPS} steps on`,
  inverted: "inverted",
  "inverted with a prior": "inverted with a prior",
};

/** Figures over seeds. */
export class Figures {
  constructor(
    private readonly results: Results<GapFound>,
    private readonly settings: Settings,
  ) {}

  of(
    data: GapData,
    count: GapCount,
    method: GapMethod,
    value: (found: GapFound) => number | undefined,
    digits?: number,
  ): Figure {
    const found = seedsFor(method, count, this.settings).map((seed) =>
      this.results.get(idOf(data, count, method, seed)),
    );
    return means(
      found.map((one) => one && value(one)),
      digits,
    );
  }

  /** All that has been found, run by run. */
  get all(): readonly GapFound[] {
    return [...this.results.values()];
  }

  /** True if anything is known of a data set. */
  has(data: GapData): boolean {
    return [...this.results.keys()].some((id) => id.startsWith(`${data}, `));
  }

  /** Excess loss of the encoder's codes ÷ that of the inverted ones, seed by seed. */
  ratio(data: GapData, count: GapCount, method: GapMethod): Figure {
    const floor = testFloor(data);
    return this.of(
      data,
      count,
      method,
      ({ intact: { encoder, inverted } }) =>
        encoder && inverted && (encoder.loss - floor) / (inverted.loss - floor),
      2,
    );
  }
}

/** True if codes of decoders trained by a method are found in a way. */
export const hasWay = (method: GapMethod, way: GapWay) => METHOD_WAYS[method].includes(way);

/** Cells after a row's heading, which has the number of seeds in their place if they are all of as many. */
export function sayingSeedsOnce(heading: string, cells: readonly string[]): string[] {
  const remark = /, \d+ of \d+ seeds/g;
  const [of, ...others] = new Set(cells.flatMap((cell) => cell.match(remark) ?? []));
  if (of === undefined || others.length > 0) return [heading, ...cells];
  return [`${heading}${of}`, ...cells.map((cell) => cell.replaceAll(remark, ""))];
}
