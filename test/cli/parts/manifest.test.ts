// run: slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import packageJson from "../../../package.json" with { type: "json" };
import { openInput } from "../../../src/cli/input/encoding-input.ts";
import type { Job } from "../../../src/cli/options/job.ts";
import {
  MANIFEST_OF_OPTIONS,
  manifestDifferences,
  manifestOf,
  manifestSum,
  parseManifest,
} from "../../../src/cli/parts/manifest.ts";
import { copyDecoder } from "../../../src/decoder/copy.ts";
import { relu, tanh } from "../../../src/graph/index.ts";
import {
  B,
  job,
  LATENT,
  labels,
  makeDecoder,
  SIZE,
  save,
  weights,
  workplace,
  write,
  y,
  z0,
  z0File,
} from "../../support/parts-run.ts";

test("a manifest tells apart all that results depend on", async () => {
  const { signal } = new AbortController();
  const input = await openInput(job, signal);
  const base = await manifestOf(job, input, 4);
  assert.is(base.run.latentflow, packageJson.version);
  assert.equal(await manifestOf({ ...job, threads: 2 }, await openInput(job, signal), 4), base);
  const opened = (other: Partial<Job>) => openInput({ ...job, ...other }, signal);
  const number = (value: number) => ({
    ...input.fixed,
    inputs: input.fixed.inputs.map((each) => ({ ...each, value, array: undefined })),
  });
  const others = [
    { input: { ...input, decoder: makeDecoder(relu()) } },
    { input: { ...input, decoder: makeDecoder(tanh(), 4) } },
    ...[0.5, 1].map((value) => {
      const start = new Float32Array(LATENT).fill(value);
      return { input: { ...input, decoder: copyDecoder(input.decoder, { start }) } };
    }),
    { input: await opened({ weights: write(weights.map(Math.sqrt), SIZE) }) },
    { input: await opened({ z0: write(z0.map(Math.sin), LATENT) }) },
    { input: await opened({ data: [workplace.writeFloats(y, [B, 2, 3])] }) },
    { input: { ...input, fixed: number(1) } },
    { input: { ...input, fixed: number(2) } },
    { input: { ...input, fixed: { ...input.fixed, points: 5 } } },
    { input: { ...input, loss: { ...input.loss, reduction: "sum" as const } } },
    { job: { ...job, flow: { ...job.flow, description: { name: "gradient", alpha: 2 } } } },
    { job: { ...job, solver: { ...job.solver, description: { name: "lbfgs", memory: 3 } } } },
    { job: { ...job, idColumn: "name" } },
    { parts: 5 },
  ];
  const sums = new Set([manifestSum(base)]);
  for (const [i, other] of others.entries()) {
    const all = { job, input, parts: 4, ...other };
    const manifest = await manifestOf(all.job, all.input, all.parts);
    assert.ok(manifestDifferences(base, manifest).length > 0, `${i}`);
    sums.add(manifestSum(manifest));
  }
  assert.is(sums.size, others.length + 1);
  const shaped = await manifestOf(job, await opened({ data: [workplace.writeFloats(y, [B, 2, 3])] }), 4);
  assert.equal(shaped.sampleShape, [2, 3]);
});

test("an option by which no run is told apart changes no manifest; each of the others shows where the table says", async () => {
  const { signal } = new AbortController();
  const base = await manifestOf(job, await openInput(job, signal), 4);
  const others = {
    batchSize: 2,
    threads: 3,
    out: "elsewhere",
    complete: "whole.npy",
    format: "parquet" as const,
    maxBytes: 2 ** 20,
    dataFlag: "the digits",
    json: true as const,
    quiet: true as const,
    vectors: "auto" as const,
  };
  const named = Object.entries(MANIFEST_OF_OPTIONS).flatMap(([option, place]) =>
    place === null ? [option] : [],
  );
  assert.equal(Object.keys(others).sort(), named.sort());
  for (const [option, value] of Object.entries(others)) {
    const other = { ...job, [option]: value };
    assert.equal(await manifestOf(other, await openInput(other, signal), 4), base, option);
  }
  // Those that say how files of other decoders are read are not here.
  const told: { readonly [Option in keyof Job]?: Job[Option] | undefined } = {
    decoder: save(makeDecoder(relu())),
    data: [workplace.writeFloats(y.map(Math.sin), [B, SIZE])],
    limit: 5,
    weights: undefined,
    z0: undefined,
    fixed: [{ name: "label", value: write(labels.map(Math.sin), 2) }],
    reconstructions: undefined,
    reduction: "sum",
    prior: "gaussian",
    priorMean: 1,
    priorStd: 3,
    priorFrom: z0File,
    flow: { ...job.flow, description: { name: "gradient", alpha: 2 } },
    solver: { ...job.solver, description: { name: "amd" } },
  };
  for (const [option, value] of Object.entries(told)) {
    const place = MANIFEST_OF_OPTIONS[option as keyof typeof MANIFEST_OF_OPTIONS];
    const shown = typeof place === "function" ? option : String(place);
    const other = { ...job, [option]: value };
    const differences = manifestDifferences(base, await manifestOf(other, await openInput(other, signal), 4));
    const names = differences.map(({ name }) => name);
    assert.ok(
      names.length > 0 && names.every((name) => name.startsWith(shown)),
      `${option}: ${names.join("; ")}`,
    );
  }
});

test("the entries of a manifest keep their order: its sum tells whose the parts are that are there", async () => {
  const all: Job = { ...job, prior: "gaussian" };
  const { run } = await manifestOf(all, await openInput(all, new AbortController().signal), 4);
  assert.equal(Object.keys(run), [
    ...["latentflow", "decoder", "data", "weights", "z0", "fixed.label", "loss.name", "loss.reduction"],
    ...["prior", "flow.name", "solver.name"],
  ]);
});

test("a manifest that is torn, or something else, is refused", async () => {
  const base = await manifestOf(job, await openInput(job, new AbortController().signal), 4);
  const text = JSON.stringify(base);
  assert.equal(parseManifest(text), base);
  const torn = [0, 1, 20, text.length - 1].map((length) => text.slice(0, length));
  const others = [{ ...base, format: "latentflow parts 2" }, null, 3, []].map((other) =>
    JSON.stringify(other),
  );
  for (const wrong of [...torn, ...others]) {
    assert.throws(
      () => parseManifest(wrong),
      /^it is no manifest of parts that this version of latentflow has written; .*, or remove the folder$/,
      wrong,
    );
  }
});

test.run();
