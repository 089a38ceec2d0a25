// run: first
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readNpy } from "../../../src/files/npy.ts";
import {
  createDecoder,
  encode,
  gaussian,
  loadDecoder,
  type PriorLike,
  summary,
  wasm,
} from "../../../src/index.ts";
import { fitGaussian, fitGaussianMixture } from "../../../src/terms/fit-priors.ts";
import { createDataset, evaluate, train } from "../../../src/train/index.ts";
import { column, readCsv, Workplace } from "../../support/program.ts";
import { runHere } from "../../support/run-here.ts";

// `--prior` and what follows it: `encode`, `evaluate` and `train` do what the library does with the same prior.

const workplace = new Workplace();
test.after(() => workplace.dispose());
const backend = wasm({ relaxed: false, threads: 1 });

const [count, d, n] = [5, 3, 6];
const y = Float32Array.from({ length: count * n }, (_, i) => Math.sin(1 + i));
const data = workplace.writeFloats(y, [count, n]);
const codes = Float32Array.from({ length: 17 * d }, (_, i) => Math.cos(i * i) + (i % d));
const codesFile = workplace.writeFloats(codes, [17, d]);
const ownOptions = { mean: 0.25, std: [0.5, 1, 2] };
const own = gaussian(ownOptions);
const make = { layers: [d, 5, n], loss: "mse", outputActivation: "identity", seed: 4 } as const;
const plain = createDecoder(make);
const withOwn = createDecoder({ ...make, prior: own });

function fileOf(bytes: Uint8Array): string {
  const file = `${workplace.newPath()}.safetensors`;
  writeFileSync(file, bytes);
  return file;
}
const plainFile = fileOf(plain.toSafetensors());
const ownFile = fileOf(withOwn.toSafetensors());

const run = (command: string, ...args: string[]) =>
  runHere(command, ...args, "--plain", "--threads", "1", "--quiet");

async function report(command: string, ...args: string[]) {
  const { exit, stdout, stderr } = await run(command, ...args, "--json");
  assert.is(exit, 0, stderr);
  return JSON.parse(stdout);
}

const fitted = ["--prior-from", codesFile];

/** What the flags mean; `undefined` for the decoder's own. */
const cases: [flags: string[], prior: PriorLike | undefined][] = [
  [[], undefined],
  [["--prior", "none"], "none"],
  [["--prior", "gaussian"], gaussian()],
  [["--prior-mean", "-1", "--prior-std", "0.5,1,2"], gaussian({ mean: -1, std: [0.5, 1, 2] })],
  [
    ["--prior", "gaussian", "--prior-mean", "-1,0,2", "--prior-weight", "0.5"],
    gaussian({ mean: [-1, 0, 2], weight: 0.5 }),
  ],
  [fitted, fitGaussian(codes, { latentSize: d })],
  [
    [...fitted, "--prior-covariance", "full", "--prior-shrinkage", "0.25"],
    fitGaussian(codes, { latentSize: d, covariance: "full", shrinkage: 0.25 }),
  ],
  [
    ["--prior", "mixture", ...fitted, "--prior-components", "2", "--prior-seed", "3"],
    fitGaussianMixture(codes, { latentSize: d, components: 2, seed: 3 }).prior,
  ],
];

