import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ConvolutionTask, channelsFirst } from "./convolution-task.ts";
import { AMD, type PeerEncoded } from "./peer.ts";
import { amdSettings, conversation, environment, type Torch, type Trained } from "./pytorch.ts";

/** PyTorch on the CPU, in a process of its own, channels first. */
export async function torchConvolutions(python: string, task: ConvolutionTask): Promise<Torch> {
  const { between, decoder, dense, convolutions, start, y, z } = task;
  const folder = mkdtempSync(join(tmpdir(), "latentflow-torch-"));
  const script = fileURLToPath(new URL("convolution-pytorch.py", import.meta.url));
  const child = spawn(python, [script], { env: environment, stdio: ["pipe", "pipe", "pipe"] });
  const ask = conversation(child);
  const fileOf = (name: string, values: Uint8Array | Float32Array) => {
    const file = join(folder, name);
    writeFileSync(file, values);
    return file;
  };
  const [height, width, channels] = start;
  const [outputHeight, outputWidth, outputChannels] = decoder.outputShape as [number, number, number];
  const d = decoder.latentSize;
  const shapes = [
    [[dense.bias.length, d], [dense.bias.length]],
    ...convolutions.map(({ weight, bias, kernel }) => [
      [weight.length / (bias.length * kernel[0]! * kernel[1]!), bias.length, ...kernel],
      [bias.length],
    ]),
  ];
  const data = fileOf("y", channelsFirst(y, outputHeight * outputWidth, outputChannels));
  const latents = fileOf("z", z);
  /** @param trainStepMax AMD's in training */
  const load = (trainStepMax: number) =>
    ask("load", {
      ...{ file, shapes, data, latents, start: [channels, height, width], function: between },
      ...{ count: z.length / d, output: [outputChannels, outputHeight, outputWidth] },
      settings: { ...amdSettings(), trainStepMax },
    });
  const parameters = [
    channelsFirst(dense.weight, height * width, channels, d),
    channelsFirst(dense.bias, height * width, channels),
    ...convolutions.flatMap(({ weight, bias }) => [weight, bias]),
  ];
  const file = fileOf(
    "parameters",
    Buffer.concat(parameters.map((each) => Buffer.from(each.buffer, each.byteOffset, each.byteLength))),
  );
  const about = (await load(AMD.stepMax)) as { version: string; blas: string; cpu: string };
  return {
    name: "PyTorch",
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
    encode: async (first, count, wanted) => (await ask("encode", { first, count, wanted })) as PeerEncoded,
    async train(batch, samples, stepMax) {
      await load(stepMax);
      const trained = (await ask("train", { batch, count: samples })) as Trained;
      await load(AMD.stepMax);
      return trained;
    },
    dispose() {
      child.stdin.end();
      child.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
