// The loss of validation images as training goes on.

/** One validation of a training run. */
export interface Validation {
  /** Trained on before it. */
  readonly images: number;
  /** A mean over the validation images. NaN where it is not finite: JSON has no other numbers. */
  readonly loss: number;
}

/** Where the loss is lowest; undefined where none is finite. */
export function lowestOf<One extends Validation>(all: readonly One[]): One | undefined {
  return all
    .filter(({ loss }) => Number.isFinite(loss))
    .reduce<One | undefined>((least, one) => (least && least.loss <= one.loss ? least : one), undefined);
}

/** Training that ends at a loss above so many times its lowest has gone astray. */
const ASTRAY = 1.2;

/** Has it gone astray? So has one whose last loss is not finite. */
export function isAstray(all: readonly Validation[]): boolean {
  const [lowest, end] = [lowestOf(all), all.at(-1)];
  return lowest !== undefined && !(end!.loss <= ASTRAY * lowest.loss);
}
