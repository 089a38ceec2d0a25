import { checkNumber } from "../base/check.ts";
import { option, subject } from "../base/message.ts";
import { invalid } from "../base/refuse.ts";
import { type Decoder, decoderAtPoints, keptUntilDisposed } from "./decoder.ts";

// A decoder over points gets its sizes from the number of points of each call. The program takes the number from files, in
// src/cli/input/points.ts.

/** Cache of decoders for numbers of points, by the decoder over points. */
const bound = new WeakMap<Decoder, Map<number, Decoder>>();

/** Most decoders kept for one decoder over points: each has packed copies of the parameters. */
const MOST_KEPT = 4;

/**
 * Returns a decoder for a number of points, with the same parameters. A decoder without points is returned as it is.
 *
 * @param points the option `points` of the call
 * @throws LatentflowError `invalid_argument` where there is no number and has to be one, or the other way round
 */
export function atPoints(where: string, decoder: Decoder, points: unknown): Decoder {
  if (!decoder.fixedInputs.some((input) => input.hasPoints)) {
    if (points === undefined) return decoder;
    throw invalid(`${where}: ${subject("points")} is given, but the decoder has no input of points`);
  }
  if (points === undefined) {
    throw invalid(`${where}: the decoder is over points; give how many there are: ${option("points", 2000)}`);
  }
  const count = checkNumber(where, "points", points, { min: 1, max: 2 ** 24, integer: true });
  const disposeAll = (own: ReadonlyMap<number, Decoder>) => {
    for (const each of own.values()) each.dispose();
  };
  const known = keptUntilDisposed(bound, decoder, () => new Map(), disposeAll);
  // An operation may refuse the size; the message names the option that set it.
  const asked = `${where}: ${subject("points")} is ${count}, which this decoder cannot be made for`;
  const made = known.get(count) ?? decoderAtPoints(decoder, count, asked);
  // Insertion order is the order of use: the oldest is dropped first.
  known.delete(count);
  known.set(count, made);
  // Calls that use a dropped one keep it until they end.
  if (known.size > MOST_KEPT) known.delete(known.keys().next().value!);
  return made;
}
