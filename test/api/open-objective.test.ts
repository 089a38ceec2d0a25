// run: both
// Tests src/api/objective-calls.ts, src/api/opened-objective.ts, src/api/check-rows.ts and src/backend/wasm/jacobian-product.ts, too.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Backend } from "../../src/backend/backend.ts";
import { packDecoder } from "../../src/backend/wasm/packed.ts";
import { add, concat, dense, elu, embedding, graph, sigmoid, tanh } from "../../src/graph/index.ts";
import {
  createDecoder,
  customLoss,
  type Decoder,
  encode,
  type FixedOption,
  gaussian,
  gaussianMixture,
  LatentflowError,
  type Loss,
  type OpenObjective,
  type OpenObjectiveOptions,
  openObjective,
  type Prior,
  squaredError,
  wasm,
} from "../../src/index.ts";
import { compileKernels } from "../../src/kernels/load.ts";
import { builds } from "../support/builds.ts";
import { gradientOf, graphLoss, graphOutput } from "../support/graph-reference.ts";
import { standardLosses } from "../support/losses.ts";
import { priorAt } from "../support/prior-reference.ts";
import { randomArray } from "../support/random.ts";
import { lossOf, relativeDistance } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";

const [D, N, B] = [3, 7, 5];
const backend = wasm({ relaxed: false, threads: 1 });
const decoder = createDecoder({ layers: [D, 8, N], outputActivation: "sigmoid", loss: "bce", seed: 2 });
const y = randomArray(7, B * N, 0, 1);
const z = Float64Array.from(randomArray(8, B * D, -1.5, 1.5));
const v = Float64Array.from(randomArray(9, B * D, -1, 1));
const rows = [0, 1, 2, 3, 4];

/** Numbers of one sample among rows of `size`. */
const part = <Values extends Float32Array | Float64Array>(values: Values, row: number, size: number) =>
  values.slice(row * size, (row + 1) * size) as Values;

async function opened<T>(
  options: OpenObjectiveOptions,
  use: (objective: OpenObjective) => Promise<T>,
): Promise<T> {
  const objective = await openObjective(decoder, y, { backend, ...options });
  try {
    return await use(objective);
  } finally {
    objective.dispose();
  }
}

/** Value, gradient and Jacobian-vector product of chosen samples. */
async function allOf(objective: OpenObjective, chosen: readonly number[], at = z, along = v) {
  const of = (values: Float64Array) => Float64Array.from(chosen.flatMap((row) => [...part(values, row, D)]));
  return {
    values: await objective.value(chosen, of(at)),
    gradients: await objective.gradient(chosen),
    products: await objective.jacobianProduct(chosen, of(along)),
  };
}

const custom = customLoss({
  value: (output, target) => Math.log(Math.cosh(output - target)),
  gradient: (output, target) => Math.tanh(output - target),
});
const losses: readonly Loss[] = [...standardLosses("mean"), ...standardLosses("sum"), custom];
const priors: readonly (Prior | "none")[] = [
  "none",
  gaussian({ mean: 0.5, std: 0.7, weight: 2 }),
  gaussianMixture({ means: [new Array(D).fill(-0.5), new Array(D).fill(0.7)], stds: 0.6 }),
];
const weightsOf = {
  none: undefined,
  shared: randomArray(11, N, 0.1, 3),
  own: randomArray(12, B * N, 0.1, 3),
};
weightsOf.shared[2] = 0;
weightsOf.own[9] = 0;

