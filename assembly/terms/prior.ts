/**
 * Prior on the latent z: the negative log-density of a mixture of Gaussians, times a weight; a single Gaussian is a mixture of
 * one component. Computed in float64, one row at a time: d latents are few next to a decoder's passes.
 * src/backend/wasm/prior-block.ts writes the struct.
 */
@unmanaged
export class Prior {
  latentSize: i32; // 0
  /** K, the number of Gaussian components, ≥ 1. */
  components: i32; // 4
  /** 1 if the components' precisions Σ⁻¹ are full matrices, 0 if diagonals. */
  isFull: i32; // 8
  /** f64[K][d]: mean μ of each of the K Gaussian components. */
  means: usize; // 12
  /** Precision Σ⁻¹ of each component: f64[K][d] if diagonal, f64[K][d][d] if full. */
  precisions: usize; // 16
  /** f64[K]: log of each component's weight in the mixture, less ½ log det Σ; 0 for a single Gaussian. */
  constants: usize; // 20
  // Scratch for one row.
  /** Scratch, f64[K][d]: Σ⁻¹(z - μ) of each of the K Gaussian components at the row's latent z. */
  pulls: usize; // 24
  /** Scratch, f64[K]: posterior probability of each Gaussian component at the row's latent z; they add up to 1. */
  responsibilities: usize; // 28
  /** Scratch for one vector of d latents, f64[d]. */
  vector: usize; // 32
  weight: f64; // 40
}

/** Returns the prior's value at z, f32[d]: weight times the negative log-density, in nats. */
export function priorValue(prior: Prior, z: usize): f64 {
  return prior.weight * weigh(prior, z);
}

/** Computes gradient += scale · weight · ∇(negative log-density at z); z and gradient are f32[d]. */
export function addPriorGradient(prior: Prior, z: usize, scale: f64, gradient: usize): void {
  weigh(prior, z);
  const factor = scale * prior.weight;
  for (let i: i32 = 0; i < prior.latentSize; i++) {
    const at = gradient + ((<usize>i) << 2);
    store<f32>(at, <f32>(<f64>load<f32>(at) + factor * meanPull(prior, i)));
  }
}

/**
 * Computes product += scale · weight · ∇²(negative log-density at z) · v; z, v and product are f32[d]. The Hessian may be
 * indefinite between the components of a mixture.
 */
export function addPriorHessianProduct(prior: Prior, z: usize, scale: f64, v: usize, product: usize): void {
  weigh(prior, z);
  const d = prior.latentSize;
  const factor = scale * prior.weight;
  let along: f64 = 0;
  for (let i: i32 = 0; i < d; i++) along += meanPull(prior, i) * load<f32>(v + ((<usize>i) << 2));
  for (let i: i32 = 0; i < d; i++) store<f64>(prior.vector + ((<usize>i) << 3), along * meanPull(prior, i));
  for (let k: i32 = 0; k < prior.components; k++) {
    const responsibility = load<f64>(prior.responsibilities + ((<usize>k) << 3));
    let own: f64 = 0;
    for (let i: i32 = 0; i < d; i++) own += pull(prior, k, i) * load<f32>(v + ((<usize>i) << 2));
    for (let i: i32 = 0; i < d; i++) {
      const at = prior.vector + ((<usize>i) << 3);
      const bent = precisionTimes(prior, k, i, v) - own * pull(prior, k, i);
      store<f64>(at, load<f64>(at) + responsibility * bent);
    }
  }
  for (let i: i32 = 0; i < d; i++) {
    const at = product + ((<usize>i) << 2);
    store<f32>(at, <f32>(<f64>load<f32>(at) + factor * load<f64>(prior.vector + ((<usize>i) << 3))));
  }
}

/**
 * Adds the Gauss-Newton approximation of the prior's Hessian at z, which is positive definite: matrix += scale · weight · (sum
 * over the components of their responsibility times their precision matrix), in the lower triangle and the diagonal, float32.
 *
 * @param stride bytes from one row of the matrix to the next
 */
export function addPriorCurvature(prior: Prior, z: usize, scale: f64, matrix: usize, stride: usize): void {
  weigh(prior, z);
  const factor = scale * prior.weight;
  for (let i: i32 = 0; i < prior.latentSize; i++) {
    const row = matrix + <usize>i * stride;
    for (let j: i32 = prior.isFull ? 0 : i; j <= i; j++) {
      let sum: f64 = 0;
      for (let k: i32 = 0; k < prior.components; k++) {
        sum += load<f64>(prior.responsibilities + ((<usize>k) << 3)) * precision(prior, k, i, j);
      }
      const at = row + ((<usize>j) << 2);
      store<f32>(at, <f32>(<f64>load<f32>(at) + factor * sum));
    }
  }
}

