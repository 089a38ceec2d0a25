// Tests src/backend/wasm/objective.ts, src/backend/wasm/trainer.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { differentiableWasmObjective } from "../../../src/backend/wasm/objective.ts";
import { packDecoder } from "../../../src/backend/wasm/packed.ts";
import type { Run, Team } from "../../../src/backend/wasm/team.ts";
import { wasmTrainer } from "../../../src/backend/wasm/trainer.ts";
import { conv, reshape, sequential } from "../../../src/graph/index.ts";
import { createDecoder, squaredError } from "../../../src/index.ts";
import { ParameterGradient, Workspace } from "../../../src/kernels/layout.ts";
import { compileKernels } from "../../../src/kernels/load.ts";
import { allRows } from "../../../src/solver/objective.ts";
import { componentsOf } from "../../../src/terms/prior-components.ts";
import { gaussian } from "../../../src/terms/priors.ts";
import { sgd } from "../../../src/train/index.ts";
import { problemOf } from "../../support/problem.ts";
import { randomArray } from "../../support/random.ts";

// Threads of one objective: what each of them writes, and what is left after a failure.

const THREADS = 3;
const ROWS = 40;
const layers = [reshape([2, 4]), conv({ channels: 3, kernel: 3, padding: 1 })];

/** A convolution packed anew, 40 samples with a prior, and a team of threads whose calls of kernels are kept. */
async function setUp() {
  const decoder = createDecoder(sequential(8, layers), { seed: 1 });
  const packed = await packDecoder(decoder, await compileKernels(undefined));
  const y = randomArray(1, ROWS * decoder.outputSize);
  const prior = componentsOf(gaussian(), decoder.latentSize);
  const problem = problemOf(decoder, squaredError(), y, { prior });
  const calls: { thread: number; name: string; args: readonly unknown[] }[] = [];
  const runs = Array.from(
    { length: THREADS },
    (_, thread): Run =>
      (name, ...args) => {
        calls.push({ thread, name, args });
        return packed.run(name, ...args);
      },
  );
  const team: Team = (_unit, _count, work) => work(runs);
  return { decoder, packed, problem, calls, team };
}

test("each thread has a workspace, a prior's scratch and sums of its own, and all have the same gradients", async () => {
  const { decoder, packed, problem, calls, team } = await setUp();
  const objective = differentiableWasmObjective(packed, problem, 1, undefined, team);
  const z = Float64Array.from(randomArray(2, ROWS * 8));
  await objective.value(allRows(ROWS), z);
  await objective.gradient(allRows(ROWS));
  await objective.addParameterGradient(allRows(ROWS));
  const view = packed.arena.view();
  const passes = calls.filter(({ name }) => name === "objectiveValue");
  const prior = ({ args }: (typeof calls)[number]) => Workspace.get(view, args[1] as number, "prior");
  assert.is(new Set(passes.map(prior)).size, THREADS);
  const sums = calls.filter(({ name }) => name === "objectiveParameterGradient");
  assert.equal(
    sums.map(({ args }) => args.slice(5)),
    [0, 1, 2].map((part) => [part, THREADS]),
  );
  for (const name of ["columns", "panels", "sources", "destinations", "taps"] as const) {
    const pointers = sums.map(({ args }) => ParameterGradient.get(view, args[2] as number, name));
    assert.is(new Set(pointers).size, THREADS, name);
  }
  objective.dispose();
  decoder.dispose();
});

test("where there is no memory for another thread the objective stays as it was", async () => {
  const { decoder, packed, problem, team } = await setUp();
  const { arena } = packed;
  const objective = differentiableWasmObjective(packed, problem, 1, undefined, team);
  const { allocate } = arena;
  let isFull = true;
  arena.allocate = ((layOut: (piece: (bytes: number) => number) => unknown) => {
    if (isFull) throw Object.assign(new Error("full"), { code: "out_of_memory" });
    return allocate.call(arena, layOut);
  }) as typeof allocate;
  const z = Float64Array.from(randomArray(2, ROWS * 8));
  await objective.value(allRows(ROWS), z).then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, "out_of_memory"),
  );
  isFull = false;
  const other = arena.allocate((piece) => piece(2 ** 16));
  const bytes = new Uint8Array(arena.memory.buffer, other.start, other.size).fill(7);
  const values = await objective.value(allRows(ROWS), z);
  const alone = differentiableWasmObjective(packed, problem, 1);
  assert.equal(values, await alone.value(allRows(ROWS), z));
  assert.ok(
    bytes.every((byte) => byte === 7),
    "nothing was written to the memory of others",
  );
  for (const each of [alone, objective]) each.dispose();
  decoder.dispose();
});

test("after a gradient that is not finite the next update is as without it", async () => {
  const parametersAfter = async (spoils: boolean) => {
    const { decoder, packed, problem } = await setUp();
    const trainer = wasmTrainer(packed, sgd({ learningRate: 0.1 }));
    const good = trainer.state();
    const update = async () => {
      const objective = trainer.objective(problem, 1);
      await objective.value(allRows(ROWS), Float64Array.from(randomArray(2, ROWS * 8)));
      await objective.gradient(allRows(ROWS));
      await objective.addParameterGradient(allRows(ROWS));
      objective.dispose();
      return trainer.update({ learningRate: 0.1, largestNorm: Number.POSITIVE_INFINITY });
    };
    if (spoils) {
      trainer.restore({ ...good, parameters: new Float32Array(decoder.parameterCount).fill(3e38) });
      assert.not(Number.isFinite(await update()));
      trainer.restore(good);
    }
    assert.ok(Number.isFinite(await update()));
    const parameters = trainer.parameters();
    trainer.dispose();
    decoder.dispose();
    return parameters;
  };
  assert.equal(await parametersAfter(true), await parametersAfter(false));
});

test.run();