for (const { name: build, backend } of builds) {
  for (const loss of losses) {
    test(`${build}, ${loss.name}, ${loss.reduction}: values and gradients are float64's, by differences`, async () => {
      for (const [kind, weights] of Object.entries(weightsOf)) {
        for (const prior of priors) {
          await opened({ backend, loss, prior, weights }, async (objective) => {
            const { values, gradients } = await allOf(objective, rows);
            for (const row of rows) {
              const own = weights && (kind === "shared" ? weights : part(weights, row, N));
              const sum = own ? own.reduce((total, weight) => total + weight, 0) : N;
              const divisor = loss.reduction === "sum" ? 1 : sum;
              const at = (point: readonly number[]) => {
                const outputs = graphOutput(decoder, point, undefined, loss.name === "binaryCrossEntropy");
                const value = lossOf(loss, outputs, part(y, row, N), own).value;
                return value + (prior === "none" ? 0 : priorAt(prior, point).value / divisor);
              };
              const point = Array.from(part(z, row, D));
              // float32 rounds at 6e-8, sums of a few terms of one size to some times that.
              const expected = at(point);
              const label = `${kind} weights, sample ${row}`;
              assert.ok(Math.abs(values[row]! - expected) < 1e-6 * (1 + Math.abs(expected)), label);
              const error = relativeDistance(part(gradients, row, D), gradientOf(at, point));
              assert.ok(error < 1e-5, `${label}: gradient off by ${error}`);
            }
          });
        }
      }
    });
  }
}

test("at the codes of encode the objective is what it says, with the decoder's own loss and prior", async () => {
  const prior = gaussian({ std: 2 });
  const own = createDecoder({ layers: [D, 8, N], outputActivation: "sigmoid", loss: "mse", seed: 2, prior });
  const { z: codes, objective: expected, gradientNorm } = await encode(own, y, { backend });
  const objective = await openObjective(own, y);
  assert.equal([objective.sampleCount, objective.latentSize, objective.outputSize], [B, D, N]);
  const values = await objective.value(rows, codes);
  for (const [row, value] of values.entries()) {
    assert.ok(Math.abs(value - expected[row]!) < 1e-6 * value, `${value}, expected ${expected[row]}`);
    const norm = Math.hypot(...part(await objective.gradient(rows), row, D));
    assert.ok(Math.abs(norm - gradientNorm[row]!) < 1e-6);
  }
  objective.dispose();
});

/** J v of a decoder by differences of the float64 reference. */
function productOf(given: Decoder, at: ArrayLike<number>, along: ArrayLike<number>, fixed = {}): number[] {
  const outputAt = (t: number) =>
    graphOutput(
      given,
      Array.from(at, (value, k) => value + t * along[k]!),
      undefined,
      false,
      fixed,
    );
  const [a, b] = [outputAt(1e-4), outputAt(-1e-4)];
  return a.map((value, o) => (value - b[o]!) / 2e-4);
}

test("Jacobian-vector products are of D(z), whatever the loss takes, between gradients at the same points", async () => {
  for (const loss of [...standardLosses(), custom]) {
    await opened({ loss }, async (objective) => {
      const first = await allOf(objective, rows);
      const again = await objective.gradient(rows);
      assert.equal(again, first.gradients);
      for (const row of rows) {
        const expected = productOf(decoder, part(z, row, D), part(v, row, D));
        const error = relativeDistance(part(first.products, row, N), expected);
        assert.ok(error < 1e-5, `${loss.name}: off by ${error}`);
      }
    });
  }
});

/** A backend whose objectives hold two samples at most, so that five are in three. */
const inPieces: Backend = {
  ...backend,
  async open(...use) {
    const session = await backend.open(...use);
    return Object.assign(Object.create(session), { objectiveSize: () => 2 });
  },
};

