import { NormOperation } from "../memory/graph";
import { NormRows } from "../memory/workspace";
import { F32x4 } from "../simd";
import { addProducts, addRow, addScaled, dot, sumOf } from "./rows";

// Functions on the sets of numbers that a norm normalises together, each `runs` runs of `width` numbers: see NormOperation.

/** Returns the pointer to f32[sets]: 1/√(variance + ε) of each set of numbers that the norm normalises together in a row. */
export function scalesOf(norm: NormOperation, rows: NormRows, row: usize): usize {
  return rows.scales + row * ((<usize>norm.sets) << 2);
}

/** Returns the byte offset of set `set` from the start of a row; a set is the numbers that the norm normalises together. */
export function startOf(norm: NormOperation, set: i32): usize {
  return (<usize>((set / norm.beside) * norm.setStride + (set % norm.beside) * norm.width)) << 2;
}

/**
 * Returns the byte offset of the weights for set number `set` from the start of the norm's weights; biases have the same
 * offset.
 */
export function parametersOf(norm: NormOperation, set: i32): usize {
  return (<usize>((set % norm.beside) * norm.width)) << 2;
}

/**
 * Computes u = (x - mean x)/s for one set of numbers, s = √(variance + ε), and returns 1/s. Each run of `width` numbers is
 * summed in float32, and the runs' sums are added in float64. An RMS norm subtracts no mean.
 */
export function normalise(norm: NormOperation, x: usize, u: usize): f32 {
  const stride = (<usize>norm.runStride) << 2;
  const size: f64 = norm.runs * norm.width;
  let mean: f32 = 0;
  if (norm.hasMean) {
    let sum: f64 = 0;
    for (let run: usize = 0; run < <usize>norm.runs; run++) sum += sumOf(x + run * stride, norm.width);
    mean = <f32>(sum / size);
  }
  let squares: f64 = 0;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    shift(u + run * stride, x + run * stride, norm.width, mean);
    squares += dot(u + run * stride, u + run * stride, norm.width);
  }
  const scale = <f32>(1 / sqrt(squares / size + <f64>norm.epsilon));
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    addScaled(u + run * stride, u + run * stride, norm.width, scale, false);
  }
  return scale;
}

/**
 * Computes v ← (v - mean v - u·mean(v·u)) · scale, in place, for one set of numbers that a norm normalises together: the
 * product of the normalisation's Jacobian and v, with u the normalised input and `scale` 1/√(variance + ε). For an RMS norm
 * mean v is taken as 0.
 */
export function project(norm: NormOperation, v: usize, u: usize, scale: f32): void {
  const stride = (<usize>norm.runStride) << 2;
  const size: f64 = norm.runs * norm.width;
  let sum: f64 = 0;
  let along: f64 = 0;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    if (norm.hasMean) sum += sumOf(v + run * stride, norm.width);
    along += dot(v + run * stride, u + run * stride, norm.width);
  }
  const mean = <f32>(sum / size);
  const share = <f32>(along / size);
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    projectRow(v + run * stride, u + run * stride, norm.width, mean, share, scale);
  }
}

/**
 * Computes to = weight·from + bias for one set of numbers that a norm normalises together; `bias` is 0 for none. `to` may equal
 * `from`.
 */
export function weigh(norm: NormOperation, set: i32, from: usize, bias: usize, to: usize): void {
  const stride = (<usize>norm.runStride) << 2;
  const weight = norm.weight + parametersOf(norm, set);
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    const at = to + run * stride;
    addProducts(at, from + run * stride, weight, norm.width, false);
    if (bias) addRow(at, bias, norm.width);
  }
}

/**
 * Copies one set of numbers that the norm normalises together, `runs` runs of `width` floats, `runStride` floats apart in
 * both places.
 */
export function copySet(norm: NormOperation, to: usize, from: usize): void {
  const stride = (<usize>norm.runStride) << 2;
  const bytes = (<usize>norm.width) << 2;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    memory.copy(to + run * stride, from + run * stride, bytes);
  }
}

