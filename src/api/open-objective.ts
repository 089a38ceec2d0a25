import { loadObjectives } from "../backend/wasm/load-objectives.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import { calling } from "../base/calling.ts";
import { completeOptions, type Field } from "../base/options.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { makeControl } from "../solver/control.ts";
import type { SessionObjective } from "../solver/objective.ts";
import type { Samples } from "./check-data.ts";
import {
  checkProblem,
  checkTerms,
  checkValues,
  openSession,
  withAllChannels,
  withCopies,
} from "./check-data.ts";
import { type CommonEncodeOptions, ENCODE_FIELDS } from "./encode.ts";
import { openedObjective, withAdvice } from "./objective-calls.ts";
import type { OpenObjective } from "./opened-objective.ts";

/** Options of `openObjective`: those of `encode` that say what it minimises, and where it is computed. */
export type OpenObjectiveOptions = Pick<
  CommonEncodeOptions,
  "loss" | "prior" | "weights" | "missing" | "fixed" | "points" | "backend"
>;

const { loss, prior, weights, missing, fixed, points, backend } = ENCODE_FIELDS;

/** Checks and defaults of the options of `openObjective`. */
const FIELDS = { loss, prior, weights, missing, fixed, points, backend } satisfies {
  readonly [Name in keyof Required<OpenObjectiveOptions>]: Field<unknown>;
};

/**
 * Opens the objective that `encode` minimises, as a function of the latents: loss(y, D(z)) + prior(z)/N for each of B samples, N
 * the divisor of the loss. For a solver of one's own, Hamiltonian Monte Carlo, a plot of the loss.
 *
 * The options are those of `encode`, with the same defaults: `loss`, `prior`, `weights`, `missing`, `fixed`, `points` and `backend`. With
 * `reduction: "sum"` N is 1, and loss + prior is the negative log-posterior in nats, up to a constant.
 * If values are missing, all samples have weights.
 *
 * The arrays are copied when the call is made. All B samples stay in the backend's memory until `dispose()`, by `wasm()` with some 7
 * bytes for each number that the decoder computes for a sample, and 16 more from the first Jacobian-vector product on: open many
 * samples in parts.
 *
 * @param y [B, outputSize], float32, in [0, 1] for cross entropy, NaN where a value is missing; or a Dataset
 * @throws LatentflowError `invalid_argument`, before any work, when an argument has the wrong type, length or value;
 *   `disposed` when the decoder is; `unsupported`, `out_of_memory` and `worker_failed` from the backend
 * @example
 * // Gradient descent on the codes of all samples.
 * const objective = await openObjective(decoder, y);
 * const rows = Array.from({ length: objective.sampleCount }, (_, row) => row);
 * const z = new Float64Array(rows.length * objective.latentSize);
 * for (let step = 0; step < 100; step++) {
 *   const values = await objective.value(rows, z);
 *   const gradient = await objective.gradient(rows);
 *   for (let i = 0; i < z.length; i++) z[i]! -= 0.5 * gradient[i]!;
 *   if (step % 10 === 0) console.log(values);
 * }
 * objective.dispose();
 * @example
 * // A Hamiltonian trajectory of sample 0, of ten leapfrog steps of length 0.1: z moves with momentum p.
 * const loss = binaryCrossEntropy({ reduction: "sum" });
 * const objective = await openObjective(decoder, y, { loss, prior: gaussian() });
 * const z = new Float64Array(objective.latentSize);
 * const p = z.map(() => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()));
 * const kick = async (time: number) => {
 *   await objective.value([0], z);
 *   (await objective.gradient([0])).forEach((slope, i) => { p[i]! -= time * slope; });
 * };
 * for (let step = 0; step < 10; step++) {
 *   await kick(0.05);
 *   for (let i = 0; i < z.length; i++) z[i]! += 0.1 * p[i]!;
 *   await kick(0.05);
 * }
 */
export async function openObjective(
  given: Decoder,
  y: Samples,
  options: OpenObjectiveOptions = {},
): Promise<OpenObjective> {
  return calling("openObjective", async () => {
    const spread = withAllChannels(options, given);
    const { problem: checked, backend, missing } = checkArguments(given, y, spread ? await spread : options);
    const control = makeControl(undefined);
    const found = await checkValues(checked, control, { missing });
    const whole = found.problem;
    const { decoder, sampleCount } = whole;
    const problem = found.missing ? (await loadObjectives()).withSeenWeights(whole) : whole;
    const session = await openSession(backend, decoder, "objective");
    const size = session.objectiveSize(problem);
    const groups: SessionObjective[] = [];
    try {
      for (let first = 0; first < sampleCount; first += size) {
        groups.push(await session.objective(problem, first, Math.min(size, sampleCount - first)));
        await control.pause();
      }
    } catch (error) {
      for (const group of groups) group.dispose();
      throw withAdvice(sampleCount, error);
    }
    return openedObjective(given, problem, groups, size);
  });
}

function checkArguments(given: Decoder, y: Samples, options: OpenObjectiveOptions) {
  const { backend = wasm(), ...settings } = completeOptions(options, FIELDS);
  const terms = checkTerms(given, settings);
  const problem = withCopies(checkProblem(given, y, { ...settings, ...terms }));
  return { problem, backend, missing: settings.missing };
}
