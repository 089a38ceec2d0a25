import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { create, globals } from "webgpu";
import { findOrInstall } from "./debian.ts";

const DRIVERS = "/usr/share/vulkan/icd.d";

/**
 * Gives this process WebGPU as a browser has it: Dawn on lavapipe, a Vulkan driver that computes on the CPU. It
 * comes with Debian's mesa-vulkan-drivers, which is installed where it is missing and we are root.
 *
 * Dawn keeps the process alive: the test file has to call `leave` after its tests.
 */
export function startDawn(): void {
  process.env.VK_DRIVER_FILES = findOrInstall("mesa-vulkan-drivers", installedDriver);
  // The machine's cores are shared with other tests.
  process.env.LP_NUM_THREADS = "1";
  // V8 would spend as long on optimising onnxruntime-web's WASM as most of these files take without: its functions are
  // many, and what is slow runs on the GPU. Loops of ours that are hot all the same still reach this budget.
  setFlagsFromString("--wasm-tiering-budget=300000000");
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis.navigator, "gpu", { value: create([]), configurable: true });
}

/** Ends the process once the summary of the tests is printed: to be called in `test.after`. */
export function leave(): void {
  setTimeout(() => process.exit());
}

function installedDriver(): string | undefined {
  if (!existsSync(DRIVERS)) return undefined;
  const name = readdirSync(DRIVERS).find((file) => file.startsWith("lvp_icd"));
  return name && join(DRIVERS, name);
}
