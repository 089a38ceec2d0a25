import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeMachine } from "../../bench/peers/machine.ts";
import { type Backend, wasm } from "../../src/index.ts";
import { type Dataset, mnist } from "../../src/train/index.ts";
import { createSampler } from "../../src/train/sampler.ts";
import type { ExperimentSettings } from "../experiment-settings.ts";
import { codePriors, type MixtureSizes } from "./code-priors.ts";
import { KeptFigures } from "./kept-figures.ts";
import type { Figures, Task } from "./measure.ts";
import { encoderMethod, flowMethod, linearMethod, type Method, pixelMethod } from "./methods.ts";
import type { Labelled } from "./nearest-neighbours.ts";
import { KEPT_IN, type Network, networks } from "./networks.ts";
import { type Results, toMarkdown } from "./page.ts";
import { drawMethods } from "./picture.ts";
import { fitLinearDecoder } from "./principal-components.ts";

/** Training digits that priors and principal components are made of; those whose codes are neighbours are among them. */
const FITTED_ON = 5000;
const REFERENCES = 2000;
const QUERIES = 300;
const NEIGHBOURS = 5;
const SIZES: MixtureSizes = { fitted: 20, vamp: 500 };
const SIDE = 28;

/**
 * What codes are good for, of decoders that people bring: classifying by nearest neighbours, filling what is missing,
 * taking noise away. With and without priors, from 0 and from what the encoder finds; beside the encoder itself and
 * principal components.
 */
export async function measureUsefulness({ seed, out }: ExperimentSettings): Promise<void> {
  const machine = describeMachine();
  // The workers are those of the build: `npm run build` first.
  const worker = new URL("../../build/lib/latentflow-worker.js", import.meta.url);
  const backend = wasm({ relaxed: false, threads: "auto", worker });
  const trained = await networks(backend);
  const { train, test } = await mnist();
  const known = choose(train, FITTED_ON, seed);
  const size = SIDE * SIDE;
  const task: Task = {
    size,
    neighbours: NEIGHBOURS,
    seed,
    references: first(known, REFERENCES, size),
    queries: choose(test, QUERIES, seed),
  };
  const linear = fitLinearDecoder(known.points, size, trained[0]!.network.decoder.latentSize);
  const plainMethods = [pixelMethod(linear.mean), linearMethod(linear, false), linearMethod(linear, true)];
  const kept = new KeptFigures(join(KEPT_IN, "figures.json"));
  const plain = await measureAll(kept, "without a network", plainMethods, task, []);
  const results: Results["networks"][number][] = [];
  const shown: Method[] = [];
  for (const { network, hashes } of trained) {
    const methods = await networkMethods(network, known.points, linear.mean, SIZES, seed, backend);
    if (shown.length === 0) shown.push(plainMethods[2]!, ...methods.filter(isShown));
    results.push({
      name: network.name,
      sha256: hashes,
      figures: await measureAll(kept, network.name, methods, task, hashes),
    });
  }
  const page: Results = {
    machine,
    seed,
    references: REFERENCES,
    queries: QUERIES,
    neighbours: NEIGHBOURS,
    fittedOn: FITTED_ON,
    plain,
    networks: results,
  };
  const digits = task.queries.points.subarray(0, 12 * size);
  const png = await drawMethods(shown, digits, SIDE, seed);
  const path = join(out, "usefulness");
  writeFileSync(`${path}.png`, png);
  writeFileSync(`${path}.json`, `${JSON.stringify(page, undefined, 2)}\n`);
  writeFileSync(`${path}.md`, toMarkdown(page, "usefulness.png"));
  console.log(`${path}.md, ${path}.json, ${path}.png`);
  for (const { network } of trained) network.decoder.dispose();
}

/** A network's own encoder, and its decoder with each prior, from 0 and from the encoder's code. */
export async function networkMethods(
  network: Network,
  known: Float32Array,
  mean: ArrayLike<number>,
  sizes: MixtureSizes,
  seed: number,
  backend: Backend,
): Promise<readonly Method[]> {
  const priors = codePriors(await network.encode(known), network.decoder.latentSize, sizes, seed);
  return [
    encoderMethod(network, [0], "0", backend),
    encoderMethod(network, mean, "the mean digit's", backend),
    ...priors.map((prior) => flowMethod(network, prior, undefined, backend)),
    // Three times the prior from 0 alone: how much the start matters is seen from the others.
    ...priors
      .filter(({ prior }) => prior?.weight !== 3)
      .map((prior) => flowMethod(network, prior, mean, backend)),
  ];
}

/** The encoder at its best, and the flow from 0 without a prior, with ½‖z‖², and with the mixture. */
function isShown({ name }: Method): boolean {
  return /^encoder.*mean|^flow, (no prior|prior ½|a mixture)/.test(name);
}

async function measureAll(
  kept: KeptFigures,
  title: string,
  methods: readonly Method[],
  task: Task,
  hashes: readonly string[],
): Promise<Figures[]> {
  console.log(title);
  const all: Figures[] = [];
  for (const method of methods) {
    const figures = await kept.of(method, task, hashes);
    const errors = Object.values(figures.errors).map((error) => error.mean.toFixed(4));
    console.log([method.name, figures.norm.mean.toFixed(1), figures.accuracy, ...errors].join(" | "));
    all.push(figures);
  }
  return all;
}

/** `count` digits with their classes, chosen by the seed. */
function choose(data: Dataset, count: number, seed: number): Labelled {
  const rows = createSampler({ count: data.count, batchSize: count, seed }).next();
  return { points: data.rows(rows), labels: Uint8Array.from(rows, (row) => data.labels![row]!) };
}

function first({ points, labels }: Labelled, count: number, size: number): Labelled {
  return { points: points.subarray(0, count * size), labels: labels.subarray(0, count) };
}
