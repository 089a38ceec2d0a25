// run: both
import { readdirSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { differentiableWasmObjective } from "../../src/backend/wasm/objective.ts";
import { Pacer } from "../../src/backend/wasm/pacer.ts";
import { packDecoder } from "../../src/backend/wasm/packed.ts";
import { runHere } from "../../src/backend/wasm/team.ts";
import { createRandom } from "../../src/base/random.ts";
import { activations } from "../../src/graph/activation.ts";
import { amd, binaryCrossEntropy, createDecoder, decode, encode, lbfgs, wasm } from "../../src/index.ts";
import { Arena } from "../../src/kernels/arena.ts";
import * as layout from "../../src/kernels/layout.ts";
import { compileKernels } from "../../src/kernels/load.ts";
import { Struct } from "../../src/kernels/struct.ts";
import { rowsWithRoom } from "../../src/solver/solver-memory.ts";
import { STATUSES } from "../../src/solver/status.ts";
import { problemOf } from "../support/problem.ts";
import { randomArray } from "../support/random.ts";
import { refused } from "../support/refusal.ts";

const solver = amd({ maxSteps: 5 });

function newDecoder(seed = 0) {
  return createDecoder({
    layers: [4, 30, 50],
    seed,
    outputActivation: "sigmoid",
    loss: binaryCrossEntropy(),
  });
}

async function arenaOf(decoder: ReturnType<typeof newDecoder>): Promise<Arena> {
  return (await packDecoder(decoder, await compileKernels(undefined))).arena;
}

test("a thousand calls leave the memory as it was", async () => {
  const decoder = newDecoder();
  const y = randomArray(1, 10 * 50, 0, 1);
  await encode(decoder, y, { solver });
  const arena = await arenaOf(decoder);
  const { byteLength } = arena;
  for (let i = 0; i < 1000; i++) {
    await encode(decoder, y, { solver });
    if (i % 100 === 0) await decode(decoder, new Float32Array(40));
  }
  assert.is(arena.byteLength, byteLength);
});

test("memory does not grow with the number of samples", async () => {
  const decoder = newDecoder();
  const y = randomArray(1, 2000 * 50, 0, 1);
  await encode(decoder, y.subarray(0, 250 * 50), { solver });
  const arena = await arenaOf(decoder);
  const { byteLength } = arena;
  await encode(decoder, y, { solver });
  assert.is(arena.byteLength, byteLength);
});

test("an aborted and a failing call give their memory back", async () => {
  const decoder = newDecoder();
  const y = randomArray(1, 300 * 50, 0, 1);
  await encode(decoder, y, { solver });
  const arena = await arenaOf(decoder);
  const { byteLength } = arena;
  for (let i = 0; i < 50; i++) {
    const controller = new AbortController();
    const stop = () => {
      if (i % 2) controller.abort();
      else throw new Error("from onProgress");
    };
    const call = encode(decoder, y, { solver, signal: controller.signal, onProgress: stop, batchSize: 8 });
    assert.ok(
      await call.then(
        () => false,
        () => true,
      ),
      "it has rejected",
    );
  }
  assert.is(arena.byteLength, byteLength);
});

test("two decoders work side by side, and several calls on one", async () => {
  const [a, b] = [newDecoder(1), newDecoder(2)];
  const y = randomArray(3, 120 * 50, 0, 1);
  const parts = [0, 1, 2].map((i) => y.subarray(i * 40 * 50, (i + 1) * 40 * 50));
  const alone: Float32Array[] = [];
  for (const decoder of [a, b]) for (const part of parts) alone.push((await encode(decoder, part)).z);
  const together = await Promise.all([a, b].flatMap((decoder) => parts.map((part) => encode(decoder, part))));
  for (const [i, { z }] of together.entries()) assert.equal(z, alone[i]);
});

test("first calls at the same time pack the weights once", async () => {
  const decoder = newDecoder(4);
  const y = randomArray(3, 50, 0, 1);
  const [first, second] = await Promise.all([
    encode(decoder, y),
    encode(decoder, y),
    decode(decoder, new Float32Array(4)),
  ]);
  assert.equal(first.z, second.z);
  const compiled = await compileKernels(undefined);
  const fresh = newDecoder(4);
  const [one, other] = await Promise.all([packDecoder(fresh, compiled), packDecoder(fresh, compiled)]);
  assert.is(one, other);
});

test("dispose frees what is packed; calls at work end as they would", async () => {
  const decoder = newDecoder(5);
  const y = randomArray(3, 200 * 50, 0, 1);
  const expected = await encode(decoder, y);
  const arena = new WeakRef(await arenaOf(decoder));
  const call = encode(decoder, y);
  decoder.dispose();
  assert.equal((await call).z, expected.z);
  await collectGarbage(() => !arena.deref());
  assert.is(arena.deref(), undefined, "the decoder is still here, its memory is not");
  assert.ok(decoder.disposed);
});

test("unused decoders are collected with their memory", async () => {
  const references: WeakRef<object>[] = [];
  for (let i = 0; i < 20; i++) {
    const decoder = newDecoder(i);
    await encode(decoder, randomArray(3, 50, 0, 1));
    references.push(new WeakRef(await arenaOf(decoder)));
  }
  const alive = () => references.filter((reference) => reference.deref()).length;
  await collectGarbage(() => alive() <= 1);
  assert.ok(alive() <= 1, `${alive()} of 20 arenas are alive`);
});

/** Weak references are cleared some tasks after their last use: collects until they are, or gives up. */
async function collectGarbage(areCleared: () => boolean): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  for (let i = 0; i < 100 && !areCleared(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
  }
}

test("an arena gives back what was freed, and blocks never overlap", () => {
  const arena = new Arena(new WebAssembly.Memory({ initial: 1 }));
  const random = createRandom(1);
  const blocks: { block: ReturnType<Arena["allocate"]>; mark: number }[] = [];
  let peak = 0;
  for (let i = 0; i < 3000; i++) {
    if (random.uniform() < 0.5 || blocks.length === 0) {
      const size = 8 + Math.floor(random.uniform() * 40_000);
      const block = arena.allocate((piece) => piece(size));
      arena.i32(block.start, block.size / 4).fill(i);
      blocks.push({ block, mark: i });
    } else {
      const [{ block, mark }] = blocks.splice(Math.floor(random.uniform() * blocks.length), 1) as [
        (typeof blocks)[0],
      ];
      assert.ok(arena.i32(block.start, block.size / 4).every((value) => value === mark));
      block.free();
      block.free();
    }
    if (i === 1500) for (const { block } of blocks.splice(0)) block.free();
    if (i === 1500) peak = arena.byteLength;
  }
  for (const { block } of blocks) block.free();
  // All free again: one gap, in which the largest block fits without growth.
  const { byteLength } = arena;
  // Behind each block are 16 bytes that are nobody's.
  arena.allocate((piece) => piece(byteLength - 65536 - 64)).free();
  assert.is(arena.byteLength, byteLength);
  assert.ok(peak > 0);
});

test("an arena that cannot grow says so", () => {
  refused(
    () => new Arena(new WebAssembly.Memory({ initial: 1 })).allocate((piece) => piece(2 ** 33)),
    "out_of_memory",
    /could not grow to \d+ MB; use a smaller batchSize/,
  );
});

test("a call that gets only a part of its memory gives that back", async () => {
  const decoder = createDecoder({ layers: [64, 200], loss: binaryCrossEntropy() });
  const y = randomArray(1, 10 * 200, 0, 1);
  const packed = await packDecoder(decoder, await compileKernels(undefined));
  const arena = await arenaOf(decoder);
  const { allocate } = arena;
  const problem = problemOf(decoder, binaryCrossEntropy(), y);
  const calls: [parts: number, call: () => unknown][] = [
    [4, () => encode(decoder, y, { solver: lbfgs({ maxSteps: 9 }) })],
    [3, () => differentiableWasmObjective(packed, problem, 1).dispose()],
  ];
  for (const [parts, call] of calls) {
    await call();
    const { byteLength } = arena;
    for (let failing = 1; failing <= parts; failing++) {
      // Often enough for a part of any size to be missed.
      for (let time = 0; time < 30; time++) {
        let left = failing;
        arena.allocate = (layOut) => {
          if (--left === 0) throw new Error("no memory");
          return allocate.call(arena, layOut) as never;
        };
        const error = await (async () => call())().then(
          () => undefined,
          (thrown: Error) => thrown,
        );
        assert.is(error?.message, "no memory", `part ${failing}`);
      }
    }
    arena.allocate = allocate;
    await call();
    assert.is(arena.byteLength, byteLength);
  }
});

const assembly = new URL("../../assembly/", import.meta.url);
const readAssembly = (file: string) => readFileSync(new URL(file, assembly), "utf8");

test("the structs are those of the AssemblyScript sources", () => {
  const sources = readdirSync(assembly, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map(readAssembly);
  const classes = [
    ...sources.join("\n").matchAll(/@unmanaged\nexport class (\w+)(?: extends (\w+))? \{([\s\S]*?)\n\}/g),
  ];
  // All that there are, wherever they stand.
  const known = Object.entries(layout).flatMap(([name, value]) => (value instanceof Struct ? name : []));
  assert.equal(classes.map(([, name]) => name).sort(), known.sort());
  const describe = (name: string) => {
    const struct = (layout as Record<string, unknown>)[name];
    assert.instance(struct, Struct);
    const { places } = struct as Struct<Record<string, "i32">>;
    return Object.entries(places).map(([field, place]) => ({ field, ...place }));
  };
  for (const [, name, base, body] of classes) {
    const fields = [...body!.matchAll(/^ {2}(\w+): (\w+); \/\/ (\d+)/gm)].map(([, field, type, offset]) => ({
      field: field!,
      type: type!,
      offset: Number(offset),
    }));
    const inherited = base ? describe(base) : [];
    assert.equal([...inherited, ...fields], describe(name!), name);
  }
});

/** The constants of a table as they are called in assembly/: `leakyRelu` is LEAKY_RELU. */
function constantsOf(table: object, prefix = ""): Record<string, number> {
  return Object.fromEntries(
    Object.entries(table).map(([name, value]) => [
      prefix + name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
      value,
    ]),
  );
}

/** The constants that assembly/ and src/ both have, by the file there; and after them those that the kernels alone know. */
function sharedConstants(): Record<string, readonly [shared: object, alone: readonly string[]]> {
  const { identity: _, ...codes } = layout.FUNCTION_CODES;
  const isPointwise = (name: string) => !Object.hasOwn(activations, name);
  const functions = (pointwise: boolean) =>
    Object.fromEntries(Object.entries(codes).filter(([name]) => isPointwise(name) === pointwise));
  // The kernels know nothing of aborts.
  const { aborted, ...statuses } = Object.fromEntries(STATUSES.map((status, code) => [status, code]));
  const { PIXELS_AT_ONCE, FITTED_PAIRS, NUMBERS_OF_FIT, FACTORS_AT_ONCE, FIRST_TRIAL: FIRST } = layout;
  return {
    "memory/graph.ts": [{ ...constantsOf(layout.KERNEL_CODES), PIXELS_AT_ONCE }, []],
    "ops/activation-functions.ts": [constantsOf(functions(false)), []],
    "ops/pointwise-functions.ts": [constantsOf(functions(true)), ["FIRST_POINTWISE", "MOST_FACTORS"]],
    "solve/line-search.ts": [
      {
        ...constantsOf(layout.SampleState),
        ...constantsOf(statuses),
        ...constantsOf(layout.Request),
        ...constantsOf(layout.SOLVER_CODES),
        FIRST,
      },
      ["AT_REST"],
    ],
    "solve/cholesky.ts": [{ FACTORS_AT_ONCE }, []],
    "solve/lbfgs-preconditioner.ts": [{ FITTED_PAIRS, NUMBERS_OF_FIT }, ["FIRST_DAMPING"]],
    "terms/loss.ts": [constantsOf(layout.LOSS_CODES, "LOSS_"), []],
  };
}

for (const [file, [shared, alone]] of Object.entries(sharedConstants())) {
  test(`the constants of assembly/${file} are those of src/`, () => {
    const found = readAssembly(file).matchAll(/^(?:export )?const (\w+): i32 = (-?\d+);$/gm);
    const constants = Array.from(found, ([, name, value]) => [name!, Number(value)] as const);
    const own = constants.filter(([name]) => alone.includes(name));
    assert.equal(own.map(([name]) => name).sort(), [...alone].sort(), "those that the kernels alone know");
    assert.equal(Object.fromEntries(constants.filter((each) => !own.includes(each))), shared);
  });
}

test("statuses keep their numbers, since files have them", () => {
  assert.equal(STATUSES.slice(0, 6), [
    "converged",
    "reached_t1",
    "max_steps",
    "stalled",
    "nonfinite",
    "aborted",
  ]);
});

test("there are as many dampings as factors of a decoder's matrix", () => {
  const [, values] = /const DAMPINGS: StaticArray<f64> = \[(.*)\];/.exec(
    readAssembly("solve/lbfgs-preconditioner.ts"),
  )!;
  assert.is(values!.split(",").length, layout.DAMPING_COUNT);
  assert.is(layout.DAMPING_COUNT, layout.FACTORS_AT_ONCE, "they are factorised at once");
  assert.is(layout.DAMPING_COUNT + 2, layout.NUMBERS_OF_FIT, "a pair has a number of each, sᵀAs and sᵀs");
});

test("pointers above 2 GiB come back as they went in", () => {
  const struct = new Struct({ count: "i32", pointer: "usize" });
  const memory = new DataView(new ArrayBuffer(struct.size));
  struct.set(memory, 0, { count: -1, pointer: 0x80000040 });
  assert.is(struct.get(memory, 0, "pointer"), 0x80000040);
  assert.is(struct.get(memory, 0, "count"), -1);
});

test("slices keep to their time, and rounds to their bound", () => {
  const pacer = new Pacer(8);
  assert.is(pacer.budget, 8);
  // 1 pass a millisecond: a slice of 10 ms is 10 passes.
  for (let i = 0; i < 5; i++) pacer.record(pacer.budget, pacer.budget);
  assert.is(pacer.budget, 10);
  // Ten times as fast: not more than four times as much at once.
  pacer.record(10, 1);
  assert.is(pacer.budget, 40);
  pacer.record(40, 4);
  assert.is(pacer.budget, 100);
  // Slower than a round: never less than one.
  pacer.record(100, 1e4);
  assert.is(pacer.budget, 8);
  // A clock that stands still must not let slices grow without bound.
  for (let i = 0; i < 40; i++) pacer.record(8, 0);
  assert.ok(pacer.budget <= 32);
});

test("a line search keeps fewer rows for more latents, and at least one", () => {
  assert.ok(rowsWithRoom(lbfgs(), 20, true) > 1000);
  const many = rowsWithRoom(lbfgs(), 2000, true);
  assert.ok(many < 20 && many < rowsWithRoom(lbfgs(), 2000, false));
  assert.is(rowsWithRoom(lbfgs({ memory: 1000 }), 100_000, false), 1);
});

test("the slices of a real call do about what they were given", async () => {
  const decoder = newDecoder(6);
  const compiled = await compileKernels(undefined);
  const packed = await packDecoder(decoder, compiled);
  const slices: { given: number; spent: number }[] = [];
  const { solverRun } = packed.kernels;
  const kernels = {
    ...packed.kernels,
    solverRun(...[solver, plan, batch, work, given, refill]: Parameters<typeof solverRun>) {
      const spent = solverRun(solver, plan, batch, work, given, refill);
      slices.push({ given, spent });
      return spent;
    },
  };
  Object.assign(packed, { kernels, run: runHere(kernels) });
  await encode(decoder, randomArray(3, 500 * 50, 0, 1), { batchSize: 16, backend: wasm() });
  assert.ok(slices.length > 2);
  for (const { given, spent } of slices) assert.ok(spent < given + 2 * 16, `${spent} of ${given}`);
});

test.run();
