import { readFileSync } from "node:fs";
import { init, jit, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { layersOf } from "../../src/graph/layers.ts";
import { mean } from "../timing.ts";
import {
  AMD,
  MOST_ITERATIONS,
  type Peer,
  type PeerEncoded,
  repeatTimed,
  type Task,
  tooMany,
} from "./peer.ts";

// Every function here owns its arguments, as jax-js wants it: `.ref` where one is used again.

type Parameters = { weight: np.Array; bias: np.Array }[];
type State = { z: np.Array; loss: np.Array; gradient: np.Array; dt: np.Array };

export async function jaxPeer({ decoder, y, z }: Task): Promise<Peer> {
  // The other peers define a Worker, which Node has not; jax-js would take this for a browser with threads then.
  Object.defineProperty(globalThis, "Worker", { get: () => undefined, set() {} });
  await init("wasm");
  const { latentSize, outputSize } = decoder;
  const denseLayers = layersOf(decoder);
  const last = denseLayers.length - 1;
  const parameters: Parameters = denseLayers.map((layer) => ({
    weight: np.array(layer.weight.slice()).reshape([layer.outputSize, layer.inputSize]),
    bias: np.array(layer.bias.slice()),
  }));
  const shared = () => parameters.map(({ weight, bias }) => ({ weight: weight.ref, bias: bias.ref }));

  /** The sum of the samples' losses, and each of them. */
  function losses(latents: np.Array, layers: Parameters, targets: np.Array): [np.Array, np.Array] {
    let rows = latents;
    layers.forEach(({ weight, bias }, i) => {
      rows = np.matmul(rows, weight.transpose()).add(bias);
      if (i < last) rows = nn.elu(rows);
    });
    const elements = nn.softplus(rows.ref).sub(rows.mul(targets));
    const each = np.mean(elements, 1);
    return [np.sum(each.ref), each];
  }

  const evaluate = valueAndGrad(losses, { hasAux: true }) as unknown as (
    ...primals: Parameters2
  ) => [[np.Array, np.Array], np.Array];
  type Parameters2 = [latents: np.Array, layers: Parameters, targets: np.Array];

  const gradientOf = jit((latents: np.Array, layers: Parameters, targets: np.Array) => {
    const [[sum, each], gradient] = evaluate(latents, layers, targets);
    sum.dispose();
    return { loss: each, gradient };
  });

  const step = jit(({ z, loss, gradient, dt }: State, layers: Parameters, targets: np.Array): State => {
    const trial = z.ref.sub(gradient.ref.mul(dt.ref.reshape([-1, 1])));
    const [[sum, each], slope] = evaluate(trial.ref, layers, targets);
    sum.dispose();
    const lower = np.less(each.ref, loss.ref);
    const lowerRow = lower.ref.reshape([-1, 1]);
    const grown = np.clip(dt.ref.mul(AMD.increaseFactor), AMD.stepInit, AMD.stepMax);
    return {
      z: np.where(lowerRow.ref, trial, z),
      loss: np.where(lower.ref, each, loss),
      gradient: np.where(lowerRow, slope, gradient),
      dt: np.where(lower, grown, dt.mul(AMD.decreaseFactor)),
    };
  });

  const targetsOf = (first: number, count: number) =>
    np.array(y.slice(first * outputSize, (first + count) * outputSize)).reshape([count, outputSize]);

  async function encode(first: number, count: number, wanted: number): Promise<PeerEncoded> {
    const start = performance.now();
    const targets = targetsOf(first, count);
    const z0 = np.zeros([count, latentSize]);
    let state: State = {
      z: z0.ref,
      ...gradientOf(z0, shared(), targets.ref),
      dt: np.full([count], AMD.stepInit),
    };
    let meanLoss = Number.POSITIVE_INFINITY;
    let iterations = 1;
    for (; iterations < MOST_ITERATIONS; iterations++) {
      state = step(state, shared(), targets.ref) as State;
      meanLoss = mean(state.loss.ref.dataSync());
      if (meanLoss <= wanted) break;
    }
    for (const array of [state.loss, state.gradient, state.dt, targets]) array.dispose();
    state.z.dataSync();
    if (meanLoss > wanted) throw tooMany("jax-js", meanLoss, wanted);
    return { seconds: (performance.now() - start) / 1000, meanLoss, iterations };
  }

  return {
    name: "jax-js",
    about: `jax-js ${installedVersion()}, WASM, one thread (in Node it has no more); value and gradient by valueAndGrad, the gradient and AMD's step jitted`,
    async gradient(rows) {
      const targets = targetsOf(0, rows);
      const latents = z.slice(0, rows * latentSize);
      let gradients = new Float32Array();
      function once(): void {
        const result = gradientOf(np.array(latents).reshape([rows, latentSize]), shared(), targets.ref);
        result.loss.dispose();
        gradients = result.gradient.dataSync() as Float32Array<ArrayBuffer>;
      }
      return {
        run: (repeats) => repeatTimed(repeats, once),
        async gradients() {
          once();
          return gradients;
        },
      };
    },
    encode,
    dispose() {
      for (const { weight, bias } of parameters) {
        weight.dispose();
        bias.dispose();
      }
      gradientOf.dispose();
      step.dispose();
    },
  };
}

/** The package exports neither its version nor its package.json. */
function installedVersion(): string {
  const file = new URL("node_modules/@jax-js/jax/package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
