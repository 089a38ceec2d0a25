import type { OnnxRuntime } from "./platform.ts";
import { unsupported } from "./unsupported.ts";

/**
 * Imports onnxruntime-web's build with the WebGPU execution provider, as users import it themselves.
 *
 * @throws LatentflowError `unsupported` if it is not installed or cannot be loaded
 */
export async function importRuntime(): Promise<OnnxRuntime> {
  let ort: OnnxRuntime;
  try {
    // In a try block bundlers tolerate a missing package, and as a literal they find an installed one.
    ort = await import("onnxruntime-web/webgpu");
  } catch (cause) {
    throw unsupported(
      'onnxruntime-web could not be loaded: npm install onnxruntime-web@~1.30.0, or give webgpu({ ort }) what import("onnxruntime-web/webgpu") leads to',
      cause,
    );
  }
  // The WebAssembly of onnxruntime-web only passes work to the GPU; more threads would require a cross-origin isolated page.
  ort.env.wasm.numThreads = 1;
  return ort;
}

let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * Runs work with onnxruntime-web exclusively: two sessions that run or are created at the same time throw or never end. One
 * queue serves all devices, since all share the one WebAssembly stack of onnxruntime-web.
 */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = lastTurn.then(work);
  // The result is not stored in the queue, which would retain it until the next turn.
  lastTurn = turn.then(ignore, ignore);
  return turn;
}

function ignore(): void {}
