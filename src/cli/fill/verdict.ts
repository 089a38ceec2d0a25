/** Errors of the held-out values by each method, root mean squares in standard deviations. */
export interface FillErrors {
  readonly fill: number;
  readonly mean: number;
  readonly pca: number;
}

/** Ratio of errors up to which another method is called as good. */
const AS_GOOD = 1.02;

/** True if the columns' means are as good as the decoders. */
export function areMeansAsGood({ fill, mean }: FillErrors): boolean {
  return mean <= AS_GOOD * fill;
}

/** Says plainly where another method is as good; undefined where none is. */
export function verdictOf(errors: FillErrors): string | undefined {
  const { fill, pca } = errors;
  if (areMeansAsGood(errors)) {
    const better = pca < errors.mean / AS_GOOD ? "; iterative PCA is better here" : "";
    return `the columns' means are as good, and fill the cells: the columns say little of one another${better}`;
  }
  if (pca < fill / AS_GOOD) return "iterative PCA is better here";
  return pca <= AS_GOOD * fill ? "iterative PCA is as good here" : undefined;
}
