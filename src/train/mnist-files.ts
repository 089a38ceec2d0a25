import type { Dataset } from "../api/dataset.ts";
import { builtinModule } from "../base/builtin-module.ts";
import { about } from "../base/calling.ts";
import { LatentflowError } from "../base/errors.ts";
import { invalidFile } from "../base/refuse.ts";
import { showPath } from "../base/show.ts";
import { showLengths } from "../files/array.ts";
import { fileError } from "../files/durable-file.ts";
import type { Limits } from "../files/limits.ts";
import { readFile } from "../files/local-file.ts";
import { readDatasetAs } from "./read-dataset.ts";

const parts = {
  training: { prefix: "train", count: 60_000 },
  test: { prefix: "t10k", count: 10_000 },
} as const;

/**
 * Returns the modules of Node, and the current folder, that the loaders use.
 *
 * @throws LatentflowError `unsupported` outside Node
 */
export function nodeModules() {
  const fs = builtinModule("node:fs");
  const path = builtinModule("node:path");
  const module = builtinModule("node:module");
  if (!fs || !path || !module) {
    throw new LatentflowError(
      "unsupported",
      "reads files, which takes Node; elsewhere fetch them and give their bytes to readDataset",
    );
  }
  return { fs, path, module, currentFolder: globalThis.process.cwd() };
}

/**
 * Reads 60,000 training and 10,000 test images with labels, of MNIST or a data set of its format, from four files of a
 * folder: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each
 * plain or gzipped with the ending `.gz`.
 *
 * @throws LatentflowError `not_found` if a file is missing, `invalid_file` if its content is not as expected
 */
export async function readMnistFiles(folder: string, limits: Limits) {
  return {
    training: await readPart(folder, "training", limits),
    test: await readPart(folder, "test", limits),
  };
}

async function readPart(folder: string, part: keyof typeof parts, limits: Limits): Promise<Dataset> {
  const { prefix, count } = parts[part];
  const images = await readBytes(folder, `${prefix}-images-idx3-ubyte`, limits);
  const labels = await readBytes(folder, `${prefix}-labels-idx1-ubyte`, limits);
  const { maxBytes, signal } = limits;
  const options = { labels, maxBytes, ...(signal && { signal }) };
  const dataset = await about(`the ${part} files in ${showPath(folder)}`, () =>
    readDatasetAs(images, options),
  );
  const found = [dataset.count, ...dataset.shape];
  const largestLabel = dataset.labels!.reduce((largest, label) => Math.max(largest, label), 0);
  if (found.join() === [count, 28, 28].join() && largestLabel <= 9) return dataset;
  throw invalidFile(
    `the ${part} files in ${showPath(folder)} hold ${showLengths(found)} pixels with labels up to ${largestLabel}, ` +
      `expected ${showLengths([count, 28, 28])} with labels up to 9`,
  );
}

async function readBytes(folder: string, name: string, limits: Limits): Promise<Uint8Array> {
  const { fs, path } = nodeModules();
  const plain = path.join(folder, name);
  const file = [plain, `${plain}.gz`].find((each) => fs.existsSync(each));
  if (file === undefined)
    throw new LatentflowError("not_found", `${showPath(folder)} holds neither ${name} nor ${name}.gz`);
  const shown = showPath(file);
  return about(shown, () => readFile(file, limits)).catch((cause) => {
    if (limits.signal?.aborted || cause instanceof LatentflowError) throw cause;
    throw fileError(`${shown} cannot be read`, cause);
  });
}
