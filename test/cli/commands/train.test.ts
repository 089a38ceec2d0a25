// run: slow
// Tests src/cli/commands/evaluate.ts, src/cli/output/training-outputs.ts,
// src/cli/output/training-figures.ts, src/cli/options/training-job.ts,
// src/cli/input/training-input.ts.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  binaryCrossEntropy,
  createDecoder,
  type Decoder,
  lbfgs,
  loadDecoder,
  logGrid,
  nesterovFlow,
  rk4,
  squaredError,
  wasm,
} from "../../../src/index.ts";
import {
  adam,
  cosine,
  createDataset,
  direct,
  evaluate,
  full,
  meanCode,
  mnist,
  segMnist,
  shift,
  type TrainOptions,
  train,
  trainAutoencoder,
} from "../../../src/train/index.ts";
import { column, endOf, readCsv, start, Workplace } from "../../support/program.ts";
import { runHere as run } from "../../support/run-here.ts";

const tinyDecoderFile = fileURLToPath(new URL("../../vectors/tiny-mse-tanh.safetensors", import.meta.url));
const workplace = new Workplace();
test.after(() => workplace.dispose());

// 12 images of 3 × 2 pixels.
const values = Float32Array.from({ length: 72 }, (_, i) => Math.sin(i) ** 2);
const data = workplace.writeFloats(values, [12, 3, 2]);
const layers = [2, 5, 6];
const images = createDataset(values, { shape: [3, 2] });
// The program's process need not have the relaxed build that this one has.
const backend = wasm({ relaxed: false });
const newRun = (...more: string[]) => {
  const out = workplace.newPath();
  return { out, args: ["train", "--data", data, "--out", out, "--plain", ...more] };
};

/** What was trained, bit for bit; the loss and its gradient's norm of every update. */
async function resultsIn(out: string) {
  const { parameters, outputShape, loss } = await loadDecoder(join(out, "decoder.safetensors"));
  const history = readCsv(join(out, "history.csv"));
  const numbers = (name: string) => column(history, name).map(Number);
  return {
    parameters,
    outputShape,
    loss,
    history: { images: numbers("images"), loss: numbers("loss"), gradientNorm: numbers("gradient_norm") },
  };
}

async function resultsOf(decoder: Decoder, dataset: typeof images, options: TrainOptions) {
  const { decoder: trained, history } = await train(decoder, dataset, { ...options, backend });
  const { parameters, outputShape, loss } = trained;
  return {
    parameters,
    outputShape,
    loss,
    history: {
      images: history.map((step) => step.images),
      loss: history.map((step) => step.loss),
      gradientNorm: history.map((step) => step.gradientNorm),
    },
  };
}

const logOf = (out: string) =>
  readFileSync(join(out, "log.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("train: an adjoint that goes back along the flow follows it by AMD, where no solver is given", async () => {
  const { out, args } = newRun("--layers", "2,5,6", "--adjoint", "full");
  const { exit, stderr } = await run(...args);
  assert.is(exit, 0, stderr);
  const decoder = createDecoder({ layers, loss: binaryCrossEntropy(), outputShape: [3, 2] });
  assert.equal(await resultsIn(out), await resultsOf(decoder, images, { adjoint: full() }));

  for (const adjoint of ["full", "direct"]) {
    const refused = await run(...newRun("--layers", "2,5,6", "--adjoint", adjoint, "--solver", "lbfgs").args);
    assert.is(refused.exit, 2);
    assert.match(
      refused.stderr,
      new RegExp(`--adjoint ${adjoint} goes back along .* --solver lbfgs .*use --solver amd`),
    );
  }
});

test("train: what the API gives without options; outputs, log and table", async () => {
  const { out, args } = newRun("--layers", "2,5,6");
  const { exit, stdout, stderr } = await run(...args);
  assert.is(exit, 0, stderr);
  const decoder = createDecoder({ layers, loss: binaryCrossEntropy(), outputShape: [3, 2] });
  assert.equal(await resultsIn(out), await resultsOf(decoder, images, {}));
  assert.is(stderr, "training on 12 samples, 1 epoch\n");
  for (const row of [
    /decoder +│ .*decoder\.safetensors: 2 → 5 → 6 /,
    /samples +│ 12 of 12, 3 × 2 values each/,
    /samples trained on +│ 12 \(1 × 12\)/,
    /updates +│ 3, mini-batches of 5/,
    /optimizer +│ rmsprop, learning rate 0\.0005, constant/,
    /mean cross entropy, last tenth +│ 0\.\d+ nats/,
    /samples per second +│ [\d,]+ \(\d+\.\d\d s\)/,
    /WASM +│ (plain|relaxed) SIMD, (128|256)-bit vectors/,
  ]) {
    assert.match(stdout, row);
  }
  const { history } = await resultsIn(out);
  const updates = logOf(out).filter(({ kind }) => kind === "update");
  assert.equal(
    updates.map(({ images, loss, gradientNorm }) => ({ images, loss, gradientNorm })),
    history.images.map((count, i) => ({
      images: count,
      loss: history.loss[i],
      gradientNorm: history.gradientNorm[i],
    })),
  );
  assert.not(existsSync(join(out, "validation.csv")));
});

