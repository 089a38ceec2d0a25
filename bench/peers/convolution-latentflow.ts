import type { ConvolutionTask } from "./convolution-task.ts";
import { latentflowGradient } from "./latentflow.ts";
import type { Peer } from "./peer.ts";

/** Our kernels on one thread, called without anything around them. */
export function latentflowConvolutions(task: ConvolutionTask, relaxed: boolean): Peer {
  const build = relaxed ? "relaxed" : "plain";
  return {
    name: `latentflow, ${build} SIMD`,
    about: `our kernels with ${build} SIMD, one thread`,
    gradient: (rows) => latentflowGradient(task, relaxed, rows),
    encode: undefined,
    dispose() {},
  };
}