test("fixed inputs and points: values, gradients and products are float64's", async () => {
  const conditional = createDecoder(
    graph(({ latent, fixed }) => {
      const [code, label, kind] = [latent(D), fixed("label", 2), fixed("kind", { classes: 4 })];
      return sigmoid()(
        dense(N)(tanh()(dense(6)(concat()(code, label, embedding({ classes: 4, units: 3 })(kind))))),
      );
    }),
    { seed: 3 },
  );
  const overPoints = createDecoder(
    graph(({ latent, points }) => {
      const h = elu()(dense(6)(concat()(latent(D), points("xy", 2))));
      return tanh()(dense(1)(add()(h, dense(6)(h))));
    }),
    { seed: 4 },
  );
  const [label, xy] = [randomArray(5, B * 2, -1, 1), randomArray(6, B * 14, -1, 1)];
  const cases: readonly [
    Decoder,
    OpenObjectiveOptions,
    fixedOf: (row: number) => Record<string, number[]>,
  ][] = [
    [
      conditional,
      { fixed: { label, kind: Uint8Array.of(0, 3, 1, 2, 3) } },
      (row) => ({ label: [...part(label, row, 2)], kind: [[0, 3, 1, 2, 3][row]!] }),
    ],
    [
      conditional,
      { fixed: { label: label.slice(0, 2), kind: 2 } },
      () => ({ label: [...label.slice(0, 2)], kind: [2] }),
    ],
    [overPoints, { points: 7, fixed: { xy } }, (row) => ({ xy: [...part(xy, row, 14)] })],
  ];
  const onBoth = cases.flatMap((each) => [backend, inPieces].map((backend) => [...each, backend] as const));
  for (const [given, options, fixedOf, backend] of onBoth) {
    const loss = squaredError();
    const copied = structuredClone(options.fixed) as FixedOption;
    // A decoder for a number of points has memory of its own.
    const before = await taken(given);
    const objective = await openObjective(given, y, { ...options, fixed: copied, loss, backend });
    // Has been copied.
    for (const each of Object.values(copied)) if (typeof each === "object") each.fill(1 as never);
    assert.is(objective.outputSize, N);
    const { values, gradients, products } = await allOf(objective, rows);
    for (const row of rows) {
      const fixed = fixedOf(row);
      const at = (point: readonly number[]) =>
        graphLoss(given, loss, point, part(y, row, N), undefined, fixed);
      const point = Array.from(part(z, row, D));
      assert.ok(Math.abs(values[row]! - at(point)) < 1e-6);
      assert.ok(relativeDistance(part(gradients, row, D), gradientOf(at, point)) < 1e-5);
      const expected = productOf(given, point, part(v, row, D), fixed);
      assert.ok(relativeDistance(part(products, row, N), expected) < 1e-5);
    }
    objective.dispose();
    assert.is(await taken(given), before);
  }
});

test("a sample's bits do not depend on the samples chosen with it, their order, or how many fit in memory", async () => {
  const options = { prior: gaussian(), weights: weightsOf.own };
  const all = await opened(options, (objective) => allOf(objective, rows));
  for (const backend_ of [backend, inPieces]) {
    await opened({ ...options, backend: backend_ }, async (objective) => {
      for (const chosen of [rows, [4, 2, 0, 1, 3], [3], [1, 4], [2, 3], []]) {
        const some = await allOf(objective, chosen);
        for (const [place, row] of chosen.entries()) {
          assert.is(some.values[place], all.values[row]);
          assert.equal(part(some.gradients, place, D), part(all.gradients, row, D));
          assert.equal(part(some.products, place, N), part(all.products, row, N));
        }
        assert.is(some.values.length, chosen.length);
      }
      // Points of earlier calls, together.
      assert.equal(await objective.gradient(rows), all.gradients);
    });
  }
});

test("rows and latents are arrays, Int32Arrays, and of either precision", async () => {
  await opened({}, async (objective) => {
    const expected = await objective.value(rows, z);
    const rounded = Float32Array.from(z);
    for (const each of [rows, Int32Array.from(rows), Object.freeze([...rows])])
      for (const latents of [z, rounded, new Float32Array(new SharedArrayBuffer(4 * z.length)).fill(0)]) {
        if (latents !== z) latents.set(rounded);
        assert.equal(await objective.value(each, latents), expected);
      }
  });
});

