// run: slow
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openInput } from "../../../src/cli/input/encoding-input.ts";
import type { Job } from "../../../src/cli/options/job.ts";
import { encodeParts } from "../../../src/cli/parts/encode-parts.ts";
import type { Part } from "../../../src/cli/parts/part.ts";
import { rangesOf } from "../../../src/cli/parts/part-range.ts";
import { RunSummariser } from "../../../src/cli/parts/run-summary.ts";
import { readNpy } from "../../../src/files/npy.ts";
import {
  binaryCrossEntropy,
  createDecoder,
  decode,
  encode,
  gaussian,
  gradientFlow,
  lbfgs,
  wasm,
} from "../../../src/index.ts";
import { column, readCsv, Workplace } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";
import { objectiveOf } from "../../support/reference.ts";
import { runHere } from "../../support/run-here.ts";

// What a run in several parts says of itself, against plain sums over its samples in float64.

const workplace = new Workplace();
test.after(() => workplace.dispose());

const [LATENT, SIZE, B] = [2, 6, 11];
const STD = 2;
const decoder = createDecoder({
  layers: [LATENT, 5, SIZE],
  seed: 1,
  loss: "bce",
  prior: gaussian({ std: STD }),
});
const decoderFile = `${workplace.newPath()}.safetensors`;
writeFileSync(decoderFile, decoder.toSafetensors());

// Some are missing, where they have no weight.
const y = randomArray(1, B * SIZE, 0, 1);
const weights = randomArray(2, B * SIZE, 0.1, 2);
for (const missing of [3, 20, 21, 64]) [y[missing], weights[missing]] = [Number.NaN, 0];
const z0 = randomArray(3, B * LATENT, -1, 1);
const [dataFile, weightsFile] = [y, weights].map((values) => workplace.writeFloats(values, [B, SIZE]));
const z0File = workplace.writeFloats(z0, [B, LATENT]);
const rowOf = (values: Float32Array, sample: number, size = SIZE) =>
  values.subarray(sample * size, (sample + 1) * size);

const loss = binaryCrossEntropy();
const lossAt = (z: Float32Array, sample: number) =>
  objectiveOf(decoder, loss, rowOf(z, sample, LATENT), rowOf(y, sample), rowOf(weights, sample)).value;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const weightOf = (sample: number) => rowOf(weights, sample).reduce((sum, weight) => sum + weight, 0);

/** The least that a sample's loss can come to. */
function entropyOf(sample: number): number {
  let sum = 0;
  for (const [i, weight] of rowOf(weights, sample).entries()) {
    const p = rowOf(y, sample)[i]!;
    if (weight > 0) sum -= weight * (p * Math.log(p) + (1 - p) * Math.log(1 - p));
  }
  return sum / weightOf(sample);
}

function assertNear(found: number, expected: number, name: string): void {
  assert.ok(Math.abs(found - expected) <= 1e-5 * Math.abs(expected), `${name}: ${found}, not ${expected}`);
}

async function report(...args: string[]) {
  const { exit, stdout, stderr } = await runHere(...args, "--quiet", "--json");
  assert.is(exit, 0, stderr);
  return JSON.parse(stdout);
}

const encoding = (out: string, ...options: string[]) => [
  ...["encode", "--decoder", decoderFile, "--data", dataFile!, "--weights", weightsFile!, "--z0", z0File],
  ...["--threads", "1", "--plain", "--out", out, ...options],
];

/** What says how fast it went. */
function withoutTimes(document: Record<string, unknown>) {
  const { seconds, samplesPerSecond, ...others } = document;
  return others;
}