for (const [flags, prior] of cases) {
  test(`encode and evaluate ${flags.join(" ").replace(codesFile, "codes.npy") || "with the decoder's own"}`, async () => {
    const out = workplace.newPath();
    const files = ["--decoder", ownFile, "--data", data];
    const options = { backend, ...(prior && { prior }) };
    const expected = await encode(withOwn, y, options);

    const encoded = await report("encode", ...files, "--out", out, ...flags);
    assert.equal(readNpy(readFileSync(join(out, "latents.npy"))).data, expected.z);
    const results = readCsv(join(out, "results.csv"));
    const numbers = (name: string) => Float32Array.from(column(results, name), Number);
    assert.equal(numbers("loss"), expected.loss);
    const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / count;
    const isNear = (a: number, b: number) => assert.ok(Math.abs(a - b) <= 1e-6 * Math.abs(b), `${a} ${b}`);
    isNear(encoded.meanObjective, mean(expected.objective));
    const short = summary(expected);
    assert.is(short.meanPrior === undefined, prior === "none");
    assert.is(short.meanObjective === undefined, prior === "none");
    if (prior === "none") {
      assert.is(encoded.prior, null);
      assert.is(encoded.meanPrior, null);
      assert.not.ok(results[0]!.includes("prior") || results[0]!.includes("objective"));
    } else {
      assert.equal(numbers("prior"), expected.prior);
      assert.equal(numbers("objective"), expected.objective);
      assert.ok(expected.objective.some((value, i) => value !== expected.loss[i]));
      isNear(encoded.meanPrior, mean(expected.prior!));
      isNear(short.meanPrior!, mean(expected.prior!));
      isNear(short.meanObjective!, mean(expected.objective));
      const { name, weight } = prior ?? own;
      assert.is(encoded.prior.name, name);
      assert.is(encoded.prior.weight, weight);
      const isFitted = flags.includes("--prior-from");
      assert.is(encoded.prior.from, isFitted ? "codes" : prior ? "flags" : "decoder");
      assert.is(encoded.prior.codes, isFitted ? 17 : undefined);
      assert.is(encoded.prior.converged, flags.includes("mixture") ? true : undefined);
    }

    const evaluated = await report("evaluate", ...files, "--out", out, ...flags);
    const evaluation = await evaluate(withOwn, createDataset(y, { shape: [n] }), options);
    assert.is(evaluated.meanObjective, evaluation.meanObjective);
    assert.is(evaluated.meanLoss, evaluation.meanLoss);
    assert.equal(evaluated.prior, encoded.prior);
    assert.is(evaluated.objective, undefined, "what there is of each sample is in its file");
    assert.equal(readCsv(join(out, "results.csv")), results);
  });
}

test("--prior-weight alone is that of the decoder's own", async () => {
  const out = workplace.newPath();
  const { prior } = await report(
    "encode",
    ...["--decoder", ownFile, "--data", data, "--out", out, "--prior-weight", "3"],
  );
  assert.equal(prior, {
    name: "gaussian",
    weight: 3,
    covariance: "diagonal",
    ...ownOptions,
    from: "decoder",
  });
  const expected = await encode(withOwn, y, { backend, prior: gaussian({ ...ownOptions, weight: 3 }) });
  assert.equal(readNpy(readFileSync(join(out, "latents.npy"))).data, expected.z);
});

test("describe says a decoder's loss and prior where its file has them", async () => {
  const described = await runHere("describe", ownFile);
  assert.match(described.stdout, /\nloss +mean squared error, its default\nprior +Gaussian, mean 0\.25/);
  const none = fileOf(createDecoder({ layers: [d, n] }).toSafetensors());
  assert.not.match((await runHere("describe", none)).stdout, /\nloss/);
  assert.equal(JSON.parse((await runHere("describe", ownFile, "--json")).stdout).loss, {
    name: "squaredError",
    reduction: "mean",
  });
  assert.is(JSON.parse((await runHere("describe", none, "--json")).stdout).loss, null);
});

