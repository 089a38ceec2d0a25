import { lossFileNames, namedLoss, type Reduction, type StandardLoss } from "../../src/terms/losses.ts";

/** Every loss that the kernels compute, for tests that hold for each. */
export function standardLosses(reduction: Reduction = "mean"): StandardLoss[] {
  return lossFileNames().map((name) => namedLoss(name, { reduction })!);
}
