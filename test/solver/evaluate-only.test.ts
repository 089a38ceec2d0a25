import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Control } from "../../src/solver/base.ts";
import { evaluateOnly, evaluateStarts } from "../../src/solver/evaluate-only.ts";
import { gradientFlow } from "../../src/solver/flow.ts";
import type { Objective } from "../../src/solver/objective.ts";
import { Solution } from "../../src/solver/solution.ts";

/** f(z) = ½|z|² + index of the row, of which the third sample's is not finite. */
const LATENT = 2;
function quadratic(calls: string[]): Objective {
  let last = new Float64Array(0);
  return {
    sampleCount: 3,
    latentSize: LATENT,
    async value(rows, z) {
      calls.push(`value ${rows}`);
      last = z.slice();
      return Float64Array.from(rows, (row, i) =>
        row === 2 ? Number.NaN : row + (z[LATENT * i]! ** 2 + z[LATENT * i + 1]! ** 2) / 2,
      );
    },
    async gradient(rows) {
      calls.push(`gradient ${rows}`);
      return last.slice();
    },
    dispose() {},
  };
}

test("one pass forward and one back: losses, gradient norms and costs at z0, which stays", async () => {
  const calls: string[] = [];
  const z0 = Float64Array.of(9, 9, 3, 4, 6, 8, 1, 1);
  const solution = new Solution(4, LATENT, z0);
  const control = { pause: async () => {}, aborted: () => false } as Control;
  const problem = { objective: quadratic(calls), flow: gradientFlow(), solution, first: 1, control };
  await evaluateStarts(evaluateOnly, problem);
  assert.equal(calls, ["value 0,1,2", "gradient 0,1,2"]);
  assert.equal(solution.z, z0);
  assert.equal([...solution.loss], [Number.NaN, 12.5, 51, Number.NaN]);
  assert.equal([...solution.initialLoss], [...solution.loss]);
  assert.equal([...solution.gradientNorm], [Number.NaN, 5, 10, Number.NaN]);
  assert.equal([...solution.valueEvaluations], [0, 1, 1, 1]);
  assert.equal([...solution.gradientEvaluations], [0, 1, 1, 1]);
  assert.equal([...solution.acceptedSteps], [0, 0, 0, 0]);
  assert.is(solution.done, 3);
  assert.is(solution.meanLoss, 63.5 / 2);
});

test.run();
