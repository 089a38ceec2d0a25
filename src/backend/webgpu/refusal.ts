import type { Decoder } from "../../decoder/decoder.ts";
import { squaredError } from "../../terms/losses.ts";
import { objectiveGraph } from "./graphs.ts";
import { Unwritable } from "./onnx.ts";

const known = new WeakMap<Decoder, string | undefined>();

/** Why a decoder cannot be computed on a GPU by onnxruntime-web, as its graphs are written to tell; undefined where it can. */
export function refusalOf(decoder: Decoder): string | undefined {
  if (!known.has(decoder)) known.set(decoder, tryOut(decoder));
  return known.get(decoder);
}

function tryOut(decoder: Decoder): string | undefined {
  try {
    const fixed = decoder.fixedInputs.map(() => "own" as const);
    objectiveGraph({ decoder, loss: squaredError(), weighted: false, rows: 1, fixed });
    return undefined;
  } catch (error) {
    if (error instanceof Unwritable) return error.message;
    throw error;
  }
}
