import { differentiableWasmObjective } from "../../src/backend/wasm/objective.ts";
import { packDecoder } from "../../src/backend/wasm/packed.ts";
import type { FixedValues } from "../../src/decoder/fixed.ts";
import type { Backend, Decoder, Loss, Prior } from "../../src/index.ts";
import { compileKernels, recogniseKernels } from "../../src/kernels/load.ts";
import type { DifferentiableObjective } from "../../src/solver/objective.ts";
import { componentsOf } from "../../src/terms/prior-components.ts";
import { builds } from "./builds.ts";
import { problemOf } from "./problem.ts";

/** The objective of all samples given, in a build of the kernels, with all derivatives. */
export async function bindObjective(
  backend: Backend,
  decoder: Decoder,
  loss: Loss,
  y: Float32Array,
  weights?: Float32Array,
  copies = 1,
  fixed: FixedValues = [],
  prior?: Prior,
): Promise<DifferentiableObjective> {
  const module = builds.find((build) => build.backend === backend)?.module;
  const compiled = module ? recogniseKernels(module) : await compileKernels(undefined);
  const problem = problemOf(decoder, loss, y, {
    weights,
    fixed,
    prior: prior && componentsOf(prior, decoder.latentSize),
  });
  return differentiableWasmObjective(await packDecoder(decoder, compiled), problem, copies);
}