/**
 * Returns the prior's Gauss-Newton curvature at z along v, f32[d]: scale · weight · vᵀPv, with P the sum over the components of
 * their responsibility times their precision matrix.
 */
export function priorCurvatureAlong(prior: Prior, z: usize, scale: f64, v: usize): f64 {
  weigh(prior, z);
  let sum: f64 = 0;
  for (let k: i32 = 0; k < prior.components; k++) {
    let own: f64 = 0;
    for (let i: i32 = 0; i < prior.latentSize; i++) {
      own += <f64>load<f32>(v + ((<usize>i) << 2)) * precisionTimes(prior, k, i, v);
    }
    sum += load<f64>(prior.responsibilities + ((<usize>k) << 3)) * own;
  }
  return scale * prior.weight * sum;
}

/**
 * Computes each component's Σ⁻¹(z - μ), with its precision Σ⁻¹ and mean μ, and its posterior probability at z, into pulls and
 * responsibilities; returns the negative log-density, not multiplied by the prior's weight.
 */
function weigh(prior: Prior, z: usize): f64 {
  const d = prior.latentSize;
  let largest: f64 = -Infinity;
  for (let k: i32 = 0; k < prior.components; k++) {
    const mean = prior.means + ((<usize>(k * d)) << 3);
    for (let i: usize = 0; i < <usize>d; i++) {
      store<f64>(prior.vector + (i << 3), <f64>load<f32>(z + (i << 2)) - load<f64>(mean + (i << 3)));
    }
    let distance: f64 = 0;
    for (let i: i32 = 0; i < d; i++) {
      const own = precisionTimesDifference(prior, k, i);
      store<f64>(prior.pulls + ((<usize>(k * d + i)) << 3), own);
      distance += own * load<f64>(prior.vector + ((<usize>i) << 3));
    }
    const log = load<f64>(prior.constants + ((<usize>k) << 3)) - 0.5 * distance;
    store<f64>(prior.responsibilities + ((<usize>k) << 3), log);
    largest = max(largest, log);
  }
  if (prior.components === 1) {
    store<f64>(prior.responsibilities, 1);
    return -largest;
  }
  let total: f64 = 0;
  for (let k: i32 = 0; k < prior.components; k++) {
    const at = prior.responsibilities + ((<usize>k) << 3);
    const share = Math.exp(load<f64>(at) - largest);
    store<f64>(at, share);
    total += share;
  }
  for (let k: i32 = 0; k < prior.components; k++) {
    const at = prior.responsibilities + ((<usize>k) << 3);
    store<f64>(at, load<f64>(at) / total);
  }
  return -largest - Math.log(total);
}

/**
 * Returns element i of the prior's gradient without its weight: the sum over components k of responsibility_k · Σ_k⁻¹(z - μ_k),
 * with the precision Σ_k⁻¹ and the mean μ_k.
 */
function meanPull(prior: Prior, i: i32): f64 {
  let sum: f64 = 0;
  for (let k: i32 = 0; k < prior.components; k++) {
    sum += load<f64>(prior.responsibilities + ((<usize>k) << 3)) * pull(prior, k, i);
  }
  return sum;
}

function pull(prior: Prior, k: i32, i: i32): f64 {
  return load<f64>(prior.pulls + ((<usize>(k * prior.latentSize + i)) << 3));
}

/** Returns element (i, j) of component k's precision Σ⁻¹; if the precisions are diagonals, j must equal i. */
function precision(prior: Prior, k: i32, i: i32, j: i32): f64 {
  const d = <usize>prior.latentSize;
  if (!prior.isFull) return load<f64>(prior.precisions + ((<usize>k * d + <usize>i) << 3));
  return load<f64>(prior.precisions + (((<usize>k * d + <usize>i) * d + <usize>j) << 3));
}

/** Returns element i of component k's precision matrix times v, f32[d]. */
function precisionTimes(prior: Prior, k: i32, i: i32, v: usize): f64 {
  if (!prior.isFull) return precision(prior, k, i, i) * load<f32>(v + ((<usize>i) << 2));
  let sum: f64 = 0;
  for (let j: i32 = 0; j < prior.latentSize; j++) {
    sum += precision(prior, k, i, j) * load<f32>(v + ((<usize>j) << 2));
  }
  return sum;
}

/** Returns element i of Σ⁻¹(z - μ), Σ⁻¹ component k's precision matrix and μ its mean; prior.vector holds z - μ, f64[d]. */
function precisionTimesDifference(prior: Prior, k: i32, i: i32): f64 {
  if (!prior.isFull) return precision(prior, k, i, i) * load<f64>(prior.vector + ((<usize>i) << 3));
  let sum: f64 = 0;
  for (let j: i32 = 0; j < prior.latentSize; j++) {
    sum += precision(prior, k, i, j) * load<f64>(prior.vector + ((<usize>j) << 3));
  }
  return sum;
}
