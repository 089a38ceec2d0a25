// run: slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import { differentiableWasmObjective } from "../../../src/backend/wasm/objective.ts";
import { type PackedDecoder, packDecoder } from "../../../src/backend/wasm/packed.ts";
import { parameterBlock } from "../../../src/backend/wasm/parameter-block.ts";
import { allocateParameterSums } from "../../../src/backend/wasm/parameter-gradient.ts";
import { runHere } from "../../../src/backend/wasm/team.ts";
import { allocateWorkspace } from "../../../src/backend/wasm/workspace.ts";
import { conv, dense, reshape, sequential } from "../../../src/graph/index.ts";
import { createDecoder, type Decoder, squaredError } from "../../../src/index.ts";
import type { Arena, Block } from "../../../src/kernels/arena.ts";
import { Workspace } from "../../../src/kernels/layout.ts";
import { recogniseKernels } from "../../../src/kernels/load.ts";
import { allRows } from "../../../src/solver/objective.ts";
import { builds, wideBuilds } from "../../support/builds.ts";
import { fixedFor, PARAMETER_CASES } from "../../support/parameter-cases.ts";
import { problemOf } from "../../support/problem.ts";
import { randomArray } from "../../support/random.ts";

// Parameter gradients and packing by parts, as threads divide them: the same bits for any number of parts, and no number that
// two parts write.

const SAMPLES = 5;
const MOST_PARTS = 8;
const COUNTS = [2, 3, MOST_PARTS];

const numbersTo = (count: number) => Array.from({ length: count }, (_, part) => part);

const isIn = (place: number, { start, size }: Pick<Block, "start" | "size">) =>
  4 * place >= start && 4 * place < start + size;

const ascending = (places: readonly number[]) => Int32Array.from(places).sort();

/** The kernel's call for one part, in the memory that it may write besides its results. */
type RunPart = (part: number, parts: number) => void;

interface Work {
  readonly arena: Arena;
  readonly run: RunPart;
  /** Where its results are. */
  readonly results: Pick<Block, "start" | "size">;
  /** Scratch of each thread, one part of the work each. */
  readonly scratch: readonly (readonly Block[])[];
}

/**
 * The words of the results that each part changes, by their places; they are as they were afterwards. Asserts that a part writes
 * nothing else but its own scratch.
 */
function shares({ arena, run, results, scratch }: Work, parts: number): number[][] {
  const words = new Int32Array(arena.memory.buffer);
  const before = words.slice();
  return numbersTo(parts).map((part) => {
    run(part, parts);
    const written: number[] = [];
    for (let place = 0; place < words.length; place++) {
      if (words[place] === before[place]) continue;
      words[place] = before[place]!;
      if (!scratch[part]!.some((block) => isIn(place, block))) written.push(place);
    }
    assert.ok(
      written.every((place) => isIn(place, results)),
      `part ${part} of ${parts} writes elsewhere`,
    );
    return written;
  });
}

/** Asserts that parts divide what one part writes: all of it, nothing twice. */
function checkDivision(work: Work): void {
  const whole = ascending(shares(work, 1)[0]!);
  assert.ok(whole.length > 0);
  for (const parts of COUNTS) {
    assert.equal(ascending(shares(work, parts).flat()), whole, `${parts} parts`);
  }
}

/** Asserts that parts, one after another in any order, leave the bits of one part. */
function checkBits({ arena, run, results }: Work): void {
  const bytes = new Uint8Array(arena.memory.buffer, results.start, results.size);
  const before = bytes.slice();
  const after = (parts: number) => {
    bytes.set(before);
    for (const part of numbersTo(parts).reverse()) run(part, parts);
    return Buffer.from(bytes);
  };
  const whole = after(1);
  for (const parts of COUNTS) assert.ok(after(parts).equals(whole), `${parts} parts`);
  bytes.set(before);
}

