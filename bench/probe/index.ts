// The register peak: multiply-adds on accumulators that never leave the registers, no memory, as many at once
// as the units can hold in flight. What the machine could do at most with 128-bit vectors, in each build.

class Probe {
  @inline
  static multiplyAdd(a: v128, b: v128, c: v128): v128 {
    if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
    return f32x4.add(f32x4.mul(a, b), c);
  }
}

/** Multiply-adds of 4 lanes that one iteration of each probe does. */
export const CHAINED: i32 = 12;
export const INDEPENDENT: i32 = 8;

/**
 * Twelve chains a = a·x + y: the best for a fused multiply-add.
 *
 * @param operands points to two vectors of small numbers
 */
export function chained(iterations: i32, operands: usize): f32 {
  const x = v128.load(operands);
  const y = v128.load(operands, 16);
  let a0 = x;
  let a1 = x;
  let a2 = x;
  let a3 = x;
  let a4 = x;
  let a5 = x;
  let a6 = x;
  let a7 = x;
  let a8 = x;
  let a9 = x;
  let a10 = x;
  let a11 = x;
  for (let i = 0; i < iterations; i++) {
    a0 = Probe.multiplyAdd(a0, x, y);
    a1 = Probe.multiplyAdd(a1, x, y);
    a2 = Probe.multiplyAdd(a2, x, y);
    a3 = Probe.multiplyAdd(a3, x, y);
    a4 = Probe.multiplyAdd(a4, x, y);
    a5 = Probe.multiplyAdd(a5, x, y);
    a6 = Probe.multiplyAdd(a6, x, y);
    a7 = Probe.multiplyAdd(a7, x, y);
    a8 = Probe.multiplyAdd(a8, x, y);
    a9 = Probe.multiplyAdd(a9, x, y);
    a10 = Probe.multiplyAdd(a10, x, y);
    a11 = Probe.multiplyAdd(a11, x, y);
  }
  const low = f32x4.add(f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), f32x4.add(a4, a5));
  const high = f32x4.add(f32x4.add(f32x4.add(a6, a7), f32x4.add(a8, a9)), f32x4.add(a10, a11));
  return f32x4.extract_lane(f32x4.add(low, high), 0);
}

/**
 * Eight sums a = a + x·y whose products wait for nothing: the best where a product and a sum are two
 * instructions. `y` changes so that the products cannot be computed once for all iterations.
 *
 * @param operands points to six vectors of small numbers
 */
export function independent(iterations: i32, operands: usize): f32 {
  const x0 = v128.load(operands);
  const x1 = v128.load(operands, 16);
  const x2 = v128.load(operands, 32);
  const x3 = v128.load(operands, 48);
  let y = v128.load(operands, 64);
  const z = v128.load(operands, 80);
  let a0 = x0;
  let a1 = x0;
  let a2 = x0;
  let a3 = x0;
  let a4 = x0;
  let a5 = x0;
  let a6 = x0;
  let a7 = x0;
  for (let i = 0; i < iterations; i++) {
    a0 = Probe.multiplyAdd(y, x0, a0);
    a1 = Probe.multiplyAdd(z, x0, a1);
    a2 = Probe.multiplyAdd(y, x1, a2);
    a3 = Probe.multiplyAdd(z, x1, a3);
    a4 = Probe.multiplyAdd(y, x2, a4);
    a5 = Probe.multiplyAdd(z, x2, a5);
    a6 = Probe.multiplyAdd(y, x3, a6);
    a7 = Probe.multiplyAdd(z, x3, a7);
    y = v128.xor(y, z);
  }
  const low = f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3));
  const high = f32x4.add(f32x4.add(a4, a5), f32x4.add(a6, a7));
  return f32x4.extract_lane(f32x4.add(low, high), 0);
}
