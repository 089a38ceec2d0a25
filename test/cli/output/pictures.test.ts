// run: slow
// Tests src/cli/output/picture-source.ts.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openInput } from "../../../src/cli/input/encoding-input.ts";
import type { Job } from "../../../src/cli/options/job.ts";
import { drawGrid } from "../../../src/cli/output/grid.ts";
import { writePictures } from "../../../src/cli/output/pictures.ts";
import { encodeParts } from "../../../src/cli/parts/encode-parts.ts";
import type { Part } from "../../../src/cli/parts/part.ts";
import { concat, dense, graph, sigmoid, tanh } from "../../../src/graph/index.ts";
import { createDecoder, decode, encode, gradientFlow, lbfgs, wasm } from "../../../src/index.ts";
import { Workplace } from "../../support/program.ts";
import { randomArray } from "../../support/random.ts";

// The pictures of a run, against those drawn from arrays that are in memory as a whole.

const workplace = new Workplace();
test.after(() => workplace.dispose());

const [LATENT, H, W, B] = [2, 4, 5, 9];
const SIZE = H * W;
const decoder = createDecoder(
  graph(({ latent, fixed }) =>
    sigmoid()(dense(SIZE)(tanh()(dense(7)(concat()(latent(LATENT), fixed("label", 2)))))),
  ),
  { seed: 3, loss: "mse" },
);
const decoderFile = `${workplace.newPath()}.safetensors`;
writeFileSync(decoderFile, decoder.toSafetensors());
const y = randomArray(1, B * SIZE, 0, 1);
const all = {
  weights: randomArray(2, B * SIZE, 0.1, 1),
  z0: randomArray(3, B * LATENT, -2, 2),
  label: randomArray(4, B * 2, -1, 1),
};
const write = (values: Float32Array, size: number) => workplace.writeFloats(values, [B, size]);
const [weightsFile, z0File, labelFile] = [
  write(all.weights, SIZE),
  write(all.z0, LATENT),
  write(all.label, 2),
];
const dataFile = workplace.writeFloats(y, [B, H, W]);
const signal = new AbortController().signal;
const shape = { outputShape: [H, W] };

test("pictures show the first samples, with what is given with each, from where each began", async () => {
  const solver = lbfgs({ maxSteps: 3 });
  const job = {
    decoder: decoderFile,
    data: [dataFile],
    weights: weightsFile,
    z0: z0File,
    out: "",
    fixed: [{ name: "label", value: labelFile }],
    plain: true,
    threads: 1,
    flow: { value: gradientFlow(), description: { name: "gradient" } },
    solver: { value: solver, description: { name: "lbfgs", maxSteps: 3 } },
  } as unknown as Job;
  const input = await openInput(job, signal);
  const range = { index: 1, first: 2, count: 5 };
  const parts: Part[] = [];
  for await (const part of encodeParts({ job, input, signal, onProgress() {} }, [range])) parts.push(part);
  const [part] = parts as [Part];
  const out = workplace.newPath();
  mkdirSync(out);
  const written = await writePictures(out, { job, input, signal }, part);
  assert.equal(
    written.map(({ path }) => path),
    ["reconstructions.png", "steps.png"].map((name) => join(out, name)),
  );

  const shown = [2, 3, 4, 5, 6];
  const take = (values: Float32Array, size: number, samples = shown) =>
    Float32Array.from(samples.flatMap((sample) => [...values.subarray(sample * size, (sample + 1) * size)]));
  const rowsOf = (values: Float32Array) => shown.map((_, i) => values.subarray(i * SIZE, (i + 1) * SIZE));
  const own = {
    fixed: { label: take(all.label, 2) },
    backend: wasm({ relaxed: false, threads: 1 }),
  };
  const originals = rowsOf(take(y, SIZE));
  const { z, trajectory } = await encode(decoder, take(y, SIZE), {
    ...own,
    weights: take(all.weights, SIZE),
    z0: take(all.z0, LATENT),
    saveAt: "steps" as const,
    solver,
  });
  const decoded = async (z: Float32Array) => rowsOf(await decode(decoder, z, own));
  const ends = await decoded(z);
  // 0 to 1, widened to the range of what is given.
  const all01 = [0, 1, ...originals.flatMap((tile) => [...tile])];
  const low = Math.min(...all01);
  const span = Math.max(...all01) - low;
  const grey = (tile: Float32Array) => tile.map((value) => (value - low) / span);
  const differences = ends.map((end, i) =>
    end.map((value, k) => 0.5 + (value - originals[i]![k]!) / span / 2),
  );
  const reconstructions = drawGrid([originals.map(grey), ends.map(grey), differences], shape);
  assert.equal(readFileSync(join(out, "reconstructions.png")), Buffer.from(reconstructions));

  const columns: Float32Array[][] = [];
  for (const steps of [0, 1, 2, 5, 10, 20]) {
    const points = trajectory!.map(({ t, z }) => {
      const last = Math.min(steps, t.length - 1);
      return [...z.subarray(last * LATENT, (last + 1) * LATENT)];
    });
    columns.push(await decoded(Float32Array.from(points.flat())));
  }
  assert.equal(columns[0], await decoded(take(all.z0, LATENT)), "they begin at z0");
  columns.push(ends, originals);
  const steps = drawGrid(
    originals.map((_, i) => columns.map((column) => grey(column[i]!))),
    shape,
  );
  assert.equal(readFileSync(join(out, "steps.png")), Buffer.from(steps));
});

test.run();
