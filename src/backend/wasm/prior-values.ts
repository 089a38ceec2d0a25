import { Blocks } from "../../kernels/arena.ts";
import { giveInstanceBack, takeInstance } from "../../kernels/idle-instances.ts";
import { paddedSize } from "../../kernels/layout.ts";
import { compileKernels } from "../../kernels/load.ts";
import type { PriorComponents } from "../../terms/prior-numbers.ts";
import type { Problem } from "../backend.ts";
import { allocatePrior } from "./prior-block.ts";
import { priorScale } from "./workspace.ts";

/**
 * Makes an evaluator of a prior alone, without a decoder, by the same kernels as the WASM solvers, in a WASM instance of its own,
 * to be freed after use.
 *
 * @throws LatentflowError `out_of_memory`
 */
export async function priorValues(prior: PriorComponents) {
  const { latentSize: d } = prior;
  const { module } = await compileKernels(undefined);
  const instance = await takeInstance(module);
  const { arena, kernels } = instance;
  const blocks = new Blocks({ free: () => giveInstanceBack(module, instance) });
  const { pointer } = blocks.add(() => allocatePrior(arena, prior));
  const size = 4 * paddedSize(d);
  const rows = blocks.add(() => arena.allocate((piece) => ({ z: piece(size), gradient: piece(size) })));
  const { z: at, gradient: sums } = rows.layout;
  return {
    /**
     * Returns the prior's value at z in nats, times the prior's weight.
     *
     * @param z [d], rounded to float32 as an objective's latents are
     */
    value(z: ArrayLike<number>): number {
      arena.f32(at, d).set(z);
      return kernels.priorValue(pointer, at);
    },
    /**
     * Adds the prior's gradient at z, times `scale`, to a gradient.
     *
     * @param z [d], rounded to float32
     * @param gradient [d], added to in place
     */
    addGradient(z: ArrayLike<number>, scale: number, gradient: Float32Array): void {
      arena.f32(at, d).set(z);
      arena.f32(sums, d).set(gradient);
      kernels.priorGradient(pointer, at, scale, sums);
      gradient.set(arena.f32(sums, d));
    },
    free: blocks.free,
  };
}

/**
 * Returns a function that gives the factor of the prior in each sample's objective, 1 over the divisor of the loss; computed once
 * if all samples share it.
 */
export function scalesOf(problem: Pick<Problem, "loss" | "decoder" | "weights">): (sample: number) => number {
  const { weights, decoder } = problem;
  if (weights && weights.length !== decoder.outputSize) return (sample) => priorScale(problem, sample);
  const scale = priorScale(problem, 0);
  return () => scale;
}