test("the figures of a run in parts are those of its samples; of merge, too", async () => {
  for (const hasPrior of [true, false]) {
    // So few steps that not all end alike.
    const options = ["--max-steps", "4", ...(hasPrior ? [] : ["--prior", "none"])];
    const out = workplace.newPath();
    const alone = await report(...encoding(out, ...options, "--parts", "4"));
    const z = readNpy(readFileSync(join(out, "latents.npy"))).data as Float32Array;
    const csv = readCsv(join(out, "results.csv"));
    const samples = [...Array(B).keys()];
    const losses = samples.map((sample) => lossAt(z, sample));
    const priors = samples.map((sample) =>
      rowOf(z, sample, LATENT).reduce((sum, value) => sum + value ** 2 / (2 * STD ** 2), 0),
    );
    const objectives = losses.map((each, i) => each + (hasPrior ? priors[i]! / weightOf(i) : 0));
    const entropy = mean(samples.map(entropyOf));
    assertNear(alone.meanInitialLoss, mean(samples.map((sample) => lossAt(z0, sample))), "before");
    assertNear(alone.meanLoss, mean(losses), "after");
    assertNear(alone.meanObjective, mean(objectives), "objective");
    if (hasPrior) assertNear(alone.meanPrior, mean(priors), "prior");
    else assert.is(alone.meanPrior, null);
    assertNear(alone.meanTargetEntropy, entropy, "entropy");
    assertNear(alone.meanExcessLoss, mean(losses) - entropy, "above entropy");
    for (const [figure, name] of [
      ["meanAcceptedSteps", "accepted_steps"],
      ["meanBacktracks", "backtracks"],
    ] as const) {
      assertNear(alone[figure], mean(column(csv, name).map(Number)), figure);
    }
    assert.ok(alone.meanBacktracks !== alone.meanAcceptedSteps);
    const statuses: Record<string, number> = {};
    for (const status of column(csv, "status")) statuses[status] = (statuses[status] ?? 0) + 1;
    assert.equal(alone.statuses, statuses);
    assert.ok(Math.max(...Object.values(statuses)) > 3, "more than a part has");
    assert.equal([alone.samples, alone.threads, alone.build], [B, 1, "plain"]);
    assert.is(alone.samplesPerSecond, B / alone.seconds);

    const tasks = workplace.newPath();
    for (const part of ["0/4", "1/4", "2/4", "3/4"])
      await report(...encoding(tasks, ...options, "--part", part));
    const { parts, idColumn, ...merged } = await report("merge", tasks);
    const figures = Object.keys(merged).filter((name) => !["latentflow", "files"].includes(name));
    const pick = (document: Record<string, unknown>) =>
      Object.fromEntries(figures.map((name) => [name, document[name]]));
    assert.equal(withoutTimes(pick(merged)), withoutTimes(pick(alone)));
    assert.equal([parts, idColumn], [4, null]);
    const seconds = readdirSync(join(tasks, "parts"))
      .filter((name) => name.startsWith("part-"))
      .map((name) => readFileSync(join(tasks, "parts", name)))
      .map((bytes) => JSON.parse(bytes.toString("utf8", 8, 8 + Number(bytes.readBigUInt64LE(0)))))
      .map((header) => JSON.parse(header.__metadata__.latentflow_part).seconds as number);
    assert.is(seconds.length, 4);
    assertNear(merged.seconds, mean(seconds) * 4, "seconds");
    assert.is(merged.samplesPerSecond, B / merged.seconds);
  }
});

test("a part in several blocks has the results of one call of encode, and its floor", async () => {
  const job: Job = {
    decoder: decoderFile,
    data: [dataFile],
    weights: weightsFile,
    z0: z0File,
    out: "",
    reconstructions: true,
    plain: true,
    threads: 1,
    flow: { value: gradientFlow(), description: { name: "gradient" } },
    solver: { value: lbfgs(), description: { name: "lbfgs" } },
  } as unknown as Job;
  const { signal } = new AbortController();
  const input = await openInput(job, signal);
  const start = performance.now();
  let waited = 0;
  const onProgress = ({ done, samplesPerSecond }: { done: number; samplesPerSecond: number }) => {
    // Longer, in the last block, than all took before it.
    if (done > 8 && waited === 0) {
      const now = performance.now();
      waited = now - start + 10;
      while (performance.now() < now + waited);
    }
    // It was begun after `start`.
    assert.ok(samplesPerSecond >= (1000 * done) / (performance.now() - start), `${samplesPerSecond}`);
  };
  const parts: Part[] = [];
  const ranges = rangesOf({ samples: B, parts: 1 });
  for await (const part of encodeParts({ job, input, signal, onProgress }, ranges, 4)) parts.push(part);
  const [part] = parts as [Part];
  assert.ok(waited > 0 && part.seconds >= waited / 1000, `${part.seconds} s, ${waited} ms`);
  const backend = wasm({ relaxed: false, threads: 1 });
  const expected = await encode(decoder, y, { weights, z0, backend });
  assert.equal(part.results.reconstructions, await decode(decoder, expected.z, { backend }));
  for (const name of ["z", "initialLoss", "loss", "prior", "objective", "gradientNorm", "status"] as const) {
    assert.equal(part.results[name], expected[name], name);
  }
  for (const name of ["acceptedSteps", "backtracks", "t"] as const) {
    assert.equal(part.results.stats[name], expected.stats[name], name);
  }
  const entropies = [...Array(B).keys()].map(entropyOf);
  for (const [i, entropy] of entropies.entries()) assertNear(part.results.leastLoss![i]!, entropy, "entropy");
  assert.equal([part.threads, part.kernels], [1, "plain"]);
});

