import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { layersOf } from "../../src/graph/layers.ts";
import { amd, type Decoder } from "../../src/index.ts";
import type { Architecture } from "../architectures.ts";
import { environment } from "./find-torch.ts";
import { AMD, MOST_ITERATIONS, type Peer, type PeerEncoded, type Task } from "./peer.ts";

/** PyTorch on the CPU, in a process of its own. */
export interface Torch extends Peer {
  /**
   * One pass of training over the task's first samples, from the parameters that training starts from.
   *
   * @param stepMax AMD's
   */
  train(batch: number, count: number, stepMax: number): Promise<Trained>;
}

export interface Trained {
  readonly seconds: number;
  /** The mean loss of each mini-batch at its latents, before its update. */
  readonly losses: readonly number[];
}

/** What PyTorch is told of a task. */
export interface TorchTask {
  /** Its name in decoders.py. */
  readonly decoder: "dense" | "dcgan" | Architecture;
  /** What it takes there beside its layers. */
  readonly settings: object;
  /** Of each layer the shapes of its weight and its bias. */
  readonly shapes: readonly (readonly [weight: readonly number[], bias: readonly number[]])[];
  /** All tensors, one after the other. */
  readonly parameters: Float32Array;
  /** Those that training starts from. */
  readonly untrained: () => Float32Array;
  /** [count, …output] */
  readonly y: Float32Array;
  readonly output: readonly number[];
  /** [count, latentSize] */
  readonly z: Float32Array;
  /** True if channels lie last in memory. Default: as PyTorch has them, first. */
  readonly channelsLast?: boolean;
}

/**
 * A stack of dense layers in PyTorch.
 *
 * @param makeUntrained what training starts from, to be disposed
 */
export function torchPeer(
  python: string,
  { decoder, y, z }: Task,
  makeUntrained: () => Decoder,
): Promise<Torch> {
  return startTorch(python, {
    decoder: "dense",
    settings: {},
    y,
    output: [decoder.outputSize],
    z,
    shapes: layersOf(decoder).map(({ inputSize, outputSize }) => [[outputSize, inputSize], [outputSize]]),
    parameters: decoder.parameters,
    untrained() {
      const untrained = makeUntrained();
      const { parameters } = untrained;
      untrained.dispose();
      return parameters;
    },
  });
}

/** PyTorch at work on a task. */
export async function startTorch(python: string, task: TorchTask): Promise<Torch> {
  const { decoder, settings, shapes, output, y, z, channelsLast = false } = task;
  const folder = mkdtempSync(join(tmpdir(), "latentflow-torch-"));
  const script = fileURLToPath(new URL("pytorch.py", import.meta.url));
  const child = spawn(python, [script], { env: environment, stdio: ["pipe", "pipe", "pipe"] });
  const ask = conversation(child);
  const fileOf = (name: string, values: Float32Array) => {
    const file = join(folder, name);
    writeFileSync(file, values);
    return file;
  };
  const [data, latents] = [fileOf("y", y), fileOf("z", z)];
  const count = y.length / output.reduce((size, length) => size * length);
  const latentSize = z.length / count;

  /** @param trainStepMax AMD's in training */
  function load(parameters: Float32Array, trainStepMax: number): Promise<unknown> {
    return ask("load", {
      decoder,
      settings,
      shapes,
      data,
      output,
      latents,
      latent_size: latentSize,
      count,
      channels_last: channelsLast,
      parameters: fileOf("parameters", parameters),
      solver: { ...amdSettings(), trainStepMax },
    });
  }

  const about = (await load(task.parameters, AMD.stepMax)) as { version: string; blas: string; cpu: string };
  return {
    name: channelsLast ? "PyTorch, channels last" : "PyTorch",
    about: `PyTorch ${about.version}, CPU (${about.blas}, ${about.cpu}), one thread; autograd`,
    async gradient(rows) {
      return {
        run: async (repeats) => {
          const { seconds } = (await ask("gradient", { rows, repeats })) as { seconds: number };
          return seconds * 1000;
        },
        async gradients() {
          const { gradients } = (await ask("gradient", { rows, repeats: 1 })) as { gradients: number[] };
          return Float32Array.from(gradients);
        },
      };
    },
    encode: async (first, samples, wanted) =>
      (await ask("encode", { first, count: samples, wanted })) as PeerEncoded,
    async train(batch, samples, stepMax) {
      await load(task.untrained(), stepMax);
      const trained = (await ask("train", { batch, count: samples })) as Trained;
      await load(task.parameters, AMD.stepMax);
      return trained;
    },
    dispose() {
      child.stdin.end();
      child.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** AMD's for amd.py. */
export function amdSettings() {
  const { t1, settle, tolerance, maxBacktracks } = amd();
  return { ...AMD, t1, settle, tolerance, maxBacktracks, mostIterations: MOST_ITERATIONS };
}

/** A question is a line of JSON, and so is its answer; one at a time. */
export function conversation(child: ChildProcessWithoutNullStreams) {
  const lines: Interface = createInterface({ input: child.stdout });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return (command: string, details: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const ended = () => reject(new Error(`PyTorch's process has ended:\n${stderr}`));
      child.once("close", ended);
      lines.once("line", (line) => {
        child.off("close", ended);
        resolve(JSON.parse(line));
      });
      child.stdin.write(`${JSON.stringify({ command, ...details })}\n`);
    });
}
