import { LatentflowError } from "../../base/errors.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import { squaredError } from "../../terms/losses.ts";
import type { Availability } from "../backend.ts";
import { adapterName, type ContextOptions, isSoftware, requestAdapter } from "./device.ts";
import { objectiveGraph } from "./graphs.ts";
import { Unwritable } from "./onnx.ts";
import { importRuntime } from "./runtime.ts";

/** Reports whether WebGPU works in this runtime with these options on a real GPU, and for the decoder if one is given. */
export async function webgpuAvailability(
  { ort, device }: ContextOptions,
  decoder?: Decoder,
): Promise<Availability> {
  try {
    const info = device ? device.adapterInfo : (await requestAdapter()).info;
    const adapter = adapterName(info);
    if (isSoftware(info)) {
      const reason = `software adapter: ${adapter}, which wasm() is faster than; webgpu() runs on it where it is asked for`;
      return { available: false, reason, adapter };
    }
    const refusal = decoder && refusalOf(decoder);
    if (refusal !== undefined) return { available: false, reason: refusal, adapter };
    if (!ort) await importRuntime();
    return { available: true, adapter };
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    // Callers show the backend's name beside the reason.
    return { available: false, reason: error.message.replace(/^webgpu: /, "") };
  }
}

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
