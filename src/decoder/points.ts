import { checkNumber, invalid } from "../base/check.ts";
import { option, subject } from "../base/message.ts";
import { type Decoder, decoderAtPoints, onDispose } from "./decoder.ts";

// A decoder over points has no size until a call says how many there are: here it gets one. How many files say that there
// are is src/cli/input/points.ts.

/** Of each decoder over points, those for so many. */
const bound = new WeakMap<Decoder, Map<number, Decoder>>();

/** The last few numbers of points are kept: each has its own packed copies. */
const MOST_KEPT = 4;

/**
 * A decoder over points for so many of them: the same parameters, and values that are as long. Any other decoder is
 * returned as it is.
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
  const known = bound.get(decoder) ?? new Map<number, Decoder>();
  if (!bound.has(decoder)) {
    bound.set(decoder, known);
    onDispose(decoder, () => {
      for (const each of known.values()) each.dispose();
    });
  }
  const there = known.get(count);
  if (there) {
    // The one used last is let go of last.
    known.delete(count);
    known.set(count, there);
    return there;
  }
  // It is one of the operations that does not fit, but the option that is to be changed.
  const asked = `${where}: ${subject("points")} is ${count}, which this decoder cannot be made for`;
  const made = decoderAtPoints(decoder, count, asked);
  known.set(count, made);
  // Calls at work with one that is let go of keep it until they end.
  if (known.size > MOST_KEPT) known.delete(known.keys().next().value!);
  return made;
}
