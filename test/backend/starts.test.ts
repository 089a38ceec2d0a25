// run: slow
// Tests src/backend/starts.ts, src/backend/starts-option.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { copyDecoder } from "../../src/decoder/copy.ts";
import { layersOf } from "../../src/graph/layers.ts";
import {
  amd,
  closeWorkers,
  createDecoder,
  dormandPrince,
  type EncodeOptions,
  type EncodeProgress,
  type EncodeResult,
  encode,
  encodeStream,
  gaussian,
  lbfgs,
  nesterovFlow,
  rk4,
  squaredError,
  wasm,
} from "../../src/index.ts";
import { linearGrid } from "../../src/solver/grid.ts";
import { builds, plain } from "../support/builds.ts";
import { decoderCases } from "../support/decoders.ts";
import { priorAt } from "../support/prior-reference.ts";
import { randomArray } from "../support/random.ts";
import { objectiveOf } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";
import { workerUrl } from "../support/threads.ts";

// Several starts of each sample: which codes they begin at, what is kept, and that no result depends on other samples.

test.after(() => closeWorkers());

const backend = plain.backend;
const same = ({ seconds, backend: _, ...rest }: EncodeResult) => rest;
const rowOf = <Values extends Float32Array | Int32Array>(values: Values, size: number, row: number) => [
  ...values.subarray(row * size, (row + 1) * size),
];
const NUMBERS = [
  "acceptedSteps",
  "backtracks",
  "valueEvaluations",
  "gradientEvaluations",
  "matrixEvaluations",
] as const;

/** The results of a call for some of its samples, as one of those samples alone has them. */
function part(result: EncodeResult, samples: readonly number[], d: number) {
  const pick = (values: ArrayLike<number> | undefined, size = 1) =>
    values && samples.flatMap((row) => Array.from({ length: size }, (_, i) => values[row * size + i]!));
  const {
    z,
    v,
    loss,
    prior,
    objective,
    initialLoss,
    gradientNorm,
    status,
    stats,
    missing,
    trajectory,
    starts,
  } = result;
  const m = starts!.count;
  return {
    ...Object.fromEntries(Object.entries(stats).map(([name, values]) => [name, pick(values)])),
    z: pick(z, d),
    v: pick(v, d),
    numbers: [loss, prior, objective, initialLoss, gradientNorm, missing].map((values) => pick(values)),
    status: samples.map((row) => status[row]),
    trajectory: trajectory && samples.map((row) => trajectory[row]),
    starts: [m, pick(starts!.codes, m * d), pick(starts!.objective, m), pick(starts!.start, m)],
  };
}

/** Indices of codes in the order of their objectives, ascending; those that are not finite are left out. */
const ordered = (objectives: readonly number[]) =>
  objectives
    .map((objective, code) => ({ objective, code }))
    .filter(({ objective }) => Number.isFinite(objective))
    .sort((a, b) => a.objective - b.objective || a.code - b.code)
    .map(({ code }) => code);

const B = 17;
const n = 9;
const layers = createDecoder({ layers: [5, 13, n], activation: "tanh", loss: "bce", seed: 4 });
for (const { weight } of layersOf(layers)) for (let i = 0; i < weight.length; i++) weight[i]! *= 4;
const y = randomArray(1, B * n, 0, 1);
const codes = randomArray(2, 11 * 5, -3, 3);

