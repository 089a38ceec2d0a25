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
const ofValidation = (loss: number) => shown(loss, "", "MNIST, first 100 of validation");

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
    const { run, state } = readCheckpoint(method, readFileSync(join(at, "training.checkpoint")));
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

test("table 1: each row is of the method and the encoding that it is named after, and no loss counts that is not there", () => {
  const rows: readonly [heading: string, label: string, method: Method, by: string][] = [
    ["To the letter", "GFE-amd", "flow, amd", "amd"],
    ["To the letter", "GFE-amd, grown as printed", "flow, amd as printed", "amd, as printed"],
    ["To the letter", "AE, one pass", "autoencoder, 1 pass", "its own code"],
    ["To the letter", "mixed, one pass", "autoencoder, 1 pass", "amd"],
    ["To the letter", "AE, twelve passes", "autoencoder, 12 passes", "its own code"],
    ["To the letter", "mixed, twelve passes", "autoencoder, 12 passes", "amd"],
    ["To the letter", "PCA, 20 components", "PCA", "projection"],
    ["As latentflow", "the flow, `lbfgs`", "flow, lbfgs", "lbfgs"],
    ["As latentflow", "GFE-amd's decoder, inverted by `lbfgs`", "flow, amd", "lbfgs"],
    ["As latentflow", "AE, one pass, inverted by `lbfgs`", "autoencoder, 1 pass", "lbfgs"],
    ["As latentflow", "AE, twelve passes, inverted by `lbfgs`", "autoencoder, 12 passes", "lbfgs"],
  ];
  // Row i has i + 1 on average. After 1920 images seed 1 is not there, after 5760 its loss is not finite.
  const measured = (loss: number) => ({ loss, squaredError: loss / 10, seconds: 1 });
  const results = new Map<string, never>();
  for (const count of [480, 1920, 5760]) {
    for (const [i, [, , method, by]] of rows.entries()) {
      for (const seed of [0, 1]) {
        const id = `MNIST, ${count} images, ${method}, seed ${seed}`;
        const { tests } = (results.get(id) ?? { tests: {} }) as { tests: Record<string, unknown> };
        if (count === 1920 && seed === 1) continue;
        const loss = count === 5760 && seed === 1 ? Number.NaN : i + 1 + (seed === 0 ? 0.1 : -0.1);
        results.set(id, { tests: { ...tests, [by]: measured(loss) } } as never);
      }
    }
  }
  const { markdown, charts } = elementNamed("table1-left").page(
    results,
    { quick: false, seeds: 2 },
    () => new Map(),
  );
  for (const [i, [heading, label]] of rows.entries()) {
    assert.equal(rowOf(markdown, heading, label), [
      shown(i + 1, " ± 0.1414"),
      `${shown(i + 1.1)}, 1 of 2 seeds`,
      "not finite |",
    ]);
    assert.equal(rowOf(markdown, "In squared error", label), [
      `${((i + 1) / 10).toFixed(4)} ± 0.0141`,
      `${((i + 1.1) / 10).toFixed(4)}, 1 of 2 seeds`,
      "not finite |",
    ]);
  }
  assert.match(markdown, /a pass of each: lower after 480 images, lower after 1920 images, not finite after/);
  // The paper has 0.2098, and the floor is 0.0581: 0.9419 beside 0.1517.
  assert.match(
    markdown,
    /^\| GFE-amd's excess beside the paper's \| 520\.8 % higher \| not computed yet \| not finite \|$/m,
  );
  for (const { points } of charts!["table1-left"]!.lines)
    assert.ok(points.every(({ y }) => Number.isFinite(y)));
});

