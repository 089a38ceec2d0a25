// run: both
// Tests src/backend/wasm/randomised-low-rank.ts, src/solver/low-rank-memory.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { packDecoder } from "../../../src/backend/wasm/packed.ts";
import { preconditionerOf } from "../../../src/backend/wasm/preconditioner.ts";
import { makeLowRank } from "../../../src/backend/wasm/randomised-low-rank.ts";
import {
  binaryCrossEntropy,
  createDecoder,
  type Decoder,
  decode,
  encode,
  gaussian,
  type Prior,
  squaredError,
  wasm,
} from "../../../src/index.ts";
import { compileKernels } from "../../../src/kernels/load.ts";
import { allRows, type LowRankArrays } from "../../../src/solver/objective.ts";
import { componentsOf } from "../../../src/terms/prior-components.ts";
import { builds } from "../../support/builds.ts";
import { bindObjective } from "../../support/objective.ts";
import { randomArray } from "../../support/random.ts";

const D = 70;
const { backend } = builds.find(({ name }) => name === "plain")!;

/** A decoder whose latents have ever less influence, as a trained one's, or all alike. */
function newDecoder(
  decay: number,
  { activation = "elu" as "elu" | "relu", output = "sigmoid" as "sigmoid" | "identity" } = {},
) {
  const decoder = createDecoder({ layers: [D, 96, 120], activation, outputActivation: output, seed: 4 });
  const { parameters } = decoder;
  for (let at = 0; at < 96 * D; at++) parameters[at]! *= decay ** (at % D);
  return decoder;
}

async function lowRankOf(
  decoder: Decoder,
  loss = squaredError(),
  prior?: Prior,
): Promise<LowRankArrays | undefined> {
  const packed = await packDecoder(decoder, await compileKernels(undefined));
  const terms = { loss: loss.name, prior: prior && componentsOf(prior, D) };
  const { preconditioner, free } = await preconditionerOf(packed, { loss, prior: terms.prior }, makeLowRank);
  free();
  return preconditioner?.lowRank;
}

/** The Gauss-Newton matrix at z = 0, [D][D], of the kernels that make it whole. */
async function wholeMatrix(decoder: Decoder, loss = squaredError(), prior?: Prior): Promise<number[][]> {
  const y = await decode(decoder, new Float32Array(D));
  const objective = await bindObjective(backend, decoder, loss, y, undefined, 1, [], prior);
  await objective.value(allRows(1), new Float64Array(D));
  const packed = await objective.curvature!.matrices(allRows(1), "own");
  objective.dispose();
  return Array.from({ length: D }, (_, i) =>
    Array.from({ length: D }, (_, k) => packed[Math.max(i, k) * D + Math.min(i, k)]!),
  );
}

const vectorOf = ({ vectors, rank }: LowRankArrays, j: number) =>
  Array.from(vectors.subarray((j * vectors.length) / rank, (j * vectors.length) / rank + D));
const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, k) => sum + value * b[k]!, 0);
const times = (matrix: readonly number[][], v: readonly number[]) => matrix.map((row) => dot(row, v));

for (const [name, loss, prior] of [
  ["squared error", squaredError(), undefined],
  ["cross entropy", binaryCrossEntropy(), undefined],
  ["a prior", squaredError(), gaussian({ std: 30 })],
] as const) {
  test(`${name}: Ritz vectors and values of the Gauss-Newton matrix`, async () => {
    const decoder = newDecoder(0.93);
    const lowRank = (await lowRankOf(decoder, loss, prior))!;
    const matrix = await wholeMatrix(decoder, loss, prior);
    const trace = matrix.reduce((sum, row, i) => sum + row[i]!, 0);
    const { rank, values, rest, damping } = lowRank;
    assert.is(rank % 4, 0);
    const used = Array.from({ length: rank }, (_, j) => j).filter(
      (j) => dot(vectorOf(lowRank, j), vectorOf(lowRank, j)) > 0,
    );
    const [top] = values;
    for (const j of used) {
      const image = times(matrix, vectorOf(lowRank, j));
      for (const i of used) {
        assert.ok(
          Math.abs(dot(vectorOf(lowRank, i), vectorOf(lowRank, j)) - Number(i === j)) < 1e-5,
          "orthonormal",
        );
        const expected = i === j ? values[j]! : 0;
        assert.ok(Math.abs(dot(vectorOf(lowRank, i), image) - expected) < 1e-4 * top!, `${i}, ${j}`);
      }
      // The largest are eigenvectors.
      if (j < 3) {
        const off = image.map((value, k) => value - values[j]! * vectorOf(lowRank, j)[k]!);
        assert.ok(Math.sqrt(dot(off, off)) < 0.05 * top!, `vector ${j}`);
      }
      assert.ok(j === 0 || values[j]! <= values[j - 1]!, "in descending order");
    }
    assert.ok(Math.abs((D * damping) / trace - 1) < 0.1, `a trace of ${D * damping}, not ${trace}`);
    const held = used.reduce((sum, j) => sum + values[j]!, 0);
    const left = (D * damping - held) / (D - used.length);
    assert.ok(Math.abs(rest / Math.max(left, 1e-3 * damping) - 1) < 1e-9);
    decoder.dispose();
  });
}

test("of a decoder whose latents all count alike there is none: too little of the trace is held", async () => {
  const layers = [600, 130, 900];
  const decoder = createDecoder({ layers, activation: "elu", outputActivation: "identity", seed: 4 });
  const packed = await packDecoder(decoder, await compileKernels(undefined));
  const { preconditioner } = await preconditionerOf(
    packed,
    { loss: squaredError(), prior: undefined },
    makeLowRank,
  );
  assert.is(preconditioner, undefined);
  const y = randomArray(1, 900, 0, 1);
  assert.equal((await encode(decoder, y, { loss: "mse" })).status, ["converged"]);
  decoder.dispose();
});

test("a decoder that is not finite at its start has none", async () => {
  const decoder = newDecoder(0.93);
  decoder.parameters[3] = Number.NaN;
  assert.is(await lowRankOf(decoder), undefined);
  decoder.dispose();
});

test("codes depend neither on threads, of which each makes its own, nor on batch mates", async () => {
  const y = await decode(newDecoder(0.93), randomArray(5, 6 * D, -1, 1));
  const decoder = newDecoder(0.93);
  const by = (threads: number, batchSize?: number) => ({
    loss: squaredError(),
    backend: wasm({ threads, relaxed: false }),
    batchSize,
  });
  const one = await encode(decoder, y, by(1));
  assert.equal((await encode(decoder, y, by(2, 2))).z, one.z);
  assert.equal((await encode(decoder, y.subarray(0, 120), by(1))).z, one.z.subarray(0, D));
  decoder.dispose();
});

test.run();
