import { gotten, theOption, wanted } from "../base/message.ts";
import { objection, refused } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import type { Activation } from "../graph/activation.ts";
import { isReordered } from "../graph/kind.ts";
import { normaliseActivation } from "../graph/normalise-activation.ts";
import type { StandardLoss } from "../terms/losses.ts";
import { lossTraits } from "../terms/losses.ts";

// Shape and activation of a decoder's output.

/** Maximum number of axes of a sample. */
const maxAxes = 8;

/**
 * Checks that a shape has `outputSize` elements, and returns it.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkOutputShape(where: string, shape: unknown, outputSize: number): readonly number[] {
  if (!isShape(shape)) {
    const shown = Array.isArray(shape) ? showShape(shape) : show(shape);
    const expected = `an array of 1 to ${maxAxes} positive integers, as [28, 28]`;
    throw refused(where, "outputShape", "is", shown, expected);
  }
  const size = shape.reduce((product, length) => product * length, 1);
  if (size !== outputSize) {
    const expected = `${outputSize} (the decoder's output size)`;
    throw refused(where, "outputShape", `${showShape(shape)} holds`, `${size} values`, expected);
  }
  return shape;
}

/**
 * Throws if the option `outputShape` is a permutation of the output's shape: it would relabel the axes without moving the
 * numbers.
 *
 * @param own shape of the output by the graph
 * @param advice alternative to leaving the option out, for the message
 * @throws LatentflowError `invalid_argument`
 */
export function checkOutputOrder(
  where: string,
  shape: readonly number[],
  own: readonly number[],
  advice = "",
): void {
  if (!isReordered(shape, own)) return;
  const but = `but by the file's graph the output is ${wanted(showShape(own))}`;
  const reason = `is ${gotten(showShape(shape))}, ${but}; leave ${theOption("outputShape")} out${advice}`;
  throw objection(where, "outputShape", reason);
}

function isShape(shape: unknown): shape is number[] {
  return (
    Array.isArray(shape) &&
    shape.length >= 1 &&
    shape.length <= maxAxes &&
    // Spread, since every() would skip the holes of a sparse array.
    [...shape].every((length) => Number.isSafeInteger(length) && length >= 1)
  );
}

/** Returns the output activation that a loss implies: "sigmoid" for cross entropy, else "identity". */
export function impliedOutputActivation(loss: StandardLoss | undefined): Activation {
  return normaliseActivation("", "", (loss && lossTraits(loss).outputActivation) ?? "identity");
}