test("train --weights: as the API has it, the first samples with --limit; missing values may be NaN", async () => {
  const decoder = createDecoder({ layers, loss: binaryCrossEntropy(), outputShape: [3, 2] });
  const weights = Float32Array.from({ length: 72 }, (_, i) => i % 3);
  const values = images.toFloat32().map((value, i) => (weights[i] === 0 ? Number.NaN : value));
  const missing = workplace.writeFloats(values, [12, 3, 2]);
  for (const [own, shape] of [
    [weights, [12, 3, 2]],
    [weights.slice(0, 6), [3, 2]],
  ] as const) {
    const out = workplace.newPath();
    const file = workplace.writeFloats(own, shape);
    const args = ["train", "--out", out, "--layers", "2,5,6", "--data", missing, "--weights", file];
    args.push("--plain");
    const { exit, stderr } = await run(...args, "--limit", "10", "--quiet");
    assert.is(exit, 0, stderr);
    const expected = await resultsOf(decoder, createDataset(values, { shape: [3, 2] }).slice(0, 10), {
      weights: own.slice(0, 60),
    });
    assert.equal(await resultsIn(out), expected);
    const longer = await run(...args, "--limit", "10", "--quiet", "--resume", "--epochs", "2");
    assert.is(longer.exit, 1);
    assert.match(
      longer.stderr,
      /: --epochs is 1 there and 2 here\..* To train on .*give --decoder \S+\/decoder\.safetensors in place of --layers/,
    );
    for (const [flag, more] of [
      ["weights", ["--autoencoder"]],
      ["shift", ["--shift", "1"]],
    ] as const) {
      const refused = await run(...args, ...more);
      assert.is(refused.exit, 2);
      assert.match(refused.stderr, new RegExp(`^latentflow: --${flag} does not go with --`));
    }
  }
});

test("train: every option is the API's", async () => {
  const { out, args } = newRun(
    ..."--layers 2,5,6 --loss squaredError --reduction sum --activation tanh --output-activation sigmoid".split(
      " ",
    ),
    ..."--batch-size 4 --epochs 3 --seed 7 --replacement --warm-start --shift 1 --gradient-clip 0.5".split(
      " ",
    ),
    ..."--adjoint direct --optimizer adam --learning-rate 0.01 --beta1 0.8 --weight-decay 0.1".split(" "),
    ..."--schedule cosine --schedule-to 0.1 --flow nesterov --solver rk4 --t1 3 --slices 6 --limit 11".split(
      " ",
    ),
    "--json",
    "--quiet",
  );
  const { exit, stdout, stderr } = await run(...args);
  assert.is(exit, 0, stderr);
  assert.is(stderr, "");
  const loss = squaredError({ reduction: "sum" });
  const decoder = createDecoder({
    layers,
    loss,
    seed: 7,
    outputShape: [3, 2],
    activation: "tanh",
    outputActivation: "sigmoid",
  });
  const expected = await resultsOf(decoder, images.slice(0, 11), {
    batchSize: 4,
    epochs: 3,
    seed: 7,
    replacement: true,
    warmStart: true,
    gradientClip: 0.5,
    augment: shift({ pixels: 1 }),
    adjoint: direct(),
    optimizer: adam({ learningRate: 0.01, beta1: 0.8, weightDecay: 0.1 }),
    schedule: cosine({ to: 0.1 }),
    flow: nesterovFlow(),
    solver: rk4({ grid: logGrid({ t1: 3, slices: 6 }) }),
  });
  assert.equal(await resultsIn(out), expected);

  const document = JSON.parse(stdout);
  assert.equal(document.data, { source: data, samples: 12, used: 11, shape: [3, 2], dividedBy: 1 });
  assert.equal(document.loss, { name: "squaredError", reduction: "sum" });
  assert.equal(document.optimizer, {
    name: "adam",
    learningRate: 0.01,
    beta1: 0.8,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.1,
  });
  assert.equal(document.schedule, { name: "cosine", to: 0.1 });
  assert.is(document.solver.slices, 6);
  assert.equal([document.images, document.updates], [33, 9]);
  assert.is(document.meanLossLastTenth, expected.history.loss.at(-1));
  assert.ok(document.files.length === 4 && document.files.every(existsSync));
});

