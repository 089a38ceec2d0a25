import { CONTENDER_NAMES, type ContenderName } from "./contenders.ts";
import type { DecoderName } from "./decoders.ts";
import type { Row } from "./report.ts";
import type { SolverName } from "./settings.ts";

/** From where on a contender is faster than another with a solver on a decoder. */
export interface Crossing {
  readonly solver: SolverName;
  readonly decoder: DecoderName;
  readonly contender: ContenderName;
  readonly other: ContenderName;
  /** The batch size of the last change, between those measured; or how it was at all of them. */
  readonly size: number | "always" | "never";
  /** Samples a second there. */
  readonly samplesPerSecond: number | undefined;
}

/** Where the last contender overtakes each of the others, with each solver on each decoder on which both were measured. */
export function findCrossings(rows: readonly Row[]): Crossing[] {
  const contender = CONTENDER_NAMES.at(-1)!;
  const works = rows.filter(
    ({ solver, decoder }, i) =>
      rows.findIndex((row) => row.solver === solver && row.decoder === decoder) === i,
  );
  return works.flatMap(({ solver, decoder }) => {
    const ofWork = rows.filter((row) => row.solver === solver && row.decoder === decoder);
    return CONTENDER_NAMES.slice(0, -1).flatMap((other) =>
      findCrossing(ofWork, contender, other).map((found) => ({ solver, decoder, ...found })),
    );
  });
}

/** What both have reached at a size, on a logarithmic scale, where their lines are about straight. */
interface Pair {
  readonly size: number;
  readonly own: number;
  /** How far it is ahead. */
  readonly lead: number;
}

function findCrossing(
  rows: readonly Row[],
  contender: ContenderName,
  other: ContenderName,
): Omit<Crossing, "solver" | "decoder">[] {
  const pairs = rows
    .filter((row) => row.contender === contender)
    .flatMap(({ size, samplesPerSecond }): Pair[] => {
      const same = rows.find((row) => row.contender === other && row.size === size);
      if (!same) return [];
      const own = Math.log(samplesPerSecond);
      return [{ size: Math.log(size), own, lead: own - Math.log(same.samplesPerSecond) }];
    });
  if (pairs.length === 0) return [];
  const between = { contender, other };
  const last = pairs.findLastIndex(({ lead }, i) => i > 0 && lead > 0 && pairs[i - 1]!.lead <= 0);
  if (last < 0 || pairs.at(-1)!.lead <= 0) {
    // It may also have been ahead at first and then fallen behind: it is never overtaking for good.
    const size = pairs.every(({ lead }) => lead > 0) ? "always" : "never";
    return [{ ...between, size, samplesPerSecond: undefined }];
  }
  const [from, to] = [pairs[last - 1]!, pairs[last]!];
  const share = from.lead / (from.lead - to.lead);
  const at = (a: number, b: number) => Math.exp(a + share * (b - a));
  return [{ ...between, size: at(from.size, to.size), samplesPerSecond: at(from.own, to.own) }];
}
