import { F32x4 } from "../simd";

// Loops over short arrays of float32, four numbers at a time. Nothing behind an array's end is written, though sums read up to
// three numbers there.

/** Computes to ← from · factor, or to += from · factor if `accumulates`, for `size` floats. */
export function addScaled(to: usize, from: usize, size: i32, factor: f32, accumulates: bool): void {
  const factors = f32x4.splat(factor);
  const whole = (<usize>(size & ~3)) << 2;
  const end = (<usize>size) << 2;
  let k: usize = 0;
  if (accumulates) {
    for (; k < whole; k += 16) {
      v128.store(to + k, f32x4.add(v128.load(to + k), f32x4.mul(v128.load(from + k), factors)));
    }
    for (; k < end; k += 4) store<f32>(to + k, load<f32>(to + k) + load<f32>(from + k) * factor);
  } else {
    for (; k < whole; k += 16) v128.store(to + k, f32x4.mul(v128.load(from + k), factors));
    for (; k < end; k += 4) store<f32>(to + k, load<f32>(from + k) * factor);
  }
}

/** Computes to ← a · b, or to += a · b if `accumulates`, element by element, for `size` floats. */
export function addProducts(to: usize, a: usize, b: usize, size: i32, accumulates: bool): void {
  const whole = (<usize>(size & ~3)) << 2;
  const end = (<usize>size) << 2;
  let k: usize = 0;
  if (accumulates) {
    for (; k < whole; k += 16) {
      v128.store(to + k, f32x4.add(v128.load(to + k), f32x4.mul(v128.load(a + k), v128.load(b + k))));
    }
    for (; k < end; k += 4) store<f32>(to + k, load<f32>(to + k) + load<f32>(a + k) * load<f32>(b + k));
  } else {
    for (; k < whole; k += 16) v128.store(to + k, f32x4.mul(v128.load(a + k), v128.load(b + k)));
    for (; k < end; k += 4) store<f32>(to + k, load<f32>(a + k) * load<f32>(b + k));
  }
}

/** Computes to += from, for `size` floats. */
export function addRow(to: usize, from: usize, size: i32): void {
  const whole = (<usize>(size & ~3)) << 2;
  const end = (<usize>size) << 2;
  let k: usize = 0;
  for (; k < whole; k += 16) v128.store(to + k, f32x4.add(v128.load(to + k), v128.load(from + k)));
  for (; k < end; k += 4) store<f32>(to + k, load<f32>(to + k) + load<f32>(from + k));
}

/** Returns Σ a over `size` floats, summed in float32. */
export function sumOf(a: usize, size: i32): f32 {
  const whole = (<usize>(size & ~3)) << 2;
  let sums = f32x4.splat(0);
  for (let k: usize = 0; k < whole; k += 16) sums = f32x4.add(sums, v128.load(a + k));
  if (size & 3) sums = f32x4.add(sums, v128.and(v128.load(a + whole), F32x4.tailMask(size & 3)));
  return F32x4.sum(sums);
}

/** Returns the dot product Σ a·b over `size` floats, summed in float32. */
export function dot(a: usize, b: usize, size: i32): f32 {
  const whole = (<usize>(size & ~3)) << 2;
  let sums = f32x4.splat(0);
  for (let k: usize = 0; k < whole; k += 16) {
    sums = F32x4.multiplyAdd(v128.load(a + k), v128.load(b + k), sums);
  }
  if (size & 3) {
    const mask = F32x4.tailMask(size & 3);
    const last = v128.and(v128.load(a + whole), mask);
    sums = F32x4.multiplyAdd(last, v128.and(v128.load(b + whole), mask), sums);
  }
  return F32x4.sum(sums);
}

/**
 * Copies a stored tensor of `size` floats, or one row of it, from `from` to `to` if `isOwn`. Returns the address behind it, where
 * what is stored next begins.
 *
 * @param rowAlignment number of floats to a multiple of which the stored row is padded
 */
export function copyStored(to: usize, from: usize, size: i32, rowAlignment: i32, isOwn: bool): usize {
  if (isOwn) memory.copy(to, from, (<usize>size) << 2);
  return from + alignedRow(size, rowAlignment);
}

/** Returns the bytes of a row of `size` floats padded to a multiple of `alignment` floats. */
export function alignedRow(size: i32, alignment: i32): usize {
  return (<usize>(((size + alignment - 1) / alignment) * alignment)) << 2;
}