test("tables say which prior it was, its mean and the objective's, where there is one", async () => {
  const files = ["--decoder", ownFile, "--data", data];
  for (const command of ["encode", "evaluate"]) {
    const { stdout } = await run(command, ...files, "--out", workplace.newPath());
    assert.match(stdout, /prior +│ Gaussian, mean 0\.25, 3 standard deviations \(the decoder's own\)/);
    const [, nats, share] = /mean weighted prior +│ (\S+) nats, which adds (\S+) to the mean objective/.exec(
      stdout,
    )!;
    // The loss is a mean of n values.
    assert.ok(Math.abs(Number(nats) / n / Number(share) - 1) < 0.01, `${nats} ${share}`);
    assert.match(stdout, /mean objective +│ \d/);
    assert.match(stdout, /losses, prior, objective, gradient norm/);
    if (command === "encode") {
      const out = workplace.newPath();
      await run(command, ...files, "--out", out, "--part", "0/1");
      const merged = await runHere("merge", out, "--quiet");
      assert.match(merged.stdout, /mean weighted prior +│ \d.* nats/);
      assert.match(merged.stdout, /mean objective +│ \d/);
    }
    const without = await run(command, ...files, "--out", workplace.newPath(), "--prior", "none");
    assert.match(without.stdout, /prior +│ none, the decoder's own is left out +│/);
    assert.not.match(without.stdout, /weighted prior|objective/);
    const fit = await run(command, ...files, "--out", workplace.newPath(), ...fitted);
    assert.match(fit.stdout, /Gaussian, 3 means, 3 standard deviations +│/);
    assert.match(fit.stdout, /fitted to +│ 17 codes of .*\.npy +│/);
    const mixture = ["--prior", "mixture", ...fitted, "--prior-components", "2", "--prior-weight", "0.5"];
    const { stdout: mixed } = await run(command, ...files, "--out", workplace.newPath(), ...mixture);
    assert.match(mixed, /prior +│ mixture of 2 Gaussians, diagonal covariance, weight 0\.5 +│/);
    assert.match(mixed, /fitted to +│ 17 codes of .*\.npy, log-likelihood -?\d.* nats each +│/);
  }
});

test("train writes a decoder with the prior that it was trained with; encode and describe know it", async () => {
  const dataset = createDataset(y, { shape: [n] });
  for (const [flags, prior] of cases) {
    const out = workplace.newPath();
    const trained = await report(
      "train",
      ...["--decoder", ownFile, "--data", data, "--out", out, "--epochs", "2", "--batch-size", "2"],
      ...flags,
    );
    const options = { epochs: 2, batchSize: 2, backend, ...(prior && { prior }) };
    const expected = await train(withOwn, dataset, options);
    const decoder = await loadDecoder(join(out, "decoder.safetensors"));
    assert.equal(decoder.parameters, expected.decoder.parameters);
    assert.equal(decoder.prior, expected.decoder.prior);
    assert.is(trained.prior?.name, expected.decoder.prior?.name);
    const described = await runHere("describe", join(out, "decoder.safetensors"), "--json");
    const { prior: inFile } = JSON.parse(described.stdout);
    assert.equal(inFile, prior === "none" ? null : JSON.parse(JSON.stringify(expected.decoder.prior)));
  }
});

test("describe names a decoder's prior in its table", async () => {
  const described = await runHere("describe", ownFile);
  assert.match(described.stdout, /^prior +Gaussian, mean 0\.25, 3 standard deviations$/m);
  const without = await runHere("describe", plainFile);
  assert.not.match(without.stdout, /prior/);
});

test("a run does not go on with another prior", async () => {
  const out = workplace.newPath();
  const without = ["--decoder", plainFile, "--data", data, "--out", out];
  const first = await run("train", ...without, "--prior-std", "2");
  assert.is(first.exit, 0, first.stderr);
  const others: [string[], RegExp][] = [
    [["--prior-std", "3"], /--prior has other values\./],
    [["--prior-std", "2", "--prior-weight", "3"], /--prior-weight is 1 there and 3 here/],
    [["--prior-std", "3", "--prior-mean", "1"], /--prior has other values/],
  ];
  assert.match(
    (await run("train", ...without, "--resume")).stderr,
    /--prior is "gaussian" there and absent here/,
  );
  for (const [more, message] of others) {
    const { exit, stderr } = await run("train", ...without, ...more, "--resume");
    assert.is(exit, 1);
    assert.match(stderr, message);
  }
  const same = await run("train", ...without, "--prior-std", "2", "--resume");
  assert.is(same.exit, 0, same.stderr);
});

test("a prior that the decoder's file has no room for is refused before the run", async () => {
  const large = 256;
  const decoder = createDecoder({ layers: [large, n], loss: "mse", seed: 1 });
  const many = Float32Array.from({ length: 300 * large }, (_, i) => Math.sin(i * i));
  const from = workplace.writeFloats(many, [300, large]);
  const out = workplace.newPath();
  const { exit, stderr } = await run(
    "train",
    ...["--decoder", fileOf(decoder.toSafetensors()), "--data", data, "--out", out],
    ...["--prior-from", from, "--prior-covariance", "full"],
  );
  assert.is(exit, 1);
  assert.match(stderr, /a safetensors file's header would have \d+ bytes/);
  assert.not(existsSync(out));
});

test("flags that do not go together are refused, with what to write", async () => {
  const wide = workplace.writeFloats(codes, [3, 17]);
  const few = workplace.writeFloats(codes.subarray(0, 3 * d), [3, d]);
  const same = workplace.writeFloats(new Float32Array(4 * d), [4, d]);
  const nan = workplace.writeFloats(new Float32Array(4 * d).fill(Number.NaN), [4, d]);
  const text = fileOf(new TextEncoder().encode("no codes"));
  const refusals: [flags: string[], exit: number, message: RegExp][] = [
    [["--prior", "normal"], 2, /--prior <name>' argument 'normal' is invalid.*gaussian, mixture, none/],
    [["--prior", "none", "--prior-weight", "2"], 2, /--prior-weight does not go with --prior none/],
    [["--prior", "none", ...fitted], 2, /--prior-from does not go with --prior none/],
    [["--prior-mean", "1,x"], 2, /--prior-mean.*Expected a number, or several with commas between them/],
    [["--prior-mean", "1,2"], 1, /--prior-mean has 2 values, expected 1 or 3 \(the decoder's latent size\)/],
    [["--prior-std", "1,1,1,1"], 1, /--prior-std has 4 values, expected 1 or 3/],
    [["--prior-std", "1,0,1"], 2, /--prior-std.*Expected a number > 0/],
    [["--prior-weight", "0"], 2, /--prior-weight.*Expected a finite number > 0/],
    [
      ["--prior-weight", "2"],
      1,
      /--prior-weight is given, but the decoder's file has no prior.*--prior gaussian/,
    ],
    [["--prior-mean", "1", ...fitted], 2, /--prior-mean does not go with --prior-from, which finds it/],
    [["--prior-std", "1", ...fitted], 2, /--prior-std does not go with --prior-from, which finds it/],
    [
      ["--prior-covariance", "full"],
      2,
      /--prior-covariance says how codes are fitted; give them by --prior-from/,
    ],
    [["--prior", "gaussian", "--prior-shrinkage", "0.5"], 2, /--prior-shrinkage .*give them by --prior-from/],
    [["--prior-shrinkage", "2", ...fitted], 2, /--prior-shrinkage.*Expected a finite number >= 0 and <= 1/],
    [["--prior-components", "2", ...fitted], 2, /--prior-components is for a mixture; give --prior mixture/],
    [["--prior", "gaussian", "--prior-seed", "2"], 2, /--prior-seed does not go with --prior gaussian/],
    [["--prior", "mixture"], 2, /--prior mixture needs --prior-from <file>.*, and --prior-components <n>/],
    [["--prior", "mixture", ...fitted], 2, /--prior mixture needs --prior-components <n>/],
    [
      ["--prior", "mixture", "--prior-std", "1", ...fitted, "--prior-components", "2"],
      2,
      /--prior-std does not go with --prior mixture, whose standard deviations are found by --prior-from/,
    ],
    [
      ["--prior-from", wide],
      1,
      /--prior-from .*: its shape is 3 × 17 of floats, expected floats, any number × 3/,
    ],
    [["--prior-from", text], 1, /--prior-from /],
    [["--prior-from", "missing.npy"], 1, /--prior-from missing\.npy: .*no such file/],
    [
      ["--prior", "mixture", ...fitted, "--prior-components", "18"],
      1,
      /--prior-from \S+ has 17 codes of 3 values, expected at least 18; .*fewer --prior-components/,
    ],
    [["--prior-shrinkage", "0.5", ...fitted], 2, /--prior-shrinkage does not go with a diagonal covariance/],
    [
      ["--prior-from", few, "--prior-covariance", "full"],
      1,
      /--prior-from \S+ has 3 codes of 3 values, expected at least 4.*--prior-covariance diagonal, or --prior-shrinkage/,
    ],
    [["--prior-from", same], 1, /--prior-from .* has a constant element 0, .*--prior-std of your choice/],
    [["--prior-from", nan], 1, /--prior-from \S+(: it| has) .*NaN/],
    // The message is about other data, whose file has a name of its own.
    [
      [...fitted, "--weights", "codes[1] codes is codes has.npy"],
      1,
      /--weights codes\[1\] codes is codes has\.npy: /,
    ],
  ];
  for (const [flags, code, message] of refusals) {
    const { exit, stdout, stderr } = await run(
      "encode",
      ...["--decoder", plainFile, "--data", data, "--out", workplace.newPath(), ...flags],
    );
    assert.match(stderr, message);
    assert.is(exit, code, stderr);
    assert.is(stdout, "");
  }
  const autoencoder = await run(
    "train",
    ...[
      "--decoder",
      plainFile,
      "--data",
      data,
      "--out",
      workplace.newPath(),
      "--autoencoder",
      "--prior",
      "gaussian",
    ],
  );
  assert.match(autoencoder.stderr, /--prior does not go with --autoencoder/);
  const over = workplace.newPath();
  await report("encode", "--decoder", plainFile, "--data", data, "--out", over);
  const replaced = await run(
    "encode",
    ...["--decoder", plainFile, "--data", data, "--out", over, "--prior-from", join(over, "latents.npy")],
  );
  assert.match(replaced.stderr, /latents\.npy would be written over the file of --prior-from/);
});

test.run();
