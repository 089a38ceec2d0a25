import { F32x4 } from "../simd";

// Loops over a few numbers that lie one after the other, four at a time. What lies behind their end is not written, though
// sums read up to three numbers of it.

/** to ← from · factor, or to += from · factor */
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

/** to ← a · b, or to += a · b, number by number */
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

/** to += from */
export function addRow(to: usize, from: usize, size: i32): void {
  const whole = (<usize>(size & ~3)) << 2;
  const end = (<usize>size) << 2;
  let k: usize = 0;
  for (; k < whole; k += 16) v128.store(to + k, f32x4.add(v128.load(to + k), v128.load(from + k)));
  for (; k < end; k += 4) store<f32>(to + k, load<f32>(to + k) + load<f32>(from + k));
}

/** Σ a */
export function sumOf(a: usize, size: i32): f32 {
  const whole = (<usize>(size & ~3)) << 2;
  let sums = f32x4.splat(0);
  for (let k: usize = 0; k < whole; k += 16) sums = f32x4.add(sums, v128.load(a + k));
  if (size & 3) sums = f32x4.add(sums, v128.and(v128.load(a + whole), F32x4.tailMask(size & 3)));
  return F32x4.sum(sums);
}

/** Σ a · b */
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

/** Bytes of a row of `size` floats that takes a multiple of `alignment` floats. */
export function alignedRow(size: i32, alignment: i32): usize {
  return (<usize>(((size + alignment - 1) / alignment) * alignment)) << 2;
}
