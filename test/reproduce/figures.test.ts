// run: first
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { passesOf } from "../../bench/passes.ts";
import { mean, total } from "../../bench/timing.ts";
import { elementNamed, jobsOf } from "../../reproduce/elements.ts";
import { QUICK_IMAGES } from "../../reproduce/figure1-runs.ts";
import { FLOORS, type FloorName } from "../../reproduce/floors.ts";
import { jobFor as frontierJobFor, type Recipe } from "../../reproduce/frontier-runs.ts";
import { runJob } from "../../reproduce/job.ts";
import {
  backend,
  chooseRows,
  createConvolutionalDecoder,
  createPaperDecoder,
  fromZero,
  imagesOf,
  letter,
  printed,
  readData,
  training,
} from "../../reproduce/paper-setting.ts";
import { measureCodes, measureFlow } from "../../reproduce/reconstruction.ts";
import { costOf } from "../../reproduce/stiffness.ts";
import { jobFor, type Method, type Trained } from "../../reproduce/trained-decoders.ts";
import { checksum, showChecksum } from "../../src/base/checksum.ts";
import { amd, createDecoder, decode, encode, lbfgs } from "../../src/index.ts";
import { readCheckpoint } from "../../src/train/checkpoint-format.ts";
import {
  adam,
  createDataset,
  encodeWith,
  linear,
  meanCode,
  shift,
  train,
  trainAutoencoder,
} from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";

// What is behind the figures that npm run reproduce writes: of which images they are, by what, and in which row they stand.

const folder = mkdtempSync(join(tmpdir(), "latentflow-reproduce-figures-"));
test.after(() => rmSync(folder, { recursive: true }));

const quick = { quick: true, seeds: 1 };

/** As checkpoints describe data. */
const sumOf = (values: Float32Array) => showChecksum(checksum(new Uint8Array(values.buffer)));

/** A loss as a table has it, with its excess above the floor; its deviation if it has one. */
function shown(loss: number, deviation = "", name: FloorName = "MNIST, test"): string {
  return `${loss.toFixed(4)}${deviation} (${(loss - FLOORS[name]).toFixed(4)})`;
}

/** The cells of the row of this label, in the section of this heading if there is one. */
function rowOf(markdown: string, heading: string, label: string): string[] {
  const section = heading ? markdown.slice(Math.max(0, markdown.indexOf(`## ${heading}`))) : markdown;
  const line = section.split("\n").find((one) => one.startsWith(`| ${label} |`));
  return line!.split(" | ").slice(1);
}

test("what is measured over pieces is what encode and decode find of all images at once", async () => {
  const [latentSize, size, count] = [2, 3, 2500];
  const decoder = createDecoder({ layers: [latentSize, 8, size], loss: "mse", seed: 1 });
  const encoder = createDecoder({ layers: [size, latentSize], loss: "mse", seed: 2 });
  const data = createDataset(randomArray(1, count * size), { shape: [size] });
  const y = data.toFloat32();
  const squaresAt = async (z: Float32Array) =>
    mean((await decode(decoder, z, { backend })).map((value, i) => (value - y[i]!) ** 2));
  // Some end before they are at rest.
  const solver = lbfgs({ maxSteps: 4 });
  for (const z0 of [undefined, Float32Array.of(1.5, -1)]) {
    const result = await encode(decoder, y, { solver, backend, ...(z0 && { z0 }) });
    const found = await measureFlow(decoder, data, solver, { z0 });
    assert.ok(Math.abs(found.loss - mean(result.loss)) < 1e-12);
    assert.ok(Math.abs(found.squaredError - (await squaresAt(result.z))) < 1e-7);
    assert.is(found.passes, total(passesOf(result, latentSize)) / count);
    const statuses = [...new Set(result.status)].sort();
    assert.ok(statuses.length > 1);
    assert.equal(
      found.statuses,
      Object.fromEntries(
        statuses.map((status) => [status, result.status.filter((one) => one === status).length]),
      ),
    );
  }
  const codes = await encodeWith(encoder, y, { backend });
  const byEncoder = await measureCodes(decoder, encoder, data);
  assert.ok(Math.abs(byEncoder.squaredError - (await squaresAt(codes))) < 1e-7);
  // The decoder's loss is the mean square.
  assert.ok(Math.abs(byEncoder.loss - byEncoder.squaredError) < 1e-7);
});

