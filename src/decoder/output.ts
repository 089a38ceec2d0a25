import { invalid, show } from "../base/check.ts";
import { type Activation, normaliseActivation } from "../graph/activation.ts";
import { isReordered } from "../graph/kind.ts";
import type { StandardLoss } from "../terms/losses.ts";
import { termTraits } from "../terms/terms.ts";

// What a decoder's output is: its shape, its activation, the loss for it.

/** The most axes that a shape may have. */
const maxAxes = 8;

/**
 * Refuses a shape that does not hold `outputSize` values; returns it otherwise.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkOutputShape(where: string, shape: unknown, outputSize: number): readonly number[] {
  if (!isShape(shape)) {
    const shown = Array.isArray(shape) ? showShape(shape) : show(shape);
    throw invalid(
      `${where}: outputShape is ${shown}, expected an array of 1 to ${maxAxes} positive integers, as [28, 28]`,
    );
  }
  const size = shape.reduce((product, length) => product * length, 1);
  if (size !== outputSize) {
    throw invalid(
      `${where}: outputShape ${showShape(shape)} holds ${size} values, expected ${outputSize} (the decoder's output size)`,
    );
  }
  return shape;
}

/**
 * Refuses a shape whose axes are those of a graph's output in another order: the numbers would stay where they are.
 *
 * @param advice what else than leaving the option out may be meant
 * @throws LatentflowError `invalid_argument`
 */
export function checkOutputOrder(
  where: string,
  shape: readonly number[],
  own: readonly number[],
  advice = "",
): void {
  if (!isReordered(shape, own)) return;
  throw invalid(
    `${where}: outputShape is ${showShape(shape)}, but by the file's graph the output is ${showShape(own)}; leave the ` +
      `option outputShape out${advice}`,
  );
}

function isShape(shape: unknown): shape is number[] {
  return (
    Array.isArray(shape) &&
    shape.length >= 1 &&
    shape.length <= maxAxes &&
    // A copy, since every() would skip the holes of a sparse array.
    [...shape].every((length) => Number.isSafeInteger(length) && length >= 1)
  );
}

/** A shape as messages write it: `[150, 20]`, cut after a few axes. */
export function showShape(shape: readonly unknown[]): string {
  const axes = shape.slice(0, maxAxes).map(show);
  return `[${[...axes, ...(shape.length > maxAxes ? ["..."] : [])].join(", ")}]`;
}

/** The output activation of a decoder of which only the loss is known: "sigmoid" for cross entropy, else none. */
export function impliedOutputActivation(loss: StandardLoss | undefined): Activation {
  return normaliseActivation("", "", (loss && termTraits(loss).outputActivation) ?? "identity");
}
