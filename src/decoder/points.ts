import { checkNumber } from "../base/check.ts";
import { option, words } from "../base/message.ts";
import { invalidOption, objection } from "../base/refuse.ts";
import { type Decoder, decoderAtPoints, keptUntilDisposed } from "./decoder.ts";

// A decoder over points is evaluated at any number of points per sample, which each call gives; its sizes depend on that
// number. The command line derives it from files, in src/cli/input/points.ts.

/**
 * Cache, by decoder over points (evaluated at any number of points in each sample), of the decoders made from it, by number of
 * points per sample.
 */
const bound = new WeakMap<Decoder, Map<number, Decoder>>();

/**
 * Maximum number of decoders that are cached for each decoder over points (evaluated at any number of points in each sample):
 * one for each number of points, each with packed copies of the parameters.
 */
const MOST_KEPT = 4;

/**
 * Returns a decoder for a number of points (coordinates at which it is evaluated) per sample, with the same parameters. A
 * decoder without points is returned unchanged.
 *
 * @param points option `points` of the call
 * @throws LatentflowError `invalid_argument` if the number is missing, or given for a decoder without points
 */
export function atPoints(decoder: Decoder, points: unknown): Decoder {
  if (!decoder.fixedInputs.some((input) => input.hasPoints)) {
    if (points === undefined) return decoder;
    throw objection("points", "is given, but the decoder has no input of points");
  }
  if (points === undefined) {
    const advice = words`; give how many there are: ${option("points", 2000)}`;
    throw invalidOption("points", "the decoder is over points", advice);
  }
  const count = checkNumber("points", points, { min: 1, max: 2 ** 24, integer: true });
  const disposeAll = (own: ReadonlyMap<number, Decoder>) => {
    for (const each of own.values()) each.dispose();
  };
  const known = keptUntilDisposed(bound, decoder, () => new Map(), disposeAll);
  // An operation may refuse the size; the message then names the option that set it.
  const make = () => {
    try {
      return decoderAtPoints(decoder, count);
    } catch (error) {
      const reason = `is ${count}, which this decoder cannot be made for: ${(error as Error).message}`;
      throw objection("points", reason, "", error);
    }
  };
  const made = known.get(count) ?? make();
  // Map order is kept as the order of use, so that the least recently used entry is dropped.
  known.delete(count);
  known.set(count, made);
  // Calls that use a dropped decoder hold it until they end.
  if (known.size > MOST_KEPT) known.delete(known.keys().next().value!);
  return made;
}