test("table 1, left: after how many passes the paper's figures may be, and whether the claim holds beside them", () => {
  // The paper's AE has 0.2660, 0.2488, 0.1954.
  const said = (flow: number, once: number, twelve: number) => {
    const of = (method: string, by: string, loss: number) =>
      [480, 1920, 5760].map(
        (count) =>
          [`MNIST, ${count} images, ${method}, seed 0`, { tests: { [by]: { loss } } } as never] as const,
      );
    const results = new Map<string, never>([
      ...of("flow, amd", "amd", flow),
      ...of("autoencoder, 1 pass", "its own code", once),
      ...of("autoencoder, 12 passes", "its own code", twelve),
    ]);
    const { markdown } = elementNamed("table1-left").page(results, quick, () => new Map());
    return markdown.slice(markdown.indexOf("After how many passes")).replaceAll("\n", " ");
  };
  assert.match(
    said(0.1, 0.2, 0.1),
    /So they may well be of one pass, beside which the claim holds, and not of the/,
  );
  assert.match(said(0.3, 0.2, 0.1), /of one pass, beside which the claim does not hold after every number/);
  assert.match(said(0.1, 0.4, 0.2), /So they may be of the twelve that the text speaks of\./);
  assert.not.match(said(0.1, 0.2, Number.NaN), /So they may/);
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

test("the frontier: what flows alone come to with the large convolutions is said by the figures, and that it is open before", () => {
  const results = new Map<string, never>();
  const add = (count: number, recipe: string, by: string, ...losses: number[]) => {
    for (const [seed, loss] of losses.entries()) {
      const id = `${count} images, ${recipe}; large convolutions, seed ${seed}`;
      const tests = { [by]: { loss } };
      results.set(id, { trainedInSeconds: 90, validated: { loss }, tests } as never);
    }
  };
  const page = () => elementNamed("frontier").page(results, { quick: false, seeds: 3 }, () => new Map());
  const holds = () => page().summary.holds;
  const code = "lbfgs from the mean code";
  add(480, "autoencoder, 400 passes; shifts of 3", code, 0.075, 0.075, 0.075);
  const open = /are not computed yet: whether the best is so by its autoencoder or by its network is open\.$/;
  assert.match(holds(), open);
  add(480, "flow, 200 passes; shifts of 3", "lbfgs", 0.07, 0.072);
  assert.match(
    holds(),
    /flows alone\]\(frontier\.md#flows-alone\) are lower with every seed after 480 images \(2 of 3 seeds\)\.$/,
  );
  assert.match(holds(), /^The best is trained by an autoencoder \(480 images\)\./);
  const { markdown } = page();
  const seeds = `${shown(0.07)} and ${shown(0.072)}, 2 of 3 seeds, in 2 minutes of training`;
  assert.ok(
    markdown.includes(
      `- 480 images: lower with every seed. Flows alone are at ${seeds}; the autoencoder is at ${shown(0.075, " ± 0.0000")}, in 2.`,
    ),
  );
  assert.match(markdown, /Missing: seed 2 of 480 images, seeds 0, 1 and 2 of 1,920 images\./);
  assert.match(markdown, /Flows alone of 5,760 and 50,000 images are not planned\./);
  assert.match(markdown, /after 480 images 1 of flows alone and 3 of autoencoders; after 1,920 images 1 of/);
  for (const [loss, word, trainer] of [
    [0.07, "lower with every seed", "flows alone"],
    [0.08, "higher with every seed", "an autoencoder"],
    [0.075, "as low", "an autoencoder"],
  ] as const) {
    add(480, "flow, 200 passes; shifts of 3", "lbfgs", loss, loss, loss);
    assert.ok(holds().startsWith(`The best is trained by ${trainer} (480 images).`));
    assert.ok(holds().endsWith(` are ${word} after 480 images.`));
    const bySeed = `, by seed ${loss.toFixed(4)}, ${loss.toFixed(4)} and ${loss.toFixed(4)}`;
    assert.ok(
      page().markdown.includes(`${word}. Flows alone are at ${shown(loss, " ± 0.0000")}${bySeed}, in`),
    );
    assert.match(page().markdown, /Missing: seeds 0, 1 and 2 of 1,920 images\./);
  }
  add(1920, "autoencoder, 120 passes; shifts of 3", code, 0.074, 0.074, 0.074);
  add(1920, "flow, 60 passes; shifts of 2", "lbfgs", 0.076, 0.076, 0.076);
  assert.match(holds(), / are as low after 480 images and higher with every seed after 1,920 images\.$/);
  // One seed far off makes the deviation larger than the difference of the means.
  add(1920, "flow, 60 passes; shifts of 2", "lbfgs", 0.076, 0.0745, 0.09);
  assert.match(holds(), / and higher with every seed after 1,920 images\.$/);
  add(1920, "flow, 60 passes; shifts of 2", "lbfgs", 0.076, 0.0735, 0.09);
  assert.match(holds(), / and as low after 1,920 images\.$/);
  assert.not.match(page().markdown, /Missing/);
});

test("the frontier: flows alone with the small convolutions stand beside the autoencoder of as large shifts", () => {
  const results = new Map<string, never>();
  const add = (recipe: string, by: string, loss: number, seeds: readonly number[]) => {
    for (const seed of seeds) {
      const id = `480 images, ${recipe} convolutions, seed ${seed}`;
      const tests = { [by]: { loss } };
      results.set(id, { trainedInSeconds: 90, validated: { loss }, tests } as never);
    }
  };
  const all = [0, 1, 2];
  add("flow, 200 passes; shifts of 3; large", "lbfgs", 0.08, all);
  add("autoencoder, 400 passes; shifts of 3; large", "lbfgs from the mean code", 0.07, all);
  add("autoencoder, 800 passes; shifts of 2; small", "lbfgs from the mean code", 0.079, all);
  add("autoencoder, 800 passes; shifts of 3; small", "lbfgs from the mean code", 0.077, all);
  add("flow, 200 passes; shifts of 2; small", "lbfgs", 0.078, [0]);
  const { markdown } = elementNamed("frontier").page(results, { quick: false, seeds: 3 }, () => new Map());
  const lines = markdown.split("\n").filter((line) => line.startsWith("- 480 images, shifts of"));
  assert.equal(lines, [
    `- 480 images, shifts of 2: flows alone ${shown(0.078)} (one seed), the autoencoder ${shown(0.079, " ± 0.0000")}`,
  ]);
});

test("inversion: how much of a flow's lead an autoencoder's decoder has, too, when it is inverted by the same solver", () => {
  const said = (inverted: number, flow = 0.07) => {
    const trained = (tests: object) => ({ tests }) as never;
    const results = new Map<string, never>([
      ["MNIST, 50000 images, flow, lbfgs, seed 0", trained({ lbfgs: { loss: flow } })],
      ["MNIST, 50000 images, flow, amd, seed 0", trained({ amd: { loss: 0.08 } })],
      [
        "MNIST, 50000 images, autoencoder, 1 pass, seed 0",
        trained({ "its own code": { loss: 0.11 }, lbfgs: { loss: inverted }, amd: { loss: 0.095 } }),
      ],
    ]);
    const { markdown, summary } = elementNamed("table1-right").page(results, quick, () => new Map());
    const link =
      "See [how much of the lead is the inversion](table1-right.md#how-much-of-the-lead-is-the-inversion).";
    const figure1 = elementNamed("figure1").page(new Map<string, never>(), quick, () => results);
    for (const { holds } of [summary, figure1.summary]) assert.ok(holds.endsWith(link), holds);
    return markdown.slice(markdown.indexOf("## How much of the lead is the inversion")).replaceAll("\n", " ");
  };
  assert.match(
    said(0.08),
    /closes part of the flow's lead\. By `lbfgs`: 75 % on MNIST\. By AMD, GFE-amd's own solver: 50 % on MNIST\./,
  );
  assert.ok(said(0.08).includes(`decoder of one pass, inverted by \`lbfgs\`, is at ${shown(0.08)}; its own`));
  assert.match(said(0.1), /By `lbfgs`: 25 % on MNIST\./);
  // A flow that is behind has no lead.
  assert.match(
    said(0.1, 0.12),
    /By `lbfgs`: not computed yet\. By AMD, GFE-amd's own solver: 50 % on MNIST\./,
  );
});

test("table 1, right: an autoencoder that has gone astray is no opponent, and a poor inversion is said", () => {
  const validation = (...losses: number[]) => losses.map((loss, i) => ({ images: 100 * i, loss }));
  const results = new Map<string, never>();
  for (const [name, end] of [
    ["MNIST", 0.1],
    ["SegMNIST", 0.3],
    ["Fashion-MNIST", 0.1],
  ] as const) {
    results.set(`${name}, 50000 images, flow, amd, seed 0`, { tests: { amd: { loss: 0.3 } } } as never);
    const tests = {
      "its own code": { loss: 0.33 },
      amd: { loss: name === "Fashion-MNIST" ? 0.35 : 0.28 },
      lbfgs: { loss: 0.27 },
    };
    results.set(`${name}, 50000 images, autoencoder, 12 passes, seed 0`, {
      tests,
      validation: validation(0.7, 0.1, end),
    } as never);
  }
  const { markdown, summary } = elementNamed("table1-right").page(results, quick, () => new Map());
  const apart = "lower on MNIST, lower on Fashion-MNIST; SegMNIST's autoencoder has gone astray.";
  assert.ok(summary.holds.startsWith(`GFE-amd against the AE of twelve passes: ${apart}`), summary.holds);
  assert.match(summary.holds, /inverted by AMD: higher, higher, lower; by `lbfgs`: higher on all three\./);
  assert.ok(markdown.includes(`- GFE-amd's one pass against the autoencoder's twelve: ${apart}`));
  const ofFashion = (loss: number) => shown(loss, "", "Fashion-MNIST, test");
  assert.ok(
    markdown.includes(
      `On Fashion-MNIST AMD inverts the decoder to ${ofFashion(0.35)}, worse than its own encoder, ${ofFashion(0.33)}; \`lbfgs\` inverts it to ${ofFashion(0.27)}.`,
    ),
  );
  assert.not.match(markdown, /On MNIST AMD inverts/);
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
  const checkpointOf = (name: string) => readCheckpoint(name, readFileSync(join(at, `${name}.checkpoint`)));
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

test("figure 1: losses and hours of training, of a training that has not come to its end, too", () => {
  const points = [
    { images: 0, loss: 0.7, seconds: 0 },
    { images: 1000, loss: 0.1, seconds: 900 },
    { images: 2000, loss: Number.NaN, seconds: 1800 },
    { images: 3000, loss: 0.2, seconds: 5400 },
  ];
  const results = new Map([["800000 images, GFE-amd, seed 0", points as never]]);
  const { markdown, summary } = elementNamed("figure1").page(results, quick, () => new Map());
  assert.equal(rowOf(markdown, "", "GFE-amd"), [
    "3,000",
    ofValidation(0.2),
    ofValidation(0.1),
    "1,000",
    "1.50 |",
  ]);
  assert.match(
    markdown,
    /^The loss of 100 .*\n.*by GFE-amd to 60,000 and lbfgs with a prior to 200,000, where they are broken off\.$/m,
  );
  // 5,400 s, and 797,000 images at 3.6 s.
  assert.match(
    markdown,
    /The first 1,000 images of GFE-amd took 0\.900 s each, its last 1,000 3\.600 s:\n.* 33\.3 days\./,
  );
  assert.is(
    summary.letter,
    `GFE-amd ${ofValidation(0.1)} at its lowest, ${ofValidation(0.2)} after 3,000 images, gone astray; AE …`,
  );
  const endsAt = (loss: number) =>
    elementNamed("figure1").page(
      new Map([
        ["800000 images, lbfgs, seed 0", [...points, { images: 800_000, loss, seconds: 9000 }] as never],
      ]),
      quick,
      () => new Map(),
    );
  assert.is(
    endsAt(0.11).summary.ours,
    `${ofValidation(0.1)} at its lowest, ${ofValidation(0.11)} at the end`,
  );
  for (const [loss, isAstray] of [
    [0.119, false],
    [0.121, true],
    [Number.NaN, true],
  ] as const)
    assert.is(
      endsAt(loss).markdown.includes(
        `lbfgs, latentflow's default: training goes astray. Its loss is lowest, ${ofValidation(0.1)}`,
      ),
      isAstray,
    );
});

test("figure 1: what has gone astray is said with what a prior changes, once", () => {
  const astray = [0.7, 0.1, 0.3];
  const of = (prior?: readonly number[]) => {
    const runs: [string, never][] = [["800000 images, lbfgs, seed 0", follow(astray, 3)]];
    if (prior) runs.push(["800000 images, lbfgs, with a prior, seed 0", follow(prior, 3)]);
    return elementNamed("figure1").page(new Map(runs), quick, () => new Map()).markdown;
  };
  const prior = "`gaussian({ weight: 0.01 })`, which holds the codes near 0";
  for (const [text, said] of [
    [of(), `Whether it does so with a prior, ${prior}, is to be computed.`],
    [
      of(astray),
      `It goes astray with a prior, too, ${prior}: from ${ofValidation(0.1)} after 1,000 images to ${ofValidation(0.3)} after 2,000.`,
    ],
    [of([0.7, 0.2, 0.1]), `With a prior, ${prior}, it has not done so in 2,000 images.`],
  ] as const) {
    assert.ok(text.includes(said), said);
    assert.is(text.split("training goes astray").length, 2);
  }
  // In all, 798,000 images at 3 ms.
  assert.match(
    of(astray),
    /images of lbfgs with a prior took 0\.003 s each, .*\n.* would take 0\.7 hours\.$/m,
  );
});

/** Losses after 0, 1000, … images, and so many seconds for a thousand. */
const follow = (losses: readonly number[], seconds: number, images = 1000) =>
  losses.map((loss, i) => ({ images: images * i, loss, seconds: seconds * i })) as never;

test("figure 1: what a method takes to come to the autoencoder's lowest loss", () => {
  const page = (losses: readonly number[], seconds: number) =>
    elementNamed("figure1").page(
      new Map([
        ["800000 images, autoencoder, seed 0", follow([0.7, 0.5, 0.3, 0.2, 0.25], 10)],
        ["800000 images, GFE-amd, seed 0", follow(losses, seconds)],
      ]),
      quick,
      () => new Map(),
    );
  const said = (...run: Parameters<typeof page>) => {
    const { markdown, summary } = page(...run);
    const [first, second] = summary.holds.split(/(?<=\.) /);
    assert.is(second, "lbfgs, latentflow's default: not computed yet.");
    assert.match(
      summary.holds,
      /one of 5 noisy values, .* The AE's excess is within 5 % of its lowest after 30 s\. See /,
    );
    assert.ok(markdown.includes(`- ${first}`));
    return first;
  };
  const comes = `GFE-amd comes to the AE's lowest loss, ${ofValidation(0.2)}, with`;
  assert.is(
    said([0.7, Number.NaN, 0.2, 0.1], 20),
    `${comes} fewer images (2,000 and 3,000, 67 %) and no less time (40 and 30 s, 130 %).`,
  );
  assert.is(
    said([0.7, 0.19, 0.18, 0.5], 5),
    `${comes} fewer images (1,000 and 3,000, 33 %) and less time (5 and 30 s, 17 %), but goes astray later.`,
  );
  assert.match(said([0.7, 0.6, 0.5, 0.4, 0.2], 5)!, / no fewer images \(4,000 .* and less time/);
  assert.is(
    said([0.7, 0.21], 5),
    `GFE-amd has not come to the AE's lowest loss, ${ofValidation(0.2)}; its own is ${ofValidation(0.21)}.`,
  );
  const { markdown } = page([0.7, 0.6, 0.2, 0.1], 10);
  assert.match(markdown, /\| GFE-amd \| 2,000, 20 s \|/);
  assert.match(markdown, /\| AE \| {2}\| not so far \|$/m);
  // After 10 s the one is at 0.6 and the other at 0.5; none has come to 100 s.
  assert.match(markdown, /Against time it is not below the AE after 10 s\.$/m);
  assert.match(page([0.7, 0.4, 0.2, 0.1], 10).markdown, /Against time it is below the AE after 10 s\.$/m);
  const rows = markdown.slice(markdown.indexOf("| 10 s |"));
  const half = ofValidation(0.5);
  assert.equal(rowOf(rows, "", "AE"), [half, "–", "–", "–", half, "–", "–", "– |"]);
});

test("figure 1: what a falling rate and clipping do to a training that goes astray", () => {
  const said = (tamed: readonly number[] | undefined, images = 400_000, autoencoder = [0.7, 0.2]) =>
    elementNamed("figure1").page(
      new Map([
        ["800000 images, lbfgs, seed 0", follow([0.7, 0.1, 0.3], 1, 400_000)],
        ["800000 images, autoencoder, seed 0", follow(autoencoder, 1)],
        ...(tamed
          ? [["800000 images, lbfgs, falling rate and clipping, seed 0", follow(tamed, 1, images)] as const]
          : []),
      ]),
      quick,
      () => new Map(),
    ).markdown;
  const sound = /The AE, trained by Adam at the same rate, does not go astray\./;
  assert.match(
    said(undefined),
    /found out\. .* Whether it does so with a learning rate .* is to be computed\./,
  );
  assert.match(said(undefined), sound);
  assert.not.match(said(undefined, 1, [0.7, 0.2, 0.4]), sound);
  assert.match(said([0.7, 0.1, 0.3]), /It goes astray with a learning rate .*, too: these are no cure\./);
  assert.match(said([0.7, 0.1, Number.NaN]), /these are no cure/);
  assert.match(
    said([0.7, 0.1, 0.09]),
    /clipped to 0\.5 it does not: it ends at its lowest loss, 0\.0900 \(0\.0349\)\./,
  );
  assert.match(
    said([0.7, 0.1, 0.13, 0.11], 266_667),
    // 0.03 and 0.01 of 0.1 less the floor, 0.0551.
    /it goes less far: from 0\.1000 \(0\.0449\) it rises to 0\.1300 \(0\.0749\) at most, its excess by 66\.8 %, and ends at 0\.1100 \(0\.0549\), its excess 22\.3 % above the lowest\./,
  );
  assert.match(said([0.7, 0.1, 0.09], 1000), /it has not done so in 2,000 images\./);
});

test("figure 1: the runs beside the default's differ from it in what they are named after alone", async () => {
  const runOf = async (id: RegExp) => {
    const { at } = await found("figure1", id);
    return readCheckpoint("figure1", readFileSync(join(at, "training.checkpoint"))).run;
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

/** A training of figure 2, looked at after so many images at a time. */
const trainingOf = (losses: readonly number[], trainedInSeconds = 1, images = 1920, calls = {}) =>
  ({
    validation: losses.map((loss, i) => ({ images: images * i, loss })),
    trainedInSeconds,
    calls: { digits: 10, forwards: 4010, gradients: 10, tangents: 0, mixed: 0, ...calls },
  }) as never;

test("figure 2, right: losses, the largest rise over the lowest before, milliseconds a digit", () => {
  const results = new Map<string, never>();
  for (const [seed, losses] of [
    [0.7, 0.2, 0.1, 0.11],
    [0.7, 0.2, 0.25, 0.3],
    [0.7, Number.NaN, 0.2, 0.2],
  ].entries()) {
    results.set(`5760 images, lbfgs, seed ${seed}`, trainingOf(losses, 57.6));
  }
  const { markdown } = elementNamed("figure2-right").page(
    results,
    { quick: false, seeds: 3 },
    () => new Map(),
  );
  assert.equal(rowOf(markdown, "", "lbfgs, latentflow's default"), [
    ...["0.2033 ± 0.0950 (0.1483)", "0.1667 ± 0.0577 (0.1116)"],
    // 0.01 of 0.0449, 0.1 of 0.1449.
    ...["22.3 %, 69.0 %, not finite", "10 ± 0 |"],
  ]);
});

test("figure 2, right: whether the paper's claims hold, by either rule", () => {
  const page = (
    { gradient, second, amd }: Record<"gradient" | "second" | "amd", readonly number[]>,
    rule = "",
  ) =>
    elementNamed("figure2-right").page(
      new Map([
        [`5760 images, GFE, RK4${rule}, seed 0`, trainingOf(gradient)],
        [`5760 images, second order, RK4${rule}, seed 0`, trainingOf(second)],
        ["5760 images, GFE-amd, seed 0", trainingOf(amd)],
      ]),
      { quick: false, seeds: 1 },
      () => new Map(),
    );
  const ours = { gradient: [0.7, 0.3, 0.1], second: [0.7, 0.2, 0.09], amd: [0.7, 0.3, 0.11] };
  const papers = { gradient: [0.7, 0.3, 0.34], second: [0.7, 0.2, 0.4], amd: [0.7, 0.3, 0.1] };
  assert.is(
    page(ours).summary.holds,
    "second order faster at first: yes (classic rule), … (3/8 rule); fixed grids unstable later: not seen (classic rule), … (3/8 rule); GFE-amd better: no (classic rule), … (3/8 rule)",
  );
  assert.match(
    page(ours, " 3/8").summary.holds,
    /yes \(3\/8 rule\); .* not seen \(3\/8 rule\); .* no \(3\/8 rule\)$/,
  );
  assert.match(page(papers).summary.holds, /: yes \(classic.*: seen \(classic.*: yes \(classic/);
  const mixed = { gradient: [0.7, 0.2, 0.2], second: [0.7, 0.3, 0.1], amd: [0.7, 0.3, 0.15] };
  assert.match(
    page(mixed).summary.holds,
    /: no \(classic.*: not seen \(classic.*: than one of the two \(classic/,
  );
  const { markdown } = page({ ...mixed, second: [0.7, 0.3, Number.NaN] });
  assert.match(
    markdown,
    /seen of one, the largest rise is 0 % \(first order\) and not finite \(second order\)/,
  );
  assert.match(
    page(ours).markdown,
    /Classic rule: yes, its loss is lower after 384 updates, 0\.2000 \(0\.1449\) beside 0\.3000 \(0\.2449\), and lower at the end\./,
  );
  assert.match(
    page(ours).markdown,
    /Classic rule: no; it ends at 0\.1100 \(0\.0549\), higher beside the first order, 0\.1000 \(0\.0449\), higher/,
  );
});

test("figure 2, left: the work of a digit by its kinds, its sum and ratios, and whether the paper's claim holds", () => {
  const page = (full: number) =>
    elementNamed("figure2-left").page(
      new Map([
        ["1920 images, approximate, seed 0", trainingOf([0.7, 0.3], 19.2)],
        [
          "1920 images, full, seed 0",
          trainingOf([0.7, full], 76.8, 1920, { gradients: 4010, tangents: 4000, mixed: 4000 }),
        ],
      ]),
      quick,
      (name) =>
        new Map(name === "figure2-right" ? [["5760 images, GFE, RK4, seed 0", trainingOf([0.7, 0.15])]] : []),
    );
  assert.equal(rowOf(page(0.2).markdown, "", "full adjoint"), [
    ...[ofValidation(0.2), "401", "401", "400", "400", "1602", "4.0", "40", "4.0 |"],
  ]);
  const work = "five times the work: 4.0 times, and 4.0 times the time";
  assert.is(page(0.2).summary.holds, `full better: yes, 40.8 % lower by the excess (one seed); ${work}`);
  assert.is(page(0.4).summary.holds, `full better: no (one seed); ${work}`);
  // 0.1449 and 0.3049 beside 0.2449.
  assert.match(
    page(0.2).markdown,
    /Full adjoint ends, by the excess, 40\.8 % lower than approximate, for 4\.0 times the work/,
  );
  assert.match(page(0.36).markdown, /Full adjoint ends, by the excess, 24\.5 % higher than approximate, for/);
  assert.match(page(Number.NaN).markdown, /Full adjoint has a loss that is not finite beside approximate/);
  assert.match(page(Number.NaN).summary.holds, /full better: no/);
  // 3 × 402 ÷ 1602.
  assert.match(
    page(0.2).markdown,
    /5,760, the approximate gradient ends at 0\.1500 \(0\.0949\) .*\n.*: 0\.75 times the work/,
  );
});

test("stiffness: whether the general solver's cost explodes, and whether AMD becomes dear again on complete sets", () => {
  const cost = (evaluations: number, loss: number) => ({ evaluations, loss });
  const page = (end: number, complete?: number, adaptive: number = 0.11) =>
    elementNamed("stiffness").page(
      new Map([
        [
          "100 test digits, seed 0",
          [
            { seen: 0, general: cost(50, 0.6), adaptive: cost(200, 0.61) },
            { seen: 3840, general: cost(end, 0.1), adaptive: cost(100, adaptive) },
          ] as never,
        ],
      ]),
      { quick: false, seeds: 1 },
      (name) => {
        const tests = (passes: number) => ({ tests: { amd: { loss: 0.1, passes } } });
        if (name === "table1-right")
          return new Map(complete ? [["MNIST, 50000 images, flow, amd, seed 0", tests(complete)]] : []);
        return new Map(
          [480, 1920, 5760].map((count, i) => [
            `MNIST, ${count} images, flow, amd, seed 0`,
            tests(800 - 300 * i),
          ]),
        );
      },
    );
  assert.match(page(500).summary.holds, /^holds: after 3,840 digits Dormand-Prince takes 10 times /);
  assert.match(page(490).summary.holds, /^in part: .* takes 9\.8 times/);
  assert.match(page(40).summary.holds, /^no: .* takes 0\.8 times/);
  assert.match(page(500).markdown, /AMD takes 0\.5 times its evaluations/);
  assert.match(page(500).markdown, /On the complete set: not computed yet\./);
  // Passes are two an evaluation.
  assert.match(
    page(500, 600).markdown,
    /It does not stay so cheap: 300 on the complete MNIST beside 100 after 5,760 digits, 3 times as many\./,
  );
  assert.match(page(500, 200).markdown, /It stays as cheap: 100 on the complete MNIST/);
  assert.equal(rowOf(page(500, 600).markdown, "", "MNIST, complete"), ["300", `${shown(0.1)} |`]);
  assert.equal(rowOf(page(500, 600).markdown, "", "Fashion-MNIST, complete"), ["…", "… |"]);
  assert.match(page(500).markdown, /AMD's loss is higher in every row, by 0\.0100 to 0\.0100\./);
  assert.match(
    page(500, 1, 0.09).markdown,
    /AMD's loss less Dormand-Prince's is between -0\.0100 and 0\.0100\./,
  );
  assert.match(page(500, 1, Number.NaN).markdown, /Not every loss is finite\./);
});

test("figure 3: the test losses of what it shows, and whether GFE-amd's are lower", () => {
  const trained = (by: string, loss: number) => ({ tests: { [by]: { loss } } });
  const page = (few: number) => {
    const of = (name: string, count: number, flow: number, others: number) =>
      new Map([
        [`${name}, ${count} images, flow, amd, seed 0`, trained("amd", flow)],
        [`${name}, ${count} images, autoencoder, 12 passes, seed 0`, trained("its own code", others)],
      ]);
    return elementNamed("figure3").page(of("Fashion-MNIST", 480, 0.3, 0.35) as never, quick, (name) =>
      name === "table1-left"
        ? of("MNIST", 480, few, 0.2)
        : new Map([...of("MNIST", 50_000, 0.1, 0.2), ...of("Fashion-MNIST", 50_000, 0.4, 0.35)]),
    );
  };
  const ofFashion = (loss: number) => shown(loss, "", "Fashion-MNIST, test");
  assert.equal(rowOf(page(0.25).markdown, "", "GFE-amd"), [
    ...[shown(0.25), shown(0.1), ofFashion(0.3), `${ofFashion(0.4)} |`],
  ]);
  assert.equal(rowOf(page(0.25).markdown, "", "AE, 1 pass"), ["…", "…", "…", "… |"]);
  const answer = (few: number) =>
    page(few).summary.holds.split("; than the AE, 12 passes: ")[1]!.slice(0, -1);
  // Of the excess: 0.05 of 0.35 less 0.2422, 0.05 and 0.1 of 0.2 less 0.0581.
  const fashion = "yes (46.4 % lower) on Fashion-MNIST";
  assert.is(answer(0.25), `no (35.2 % higher) on MNIST, ${fashion}`);
  assert.is(answer(0.1), `yes (70.5 % lower) on MNIST, ${fashion}`);
  assert.is(answer(0.198), `yes (1.4 % lower) on MNIST, ${fashion}`);
  for (const alike of [0.199, 0.201]) assert.is(answer(alike), `no (as low) on MNIST, ${fashion}`);
  assert.is(answer(Number.NaN), `no (a loss is not finite) on MNIST, ${fashion}`);
  assert.match(page(0.1).summary.holds, /1 pass: not computed yet on MNIST, not computed yet on Fashion/);
  assert.match(
    page(0.1).markdown,
    /after all images .*12 passes: yes \(70\.5 % lower\) on MNIST, no \(46\.4 % higher\)/,
  );
});

test("figure 3: how GFE-amd compares with an autoencoder's decoder that is inverted, too", () => {
  const said = (amd: number, ours: number) => {
    const of = (name: string) =>
      new Map([
        [`${name}, 480 images, flow, amd, seed 0`, { tests: { amd: { loss: 0.35 } } }],
        [
          `${name}, 480 images, autoencoder, 12 passes, seed 0`,
          { tests: { "its own code": { loss: 0.36 }, amd: { loss: amd }, lbfgs: { loss: ours } } },
        ],
      ]);
    const page = elementNamed("figure3").page(of("Fashion-MNIST") as never, quick, (name) =>
      name === "table1-left" ? of("MNIST") : new Map(),
    );
    assert.equal(rowOf(page.markdown, "", "AE, 12 passes, inverted by `lbfgs`"), [
      ...[shown(ours), "…", shown(ours, "", "Fashion-MNIST, test"), "… |"],
    ]);
    return page.summary.holds.split(/(?<=\.) With the autoencoder's decoder of twelve passes inverted/)[1];
  };
  assert.is(said(0.3, 0.3), ", GFE-amd is higher on both sets, by either solver.");
  assert.is(
    said(0.4, 0.3),
    " by AMD, GFE-amd is lower on MNIST and lower on Fashion-MNIST; by `lbfgs` it is higher on MNIST and higher on Fashion-MNIST.",
  );
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
  const { run } = readCheckpoint("figure1", readFileSync(join(at, "training.checkpoint")));
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