test("means are over the values that are finite, and the floor over the same samples", async () => {
  // Of one sample the logits are beyond float32.
  const steep = createDecoder({ layers: [LATENT, SIZE], seed: 1, loss: "bce" });
  steep.parameters.fill(10);
  const file = `${workplace.newPath()}.safetensors`;
  writeFileSync(file, steep.toSafetensors());
  const far = z0.slice();
  far.fill(3e38, 4 * LATENT, 5 * LATENT);
  const out = workplace.newPath();
  const otherFiles = new Map([
    [decoderFile, file],
    [z0File, workplace.writeFloats(far, [B, LATENT])],
  ]);
  const figures = await report(...encoding(out).map((argument) => otherFiles.get(argument) ?? argument));
  const losses = column(readCsv(join(out, "results.csv")), "loss").map(Number);
  assert.not.ok(Number.isFinite(losses[4]));
  const others = [...Array(B).keys()].filter((sample) => sample !== 4);
  assert.is(figures.statuses.nonfinite, 1);
  assertNear(figures.meanLoss, mean(others.map((sample) => losses[sample]!)), "after");
  assertNear(figures.meanTargetEntropy, mean(others.map(entropyOf)), "entropy");
});

test("of several parts: samples per second of all, the most threads, means over what is finite", () => {
  const sampling = (...sizes: number[]): Part["results"]["sampling"] => ({
    codes: new Float32Array(3 * sizes.length),
    weights: new Float64Array(3 * sizes.length),
    effectiveSampleSize: Float64Array.from(sizes),
  });
  const part = (
    status: Part["results"]["status"],
    seconds: number,
    threads: number,
    sizes?: readonly [number, number],
  ): Part => ({
    index: 0,
    first: 0,
    count: status.length,
    seconds,
    threads,
    kernels: "plain",
    results: {
      leastLoss: undefined,
      z: new Float32Array(status.length),
      prior: undefined,
      reconstructions: undefined,
      ids: undefined,
      initialLoss: Float32Array.of(1, 2),
      loss: Float32Array.of(Number.POSITIVE_INFINITY, Number.NaN),
      objective: new Float32Array(2),
      gradientNorm: new Float32Array(2),
      status,
      stats: { acceptedSteps: new Uint32Array(2), backtracks: new Uint32Array(2), t: new Float64Array(2) },
      sampling: sizes && sampling(...sizes),
    },
  });
  const figures = new RunSummariser();
  figures.add(part(["converged", "converged"], 2, 3));
  figures.add(part(["converged", "stalled"], 4, 1));
  const found = figures.summary();
  assert.equal([found.samples, found.seconds, found.samplesPerSecond, found.threads], [4, 6, 4 / 6, 3]);
  assert.equal([found.meanInitialLoss, found.meanLoss], [1.5, Number.NaN]);
  assert.equal(found.statuses, { converged: 3, stalled: 1 });
  assert.equal([found.meanTargetEntropy, found.meanExcessLoss], [null, null]);
  assert.is(found.sampling, undefined);
  const drawn = new RunSummariser();
  drawn.add(part(["converged", "converged"], 2, 3, [10, 1]));
  drawn.add(part(["converged", "converged"], 2, 3, [2.5, 1.5]));
  assert.equal(drawn.summary().sampling, {
    codesPerSample: 3,
    medianEffectiveSampleSize: 2,
    leastEffectiveSampleSize: 1,
    lowEffectiveSampleSizes: 3,
  });
});

test.run();