test("without samples there is nothing to choose", async () => {
  const objective = await openObjective(decoder, new Float32Array(0), { backend });
  assert.equal([...(await objective.value([], new Float32Array(0))), ...(await objective.gradient([]))], []);
  await rejected(objective.gradient([0]), "invalid_argument", /rows has 1 values, expected at most 0/);
  objective.dispose();
});

test("what is not finite gives NaN, for its sample alone", async () => {
  await opened({}, async (objective) => {
    const good = await allOf(objective, rows);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -1e39]) {
      const [at, along] = [z.slice(), v.slice()];
      at[1 * D + 2] = bad;
      along[3 * D] = bad;
      const { values, gradients, products } = await allOf(objective, rows, at, along);
      for (const row of rows) {
        const [hasLatent, hasBoth] = [row !== 1, row !== 1 && row !== 3];
        const expected = [
          hasLatent ? good.values[row] : Number.NaN,
          ...part(good.gradients, row, D).map((slope) => (hasLatent ? slope : Number.NaN)),
          ...part(good.products, row, N).map((value) => (hasBoth ? value : Number.NaN)),
        ];
        assert.equal([values[row], ...part(gradients, row, D), ...part(products, row, N)], expected);
      }
    }
    // The sample goes on from another point.
    assert.equal(await allOf(objective, rows), good);
  });
  // Where an infinite latent would give a finite output.
  const saturated = createDecoder({
    layers: [1, 2],
    activation: "tanh",
    outputActivation: "tanh",
    loss: "mse",
  });
  const objective = await openObjective(saturated, new Float32Array(2), { backend });
  assert.equal([...(await objective.value([0], Float64Array.of(1e39)))], [Number.NaN]);
  objective.dispose();
});

test("calls that overlap are computed in their order, of their arguments as they were", async () => {
  await opened({ backend: inPieces }, async (objective) => {
    const [first, other] = [await allOf(objective, rows), await allOf(objective, rows, v)];
    const [latents, chosen] = [z.slice(), [...rows]];
    const calls = [
      objective.value(chosen, latents),
      objective.gradient(chosen),
      objective.value(chosen, v),
      objective.gradient(chosen),
    ];
    latents.fill(9);
    chosen.fill(0);
    assert.equal(await Promise.all(calls), [first.values, first.gradients, other.values, other.gradients]);
  });
});

test("y and weights are copied when the call is made", async () => {
  const [own, weights] = [y.slice(), weightsOf.own.slice()];
  const expected = await opened({ weights }, (objective) => allOf(objective, rows));
  const opening = openObjective(decoder, own, { weights, backend });
  own.fill(Number.NaN);
  structuredClone(weights, { transfer: [weights.buffer] });
  const objective = await opening;
  assert.equal(await allOf(objective, rows), expected);
  objective.dispose();
});

test("methods taken out of an objective, and copies of it, are that objective", async () => {
  await opened({}, async (objective) => {
    assert.ok(Object.isFrozen(objective));
    const { value, gradient } = objective;
    const copy = { ...objective };
    const expected = await value(rows, z);
    assert.equal(await gradient(rows), await copy.gradient(rows));
    assert.equal(await new Proxy(copy, {}).value(rows, z), expected);
    copy.dispose();
    await rejected(
      objective.value(rows, z),
      "disposed",
      /^objective\.value: the objective has been disposed; open/,
    );
  });
});

/** Memory that is taken in the decoder's arena. */
async function taken(of: Decoder): Promise<number> {
  const { arena } = await packDecoder(of, await compileKernels(false));
  const { gaps } = arena as unknown as { gaps: { size: number }[] };
  return arena.byteLength - gaps.reduce((sum, { size }) => sum + size, 0);
}

