import type { Decoder } from "../../decoder/decoder.ts";
import { squaredError } from "../../terms/losses.ts";
import { objectiveGraph } from "./graphs.ts";
import { Unwritable } from "./onnx.ts";

const refusals = new WeakMap<Decoder, string | undefined>();

/**
 * Returns the reason why onnxruntime-web cannot compute a decoder on a GPU, found by writing its graph; undefined if it can.
 * Cached with the decoder.
 */
export function refusalOf(decoder: Decoder): string | undefined {
  if (!refusals.has(decoder)) refusals.set(decoder, writeOnce(decoder));
  return refusals.get(decoder);
}

function writeOnce(decoder: Decoder): string | undefined {
  try {
    const fixed = decoder.fixedInputs.map(() => "own" as const);
    objectiveGraph({ decoder, loss: squaredError(), weighted: false, rows: 1, fixed });
    return undefined;
  } catch (error) {
    if (error instanceof Unwritable) return error.message;
    throw error;
  }
}
