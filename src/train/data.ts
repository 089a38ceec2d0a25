/**
 * Data sets and their file formats, for programs that do not train.
 *
 * @module latentflow/data
 */

export { toNpy } from "../files/npy.ts";
export { createDataset, Dataset, type DatasetOptions } from "./dataset.ts";
export { type DataSplits, fashionMnist, type LoaderOptions, mnist, segMnist } from "./mnist.ts";
export { type ReadDatasetOptions, readDataset } from "./read-dataset.ts";