for (const { name, backend } of builds) {
  test(`${name}: each sample begins where a float64 reference has the lowest objectives, and the lowest end of separate calls is kept`, async () => {
    const weights = randomArray(3, B * n, 0, 1).map((weight) => (weight < 0.5 ? 0 : weight));
    const missing = y.map((value, i) => (i % 7 === 3 || i >= (B - 1) * n ? Number.NaN : value));
    for (const [label, data, more] of [
      ["plain", y, {}],
      ["a prior", y, { prior: gaussian({ mean: 0.5, std: 2 }) }],
      ["weights", y, { weights, prior: gaussian() }],
      ["missing", missing, { prior: gaussian() }],
      ["missing, weights", missing, { weights, prior: gaussian() }],
      ["amd", y, { solver: amd({ maxSteps: 40 }) }],
      ["dormandPrince", y, { solver: dormandPrince({ t1: 3 }), saveAt: [0, 1, 2] }],
      ["sum", y, { loss: squaredError({ reduction: "sum" }), saveAt: "steps" }],
    ] as [string, Float32Array, EncodeOptions][]) {
      const options = { ...more, backend } as EncodeOptions;
      const result = await encode(layers, data, { ...options, starts: { codes, count: 3 } } as EncodeOptions);
      const separate: EncodeResult[] = [];
      for (let k = 0; k < 11; k++)
        separate.push(
          await encode(layers, data, { ...options, z0: codes.slice(k * 5, (k + 1) * 5) } as EncodeOptions),
        );
      const { count, start, objective, codes: ends } = result.starts!;
      assert.is(count, 3);
      const loss = options.loss === undefined ? layers.loss! : squaredError({ reduction: "sum" });
      for (let sample = 0; sample < B; sample++) {
        const target = data.slice(sample * n, (sample + 1) * n);
        const own = Float32Array.from(target, (value, i) =>
          Number.isNaN(value) ? 0 : ((more as { weights?: Float32Array }).weights?.[sample * n + i] ?? 1),
        );
        const isUnseen = own.every((weight) => weight === 0);
        const isWeighted = label.includes("weights") || label.includes("missing");
        const divisor =
          label === "sum" ? 1 : isUnseen ? 1 : isWeighted ? own.reduce((sum, w) => sum + w, 0) : n;
        const present = target.map((value) => (Number.isNaN(value) ? 0 : value));
        const { prior } = more as { prior?: ReturnType<typeof gaussian> };
        const references = Array.from({ length: 11 }, (_, k) => {
          const z = [...codes.subarray(k * 5, (k + 1) * 5)];
          const { value } = objectiveOf(layers, loss, z, present, isWeighted ? own : undefined);
          return (isUnseen ? 0 : value) + (prior ? priorAt(prior, z).value / divisor : 0);
        });
        const at = `${label}, sample ${sample}`;
        const taken = rowOf(start, 3, sample);
        assert.equal(new Set(taken), new Set(ordered(references).slice(0, 3)), at);
        // The ends of the starts are those of separate calls, to the bit, the lowest first.
        for (const [rank, k] of taken.entries()) {
          const alone = separate[k]!;
          assert.equal(rowOf(ends, 5, sample * 3 + rank), rowOf(alone.z, 5, sample), at);
          assert.equal(objective[sample * 3 + rank], alone.objective[sample], at);
        }
        const sorted = rowOf(objective, 3, sample);
        assert.equal(
          sorted,
          [...sorted].sort((a, b) => a - b),
          at,
        );
        const kept = separate[taken[0]!]!;
        for (const field of ["loss", "objective", "initialLoss", "gradientNorm", "missing"] as const)
          assert.equal(result[field][sample], kept[field][sample], `${at}: ${field}`);
        assert.equal(rowOf(result.z, 5, sample), rowOf(kept.z, 5, sample), at);
        assert.equal(result.status[sample], kept.status[sample], at);
        assert.equal(result.trajectory?.[sample], kept.trajectory?.[sample], at);
        assert.equal(result.stats.t[sample], kept.stats.t[sample], at);
        assert.equal(result.stats.remainingFall[sample], kept.stats.remainingFall[sample], at);
        if (!isUnseen)
          assert.is(sorted[0], Math.min(...taken.map((k) => separate[k]!.objective[sample]!)), at);
        // Work of all starts, and of one evaluation at each code.
        for (const number of NUMBERS) {
          const sum = taken.reduce((total, k) => total + separate[k]!.stats[number][sample]!, 0);
          assert.is(
            result.stats[number][sample],
            sum + (number === "valueEvaluations" ? 11 : 0),
            `${at}: ${number}`,
          );
        }
      }
    }
  });
}

test("no sample depends on others, nor on batchSize, of all sorts of decoders", async () => {
  for (const { name, make, y, given, givenFor, sampleCount, size } of decoderCases) {
    const decoder = make();
    const d = decoder.latentSize;
    const starts = { codes: randomArray(6, 7 * d, -2, 2), count: 3 };
    for (const { backend } of builds) {
      const options = { starts, backend, solver: lbfgs({ maxSteps: 6 }) } as EncodeOptions;
      const whole = await encode(decoder, y, { ...options, ...given });
      for (const batchSize of [1, 3]) {
        assert.equal(same(await encode(decoder, y, { ...options, ...given, batchSize })), same(whole), name);
      }
      for (const samples of [[0], [2, 5], [6, 1, 3]]) {
        const rows = Float32Array.from(samples.flatMap((row) => rowOf(y, size, row)));
        const some = await encode(decoder, rows, { ...options, ...givenFor(samples) });
        assert.equal(
          part(
            some,
            samples.map((_, i) => i),
            d,
          ),
          part(whole, samples, d),
          `${name}, ${samples}`,
        );
      }
      assert.is(whole.status.length, sampleCount);
    }
    decoder.dispose();
  }
});

