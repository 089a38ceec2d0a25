import { type Backend, encode, implicitAmd, wasm } from "../../src/index.ts";
import { mean } from "../measure.ts";
import { makeRig } from "../rig.ts";
import { type GradientRun, repeatTimed, type Task } from "./peer.ts";

/** Our z-gradients on one thread, from z in JavaScript to ∇l in JavaScript, as the peers'. */
export async function latentflowGradient(
  { decoder, z }: Task,
  relaxed: boolean,
  rows: number,
): Promise<GradientRun> {
  const rig = await makeRig(decoder, relaxed, rows);
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
  return wasm({ threads: 1 });
}

/** Our backend on so many threads; the workers are those of build/lib. */
export function threaded(threads: number): Backend {
  return wasm({ threads, workerUrl: new URL("../../build/lib/latentflow-worker.js", import.meta.url) });
}

/** implicitAmd with the fewest steps after which the mean loss is at most `loss`. */
export async function implicitAmdTo(
  { decoder, y }: Task,
  loss: number,
): Promise<ReturnType<typeof implicitAmd>> {
  const most = 100;
  for (let maxSteps = 1; maxSteps <= most; maxSteps++) {
    const solver = implicitAmd({ maxSteps });
    if (mean((await encode(decoder, y, { solver, backend: oneThread() })).loss) <= loss) return solver;
  }
  throw new Error(`implicitAmd does not come down to a mean loss of ${loss} in ${most} steps`);
}