test("dispose frees all memory, once calls in progress have ended; a second one does nothing", async () => {
  const symbol = (Symbol as { readonly dispose?: symbol }).dispose!;
  const before = await taken(decoder);
  for (const backend_ of [backend, inPieces]) {
    const objective = await openObjective(decoder, y, { backend: backend_, prior: gaussian() });
    const expected = await allOf(objective, rows);
    assert.ok((await taken(decoder)) > before);
    const calls = [objective.value(rows, z), objective.gradient(rows), objective.jacobianProduct(rows, v)];
    objective.dispose();
    objective.dispose();
    assert.equal(await Promise.all(calls), [expected.values, expected.gradients, expected.products]);
    assert.is(await taken(decoder), before);
    for (const method of ["value", "gradient", "jacobianProduct"] as const)
      await rejected(
        objective[method](rows, z),
        "disposed",
        RegExp(`^objective\\.${method}: the objective has been`),
      );
    (objective as unknown as Record<symbol, () => void>)[symbol]!();
    assert.is(await taken(decoder), before);
  }
  const bytes = (await packDecoder(decoder, await compileKernels(false))).arena.byteLength;
  for (let i = 0; i < 200; i++) {
    const objective = await openObjective(decoder, y, { backend });
    await allOf(objective, rows);
    (objective as unknown as Record<symbol, () => void>)[symbol]!();
  }
  assert.is(await taken(decoder), before);
  assert.is((await packDecoder(decoder, await compileKernels(false))).arena.byteLength, bytes);
});

test("an objective that cannot be opened as a whole is given back in parts", async () => {
  const before = await taken(decoder);
  const counts: number[] = [];
  const failing: Backend = {
    ...backend,
    async open(...use) {
      const session = await inPieces.open(...use);
      const objective: typeof session.objective = (...given) => {
        if (counts.push(given[2]) === 3) throw new Error("no more");
        return session.objective(...given);
      };
      return Object.assign(Object.create(session), { objective });
    },
  };
  const error = await openObjective(decoder, y, { backend: failing }).catch((thrown) => thrown);
  assert.is(error.message, "no more");
  assert.equal(counts, [2, 2, 1]);
  assert.is(await taken(decoder), before);
});

test("memory that is lacking is said of samples, when opening and later", async () => {
  const { memory } = (await packDecoder(decoder, await compileKernels(false))).arena;
  const grow = () => {
    throw new RangeError("no memory today");
  };
  const many = randomArray(7, 40 * N, 0, 1);
  const own = await openObjective(decoder, many, { backend });
  await own.value([0], new Float64Array(D));
  Object.assign(memory, { grow });
  try {
    const message = (where: string, count: number) =>
      RegExp(
        `^${where}: there is no memory for ${count} samples at once; open them in parts, and dispose of each$`,
      );
    const large = openObjective(decoder, randomArray(7, 3000 * N, 0, 1), { backend });
    await rejected(large, "out_of_memory", message("openObjective", 3000));
    const fill = [];
    for (;;) {
      const next = await openObjective(decoder, many, { backend }).catch(() => undefined);
      if (!next) break;
      fill.push(next);
    }
    const product = own.jacobianProduct([0], new Float64Array(D));
    await rejected(product, "out_of_memory", message("objective.jacobianProduct", 40));
    for (const each of fill) each.dispose();
    assert.is((await own.jacobianProduct([0], new Float64Array(D))).length, N);
  } finally {
    Reflect.deleteProperty(memory, "grow");
    own.dispose();
  }
});

test("a product that finds memory for its workspace alone, not for fixed inputs, gives it back", async () => {
  const labelled = createDecoder(
    graph(({ latent, fixed }) => dense(N)(concat()(latent(D), fixed("label", 2)))),
    { loss: "mse" },
  );
  const { arena } = await packDecoder(labelled, await compileKernels(false));
  const objective = await openObjective(labelled, y, { backend, fixed: { label: Float32Array.of(1, 2) } });
  await objective.value(rows, z);
  const before = await taken(labelled);
  let calls = 0;
  const whole = arena.allocate.bind(arena);
  const allocate: typeof whole = (layOut) => {
    if (++calls === 2) throw new LatentflowError("out_of_memory", "no more");
    return whole(layOut);
  };
  Object.assign(arena, { allocate });
  await rejected(objective.jacobianProduct(rows, v), "out_of_memory", /no memory for 5 samples/);
  assert.is(calls, 2);
  assert.is(await taken(labelled), before);
  objective.dispose();
});