test("slices, threads and items of a stream change no bit", async () => {
  // 4,096 starts are a slice: 1,500 samples of three starts are two.
  const many = randomArray(8, 1500 * n, 0, 1).map((value, i) => (i % 29 === 0 ? Number.NaN : value));
  const options = { starts: { codes, count: 3 }, prior: gaussian() };
  const whole = await encode(layers, many, { ...options, backend: wasm({ relaxed: false, threads: 1 }) });
  const threads = wasm({ relaxed: false, threads: 2, worker: workerUrl });
  const shared = await encode(layers, many, { ...options, backend: threads });
  assert.is(shared.backend.threads, 2, shared.backend.reason);
  assert.equal(same(shared).starts, same(whole).starts);
  assert.equal({ ...same(shared), starts: 0 }, { ...same(whole), starts: 0 });
  const items = [many.slice(0, 1400 * n), many.slice(1400 * n)];
  let first = 0;
  for await (const result of encodeStream(layers, items, { ...options, backend })) {
    const samples = Array.from(result.status, (_, i) => i);
    const inWhole = samples.map((i) => first + i);
    assert.equal(part(result, samples, 5), part(whole, inWhole, 5));
    first += samples.length;
  }
  assert.is(first, 1500);
});

test("fewer codes than starts, one code, and codes that are equal", async () => {
  const three = codes.slice(0, 15);
  const all = await encode(layers, y, { starts: { codes: three }, backend });
  assert.is(all.starts!.count, 3);
  assert.equal(same(all), same(await encode(layers, y, { starts: { codes: three, count: 3 }, backend })));
  for (let sample = 0; sample < B; sample++)
    assert.equal(rowOf(all.starts!.start, 3, sample).sort(), [0, 1, 2]);
  const one = await encode(layers, y, { starts: { codes: codes.slice(5, 10), count: 1 }, backend });
  const alone = await encode(layers, y, { z0: codes.slice(5, 10), backend });
  assert.equal([one.z, one.loss, one.status], [alone.z, alone.loss, alone.status]);
  assert.equal([one.starts!.codes, one.starts!.objective], [alone.z, alone.objective]);
  // Of equal codes the first ones, in their order.
  const equal = Float32Array.from([
    ...codes.subarray(0, 5),
    ...codes.subarray(0, 5),
    ...codes.subarray(0, 5),
  ]);
  const { starts } = await encode(layers, y, { starts: { codes: equal, count: 2 }, backend });
  assert.equal(
    starts!.start,
    Int32Array.from({ length: 2 * B }, (_, i) => i % 2),
  );
});

test("a code whose objective is not finite is left out; without any other the sample ends as nonfinite", async () => {
  const decoder = createDecoder({ layers: [2, 3], loss: "mse", seed: 1 });
  const far = 3e38;
  const some = Float32Array.of(far, far, 0.5, -0.5, -far, far, 1, 1);
  const data = randomArray(3, 3 * 5);
  const { starts, status, stats } = await encode(decoder, data, {
    starts: { codes: some, count: 3 },
    backend,
  });
  for (let sample = 0; sample < 5; sample++) {
    const [a, b, none] = rowOf(starts!.start, 3, sample);
    assert.equal([a, b].sort(), [1, 3]);
    assert.is(none, -1);
    assert.equal(rowOf(starts!.codes, 2, sample * 3 + 2), [Number.NaN, Number.NaN]);
    assert.ok(Number.isNaN(starts!.objective[sample * 3 + 2]));
    assert.is(status[sample], "converged");
    assert.ok(stats.valueEvaluations[sample]! > 4);
  }
  const none = await encode(decoder, data, {
    starts: { codes: Float32Array.of(far, far, -far, far) },
    backend,
  });
  const alone = await encode(decoder, data, { z0: Float32Array.of(far, far), backend });
  assert.equal([none.status, none.z, none.loss], [alone.status, alone.z, alone.loss]);
  assert.ok(none.status.every((each) => each === "nonfinite"));
  assert.equal(rowOf(none.starts!.start, 2, 0), [0, -1]);
});

test("a sample of which nothing is seen: the first codes, or those that the prior prefers; its losses are NaN", async () => {
  const data = y.slice();
  data.fill(Number.NaN, n, 2 * n);
  const plainly = await encode(layers, data, { starts: { codes, count: 2 }, backend });
  assert.equal(rowOf(plainly.starts!.start, 2, 1), [0, 1]);
  assert.equal(rowOf(plainly.starts!.objective, 2, 1), [Number.NaN, Number.NaN]);
  assert.equal(rowOf(plainly.z, 5, 1), rowOf(codes, 5, 0));
  assert.match(plainly.warnings[0]!, /nothing is seen of 1 of 17 samples/);
  const prior = gaussian();
  const { starts, objective } = await encode(layers, data, { prior, starts: { codes, count: 2 }, backend });
  const squares = Array.from({ length: 11 }, (_, k) =>
    rowOf(codes, 5, k).reduce((sum, each) => sum + each ** 2, 0),
  );
  assert.equal(rowOf(starts!.start, 2, 1).sort(), ordered(squares).slice(0, 2).sort());
  assert.ok(Number.isNaN(objective[1]));
});

