/**
 * Data sets and their file formats, for programs that do not train.
 *
 * @module latentflow/data
 */

export { toNpy } from "../files/npy.ts";
export {
  createDataset,
  Dataset,
  type DatasetOptions,
  type ReadDatasetOptions,
  readDataset,
} from "./dataset.ts";
export { type DataSplits, fashionMnist, type LoaderOptions, mnist, segMnist } from "./mnist.ts";
