import { create, globals } from "webgpu";

/** Gives this process WebGPU as a browser has it, on whatever the machine's drivers offer. */
export function startDawn(): void {
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis.navigator, "gpu", { value: create([]), configurable: true });
}
