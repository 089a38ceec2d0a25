import type { Owned } from "../base/owned.ts";

/**
 * Objective of B samples as a function of their latents z, which `openObjective` returns.
 *
 * **Samples** are chosen in each call by `rows`, their numbers from 0 to sampleCount - 1, each at most once: an array of numbers or
 * an Int32Array. A sample's results have the same bits whichever other samples are chosen in the call; with `webgpu()` unless the
 * GPU rounds otherwise for another number of rows.
 *
 * **Numbers** of latents and directions are a Float32Array or a Float64Array, rounded to float32. A failure of arithmetic is no
 * error: where z or v is not finite in float32, the sample's results are NaN. At a finite z a loss may still come out as Infinity or
 * NaN. The other samples have their results.
 *
 * **Calls** may overlap. They are computed one after the other, in the order in which they were made. Their arguments are copied when
 * they are made, and results are arrays of the caller's own. The methods work without `this`, so that copies of the object, and
 * methods taken out of it, are the same objective.
 *
 * `value`, `gradient` and `jacobianProduct` reject with a LatentflowError: `invalid_argument`, before any work, when an argument has the wrong type, length or
 * value; `disposed` after `dispose()`, and when the decoder is disposed; `out_of_memory` and `worker_failed` from the
 * backend. An error that a function of a `customLoss` throws is passed on. After an error from `value`, that has to be called anew
 * for the samples of the call.
 *
 * If the runtime has `Symbol.dispose`, that method exists, too; the type omits it, since every program would need TypeScript's lib
 * esnext.disposable.
 */
export interface OpenObjective {
  /** Number of samples, B. */
  readonly sampleCount: number;
  /** Number of elements of a latent z, d. */
  readonly latentSize: number;
  /** Number of elements of a sample, n: the decoder's output size; with `points`, at that many points. */
  readonly outputSize: number;
  /**
   * Computes the objective of each chosen sample at its latent: loss + prior(z)/N, N the divisor of the loss.
   *
   * @param z [rows.length, latentSize]
   * @returns objectives, [rows.length]
   */
  value(rows: readonly number[] | Int32Array, z: Float32Array | Float64Array): Promise<Owned<Float64Array>>;
  /**
   * Computes the gradient ∇_z of the objective of each chosen sample, at the z of the sample's last `value` call, by a pass
   * backward. `value` must have been called for each of the samples, not necessarily together. The gradient is computed in
   * float32.
   *
   * @returns gradients, [rows.length, latentSize]
   */
  gradient(rows: readonly number[] | Int32Array): Promise<Owned<Float64Array>>;
  /**
   * Computes the Jacobian-vector product J v of each chosen sample, at the z of the sample's last `value` call, which must have been
   * made. J, [outputSize, latentSize], is the Jacobian of the reconstruction D(z) as `decode` returns it, after the output
   * activation. It depends neither on the loss nor on y. In forward mode, by two passes forward; with `webgpu()` in WASM.
   *
   * @param v directions, [rows.length, latentSize]
   * @returns products, [rows.length, outputSize]
   */
  jacobianProduct(
    rows: readonly number[] | Int32Array,
    v: Float32Array | Float64Array,
  ): Promise<Owned<Float32Array>>;
  /**
   * Frees the objective's memory on the backend; a second call does nothing. Calls in progress continue.
   *
   * Without it, the memory is freed with the decoder's, by the decoder's `dispose()` or the garbage collector.
   */
  dispose(): void;
}