/** The gradients for a decoder's parameters, plain and mixed, at random points, by threads with scratch of their own. */
async function gradientWork(packed: PackedDecoder): Promise<{ gradients: Float32Array; works: Work[] }> {
  const { arena, decoder, kernels } = packed;
  const { objectiveParameterGradient } = kernels;
  type Call = Parameters<typeof objectiveParameterGradient>;
  const calls: Call[] = [];
  const recorded = { ...kernels, objectiveParameterGradient: (...call: Call) => void calls.push(call) };
  const results = arena.allocate((piece) => piece(4 * parameterBlock(decoder).size));
  const y = randomArray(1, SAMPLES * decoder.outputSize);
  const problem = problemOf(decoder, squaredError(), y, { fixed: fixedFor(decoder, SAMPLES) });
  const objective = differentiableWasmObjective(
    { ...packed, run: runHere(recorded) },
    problem,
    1,
    results.layout,
  );
  const random = (seed: number) => Float64Array.from(randomArray(seed, SAMPLES * decoder.latentSize));
  const rows = allRows(SAMPLES);
  await objective.value(rows, random(2));
  await objective.gradient(rows);
  await objective.addParameterGradient(rows);
  await objective.tangent(rows, random(3));
  // Not all rows, and not in their order.
  await objective.addMixedGradient(Int32Array.of(3, 0, 4));
  const threads = numbersTo(MOST_PARTS).map(() => ({
    workspace: allocateWorkspace(packed, SAMPLES, "squaredError"),
    sums: allocateParameterSums(packed, SAMPLES, results.layout),
  }));
  const scratch = threads.map(({ workspace, sums }) => [workspace, sums]);
  const view = arena.view();
  const own = threads.map(({ workspace: { pointer, sources, destinations } }) => {
    return { pointer, sources, destinations, scratch: Workspace.get(view, pointer, "scratch") };
  });
  const works = calls.map(([graph, workspace, , count, isMixed]): Work => {
    const run: RunPart = (part, parts) => {
      const { pointer, ...fields } = own[part]!;
      new Uint8Array(arena.memory.buffer).copyWithin(pointer, workspace, workspace + Workspace.size);
      Workspace.set(arena.view(), pointer, fields);
      objectiveParameterGradient(graph, pointer, threads[part]!.sums.sums, count, isMixed, part, parts);
    };
    return { arena, run, results, scratch };
  });
  return { gradients: arena.f32(results.layout, parameterBlock(decoder).size), works };
}

/** Packing a decoder's parameters anew, from files' rows and from an optimizer's. */
function packingWork(packed: PackedDecoder): Work[] {
  const { arena, decoder, graph, kernels } = packed;
  // The next block begins where the graph's, the first of the arena, ends.
  const next = arena.allocate((piece) => piece(0));
  next.free();
  const shape = parameterBlock(decoder);
  const parameters = randomArray(4, decoder.parameterCount);
  const { layout } = arena.allocate((piece) => ({
    files: piece(4 * decoder.parameterCount),
    optimizers: piece(4 * shape.size),
  }));
  arena.f32(layout.files, decoder.parameterCount).set(parameters);
  shape.write(arena, layout.optimizers, parameters);
  const work = (pointer: number, alignment: number): Work => ({
    arena,
    run: (part, parts) => kernels.pack(graph, pointer, alignment, part, parts),
    results: { start: graph, size: next.start - graph },
    scratch: numbersTo(MOST_PARTS).map(() => []),
  });
  return [work(layout.files, 1), work(layout.optimizers, 8)];
}

/** Runs `check` on a decoder packed for the test alone. */
async function onPacked(
  decoder: Decoder,
  module: WebAssembly.Module,
  check: (packed: PackedDecoder) => unknown,
): Promise<void> {
  await check(await packDecoder(decoder, recogniseKernels(module)));
  decoder.dispose();
}

for (const { name: build, module } of [...builds, ...wideBuilds]) {
  for (const [name, make] of Object.entries(PARAMETER_CASES)) {
    test(`${build}: ${name}: gradients by parts have the bits of one part`, () =>
      onPacked(make(), module, async (packed) => {
        const { gradients, works } = await gradientWork(packed);
        assert.is(works.length, 2);
        for (const work of works) {
          // A sum with 0 is seen, too: it is 0.
          gradients.fill(-0);
          checkDivision(work);
          gradients.set(randomArray(5, gradients.length));
          checkBits(work);
        }
      }));

    test(`${build}: ${name}: packing by parts has the bits of one part`, () =>
      onPacked(make(), module, (packed) => {
        for (const work of packingWork(packed)) {
          checkDivision(work);
          checkBits(work);
        }
      }));
  }

  test(`${build}: each part has as much to do as the others`, () => {
    // Of every matrix 8 or 16 panels in each direction.
    const layers = [dense(128), reshape([2, 64]), conv({ channels: 64, kernel: 2, padding: 1 })];
    return onPacked(createDecoder(sequential(64, layers), { seed: 1 }), module, async (packed) => {
      const packing = packingWork(packed);
      const { gradients, works } = await gradientWork(packed);
      gradients.fill(-0);
      for (const work of [...works, ...packing]) {
        const sizes = shares(work, MOST_PARTS).map(({ length }) => length);
        assert.is(new Set(sizes).size, 1, sizes.join());
      }
    });
  });
}

test.run();