test("train: goes on from a decoder, with a validation on samples that it is not trained on", async () => {
  const more = workplace.writeFloats(values.subarray(0, 30), [5, 6]);
  const { out, args } = newRun("--decoder", tinyDecoderFile, "--epochs", "2", "--shift", "1", "--json");
  const { exit, stdout, stderr } = await run(
    ...args,
    ...["--validate", more, "--validate-every", "9", "--validate-limit", "4"],
  );
  assert.is(exit, 0, stderr);
  assert.is(stderr, "training on 12 samples, 2 epochs\n");
  // The file says of its samples that they have 6 values, the data that they are images.
  const decoder = await loadDecoder(tinyDecoderFile, { outputShape: [3, 2] });
  const options = { epochs: 2, augment: shift({ pixels: 1 }) };
  assert.equal(await resultsIn(out), await resultsOf(decoder, images, options));
  const { validation } = await train(decoder, images, {
    ...options,
    backend,
    validation: { data: values.subarray(0, 24), everyImages: 9 },
  });
  assert.ok(validation.length > 2);
  const document = JSON.parse(stdout);
  assert.equal(document.validation, validation);
  assert.is(document.validationData.used, 4);
  assert.equal(
    column(readCsv(join(out, "validation.csv")), "loss").map(Number),
    validation.map(({ loss }) => loss),
  );
});

for (const [name, load] of [
  ["mnist", mnist],
  ["seg-mnist", segMnist],
] as const) {
  test(`train --dataset ${name}: on its training images, validated on its validation images`, async () => {
    const out = workplace.newPath();
    const { exit, stdout, stderr } = await run(
      ...["train", "--dataset", name, "--limit", "7", "--layers", "2,784", "--out", out, "--plain", "--json"],
      ...["--validate", "--validate-limit", "3"],
    );
    assert.is(exit, 0, stderr);
    const splits = await load();
    const decoder = createDecoder({ layers: [2, 784], loss: binaryCrossEntropy(), outputShape: [28, 28] });
    const expected = await train(decoder, splits.train.slice(0, 7), {
      backend,
      validation: { data: splits.validation.slice(0, 3) },
    });
    assert.equal((await resultsIn(out)).parameters, expected.decoder.parameters);
    const document = JSON.parse(stdout);
    assert.equal(document.validation, expected.validation);
    assert.is(document.data.samples, splits.train.count);
    assert.is(document.data.source, `${name}, train`);
  });
}

test("bytes: train and evaluate say that they are divided by 255, as encode does", async () => {
  const bytes = `${workplace.newPath()}.idx`;
  writeFileSync(
    bytes,
    Buffer.from([0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 3, 0, 0, 0, 2, ...values.map((x) => 255 * x)]),
  );
  const { out, args } = newRun("--layers", "2,5,6");
  const byBytes = args.map((arg) => (arg === data ? bytes : arg));
  const decoder = join(out, "decoder.safetensors");
  const words = /samples +│ 12 of 12, 3 × 2 values each, bytes divided by 255 /;
  const trained = await run(...byBytes);
  assert.match(trained.stdout, words, trained.stderr);
  const evaluation = ["evaluate", "--decoder", decoder, "--data", bytes, "--max-steps", "0", "--plain"];
  assert.match((await run(...evaluation)).stdout, words);
  assert.is(JSON.parse((await run(...evaluation, "--json")).stdout).data.dividedBy, 255);
  const encoded = await run("encode", ...evaluation.slice(1), "--out", workplace.newPath());
  assert.match(encoded.stdout, words);
});

test("train --output-shape: what is said of a flat decoder counts before the shape of the data", async () => {
  const { out, args } = newRun("--decoder", tinyDecoderFile, "--output-shape", "6");
  const { exit, stderr } = await run(...args);
  assert.is(exit, 0, stderr);
  assert.equal((await resultsIn(out)).outputShape, [6]);
});

test("train --limit: the first samples to train on, and all of the validation images", async () => {
  const { exit, stdout, stderr } = await run(
    ...["train", "--dataset", "mnist", "--limit", "5", "--layers", "2,784", "--out", workplace.newPath()],
    // Without a step they take little time.
    ...["--validate", "--max-steps", "0", "--plain", "--json"],
  );
  assert.is(exit, 0, stderr);
  const { data, validationData } = JSON.parse(stdout);
  assert.equal([data.used, validationData.used], [5, validationData.samples]);
  assert.ok(validationData.samples > 5);
});

