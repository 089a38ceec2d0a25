// run: both, alone
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  amd,
  createDecoder,
  type EncodeOptions,
  type EncodeResult,
  encode,
  euler,
  expDecay,
  gradientFlow,
  lbfgs,
  linearGrid,
  nesterovFlow,
  rk4,
  squaredError,
  wasm,
} from "../../src/index.ts";
import { train } from "../../src/train/index.ts";
import { rejected } from "../support/refusal.ts";
import { solvers } from "../support/solvers.ts";

// Solvers, flows and grids are plain data: copies work by what they say, and are checked.

const decoder = createDecoder({ layers: [2, 7, 3], seed: 1, loss: squaredError() });
const y = Float32Array.of(0.1, 0.9, 0.4, 0.7, 0.2, 0.5);
const backend = wasm({ relaxed: false });
const grid = linearGrid({ t1: 3, slices: 4 });

const flows = [
  gradientFlow(),
  gradientFlow({ alpha: expDecay({ rate: 1 }) }),
  nesterovFlow({ epsilon: 0.1, alpha: 0.5 }),
];

const encodeBy = (options: Pick<EncodeOptions, "flow" | "solver">) =>
  encode(decoder, y, { backend, ...options } as EncodeOptions);
const numbersOf = ({ z, loss, stats, status }: EncodeResult) => ({ z, loss, stats, status });

for (const solver of solvers) {
  test(`${solver.name}: copies of every sort do what it does`, async () => {
    const expected = numbersOf(await encodeBy({ solver }));
    for (const copy of [{ ...solver }, structuredClone(solver), JSON.parse(JSON.stringify(solver))]) {
      assert.equal(copy, { ...solver });
      assert.equal(numbersOf(await encodeBy({ solver: copy })), expected);
    }
  });
}

test("a copy with other options is as if it had been made with them", async () => {
  const changed = numbersOf(await encodeBy({ solver: { ...amd(), maxSteps: 2 } }));
  assert.equal(changed, numbersOf(await encodeBy({ solver: amd({ maxSteps: 2 }) })));
  const slower = { ...gradientFlow(), alpha: 0.25 };
  const solver = { ...euler({ grid }), grid: { ...grid, t1: 1 } };
  const expected = {
    flow: gradientFlow({ alpha: 0.25 }),
    solver: euler({ grid: linearGrid({ t1: 1, slices: 4 }) }),
  };
  assert.equal(numbersOf(await encodeBy({ flow: slower, solver })), numbersOf(await encodeBy(expected)));
});

test("flows: copies of every sort do what they do", async () => {
  const solver = rk4({ grid });
  for (const flow of flows) {
    const expected = numbersOf(await encodeBy({ flow, solver }));
    for (const copy of [{ ...flow }, structuredClone(flow), JSON.parse(JSON.stringify(flow))]) {
      assert.equal(numbersOf(await encodeBy({ flow: copy, solver })), expected);
    }
  }
});

test("what is wrong with a copy is said by the function called, the option and its maker", async () => {
  const solver = rk4({ grid });
  for (const [options, message] of [
    [{ solver: { ...amd(), maxSteps: -1 } }, /^encode: solver: amd: maxSteps is -1, expected/],
    [{ solver: { ...lbfgs(), t1: 3 } }, /^encode: solver: lbfgs: unknown option "t1"; the options are/],
    [
      { solver: { name: "euler" } },
      /^encode: solver: euler: grid is undefined, expected linearGrid\(\) or logGrid\(\)/,
    ],
    [
      { solver: { ...solver, grid: { ...grid, slices: 0 } } },
      /^encode: solver: rk4: grid: linearGrid: slices is 0/,
    ],
    [{ solver, flow: { ...nesterovFlow(), epsilon: 0 } }, /^encode: flow: nesterovFlow: epsilon is 0/],
    [
      { solver, flow: { ...gradientFlow(), alpha: { name: "expDecay", rate: -1 } } },
      /^encode: flow: gradientFlow: alpha: expDecay: rate is -1/,
    ],
  ] as const) {
    await rejected(encodeBy(options as never), "invalid_argument", message);
  }
  const message = /^train: solver: amd: window is 1, expected/;
  await rejected(train(decoder, y, { solver: { ...amd(), window: 1 } }), "invalid_argument", message);
});

test.run();
