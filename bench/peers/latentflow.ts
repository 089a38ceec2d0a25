import { type Backend, encode, lbfgs } from "../../src/index.ts";
import { benchBackend } from "../kernels.ts";
import { makeRig } from "../rig.ts";
import { stepsTo } from "../steps-to.ts";
import { mean } from "../timing.ts";
import { type GradientRun, repeatTimed, type Task } from "./peer.ts";

/** Our z-gradients on one thread, from z in JavaScript to ∇l in JavaScript, as the peers'. */
export async function latentflowGradient(
  { decoder, y, z }: Task,
  relaxed: boolean,
  rows: number,
): Promise<GradientRun> {
  const rig = await makeRig(decoder, relaxed, y.subarray(0, rows * decoder.outputSize));
  const latents = z.slice(0, rows * decoder.latentSize);
  const gradients = new Float32Array(latents.length);
  function once(): void {
    rig.setLatents(latents);
    rig.forward(rows);
    rig.backward(rows);
    rig.readGradients(gradients);
  }
  return {
    run: (repeats) => repeatTimed(repeats, once),
    async gradients() {
      once();
      return gradients;
    },
  };
}

/** Our backend on one thread, the one that calls. */
export function oneThread(): Backend {
  return benchBackend();
}

/** Our backend on so many threads; the workers are those of build/lib. */
export function threaded(threads: number): Backend {
  const worker = new URL("../../build/lib/latentflow-worker.js", import.meta.url);
  return benchBackend(undefined, { threads, worker });
}

/** `lbfgs` with the fewest steps after which the mean loss is at most `loss`. */
export async function lbfgsTo({ decoder, y }: Task, loss: number): Promise<ReturnType<typeof lbfgs>> {
  const maxSteps = await stepsTo(loss, async (count) => {
    const solver = lbfgs({ maxSteps: count });
    return mean((await encode(decoder, y, { solver, backend: oneThread() })).loss);
  });
  return lbfgs({ maxSteps });
}
