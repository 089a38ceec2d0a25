import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Job } from "../../src/cli/options/job.ts";
import { concat, dense, graph, tanh } from "../../src/graph/index.ts";
import { createDecoder, type Decoder, gaussian, gradientFlow, lbfgs } from "../../src/index.ts";
import { Workplace } from "./program.ts";
import { randomArray } from "./random.ts";
import { runHere } from "./run-here.ts";

// A small run with everything that can be given with samples, and the program that encodes it whole or in parts.

/** Folder of the outputs of all test files that share a process, removed when it ends. */
export const workplace = new Workplace();
process.once("exit", () => workplace.dispose());

export const [LATENT, SIZE, B] = [3, 6, 23];
export const makeDecoder = (activation = tanh(), seed = 3) =>
  createDecoder(
    graph(({ latent, fixed }) => {
      const h = activation(dense(9)(concat()(latent(LATENT), fixed("label", 2))));
      return dense(SIZE)(h);
    }),
    { seed, loss: "mse", prior: gaussian({ std: 2 }) },
  );
export const decoder = makeDecoder();

export function save(decoder: Decoder): string {
  const file = `${workplace.newPath()}.safetensors`;
  writeFileSync(file, decoder.toSafetensors());
  return file;
}

export const y = randomArray(1, B * SIZE, -1, 1);
export const weights = randomArray(2, B * SIZE, 0.1, 1);
export const z0 = randomArray(3, B * LATENT, -1, 1);
export const labels = randomArray(4, B * 2, -1, 1);
export const decoderFile = save(decoder);
export const write = (values: Float32Array, size: number, from = 0, to = B) =>
  workplace.writeFloats(values.slice(from * size, to * size), [to - from, size]);
export const dataFile = write(y, SIZE);
export const weightsFile = write(weights, SIZE);
export const z0File = write(z0, LATENT);
export const labelFile = write(labels, 2);

/** The job of that run. */
export const job: Job = {
  decoder: decoderFile,
  data: [dataFile],
  weights: weightsFile,
  z0: z0File,
  out: "",
  fixed: [{ name: "label", value: labelFile }],
  reconstructions: true,
  plain: true,
  threads: 1,
  flow: { value: gradientFlow(), description: { name: "gradient" } },
  solver: { value: lbfgs(), description: { name: "lbfgs" } },
} as unknown as Job;

/** The options of `encode` by name: those that are given here in place of the others. */
export function encoding(
  options: Readonly<Record<string, string | readonly string[] | true | undefined>> = {},
) {
  const all = {
    decoder: decoderFile,
    data: dataFile,
    weights: weightsFile,
    z0: z0File,
    fixed: `label=${labelFile}`,
    threads: "1",
    reconstructions: true,
    quiet: true,
    ...options,
  };
  const given = Object.entries(all).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [`--${name}`, ...(typeof value === "boolean" ? [] : [value].flat())];
  });
  return ["encode", ...given];
}

export async function succeed(...args: string[]): Promise<string> {
  const { exit, stdout, stderr } = await runHere(...args);
  assert.is(exit, 0, stderr);
  return stdout;
}

export async function refusal(...args: string[]): Promise<string> {
  const { exit, stdout, stderr } = await runHere(...args);
  assert.is(exit, 1, `${args.join(" ")}: ${stderr}${stdout}`);
  return stderr;
}

export const names = ["latents.npy", "reconstructions.npy", "results.csv"];
export const resultsIn = (out: string) => names.map((name) => readFileSync(join(out, name), "latin1"));

/** Runs the parts `of`, of `count`, into a folder, each by a process. */
export async function runParts(out: string, count: number, options = {}, of = [...Array(count).keys()]) {
  const reports: string[] = [];
  for (const index of of)
    reports.push(await succeed(...encoding({ ...options, out, part: `${index}/${count}` })));
  return reports;
}