test("table 1's jobs train on training images, validate on validation images and test on test images, by what they are named after", async () => {
  const data = await readData("MNIST", quick);
  const solvers = { amd: letter(), "amd, as printed": printed(), lbfgs: lbfgs() };
  const asTrained = {
    "flow, amd": { "solver.growFrom": "accepted", epochs: 1 },
    "flow, amd as printed": { "solver.growFrom": "trial", epochs: 1 },
    "flow, lbfgs": { "solver.name": "lbfgs", epochs: 1 },
    "autoencoder, 1 pass": { epochs: 1 },
    "autoencoder, 12 passes": { epochs: 12 },
  } satisfies Record<Exclude<Method, "PCA">, object>;
  const seed = 2;
  for (const [method, expected] of Object.entries(asTrained)) {
    const at = join(folder, method);
    const job = jobFor("MNIST", 480, method as Method, seed, quick, true);
    const { result } = await runJob(job, { folder: at, progress: () => {}, soFar: () => {} });
    const { run, state } = readCheckpoint(readFileSync(join(at, "training.checkpoint")));
    const wanted = {
      ...expected,
      seed,
      batchSize: 5,
      replacement: false,
      "data.checksum": sumOf(chooseRows(data.train, imagesOf(480, quick), seed)),
      "validationData.checksum": sumOf(data.validation.toFloat32()),
    };
    assert.equal({ ...run, ...wanted }, run, method);
    for (const [by, solver] of Object.entries(solvers)) {
      const measured = result.tests[by];
      if (!measured) continue;
      const decoder = createPaperDecoder(seed);
      decoder.parameters.set(state.trainer.parameters.subarray(-decoder.parameters.length));
      // What the job has kept of its test is of this decoder and this solver: nothing is left to do.
      const kept = await measureFlow(decoder, data.test, solver, {
        file: join(at, `test by ${by}.json`),
        progress: () => assert.unreachable(`${method}, ${by}`),
      });
      assert.is(kept.loss, measured.loss, `${method}, ${by}`);
      // And of these images. AMD takes a second for them: what it has done once it does again for one method.
      if (solver.name === "lbfgs" || method === "flow, amd") {
        assert.is((await measureFlow(decoder, data.test, solver)).loss, measured.loss, `${method}, ${by}`);
      }
    }
  }
});

test("the letter beside the authors' code: a loss that is not finite is no loss of 0", () => {
  const results = new Map<string, never>();
  for (const seed of [0, 1]) {
    const loss = seed === 0 ? 0.2 : Number.NaN;
    results.set(`480 images, to the letter, seed ${seed}`, { loss: 0.3, t: 9 } as never);
    results.set(`480 images, coupled as in the code, seed ${seed}`, { loss, t: 7 } as never);
  }
  const { markdown } = elementNamed("authors-code").page(
    results,
    { quick: false, seeds: 2 },
    () => new Map(),
  );
  assert.equal(rowOf(markdown, "", "the second less the first, seed by seed"), ["not finite", "-2 ± 0 |"]);
});

test("the frontier: the best is chosen by validation, and shown as tested from where it is best begun", () => {
  const results = new Map<string, never>();
  const add = (recipe: string, validated: number, zero: number, mean?: number) => {
    const tests = { lbfgs: { loss: zero }, ...(mean && { "lbfgs from the mean code": { loss: mean } }) };
    for (const seed of [0, 1, 2]) {
      const id = `480 images, ${recipe}, seed ${seed}`;
      results.set(id, { trainedInSeconds: 90, validated: { loss: validated }, tests } as never);
    }
  };
  const page = () =>
    elementNamed("frontier").page(results, { quick: false, seeds: 3 }, () => new Map()).markdown;
  const best = () =>
    page()
      .split("\n")
      .find((line) => line.startsWith("| 480 |"));
  const [early, late] = [800, 1600].map(
    (passes) => `autoencoder, ${passes} passes; shifts of 3; small convolutions`,
  );
  const flows = "autoencoder, 800 passes; then flow, 40 passes; shifts of 3; small convolutions";
  add(early!, 0.08, 0.5, 0.083);
  add(late!, 0.09, 0.01, 0.02);
  add(flows, 0.085, 0.03);
  assert.is(best(), `| 480 | 1,000 | ${shown(0.083, " ± 0.0000")} | ${early} |`);
  assert.match(page(), /The best is trained by an autoencoder \(480 images\)\./);
  add(flows, 0.07, 0.085);
  assert.is(best(), `| 480 | 1,000 | ${shown(0.085, " ± 0.0000")} | ${flows} |`);
  assert.match(page(), /The best is trained by an autoencoder and then flows \(480 images\)\./);
  // A look with one seed is never the best, and neither is what is not finite.
  add(flows, Number.NaN, 0.01);
  add("autoencoder, 3200 passes; shifts of 3; small convolutions", 0.01, 0.02, 0.02);
  assert.ok(best()!.endsWith(` | ${early} |`), best());
});

