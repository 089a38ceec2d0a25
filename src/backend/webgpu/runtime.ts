import { LatentflowError } from "../../base/errors.ts";
import type { OnnxRuntime } from "./platform.ts";

/** onnxruntime-web as users import it themselves: the build with the WebGPU execution provider. */
export async function importRuntime(): Promise<OnnxRuntime> {
  let ort: OnnxRuntime;
  try {
    // In a try block bundlers let a package pass that is not there, and in a literal they find one that is.
    ort = await import("onnxruntime-web/webgpu");
  } catch (cause) {
    throw new LatentflowError(
      "unsupported",
      'webgpu: onnxruntime-web could not be loaded: npm install onnxruntime-web, or give webgpu({ ort }) what import("onnxruntime-web/webgpu") leads to',
      { cause },
    );
  }
  // Its WebAssembly only hands work to the GPU; more threads would ask for a page that is cross-origin isolated.
  ort.env.wasm.numThreads = 1;
  return ort;
}

let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * Runs work with onnxruntime-web exclusively: two sessions that run or are created at the same time throw or never end.
 * One queue serves all devices, since all share the runtime's one WebAssembly stack.
 */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = lastTurn.then(work);
  // Not its result, which would be kept until the next turn.
  lastTurn = turn.then(ignore, ignore);
  return turn;
}

function ignore(): void {}
