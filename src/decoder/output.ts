import { gotten, theOption, type Words, wanted, words } from "../base/message.ts";
import { objection, refused } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import type { Activation } from "../graph/activation.ts";
import { isReordered, sizeOf } from "../graph/kind.ts";
import { normaliseActivation } from "../graph/normalise-activation.ts";
import { MOST_AXES } from "../graph/settings.ts";
import type { StandardLoss } from "../terms/losses.ts";
import { lossTraits } from "../terms/losses.ts";

// Shape and activation of a decoder's output.

/**
 * Checks that a shape has `outputSize` elements, and returns it.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkOutputShape(shape: unknown, outputSize: number): readonly number[] {
  const lengths = checkShape("outputShape", shape, "[28, 28]");
  const size = sizeOf(lengths);
  if (size !== outputSize) {
    const expected = `${outputSize} (the decoder's output size)`;
    throw refused("outputShape", `${showShape(lengths)} holds`, `${size} values`, expected);
  }
  return lengths;
}

/**
 * Throws if the option `outputShape` is a permutation of the output's shape: it would relabel the axes without moving the
 * numbers.
 *
 * @param own shape of the output by the graph
 * @param advice alternative to leaving the option out, for the message
 * @throws LatentflowError `invalid_argument`
 */
export function checkOutputOrder(shape: readonly number[], own: readonly number[], advice: Words = ""): void {
  if (!isReordered(shape, own)) return;
  const but = words`but by the file's graph the output is ${wanted(showShape(own))}`;
  const reason = words`is ${gotten(showShape(shape))}, ${but}`;
  throw objection("outputShape", reason, words`; leave ${theOption("outputShape")} out${advice}`);
}

/**
 * Checks that a value is an array of 1 to MOST_AXES positive integers, and returns it.
 *
 * @param example such an array, for the message
 * @throws LatentflowError `invalid_argument`
 */
export function checkShape(name: string, shape: unknown, example: string): readonly number[] {
  const isLength = (length: unknown) => Number.isSafeInteger(length) && (length as number) >= 1;
  const isCount = Array.isArray(shape) && shape.length >= 1 && shape.length <= MOST_AXES;
  // Spread, since every() would skip the holes of a sparse array.
  if (isCount && [...shape].every(isLength)) return shape;
  const shown = Array.isArray(shape) ? showShape(shape) : show(shape);
  const expected = `an array of 1 to ${MOST_AXES} positive integers, as ${example}`;
  throw refused(name, "is", shown, expected);
}

/** Returns the output activation that a loss implies: "sigmoid" for cross entropy, else "identity". */
export function impliedOutputActivation(loss: StandardLoss | undefined): Activation {
  return normaliseActivation("", (loss && lossTraits(loss).outputActivation) ?? "identity");
}