test("the frontier: where flows have trained after it, an autoencoder's encoder encodes nothing any more", async () => {
  const jobs = jobsOf(elementNamed("frontier"), quick);
  const testsOf = async (recipe: string) => {
    const job = jobs.find(({ id }) => id === `480 images, autoencoder, 800 passes; ${recipe}, seed 0`)!;
    const at = { folder: join(folder, "frontier", recipe), progress: () => {}, soFar: () => {} };
    return Object.keys(((await runJob(job, at)).result as Trained).tests).sort();
  };
  const encoded = ["its own code", "lbfgs", "lbfgs from the mean code"];
  assert.equal(await testsOf("shifts of 3; small convolutions"), encoded);
  assert.equal(await testsOf("then flow, 40 passes; shifts of 3; small convolutions"), ["lbfgs"]);
});

/** A recipe of the frontier, next to nothing of it: 3 passes of the autoencoder on 10 images, 2 of the flow. */
async function foundBy(changes: Partial<Recipe>) {
  const [seed, count] = [2, 480];
  const recipe: Recipe = {
    network: "small",
    autoencoder: 300,
    flow: 200,
    hasPrior: false,
    pixels: 2,
    hasAllSeeds: false,
    ...changes,
  };
  const job = frontierJobFor(count, recipe, seed, quick);
  const at = join(folder, "frontier", job.id);
  const { result } = await runJob(job, { folder: at, progress: () => {}, soFar: () => {} });
  const { train: images, validation, test: digits } = await readData("MNIST", quick);
  const y = chooseRows(images, imagesOf(count, quick), seed);
  const checkpointOf = (name: string) => readCheckpoint(readFileSync(join(at, `${name}.checkpoint`)));
  return { result, seed, y, validation, digits, checkpointOf };
}

test("the frontier: a recipe trains as it says, with a prior where it has one, and is tested without", async () => {
  for (const hasPrior of [false, true]) {
    const { result, seed, y, validation, digits, checkpointOf } = await foundBy({ hasPrior });
    const decoder = createConvolutionalDecoder("small", 0);
    /** The training has been as `wanted` says; then the decoder is what it came to. */
    const follow = (name: string, wanted: object) => {
      const { run, state } = checkpointOf(name);
      assert.equal({ ...run, ...wanted }, run, name);
      decoder.parameters.set(state.trainer.parameters.subarray(-decoder.parameters.length));
      return run;
    };
    const common = {
      seed,
      batchSize: 16,
      gradientClip: 0.5,
      "augment.pixels": 2,
      "data.checksum": sumOf(y),
      "optimizer.name": "adam",
      "schedule.name": "linear",
    };
    follow("autoencoder", { ...common, epochs: 3, "optimizer.learningRate": 3e-3 });
    const { "prior.name": name, "prior.weight": weight } = follow("flow", {
      ...common,
      epochs: 2,
      "optimizer.learningRate": 3e-4,
      "solver.name": "lbfgs",
      "decoder.parameters": sumOf(decoder.parameters),
    });
    assert.equal([name, weight], hasPrior ? ["gaussian", 0.01] : [undefined, undefined]);
    // A decoder of its own, without a prior.
    assert.is(result.validated.loss, (await measureFlow(decoder, validation, lbfgs())).loss);
    assert.is(result.tests.lbfgs!.loss, (await measureFlow(decoder, digits, lbfgs())).loss);
  }
  const { seed, y, checkpointOf } = await foundBy({ autoencoder: 0, pixels: 0 });
  const { run } = checkpointOf("flow");
  const parameters = sumOf(createConvolutionalDecoder("small", seed).parameters);
  const alone = {
    "optimizer.learningRate": 3e-3,
    "data.checksum": sumOf(y),
    "decoder.parameters": parameters,
  };
  assert.equal({ ...run, ...alone }, run);
  assert.is(run["augment.pixels"], undefined);
});