/**
 * Returns Σ a·b over one set of a norm: `runs` runs of `width` numbers, normalised together. From one run to the next, `b`
 * advances by `bStride` bytes: 0 for weights, which all runs share.
 */
export function dotOfSet(norm: NormOperation, a: usize, b: usize, bStride: usize): f32 {
  const stride = (<usize>norm.runStride) << 2;
  let sum: f64 = 0;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    sum += dot(a + run * stride, b + run * bStride, norm.width);
  }
  return <f32>sum;
}

/**
 * Returns Σ a·weight·b over one set of a norm, the numbers that are normalised together: `runs` rows of `width` numbers, each with the
 * same weights, f32[width].
 */
export function weighedDot(norm: NormOperation, a: usize, weight: usize, b: usize): f32 {
  const stride = (<usize>norm.runStride) << 2;
  const whole = (<usize>(norm.width & ~3)) << 2;
  const end = (<usize>norm.width) << 2;
  let sum: f64 = 0;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    const left = a + run * stride;
    const right = b + run * stride;
    let sums = f32x4.splat(0);
    let k: usize = 0;
    for (; k < whole; k += 16) {
      const product = f32x4.mul(v128.load(left + k), v128.load(weight + k));
      sums = F32x4.multiplyAdd(product, v128.load(right + k), sums);
    }
    let rest = F32x4.sum(sums);
    for (; k < end; k += 4) rest += load<f32>(left + k) * load<f32>(weight + k) * load<f32>(right + k);
    sum += rest;
  }
  return <f32>sum;
}

/**
 * Adds correction terms to one set of numbers that a norm normalises together: to += ofTangents·u̇ + ofUnits·u +
 * ofGradients·weight·gradients + constant, with the normalised input u at `units` and its tangent u̇ at `unitTangents`.
 */
export function addCorrections(
  norm: NormOperation,
  to: usize,
  gradients: usize,
  weight: usize,
  units: usize,
  unitTangents: usize,
  ofTangents: f32,
  ofUnits: f32,
  ofGradients: f32,
  constant: f32,
): void {
  const stride = (<usize>norm.runStride) << 2;
  const end = (<usize>norm.width) << 2;
  for (let run: usize = 0; run < <usize>norm.runs; run++) {
    const at = run * stride;
    for (let k: usize = 0; k < end; k += 4) {
      const g = load<f32>(gradients + at + k) * load<f32>(weight + k);
      const along = ofTangents * load<f32>(unitTangents + at + k) + ofUnits * load<f32>(units + at + k);
      store<f32>(to + at + k, load<f32>(to + at + k) + along + ofGradients * g + constant);
    }
  }
}

function shift(to: usize, from: usize, size: i32, mean: f32): void {
  const means = f32x4.splat(mean);
  const whole = (<usize>(size & ~3)) << 2;
  const end = (<usize>size) << 2;
  let k: usize = 0;
  for (; k < whole; k += 16) v128.store(to + k, f32x4.sub(v128.load(from + k), means));
  for (; k < end; k += 4) store<f32>(to + k, load<f32>(from + k) - mean);
}

function projectRow(v: usize, u: usize, size: i32, mean: f32, share: f32, scale: f32): void {
  const means = f32x4.splat(mean);
  const shares = f32x4.splat(share);
  const scales = f32x4.splat(scale);
  const whole = (<usize>(size & ~3)) << 2;
  const end = (<usize>size) << 2;
  let k: usize = 0;
  for (; k < whole; k += 16) {
    const rest = f32x4.sub(f32x4.sub(v128.load(v + k), means), f32x4.mul(v128.load(u + k), shares));
    v128.store(v + k, f32x4.mul(rest, scales));
  }
  for (; k < end; k += 4) {
    store<f32>(v + k, (load<f32>(v + k) - mean - load<f32>(u + k) * share) * scale);
  }
}
