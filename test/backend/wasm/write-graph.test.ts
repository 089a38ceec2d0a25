// Tests src/backend/wasm/pixel-scratch.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { differentiableWasmObjective } from "../../../src/backend/wasm/objective.ts";
import { packDecoder } from "../../../src/backend/wasm/packed.ts";
import { squaredError } from "../../../src/index.ts";
import { recogniseKernels } from "../../../src/kernels/load.ts";
import { allRows } from "../../../src/solver/objective.ts";
import { builds, wideBuilds } from "../../support/builds.ts";
import { fixedFor, PARAMETER_CASES } from "../../support/parameter-cases.ts";
import { problemOf } from "../../support/problem.ts";
import { randomArray } from "../../support/random.ts";

const SAMPLES = 3;

for (const { name: build, module } of [...builds, ...wideBuilds]) {
  for (const [name, make] of Object.entries(PARAMETER_CASES)) {
    test(`${build}: ${name}: passes write nothing into the packed graph`, async () => {
      const decoder = make();
      const packed = await packDecoder(decoder, recogniseKernels(module));
      const { arena, graph } = packed;
      // The next block begins where the graph's, the first of the arena, ends.
      const next = arena.allocate((piece) => piece(0));
      next.free();
      const bytes = () => Buffer.from(arena.memory.buffer.slice(graph, next.start));
      const packedBytes = bytes();
      assert.ok(packedBytes.length > 4 * decoder.parameterCount);

      const y = randomArray(1, SAMPLES * decoder.outputSize);
      const random = (seed: number) => Float64Array.from(randomArray(seed, SAMPLES * decoder.latentSize));
      const problem = problemOf(decoder, squaredError(), y, { fixed: fixedFor(decoder, SAMPLES) });
      const objective = differentiableWasmObjective(packed, problem, 1);
      const rows = allRows(SAMPLES);
      const passes: Readonly<Record<string, () => unknown>> = {
        value: () => objective.value(rows, random(2)),
        gradient: () => objective.gradient(rows),
        "parameter gradient": () => objective.addParameterGradient(rows),
        tangent: () => objective.tangent(rows, random(3)),
        "mixed gradient": () => objective.addMixedGradient(rows),
        "Gauss-Newton": () => objective.curvature!.matrices(rows, "own"),
        "curvature along the gradient": () => objective.curvature!.alongGradient(rows),
      };
      for (const [pass, run] of Object.entries(passes)) {
        await run();
        assert.ok(bytes().equals(packedBytes), pass);
      }
      objective.dispose();
      decoder.dispose();
    });
  }
}

test.run();