test("the frontier: an autoencoder's flows begin at the mean code of its training images, and at 0", async () => {
  const { result, seed, y, validation, digits } = await foundBy({ flow: 0 });
  const trained = await trainAutoencoder(createConvolutionalDecoder("small", seed), y, {
    seed,
    backend,
    epochs: 3,
    batchSize: 16,
    gradientClip: 0.5,
    schedule: linear(),
    optimizer: adam({ learningRate: 3e-3 }),
    augment: shift({ pixels: 2 }),
  });
  const { encoder } = trained;
  const decoder = fromZero(trained.decoder);
  const z0 = await meanCode(encoder, y, { backend });
  const lossOf = async (data: typeof digits, at?: Float32Array) =>
    (await measureFlow(decoder, data, lbfgs(), { z0: at })).loss;
  assert.is(result.validated.loss, await lossOf(validation, z0));
  const losses = Object.fromEntries(Object.entries(result.tests).map(([by, { loss }]) => [by, loss]));
  assert.equal(losses, {
    lbfgs: await lossOf(digits),
    "lbfgs from the mean code": await lossOf(digits, z0),
    "its own code": (await measureCodes(decoder, encoder, digits)).loss,
  });
});

test("figure 1: the runs beside the default's differ from it in what they are named after alone", async () => {
  const runOf = async (id: RegExp) => {
    const { at } = await found("figure1", id);
    return readCheckpoint(readFileSync(join(at, "training.checkpoint"))).run;
  };
  const plain = await runOf(/images, lbfgs, seed/);
  const changesOf = (other: typeof plain) =>
    Object.fromEntries(
      Object.keys({ ...plain, ...other })
        .filter((key) => JSON.stringify(plain[key]) !== JSON.stringify(other[key]))
        .map((key) => [key, other[key]]),
    );
  assert.equal(changesOf(await runOf(/falling rate/)), {
    gradientClip: 0.5,
    "schedule.name": "linear",
    "schedule.to": 0,
  });
  const { "prior.numbers": numbers, ...prior } = changesOf(await runOf(/with a prior/));
  assert.equal(prior, { "prior.name": "gaussian", "prior.weight": 0.01 });
  assert.type(numbers, "string");
});

/** What the page of an element says of whether a claim holds, by losses of seed 0 alone. */
function verdict(
  element: string,
  results: Readonly<Record<string, unknown>>,
  others: (name: string) => Readonly<Record<string, unknown>> = () => ({}),
): string {
  const of = (by: object) => new Map(Object.entries(by).map(([id, one]) => [`${id}, seed 0`, one as never]));
  const settings = { quick: false, seeds: 1 };
  return elementNamed(element).page(of(results), settings, (name) => of(others(name))).summary.holds;
}

/** A training that is looked at after every 1920 images. */
const trainingOf = (...losses: number[]) => ({
  validation: losses.map((loss, i) => ({ images: 1920 * i, loss })),
  trainedInSeconds: 1,
  calls: { digits: 10, forwards: 4010, gradients: 10, tangents: 0, mixed: 0 },
});