test("a decoder that is disposed of refuses calls of its objectives; those in progress continue", async () => {
  const own = createDecoder({ layers: [D, 8, N], outputActivation: "sigmoid", loss: "bce", seed: 2 });
  const objective = await openObjective(own, y, { backend });
  const expected = await objective.value(rows, z);
  const call = objective.value(rows, z);
  own.dispose();
  assert.equal(await call, expected);
  await rejected(
    objective.gradient(rows),
    "disposed",
    /^objective\.gradient: the decoder has been disposed; load/,
  );
  objective.dispose();
  await rejected(openObjective(own, y), "disposed", /^openObjective: the decoder has been disposed/);
});

test("an error in a loss is passed on, and its samples need a new value; others and later calls do not", async () => {
  const ill = new Error("ill");
  let isIll = false;
  const loss = customLoss({
    value(output, target) {
      if (isIll) throw ill;
      return (output - target) ** 2;
    },
    gradient: (output, target) => 2 * (output - target),
  });
  await opened({ loss }, async (objective) => {
    const expected = await allOf(objective, rows);
    isIll = true;
    const failing = objective.value([1, 3], z.slice(0, 2 * D));
    const dependent = rejected(
      objective.gradient([0, 1]),
      "invalid_argument",
      /rows\[1\] is 1, expected a sample whose value/,
    );
    assert.is(await failing.catch((error) => error), ill);
    await dependent;
    isIll = false;
    assert.equal(await objective.gradient([0]), expected.gradients.slice(0, D));
    assert.equal(await allOf(objective, rows), expected);
  });
});

