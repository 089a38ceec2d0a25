import type { Filled } from "./fill-values.ts";

/** Ratio of errors up to which another method is called as good. */
const AS_GOOD = 1.02;
/** Says plainly where another method is as good; undefined where none is. */
export function verdictOf({ fill, mean, pca }: Filled["errors"]): string | undefined {
  if (mean <= AS_GOOD * fill) return "the columns' means are as good: the columns say nothing of one another";
  if (pca < fill / AS_GOOD) return "iterative PCA is better here";
  return pca <= AS_GOOD * fill ? "iterative PCA is as good here" : undefined;
}