test("figure 2: whether the paper's claims hold", () => {
  const right = (gradient: number[], second: number[], amd: number[], rule = "") =>
    verdict("figure2-right", {
      [`5760 images, GFE, RK4${rule}`]: trainingOf(...gradient),
      [`5760 images, second order, RK4${rule}`]: trainingOf(...second),
      "5760 images, GFE-amd": trainingOf(...amd),
    });
  const ours = [
    [0.7, 0.3, 0.1],
    [0.7, 0.2, 0.09],
    [0.7, 0.3, 0.11],
  ] as const;
  assert.is(
    right([...ours[0]], [...ours[1]], [...ours[2]]),
    "second order faster at first: yes (classic rule), … (3/8 rule); fixed grids unstable later: not seen (classic rule), … (3/8 rule); GFE-amd better: no (classic rule), … (3/8 rule)",
  );
  assert.match(
    right([...ours[0]], [...ours[1]], [...ours[2]], " 3/8"),
    /yes \(3.* not seen \(3.* no \(3\/8 rule\)$/,
  );
  const papers = right([0.7, 0.3, 0.34], [0.7, 0.2, 0.4], [0.7, 0.3, 0.1]);
  assert.match(papers, /: yes \(classic.*: seen \(classic.*: yes \(classic/);
  const mixed = right([0.7, 0.2, 0.2], [0.7, 0.3, 0.1], [0.7, 0.3, 0.15]);
  assert.match(mixed, /: no \(classic.*: not seen \(classic.*: than one of the two \(classic/);
  const left = (full: number) =>
    verdict("figure2-left", {
      "1920 images, approximate": trainingOf(0.7, 0.3),
      "1920 images, full": trainingOf(0.7, full),
    });
  // 0.1449 less than 0.2449 above the floor.
  assert.match(left(0.2), /^full better: yes, 40\.8 % lower by the excess/);
  for (const full of [0.4, Number.NaN]) assert.match(left(full), /^full better: no/);
});

test("stiffness: the general solver's cost explodes where it is ten times what it was", () => {
  const cost = (evaluations: number) => ({ evaluations, loss: 0.1 });
  const said = (end: number) =>
    verdict("stiffness", {
      "100 test digits": [
        { seen: 0, general: cost(50), adaptive: cost(200) },
        { seen: 3840, general: cost(end), adaptive: cost(100) },
      ],
    });
  assert.match(said(500), /^holds: after 3,840 digits Dormand-Prince takes 10 times /);
  assert.match(said(490), /^in part: .* takes 9\.8 times/);
  assert.match(said(40), /^no: .* takes 0\.8 times/);
});

test("figure 3: whether GFE-amd's losses are lower, by the excess above the floor", () => {
  const said = (few: number) => {
    const of = (name: string, flow: number, autoencoder: number) => ({
      [`${name}, 480 images, flow, amd`]: { tests: { amd: { loss: flow } } },
      [`${name}, 480 images, autoencoder, 12 passes`]: { tests: { "its own code": { loss: autoencoder } } },
    });
    const holds = verdict("figure3", of("Fashion-MNIST", 0.3, 0.35), (name) =>
      name === "table1-left" ? of("MNIST", few, 0.2) : {},
    );
    return holds.split("; than the AE, 12 passes: ")[1]!;
  };
  // 0.05 of 0.35 less 0.2422, 0.05 and 0.1 of 0.2 less 0.0581.
  for (const [loss, word] of [
    [0.25, "no (35.2 % higher)"],
    [0.1, "yes (70.5 % lower)"],
    [0.199, "no (as low)"],
    [0.201, "no (as low)"],
    [Number.NaN, "no (a loss is not finite)"],
  ] as const)
    assert.ok(said(loss).startsWith(`${word} on MNIST, yes (46.4 % lower) on Fashion-MNIST`), said(loss));
});

/** What a job of an element finds, next to nothing of it, and where it has left its checkpoints. */
async function found(element: string, id: RegExp) {
  const job = jobsOf(elementNamed(element), quick).find((one) => id.test(one.id))!;
  const at = join(folder, "jobs", job.id);
  const { result } = await runJob(job, { folder: at, progress: () => {}, soFar: () => {} });
  return { result, at };
}

test("figure 1's mini-batches are drawn with replacement, of training images; its losses are of validation images", async () => {
  const { at } = await found("figure1", /autoencoder/);
  const { train, validation } = await readData("MNIST", quick);
  const { run } = readCheckpoint(readFileSync(join(at, "training.checkpoint")));
  const wanted = {
    replacement: true,
    batchSize: 5,
    seed: 0,
    "optimizer.name": "adam",
    "data.checksum": sumOf(train.slice(0, QUICK_IMAGES).toFloat32()),
    "validationData.checksum": sumOf(validation.toFloat32()),
  };
  assert.equal({ ...run, ...wanted }, run);
});

test("figure 1 by AMD is broken off before all images are done, and is whole then", async () => {
  const { result } = await found("figure1", /GFE-amd/);
  const { images } = (result as { images: number }[]).at(-1)!;
  const last = (60_000 / 800_000) * QUICK_IMAGES;
  assert.ok(images >= last && images < last + 5, `${images}`);
});

test("the letter beside the authors' code is tested on the first test images", async () => {
  const { result } = await found("authors-code", /to the letter/);
  const data = await readData("MNIST", quick);
  const y = chooseRows(data.train, imagesOf(480, quick), 0);
  const { decoder } = await train(createPaperDecoder(0), y, { ...training(0), solver: letter() });
  const { loss } = await measureFlow(decoder, data.test, letter());
  assert.ok(Math.abs((result as { loss: number }).loss - loss) < 1e-12);
});

test("stiffness: an evaluation is of loss and gradient, and half of one is of either", async () => {
  const { test: digits } = await readData("MNIST", quick);
  const y = digits.toFloat32();
  // The first step is too long: some backtracks take values alone.
  const solver = amd({ t1: 1e8, stepInit: 1e8, stepMax: 1e8 });
  const { stats, loss } = await encode(createPaperDecoder(0), y, { solver, backend });
  const { valueEvaluations, gradientEvaluations } = stats;
  assert.ok(mean(valueEvaluations) > mean(gradientEvaluations));
  const cost = await costOf(createPaperDecoder(0), y, solver);
  assert.equal(cost, {
    evaluations: (total(valueEvaluations) + total(gradientEvaluations)) / 2 / digits.count,
    loss: mean(loss),
  });
});

test.run();
