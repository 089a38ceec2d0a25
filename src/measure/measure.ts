import { calling, within } from "../base/calling.ts";
import { objection, refused } from "../base/refuse.ts";
import { checkDecoder, type Decoder, decoderGraphOf, GraphDecoder } from "../decoder/decoder.ts";
import { readDefinition } from "../graph/read-definition.ts";
import { type StandardLoss, squaredError } from "../terms/losses.ts";
import { Extension, type Signal } from "./extension.ts";
import { noteMeasured } from "./measured.ts";
import { applicationOf, type Operator } from "./operator.ts";

/**
 * Makes the decoder of measurements y = A·D(z): its outputs are what the operator A makes of those of `decoder`. `encode` finds the
 * code of a measurement with it, and `decode` of the original decoder makes the sample of that code. Weights, priors, fixed
 * inputs, threads, WebGPU and files work as with any decoder.
 *
 * The original decoder is not changed, and can be disposed. Its parameters are shared, and copied only if an operator has some
 * of its own (`matrix`, `decolorize`, `blur`, `downsample` with a kernel, `layers`); these follow it in `parameters`.
 *
 * The loss that the decoder carries becomes the squared error. Cross entropy is refused: a measurement is no probability, since A
 * adds up outputs.
 *
 * @param operators an operator, or several, applied one after the other
 * @throws LatentflowError `invalid_argument` if an operator does not fit what it reads, or the decoder is over points
 * @example
 * const measured = measure(decoder, [blur({ sigma: 1.5 }), downsample({ factor: 2 })]);
 * const { z } = await encode(measured, y);
 * const pictures = await decode(decoder, z);
 */
export function measure(decoder: Decoder, operators: Operator | readonly Operator[]): Decoder {
  return calling("measure", () => {
    checkDecoder(decoder);
    if (decoder.fixedInputs.some(({ hasPoints }) => hasPoints)) {
      throw objection("decoder", "is over points", "; choose points where there are measurements instead");
    }
    const list: readonly unknown[] = Array.isArray(operators) ? operators : [operators];
    if (list.length === 0) throw refused("operators", "is", "an empty array", "at least one operator");
    const { operations, outputShape, parameters, prior, start, starts } = decoder;
    const into = new Extension(decoder);
    let signal: Signal = { name: operations.at(-1)!.name, shape: outputShape, hasPixels: false };
    list.forEach((each, i) => {
      const name = Array.isArray(operators) ? `operators[${i}]` : "operators";
      const apply = applicationOf(name, each);
      signal = within(name, () => apply(into, signal), (each as Operator).name);
    });
    signal = into.ownAxesOf(signal);
    const { definition } = decoderGraphOf(decoder);
    const { outputLayout, ...rest } = definition;
    const graph = readDefinition({
      ...rest,
      ...(outputLayout && signal.shape.length === 3 && { outputLayout }),
      ...(into.fixed.length > 0 && { fixed: [...(definition.fixed ?? []), ...into.fixed] }),
      operations: [...definition.operations, ...into.operations],
    });
    const loss = lossOf(decoder.loss);
    const values = joined([parameters, ...into.tensors]);
    const measured = new GraphDecoder({ ...graph, loss, prior, start, starts }, values);
    noteMeasured(measured, decoder, list as readonly Operator[]);
    return measured;
  });
}

/** Returns the loss of measurements of a decoder with the given loss: the squared error, without the scale of the samples. */
function lossOf(loss: StandardLoss | undefined): StandardLoss | undefined {
  return loss && squaredError({ reduction: loss.reduction });
}

/** Returns arrays one after the other; the first itself if it is the only one. */
function joined(arrays: readonly Float32Array[]): Float32Array {
  if (arrays.length === 1) return arrays[0]!;
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const array of arrays) {
    all.set(array, offset);
    offset += array.length;
  }
  return all;
}
