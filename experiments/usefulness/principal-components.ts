import { principalComponents } from "../../reproduce/pca.ts";
import { choleskyFactor, inverseOfFactor } from "../../src/terms/prior-numbers.ts";

/** Principal components as a linear decoder, D(z) = mean + basis · z, with what is known of codes and of pixels. */
export interface LinearDecoder {
  /** size */
  readonly mean: Float64Array;
  /** Orthonormal, of `size` numbers each. */
  readonly basis: readonly Float64Array[];
  /** The codes' variance along each component. */
  readonly variances: Float64Array;
  /** The mean variance of a pixel that the components leave over. */
  readonly residual: number;
}

/** The first principal components of some samples, and the variances of probabilistic PCA. */
export function fitLinearDecoder(y: Float32Array, size: number, components: number): LinearDecoder {
  const { mean, basis } = principalComponents(y, size, components);
  const count = y.length / size;
  const variances = new Float64Array(basis.length);
  let total = 0;
  for (let sample = 0; sample < count; sample++) {
    for (let i = 0; i < size; i++) total += (y[sample * size + i]! - mean[i]!) ** 2 / count;
    for (const [k, vector] of basis.entries()) {
      let share = 0;
      for (let i = 0; i < size; i++) share += vector[i]! * (y[sample * size + i]! - mean[i]!);
      variances[k]! += share ** 2 / count;
    }
  }
  const left = total - variances.reduce((sum, variance) => sum + variance, 0);
  return { mean, basis, variances, residual: left / (size - basis.length) };
}

/**
 * The codes of samples of which some values may be missing: those z that minimise the squared error of the values that
 * are there, plus Σ_k ridge_k · z_k².
 *
 * @param y B × size, NaN where a value is missing
 * @param ridge a number > 0 for each component
 * @returns B × components
 * @throws Error where the values that are there do not tell the codes and the ridge is too small to
 */
export function linearCodes(
  { mean, basis }: LinearDecoder,
  y: Float32Array,
  ridge: ArrayLike<number>,
): Float32Array {
  const [size, d] = [mean.length, basis.length];
  const codes = new Float32Array((y.length / size) * d);
  const matrix = new Float64Array(d * d);
  const side = new Float64Array(d);
  for (let sample = 0; sample < y.length / size; sample++) {
    matrix.fill(0);
    side.fill(0);
    for (let k = 0; k < d; k++) matrix[k * d + k] = ridge[k]!;
    for (let i = 0; i < size; i++) {
      const centred = y[sample * size + i]! - mean[i]!;
      if (Number.isNaN(centred)) continue;
      for (let k = 0; k < d; k++) {
        const own = basis[k]![i]!;
        side[k]! += own * centred;
        for (let l = 0; l <= k; l++) matrix[k * d + l]! += own * basis[l]![i]!;
      }
    }
    const factor = choleskyFactor(matrix, d);
    if (!factor) throw new Error(`sample ${sample}: too few values are there for ${d} components`);
    const inverse = inverseOfFactor(factor, d);
    for (let k = 0; k < d; k++) {
      let sum = 0;
      for (let l = 0; l < d; l++) sum += inverse[k * d + l]! * side[l]!;
      codes[sample * d + k] = sum;
    }
  }
  return codes;
}

/** D(z), B × size. */
export function linearImages({ mean, basis }: LinearDecoder, codes: Float32Array): Float32Array {
  const [size, d] = [mean.length, basis.length];
  return Float32Array.from({ length: (codes.length / d) * size }, (_, at) => {
    const [sample, i] = [Math.floor(at / size), at % size];
    return basis.reduce((sum, vector, k) => sum + codes[sample * d + k]! * vector[i]!, mean[i]!);
  });
}
