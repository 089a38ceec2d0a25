import { wasm } from "../backend/wasm/wasm.ts";
import { calling } from "../base/calling.ts";
import { checkFiniteRows } from "../base/finite-rows.ts";
import { completeOptions, type Field, later } from "../base/options.ts";
import type { Owned } from "../base/owned.ts";
import { throwIfAborted } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { sizeOf } from "../graph/operations.ts";
import { makeControl, unlessAborted } from "../solver/control.ts";
import { squaredError } from "../terms/losses.ts";
import type { Residual } from "../terms/residual.ts";
import {
  checkProblem,
  checkTerms,
  checkValues,
  openSession,
  type Samples,
  withAllChannels,
  withCopies,
} from "./check-data.ts";
import { type CommonEncodeOptions, ENCODE_FIELDS } from "./encode.ts";
import { groupsOf } from "./solve-whitened.ts";
import {
  type MeasuredResidual,
  measuredResidual,
  transposedWhitened,
  whitened,
  whiteningOf,
} from "./whitening.ts";

/** Options of `complete`. */
export interface CompleteOptions
  extends Pick<CommonEncodeOptions, "weights" | "missing" | "fixed" | "backend" | "signal"> {
  /** Residual of the decoder of samples, as `fitResidual` returns it. Required. */
  residual: Residual;
}

const { weights, missing, fixed, backend, signal } = ENCODE_FIELDS;

/** Checks and defaults of the options of `complete`. */
export const COMPLETE_FIELDS = {
  residual: later<Residual>(),
  weights,
  missing,
  fixed,
  backend,
  signal,
} satisfies {
  readonly [Name in keyof Required<CompleteOptions>]: Field<unknown>;
};

/**
 * Completes samples of which only some values, or measurements y = A·x, are known: returns D(z) and the correction that the
 * residual makes likely, x = D(z) + μ + C·Aᵀ·S⁻¹·(y - A·(D(z) + μ)), with μ and C the residual's mean and covariance and
 * S = A·C·Aᵀ + noise. Where A is a mask and there is no noise, known values come out as they are.
 *
 * The arrays are copied at the call.
 *
 * @param decoder decoder of samples, or one of measurements that `measure` has made; then x are samples of the decoder that was
 *   measured
 * @param z codes, [B, latentSize], as `encode` with the same residual and weights finds them
 * @param y samples or measurements, [B, outputSize], NaN where a value is missing; or a Dataset
 * @returns samples x, [B, n]
 * @throws LatentflowError `invalid_argument` when an argument has the wrong type, length or value; `disposed`, `unsupported`,
 *   `out_of_memory` and `worker_failed` as `encode`
 * @example
 * const residual = await fitResidual(decoder, trainingSamples);
 * const { z } = await encode(decoder, y, { loss: "mse", residual }); // y has NaN where nothing is known
 * const x = await complete(decoder, z, y, { residual });
 */
export async function complete(
  decoder: Decoder,
  z: Float32Array,
  y: Samples,
  options: CompleteOptions,
): Promise<Owned<Float32Array>> {
  return calling("complete", async () => {
    const spread = withAllChannels(options, decoder);
    const given = spread ? await spread : options;
    const {
      backend = wasm(),
      signal,
      missing,
      residual,
      ...values
    } = completeOptions(given, COMPLETE_FIELDS);
    const terms = checkTerms(decoder, { loss: squaredError(), prior: "none" });
    const checked = withCopies(checkProblem(decoder, y, { ...values, ...terms }));
    const count = checkFiniteRows("z", z, decoder.latentSize, "the decoder's latent size");
    const { sampleCount } = checked;
    if (count !== sampleCount)
      throw refused("z", "has", `${count} codes`, `${sampleCount}, one for each sample`);
    const codes = z.slice();
    throwIfAborted(signal);
    const control = makeControl(signal);
    const { problem } = await checkValues(checked, control, { missing });
    const measured = await measuredResidual(decoder, residual, backend, control);
    throwIfAborted(signal);
    const { source, n } = measured;
    const decoded = async (of: Decoder) => {
      const session = await unlessAborted(signal, () => openSession(backend, of, "decode"));
      const rows = problem.fixed.slice(0, of.fixedInputs.length).map((row, i) => {
        const size = sizeOf(of.fixedInputs[i]!.shape);
        if (row.length !== size) return row;
        const all = new Float32Array(sampleCount * size);
        for (let b = 0; b < sampleCount; b++) all.set(row, b * size);
        return all;
      });
      const result = await session.decode(codes, rows, false, control);
      throwIfAborted(signal);
      return result;
    };
    const samples = await decoded(source);
    const outputs = source === decoder ? samples.slice() : await decoded(decoder);
    const m = decoder.outputSize;
    for (const { samples: group, seen, weights } of groupsOf(problem)) {
      const whitening = seen.length > 0 ? whiteningOf(measured, seen, weights) : undefined;
      for (const sample of group) {
        await control.pause();
        throwIfAborted(signal);
        const x = samples.subarray(sample * n, (sample + 1) * n);
        const corrected = Float64Array.from(x, (value, i) => value + measured.residual.mean[i]!);
        if (whitening) {
          const rest = Float64Array.from(
            { length: m },
            (_, i) => problem.targets[sample * m + i]! - outputs[sample * m + i]!,
          );
          await addCorrection(
            corrected,
            measured,
            transposedWhitened(whitening, whitened(whitening, measured, rest), m),
          );
        }
        x.set(corrected);
      }
    }
    return samples;
  });
}

/** Adds C·Aᵀ·q to a sample x, [n], for q = S⁻¹·(y - A·(D(z) + μ)), [m]. */
async function addCorrection(x: Float64Array, measured: MeasuredResidual, q: Float64Array): Promise<void> {
  const { n, m, measuredComponents, measuredAxes, residual } = measured;
  const { components, variances } = residual;
  for (let k = 0; k * n < components.length; k++) {
    let share = 0;
    for (let i = 0; i < m; i++) share += measuredComponents[k * m + i]! * q[i]!;
    for (let i = 0; i < n; i++) x[i]! += share * components[k * n + i]!;
  }
  for (let j = 0; j < n; j++) {
    let share = measuredAxes ? 0 : q[j]!;
    for (let i = 0; measuredAxes && i < m; i++) share += measuredAxes[j * m + i]! * q[i]!;
    x[j]! += variances[j]! * share;
  }
}