test("rows, latents and directions that are wrong are refused before any work, by their names", async () => {
  const detached = Float64Array.from(z);
  structuredClone(detached, { transfer: [detached.buffer] });
  const detachedRows = Int32Array.from(rows);
  structuredClone(detachedRows, { transfer: [detachedRows.buffer] });
  const resizable = (size: number) =>
    new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(size, {
      maxByteLength: 2 * size,
    });
  await opened({}, async (objective) => {
    const before = await allOf(objective, rows);
    const wrongRows: readonly [unknown, RegExp][] = [
      [[5], /rows\[0\] is 5, expected an integer >= 0 and <= 4$/],
      [[0, -1], /rows\[1\] is -1, expected an integer >= 0/],
      [[0.5], /rows\[0\] is 0\.5, expected an integer/],
      [["0"], /rows\[0\] is "0", expected an integer/],
      [[Number.NaN], /rows\[0\] is NaN, expected/],
      [new Array(2), /rows\[0\] is undefined, expected/],
      [
        new Array(2 ** 32 - 1),
        /rows has 4294967295 values, expected at most 5 \(the objective's samples, each once\)$/,
      ],
      [[1, 3, 1], /rows\[2\] is 1 again, expected each sample at most once$/],
      [Int32Array.of(2, 2), /rows\[1\] is 2 again/],
      [3, /rows is 3, expected an array of sample numbers, or an Int32Array; for one sample, \[3\]$/],
      [undefined, /rows is undefined, expected an array/],
      [null, /rows is null, expected an array/],
      ["all", /rows is "all", expected an array/],
      [Uint8Array.of(1), /rows is a Uint8Array, .*; convert with Int32Array\.from\(rows\)$/],
      [Promise.resolve(rows), /rows is a Promise, .* \(is an await missing\?\)$/],
      [detachedRows, /the buffer of rows has been detached/],
      [new Int32Array(resizable(4)), /the buffer of rows is resizable, expected a fixed size/],
    ];
    for (const [wrong, message] of wrongRows) {
      const calls = [
        objective.value(wrong as never, z),
        objective.gradient(wrong as never),
        objective.jacobianProduct(wrong as never, z),
      ];
      for (const call of calls) await rejected(call, "invalid_argument", message);
    }
    const wrongNumbers: readonly [unknown, RegExp][] = [
      [z.slice(1), / has 14 values, expected 15 \(3 for each row\)$/],
      [new Float32Array(0), / has 0 values, expected 15/],
      [
        Array.from(z),
        / is an Array, expected a Float32Array or a Float64Array; convert with Float32Array\.from/,
      ],
      [Int32Array.from(z), / is an Int32Array, expected a Float32Array or a Float64Array; convert/],
      [{ z }, / is an object, .*; give its member \.z$/],
      [undefined, / is undefined, expected a Float32Array or a Float64Array$/],
      [detached, /has been detached/],
      [new Float64Array(resizable(15 * 8)), /the buffer of [zv] is resizable, expected a fixed size/],
      [new Float32Array(resizable(15 * 4)), /the buffer of [zv] is resizable, expected a fixed size/],
    ];
    for (const [wrong, message] of wrongNumbers) {
      const said = message.source;
      await rejected(
        objective.value(rows, wrong as never),
        "invalid_argument",
        RegExp(`^objective\\.value: .*${said}`),
      );
      const product = objective.jacobianProduct(rows, wrong as never);
      await rejected(product, "invalid_argument", RegExp(`^objective\\.jacobianProduct: .*${said}`));
    }
    // Points are where they were.
    assert.equal(await objective.gradient(rows), before.gradients);
  });
});

test("gradients and products of samples that value was never called for are refused", async () => {
  await opened({}, async (objective) => {
    const message =
      /rows\[1\] is 2, expected a sample whose value has been computed; call value\(rows, z\) for it first$/;
    await objective.value([0, 4], z.slice(0, 2 * D));
    await rejected(objective.gradient([4, 2]), "invalid_argument", message);
    await rejected(objective.jacobianProduct([0, 2], v.slice(0, 2 * D)), "invalid_argument", message);
    assert.is((await objective.gradient([4, 0])).length, 2 * D);
  });
});

test("data and options are refused as encode refuses them", async () => {
  const y7 = y.slice(0, N);
  const cases: readonly [y: unknown, options: object | null][] = [
    [y.subarray(1), {}],
    [Uint8Array.of(1), {}],
    [[1, 2], {}],
    [y7.map((_, i) => (i === 3 ? Number.NaN : 0.5)), { missing: "refuse" }],
    [y7.map(() => 2), {}],
    [y7, { loss: "l1" }],
    [y7, { prior: {} }],
    [y7, { prior: gaussian({ mean: [0, 0] }) }],
    [y7, { weights: new Float32Array(3) }],
    [y7, { weights: new Float32Array(N) }],
    [y7, { weights: new Float32Array(N).fill(-1) }],
    [y7, { fixed: { label: 1 } }],
    [y7, { points: 3 }],
    [y7, { backend: "wasm" }],
    [y7, { backend: { name: "none", open: async () => ({}) } }],
    [y7, null],
  ];
  for (const [given, options] of cases) {
    const [own, other] = await Promise.all(
      [openObjective, encode].map((call) =>
        call(decoder, given as never, options as never).catch((error) => error),
      ),
    );
    assert.instance(own, Error);
    const names = (text: string) => text.replace(/ with any of .*| no \w+\(\) in its session/, "");
    assert.is(names(own.message), names(other.message).replace("encode:", "openObjective:"));
    assert.is(own.code, "invalid_argument");
  }
  const unknown = openObjective(decoder, y, { solver: 1 } as never);
  await rejected(
    unknown,
    "invalid_argument",
    /unknown option "solver"; the options are loss, prior, weights, missing, fixed, points, backend$/,
  );
  await rejected(
    openObjective({} as never, y),
    "invalid_argument",
    /^openObjective: the decoder is an object, expected/,
  );
});

test.run();
