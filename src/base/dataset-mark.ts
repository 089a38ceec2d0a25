/** Key that marks data sets, shared by all copies of the package in a program. */
export const DATASET_MARK: unique symbol = Symbol.for("latentflow.dataset");

/** True for a data set made by any copy of the package. Apart from its class, so that a program without data sets does not load it. */
export function hasDatasetMark(value: unknown): boolean {
  return (value as { readonly [DATASET_MARK]?: unknown } | null | undefined)?.[DATASET_MARK] === true;
}