test("a flow of second order keeps its velocities; no samples are no starts", async () => {
  const solver = rk4({ grid: linearGrid({ t1: 5, slices: 10 }) });
  const options = { solver, flow: nesterovFlow(), backend } as const;
  const { v, starts } = await encode(layers, y, { ...options, starts: { codes, count: 2 } });
  for (let sample = 0; sample < B; sample++) {
    const k = starts!.start[2 * sample]!;
    const alone = await encode(layers, y, { ...options, z0: codes.slice(5 * k, 5 * k + 5) });
    assert.equal(rowOf(v!, 5, sample), rowOf(alone.v!, 5, sample));
  }
  const none = await encode(layers, new Float32Array(0), { starts: { codes }, backend });
  assert.equal([none.z.length, none.starts!.codes.length, none.starts!.count], [0, 0, 8]);
});

test("progress counts samples up to all; an abort leaves whole samples whole", async () => {
  const many = randomArray(8, 3000 * n, 0, 1);
  const seen: EncodeProgress[] = [];
  const controller = new AbortController();
  const options = { starts: { codes, count: 3 }, backend: wasm({ relaxed: false, threads: 1 }) };
  const whole = await encode(layers, many, {
    ...options,
    onProgress: (progress) => void seen.push(progress),
  });
  assert.ok(
    seen.every(({ done, total }, i) => total === 3000 && done <= 3000 && done >= (seen[i - 1]?.done ?? 0)),
  );
  assert.ok(seen.length > 2);
  const aborted = await encode(layers, many, {
    ...options,
    onAbort: "return",
    signal: controller.signal,
    onProgress: ({ done }) => {
      if (done > 1500) controller.abort();
    },
  });
  const ended = aborted.status.flatMap((status, sample) => (status === "aborted" ? [] : [sample]));
  assert.ok(ended.length >= 1300 && ended.length < 3000, `${ended.length}`);
  assert.equal(part(aborted, ended, 5), part(whole, ended, 5));
  const never = aborted.status.length - 1;
  assert.is(aborted.starts!.start[3 * never], -1);
  assert.equal(rowOf(aborted.z, 5, never), [0, 0, 0, 0, 0]);
  assert.ok(Number.isNaN(aborted.loss[never]));
  const before = AbortSignal.abort();
  const none = await encode(layers, y, { ...options, onAbort: "return", signal: before });
  assert.ok(none.status.every((status) => status === "aborted"));
  await encode(layers, y, { ...options, signal: before }).then(
    () => assert.unreachable(),
    (reason) => assert.is(reason, before.reason),
  );
});

test("without codes those of the decoder, else its start alone; an error without either", async () => {
  const own = copyDecoder(layers, { starts: codes });
  const expected = same(await encode(layers, y, { starts: { codes, count: 4 }, backend }));
  assert.equal(same(await encode(own, y, { starts: { count: 4 }, backend })), expected);
  const start = codes.slice(0, 5);
  const one = copyDecoder(layers, { start });
  const { starts, z } = await encode(one, y, { starts: {}, backend });
  assert.is(starts!.count, 1);
  assert.equal(z, (await encode(one, y, { backend })).z);
  // A plain call is what it was.
  assert.equal(same(await encode(own, y, { backend })), same(await encode(layers, y, { backend })));
  await rejected(
    encode(layers, y, { starts: { count: 8 } }),
    "invalid_argument",
    /^encode: starts: codes have no values, and the decoder has no starts, expected a multiple of 5/,
  );
});

test("what is no bank is refused", async () => {
  for (const [starts, message] of [
    [
      { codes: codes.slice(1) },
      /codes have 54 values, expected a multiple of 5 \(the decoder's latent size\)/,
    ],
    [{ codes: new Float32Array(0) }, /codes have 0 values/],
    [
      { codes: Float32Array.of(0, 0, Number.NaN, 0, 0) },
      /codes is NaN at element 2, expected finite numbers/,
    ],
    [{ codes: [...codes] }, /codes is an Array, expected a Float32Array/],
    [{ codes, count: 0 }, /count is 0, expected an integer >= 1/],
    [{ codes, count: 1.5 }, /count is 1.5/],
    [{ codes, counts: 1 }, /unknown option "counts"/],
    [codes, /expected a plain object with any of codes, count/],
    [null, /are null, expected a plain object with any of codes, count/],
  ] as [never, RegExp][]) {
    await rejected(encode(layers, y, { starts }), "invalid_argument", message);
  }
  const z0 = new Float32Array(5);
  await rejected(
    encode(layers, y, { starts: { codes }, z0 }),
    "invalid_argument",
    /z0 and starts are both given, expected one of/,
  );
  const stream = encodeStream(layers, [{ y, z0 }], { starts: { codes } });
  await rejected(stream.next(), "invalid_argument", /^item 0: encodeStream: z0 and starts are both given/);
});

test.run();
