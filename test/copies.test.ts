import { test } from "uvu";
import {
  amd,
  createDecoder,
  dormandPrince,
  encode,
  euler,
  expDecay,
  gradientFlow,
  lbfgs,
  linearGrid,
  logGrid,
  nesterovFlow,
  rk4,
  squaredError,
} from "../src/index.ts";
import { train } from "../src/train/index.ts";
import { refused, rejected } from "./support/refusal.ts";

// A copy of a solver, a flow or a grid would go on with the options of what it was copied from, whatever its own say.

const decoder = createDecoder({ layers: [2, 3], loss: squaredError() });
const y = new Float32Array(6).fill(0.5);
const grid = linearGrid({ t1: 1, slices: 2 });

for (const solver of [lbfgs(), amd(), euler({ grid }), rk4({ grid }), dormandPrince({ t1: 1 })]) {
  test(`${solver.name}: a copy is refused, with its maker's name`, async () => {
    await encode(decoder, y, { solver });
    const message = RegExp(
      `solver is a copy of what ${solver.name}\\(\\) has made.* ${solver.name}\\(\\{ … \\}\\)`,
    );
    for (const copy of [{ ...solver }, { ...solver, maxSteps: 2 }]) {
      await rejected(encode(decoder, y, { solver: copy }), "invalid_argument", message);
    }
    await rejected(train(decoder, y, { solver: { ...solver } as never }), "invalid_argument", message);
  });
}

test("flows and grids: a copy is refused", async () => {
  const solver = rk4({ grid });
  for (const flow of [gradientFlow({ alpha: 0.5 }), nesterovFlow(), gradientFlow({ alpha: expDecay() })]) {
    await encode(decoder, y, { flow, solver });
    await rejected(
      encode(decoder, y, { flow: { ...flow, alpha: 1 } as never, solver }),
      "invalid_argument",
      RegExp(`flow is a copy of what ${flow.name}\\(\\) has made`),
    );
  }
  for (const copied of [{ ...grid, t1: 2 }, { ...logGrid({ t1: 1, slices: 2 }) }]) {
    refused(
      () => euler({ grid: copied }),
      "invalid_argument",
      /euler: grid is a copy of what (linear|log)Grid\(\)/,
    );
    refused(() => rk4({ grid: copied }), "invalid_argument", /rk4: grid is a copy/);
  }
});

test("somebody else's solver is no copy", async () => {
  const { solve } = lbfgs();
  const own = {
    name: "own",
    t1: 1,
    flows: "any",
    solve: (...given: unknown[]) => solve(...(given as never as Parameters<typeof solve>)),
  };
  await encode(decoder, y, { solver: own as never });
});

test.run();
