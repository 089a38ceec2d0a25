import { LatentflowError } from "../../base/errors.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import type { Availability } from "../backend.ts";
import { adapterName, type ContextOptions, isSoftware, requestAdapter } from "./device.ts";
import { refusalOf } from "./refusal.ts";
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
