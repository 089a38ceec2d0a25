/**
 * Data sets and their file formats, for programs that do not train.
 *
 * @module latentflow/data
 */

export { createDataset, Dataset, type DatasetOptions } from "../api/dataset.ts";
export { toNpy } from "../files/npy.ts";
export { type DataSplits, fashionMnist, type LoaderOptions, mnist, segMnist } from "./mnist.ts";
export { type ReadDatasetOptions, readDataset } from "./read-dataset.ts";