test("train --autoencoder, evaluate --encoder: the API's baseline", async () => {
  const { out, args } = newRun("--layers", "2,5,6", "--autoencoder", "--seed", "3");
  const { exit, stdout, stderr } = await run(...args);
  assert.is(exit, 0, stderr);
  assert.match(stdout, /samples trained on +│ 144 \(12 × 12\)/);
  assert.match(stdout, /method +│ autoencoder/);
  const decoder = createDecoder({ layers, loss: binaryCrossEntropy(), outputShape: [3, 2], seed: 3 });
  const expected = await trainAutoencoder(decoder, images, { seed: 3, backend });
  const files = { decoder: join(out, "decoder.safetensors"), encoder: join(out, "encoder.safetensors") };
  assert.equal((await resultsIn(out)).parameters, expected.decoder.parameters);
  assert.equal((await loadDecoder(files.encoder)).parameters, expected.encoder.parameters);
  for (const file of Object.values(files)) assert.is((await loadDecoder(file)).verified, true);
  assert.match(stdout, /start +│ the mean code, in the decoder's file/);
  const mean = await meanCode(expected.encoder, images, { backend });
  assert.equal((await loadDecoder(files.decoder)).start, mean);
  // One latent for all, as 1 × 2 and as 2 values; and the decoder's own.
  const given = [workplace.writeFloats(mean, [1, 2]), workplace.writeFloats(Float32Array.of(0, 0), [2])];
  for (const start of [...given, undefined]) {
    const args = ["evaluate", "--data", data, "--decoder", files.decoder, "--plain"];
    if (start !== undefined) args.push("--z0", start);
    const fromThere = await run(...args, "--json");
    assert.is(fromThere.exit, 0, fromThere.stderr);
    const z0 = start === given[1] ? Float32Array.of(0, 0) : mean;
    const report = await evaluate(expected.decoder, images, { z0, backend });
    const document = JSON.parse(fromThere.stdout);
    assert.is(document.meanLoss, report.meanLoss);
    assert.is(document.meanInitialLoss, report.meanInitialLoss);
    assert.is(document.z0, start);
    assert.is(document.decoder.hasStart, true);
    const table = await run(...args);
    const shown = start ? /flows start at +│ \S+\.npy/ : /flows start at +│ the decoder's own start/;
    assert.match(table.stdout, shown);
  }

  const evaluation = ["evaluate", "--data", data, "--decoder", files.decoder, "--encoder", files.encoder];
  const evaluated = await run(...evaluation, "--plain", "--json");
  assert.is(evaluated.exit, 0, evaluated.stderr);
  const { meanLoss } = await evaluate(expected.decoder, images, { encoder: expected.encoder, backend });
  const document = JSON.parse(evaluated.stdout);
  assert.is(document.meanLoss, meanLoss);
  assert.is(document.encoder.parameterCount, expected.encoder.parameterCount);
  assert.is(document.solver, undefined);

  const scored = workplace.newPath();
  const withGap = await run(...evaluation, "--gap", "--max-steps", "9", "--plain", "--json", "--out", scored);
  assert.is(withGap.exit, 0, withGap.stderr);
  const ofBoth = await evaluate(expected.decoder, images, {
    encoder: expected.encoder,
    gap: true,
    solver: lbfgs({ maxSteps: 9 }),
    backend,
  });
  const scores = JSON.parse(withGap.stdout);
  assert.equal([scores.meanLoss, scores.meanGap], [meanLoss, ofBoth.meanGap]);
  assert.is(scores.solver.maxSteps, 9);
  const { loss: _, status, stats, ...flows } = ofBoth.flows;
  assert.equal(scores.flows, flows);
  assert.equal([scores.statuses, scores.meanAcceptedSteps], [{}, null], "of the encoder's codes");
  assert.ok(status.includes("max_steps") && stats.acceptedSteps.length === images.count);
  assert.is(document.meanGap, undefined);
  const gaps = column(readCsv(join(scored, "results.csv")), "gap").map(Number);
  assert.equal(Float64Array.from(gaps), ofBoth.gap);
  const rows = (await run(...evaluation, "--gap")).stdout;
  const [, gapShown] = /mean gap, the encoder's less the flows' +│ (-?[\d.e-]+) nats/.exec(rows)!;
  const { meanGap } = await evaluate(expected.decoder, images, {
    encoder: expected.encoder,
    gap: true,
    backend,
  });
  assert.ok(Math.abs(Number(gapShown) - meanGap) < 1e-3 * Math.abs(meanGap), `${gapShown}, ${meanGap}`);
  assert.match(rows, /statuses of the flows +│ \d+ converged/);
  for (const [args, message] of [
    [evaluation.slice(0, -2).concat("--gap"), /--gap needs --encoder <file>/],
    [
      [...evaluation, "--max-steps", "3"],
      /--max-steps does not go with --encoder: no flow is followed, except with --gap/,
    ],
    [[...evaluation, "--gap", "--weights", data], /--weights does not go with --encoder, which takes/],
  ] as const) {
    const refused = await run(...args);
    assert.is(refused.exit, 2);
    assert.match(refused.stderr, message);
  }

  // No flow: no steps, and nothing that it has reached. Only what is not finite is said.
  const { meanInitialLoss, meanAcceptedSteps, meanBacktracks, statuses } = document;
  assert.equal([meanInitialLoss, meanAcceptedSteps, meanBacktracks, statuses], [null, null, null, {}]);
  const folder = workplace.newPath();
  const table = await run(...evaluation, "--out", folder);
  assert.not.match(table.stdout, /status|reached_t1|steps|backtracks/);
  const [columns] = readFileSync(join(folder, "results.csv"), "utf8").split("\n");
  assert.is(columns, "index,loss,gradient_norm");
  assert.match(table.stdout, /samples per second/);
  const infinite = `${workplace.newPath()}.safetensors`;
  const beyond = createDecoder({ layers: [6, 5, 2] });
  beyond.parameters.fill(3e38);
  writeFileSync(infinite, beyond.toSafetensors());
  const lost = await run(...evaluation.slice(0, -1), infinite);
  assert.match(lost.stdout, /statuses +│ 12 nonfinite /, lost.stderr);
  assert.not.match(lost.stdout, /steps|backtracks/);
});

test("train --shift: the table has the largest shift, and nothing without it", async () => {
  const { args } = newRun("--decoder", tinyDecoderFile, "--quiet");
  assert.not.match((await run(...args)).stdout, /shifts/);
  const { args: shifting } = newRun("--decoder", tinyDecoderFile, "--quiet", "--shift", "1");
  assert.match((await run(...shifting)).stdout, /shifts in pixels +│ random, at most 1 along each axis/);
});

test("train --autoencoder --hide: the API's mask; a run with other shares is another one", async () => {
  const { out, args } = newRun("--layers", "2,5,6", "--autoencoder", "--epochs", "2");
  const hidden = await run(...args, "--hide", "0.25,0.755", "--json");
  assert.is(hidden.exit, 0, hidden.stderr);
  assert.equal(JSON.parse(hidden.stdout).hidden, [0.25, 0.755]);
  const decoder = createDecoder({ layers, loss: binaryCrossEntropy(), outputShape: [3, 2] });
  const expected = await trainAutoencoder(decoder, images, {
    mask: { hidden: [0.25, 0.755] },
    epochs: 2,
    backend,
  });
  const encoder = await loadDecoder(join(out, "encoder.safetensors"));
  assert.equal(encoder.parameters, expected.encoder.parameters);
  const plain = await trainAutoencoder(decoder, images, { epochs: 2, backend });
  assert.not.equal(encoder.parameters, plain.encoder.parameters);
  const table = await run(...args, "--hide", "0.25,0.755", "--resume");
  assert.match(table.stdout, /method +│ autoencoder, backpropagation, 25 to 75\.5 % of the pixels hidden/);
  for (const [more, message] of [
    [["--hide", "0.25,0.5"], /another run: --hide is 0\.755 there and 0\.5 here/],
    [[], /another run: --hide is 0\.25 there and absent here/],
  ] as const) {
    const refused = await run(...args, ...more, "--resume");
    assert.is(refused.exit, 1);
    assert.match(refused.stderr, message);
  }
  for (const text of ["0.5", "0.75,0.5", "0,1.5", "0,0.2,0.5", "a,1"]) {
    const refused = await run(...newRun("--layers", "2,5,6", "--autoencoder", "--hide", text).args);
    assert.is(refused.exit, 2, text);
    assert.match(
      refused.stderr,
      /--hide <a,b>' .* Expected the smallest and the largest share, from 0 to 1/,
      text,
    );
  }
  const alone = await run(...newRun("--layers", "2,5,6", "--hide", "0,0.5").args);
  assert.is(alone.exit, 2);
  assert.match(alone.stderr, /--hide needs --autoencoder/);
});

test("train --autoencoder: a run that diverges says that its decoder has no start", async () => {
  const { out, args } = newRun(
    "--layers",
    "2,5,6",
    "--autoencoder",
    "--optimizer",
    "sgd",
    "--learning-rate",
    "1e30",
  );
  const { exit, stdout, stderr } = await run(...args);
  assert.is(exit, 0, stderr);
  assert.match(stdout, /start +│ 0, since the mean code is 0 or not finite/);
  assert.is((await loadDecoder(join(out, "decoder.safetensors"))).start, undefined);
});

test("evaluate: the figures and losses of the API; without --out nothing is written", async () => {
  const out = workplace.newPath();
  const args = ["evaluate", "--decoder", tinyDecoderFile, "--data", data, "--plain", "--limit", "11"];
  const { exit, stdout, stderr } = await run(...args, "--out", out, "--json", "--max-steps", "9");
  assert.is(exit, 0, stderr);
  const decoder = await loadDecoder(tinyDecoderFile);
  const options = { backend, solver: lbfgs({ maxSteps: 9 }) };
  const report = await evaluate(decoder, images.slice(0, 11), options);
  const { loss, prior, objective, initialLoss, gradientNorm, status, stats, ...sums } = report;
  const { meanExcessLoss, missing, warnings, seconds, samplesPerSecond, ...figures } = sums;
  const document = JSON.parse(stdout);
  assert.is(document.prior, null);
  assert.equal([document.missing, missing.length, warnings], [0, 11, []]);
  assert.is(prior, undefined);
  assert.equal(objective, loss);
  for (const [name, value] of Object.entries(figures)) assert.equal(document[name], value, name);
  assert.is(document.meanExcessLoss, null, "squared errors have no entropy");
  const results = readCsv(join(out, "results.csv"));
  const numbers = (name: string) => Float32Array.from(column(results, name), Number);
  assert.equal(
    [numbers("loss"), numbers("initial_loss"), numbers("gradient_norm")],
    [loss, initialLoss, gradientNorm],
  );
  assert.equal(column(results, "status"), status);
  assert.equal(Uint32Array.from(column(results, "accepted_steps"), Number), stats.acceptedSteps);

  const there = readdirSync(workplace.folder);
  const table = await run(...args);
  assert.is(table.exit, 0, table.stderr);
  assert.match(table.stdout, /samples +│ 11 of 12, 3 × 2 values each/);
  assert.match(table.stdout, /mean squared error +│ 0\.\d+ /);
  assert.equal(readdirSync(workplace.folder), there);
});

test("evaluate --dataset: on its test images, with what the targets' entropy leaves", async () => {
  const file = join(workplace.newPath());
  const decoder = createDecoder({ layers: [2, 784], loss: binaryCrossEntropy() });
  writeFileSync(file, decoder.toSafetensors());
  const args = ["--decoder", file, "--dataset", "seg-mnist", "--limit", "3", "--plain", "--json", "--quiet"];
  const { exit, stdout, stderr } = await run("evaluate", ...args);
  assert.is(exit, 0, stderr);
  assert.is(stderr, "");
  const { meanLoss, meanExcessLoss } = await evaluate(decoder, (await segMnist()).test.slice(0, 3), {
    backend,
  });
  const document = JSON.parse(stdout);
  assert.equal([document.meanLoss, document.meanExcessLoss], [meanLoss, meanExcessLoss]);
  assert.ok(Math.abs(document.meanTargetEntropy + meanExcessLoss - meanLoss) < 1e-12);
  assert.is(document.data.source, "seg-mnist, test");
});

test("Ctrl-C and --resume: in the end all is as without", async () => {
  const long = ["--layers", "2,5,6", "--epochs", "1000", "--warm-start", "--optimizer", "adam"];
  const { out, args } = newRun(...long);
  const child = start([...args, "--checkpoint-seconds", "0.05"]);
  const end = endOf(child);
  const log = join(out, "log.jsonl");
  while (!existsSync(log) || readFileSync(log, "utf8").split("\n").length < 50) await setTimeout(5);
  child.kill("SIGINT");
  const { exit, stdout, stderr } = await end;
  assert.is(exit, 130, stderr);
  assert.is(stdout, "");
  const [, kept] =
    /stopped after ([\d,]+) of 12,000 samples; the same command with --resume/.exec(stderr) ?? [];
  const keptCount = Number(kept?.replace(",", ""));
  assert.ok(keptCount > 0 && keptCount < 12_000, stderr);
  assert.not(existsSync(join(out, "decoder.safetensors")));

  const again = await run(...args);
  assert.is(again.exit, 1);
  assert.match(again.stderr, /checkpoint\.safetensors is there already; go on from it with --resume/);

  const other = await run(...args, "--resume", "--learning-rate", "0.01");
  assert.is(other.exit, 1);
  assert.match(other.stderr, /--learning-rate is 0\.001 there and 0\.01 here/);

  // Before its end the run has no decoder to train on from.
  const longer = await run(
    ...args.filter((arg) => arg !== "1000" && arg !== "--epochs"),
    "--epochs",
    "1001",
    "--resume",
  );
  assert.is(longer.exit, 1);
  assert.match(
    longer.stderr,
    /--epochs is 1000 there and 1001 here\..* end this run first, by --resume with --epochs 1000/,
  );
  assert.not.match(longer.stderr, /give --decoder/);

  const resumed = await run(...args, "--resume", "--json");
  assert.is(resumed.exit, 0, resumed.stderr);
  assert.is(JSON.parse(resumed.stdout).resumedFrom.images, keptCount);
  const decoder = createDecoder({ layers, loss: binaryCrossEntropy(), outputShape: [3, 2] });
  const options = { epochs: 1000, warmStart: true, optimizer: adam() };
  const { history, ...results } = await resultsIn(out);
  const { history: expectedHistory, ...expected } = await resultsOf(decoder, images, options);
  assert.equal(results, expected);
  assert.is(JSON.stringify(history), JSON.stringify(expectedHistory));
  const updates = logOf(out).filter(({ kind }) => kind === "update");
  assert.equal(
    updates.map((line) => line.images),
    expectedHistory.images,
  );
});

test("--resume says where it goes on, that there is no checkpoint, or that the run was done", async () => {
  const { out, args } = newRun("--layers", "2,5,6", "--epochs", "2", "--batch-size", "4", "--plain");
  const anew = await run(...args, "--resume", "--quiet", "--checkpoint-seconds", "0");
  assert.is(anew.exit, 0, anew.stderr);
  assert.is(anew.stderr, `latentflow: no checkpoint in ${out}: training starts anew\n`);
  const expected = await resultsIn(out);
  const done = await run(...args, "--resume");
  assert.match(done.stderr, /the run was done already: 24 samples/);
  assert.match(done.stdout, /samples per second +│ none: the run was done already/);
  // The checkpoint before the last one.
  rmSync(join(out, "checkpoint.safetensors"));
  const resumed = await run(...args, "--resume");
  assert.is(resumed.exit, 0, resumed.stderr);
  assert.match(resumed.stderr, /going on after 20 of 24 samples/);
  assert.equal(await resultsIn(out), expected);
});

test("train: updates that could not be made are counted, and a run that has diverged says so", async () => {
  const hopeless = ["--layers", "2,5,6", "--optimizer", "sgd", "--learning-rate", "1e30", "--epochs", "3"];
  const { out, args } = newRun(...hopeless);
  const table = await run(...args);
  const { history } = await resultsIn(out);
  const skipped = history.gradientNorm.filter((value) => !Number.isFinite(value)).length;
  assert.ok(skipped > 0 && skipped < history.images.length);
  assert.match(table.stdout, new RegExp(`skipped updates +│ ${skipped}: their gradients were not finite`));
  const warning =
    /warning: (training has diverged: the loss is (NaN|Infinity) over the last tenth.*smaller learning rate.*)\n/;
  assert.match(table.stderr, warning);
  const sound = await run(...newRun("--layers", "2,5,6", "--epochs", "3").args);
  assert.not.match(sound.stderr, /warning/);
  const document = JSON.parse((await run(...newRun(...hopeless).args, "--json")).stdout);
  assert.is(document.skippedUpdates, skipped);
  assert.equal(document.warnings, [warning.exec(table.stderr)![1]]);
});

test("Ctrl-C in the first update, after a validation: what was found is kept, and that is said", async () => {
  // One mini-batch that takes seconds.
  const many = workplace.writeFloats(new Float32Array(60_000 * 6).fill(0.3), [60_000, 6]);
  const out = workplace.newPath();
  const args = ["train", "--data", many, "--layers", "2,5,6", "--batch-size", "60000", "--out", out];
  const child = start([...args, "--validate", data, "--validate-limit", "1", "--threads", "1"]);
  const end = endOf(child);
  while (!existsSync(join(out, "log.jsonl"))) await setTimeout(5);
  child.kill("SIGINT");
  const { exit, stderr } = await end;
  assert.is(exit, 130, stderr);
  assert.ok(existsSync(join(out, "checkpoint.safetensors")));
  assert.match(
    stderr,
    /stopped after 0 of 60,000 samples; the same command with --resume goes on from there/,
  );
});

test("a damaged checkpoint is named, and the one before is used", async () => {
  const { out, args } = newRun("--layers", "2,5,6", "--epochs", "4", "--checkpoint-seconds", "0");
  const first = await run(...args);
  assert.is(first.exit, 0, first.stderr);
  const expected = await resultsIn(out);
  const checkpoint = join(out, "checkpoint.safetensors");
  writeFileSync(checkpoint, readFileSync(checkpoint).subarray(0, 500));
  const { exit, stdout, stderr } = await run(...args, "--resume", "--json");
  assert.is(exit, 0, stderr);
  assert.match(stderr, /checkpoint\.safetensors.*; going on from .*checkpoint\.safetensors\.previous\n/);
  assert.ok(JSON.parse(stdout).resumedFrom.images < 48);
  assert.equal(await resultsIn(out), expected);
});

test("what makes no sense is refused by name, and nothing is written", async () => {
  const flat = workplace.writeFloats(values, [72]);
  const cases: [args: string[], exit: number, message: RegExp][] = [
    [["--layers", "2,6"], 2, /expected --data <files\.\.\.> or --dataset <name>/],
    [["--resume"], 2, /expected --data .*; --resume takes the options that the run began with, all of them/],
    [
      ["--data", data],
      2,
      /expected --layers <sizes>, --architecture <file> or --decoder <file>, one of them/,
    ],
    [
      ["--data", data, "--layers", "2,6", "--decoder", tinyDecoderFile],
      2,
      /--layers and --decoder are given together, expected .* one of them/,
    ],
    [
      ["--data", data, "--dataset", "mnist"],
      2,
      /'--dataset <name>' cannot be used with option '--data <files\.\.\.>'/,
    ],
    [["--dataset", "cifar"], 2, /Allowed choices are mnist, fashion-mnist, seg-mnist/],
    [["--data", data, "--layers", "2,6", "--validate"], 2, /--validate needs a file, except with --dataset/],
    [["--data", data, "--layers", "2,6", "--validate-every", "9"], 2, /--validate-every needs --validate/],
    [
      ["--data", data, "--layers", "2,6", "--dataset-folder", "x"],
      2,
      /--dataset-folder does not go with --data/,
    ],
    [["--data", data, "--layers", "2,x"], 2, /'2,x' is invalid\. Expected integers >= 1 with commas/],
    [
      ["--data", data, "--layers", "2,6", "--momentum", "0.9"],
      2,
      /--momentum is no option of --optimizer rmsprop/,
    ],
    [
      ["--data", data, "--layers", "2,6", "--schedule-to", "0.9"],
      2,
      /--schedule-to is no option of --schedule constant/,
    ],
    [
      ["--data", data, "--layers", "2,6", "--learning-rate", "-1"],
      2,
      /latentflow: --learning-rate is -1, expected/,
    ],
    [
      ["--data", data, "--layers", "2,7"],
      1,
      /--layers ends with 7, expected 6 \(a sample of --data has 3 × 2 values\)/,
    ],
    [
      ["--dataset", "mnist", "--dataset-folder", workplace.folder, "--layers", "2,784"],
      1,
      /^latentflow: --dataset-folder: \S+ holds neither train-images-idx3-ubyte nor train-images-idx3-ubyte\.gz/,
    ],
    [
      ["--data", flat, "--layers", "2,6"],
      1,
      /expected an axis for the samples and at least one for their values/,
    ],
    [["--data", "missing.npy", "--layers", "2,6"], 1, /--data missing\.npy: there is no such file/],
  ];
  for (const [args, exit, message] of cases) {
    const out = workplace.newPath();
    const end = await run("train", "--out", out, ...args);
    assert.is(end.exit, exit, `${args}: ${end.stderr}`);
    assert.is(end.stdout, "");
    assert.match(end.stderr, message);
    assert.not(existsSync(out));
  }
});

test("--standardise trains on outputs in units of their deviations, and says so; warnings are printed", async () => {
  const { out, args } = newRun("--layers", "2,5,6", "--standardise", "--epochs", "2");
  const constant = values.map((value, i) => (i % 6 === 4 ? 7 : 100 * value));
  const file = workplace.writeFloats(constant, [12, 3, 2]);
  const own = args.map((arg) => (arg === data ? file : arg));
  const { stdout, stderr, exit } = await run(...own, "--json");
  assert.is(exit, 0, stderr);
  assert.match(stderr, /warning: output 4 \(counted from 0\): fewer than two different values/);
  assert.is(JSON.parse(stdout).standardise, true);
  const decoder = createDecoder({ layers: [2, 5, 6], outputShape: [3, 2], loss: "mse" });
  const samples = createDataset(constant, { shape: [3, 2] });
  const expected = await train(decoder, samples, { standardise: true, epochs: 2, backend });
  const written = await loadDecoder(join(out, "decoder.safetensors"));
  assert.equal([written.parameters, written.loss], [expected.decoder.parameters, expected.decoder.loss]);
  const again = await run(...own, "--resume");
  assert.match(again.stdout, /standardised +│ 6 outputs, of deviations from 1 to/);
  const wrong = await run(...newRun("--layers", "2,5,6", "--loss", "bce", "--standardise").args);
  assert.match(
    wrong.stderr,
    /--standardise is true with the loss bce, expected the squared error, --loss mse/,
  );
});

test.run();
