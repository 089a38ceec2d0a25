// Tests src/api/check-data.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  decode,
  type EncodeOptions,
  encode,
  euler,
  gradientFlow,
  linearGrid,
  squaredError,
  summary,
  wasm,
} from "../../src/index.ts";
import { refused, rejected } from "../support/refusal.ts";

// Bad input is refused before work starts, and says what came, what was expected, what to do.

const decoder = createDecoder({ layers: [2, 3, 5], outputActivation: "sigmoid", loss: binaryCrossEntropy() });
const y = new Float32Array(10).fill(0.5);

function withValue(index: number, value: number): Float32Array {
  const changed = y.slice();
  changed[index] = value;
  return changed;
}

/** What JavaScript users may pass whatever the types say. */
function untyped<T>(value: unknown): T {
  return value as T;
}

test("encode refuses a y of the wrong length or type", async () => {
  await rejected(
    encode(decoder, y.subarray(1)),
    "invalid_argument",
    /encode: y has 9 values, expected a multiple of 5 \(the decoder's output size\)/,
  );
  await rejected(
    encode(decoder, untyped(new Uint8Array(5))),
    "invalid_argument",
    /y is a Uint8Array.*divide by 255/,
  );
  await rejected(
    encode(decoder, untyped([0, 1, 0, 1, 0])),
    "invalid_argument",
    /y is an Array.*Float32Array\.from\(y\)/,
  );
  await rejected(encode(decoder, untyped(undefined)), "invalid_argument", /y is undefined/);
});

test("encode says where y is not finite or outside [0, 1]", async () => {
  await rejected(
    encode(decoder, withValue(7, Number.NaN), { missing: "refuse" }),
    "invalid_argument",
    /y is NaN at sample 1, element 2, .*; where data are missing, give weights that are 0 there, or missing: "omit"$/,
  );
  await rejected(
    encode(decoder, withValue(0, Number.POSITIVE_INFINITY)),
    "invalid_argument",
    /y is Infinity at sample 0, element 0, .*; where data are missing, give NaN, or weights that are 0 there$/,
  );
  await rejected(
    encode(decoder, withValue(4, 1.1)),
    "invalid_argument",
    /y is 1.1 at sample 0, element 4.*binaryCrossEntropy/,
  );
  await rejected(encode(decoder, withValue(4, -0.25)), "invalid_argument", /expected \[0, 1\]/);
  const ended = await encode(decoder, withValue(4, 1.1), { loss: squaredError() });
  assert.is(ended.status.length, 2);
});

test("encode refuses proxies of decoders and of arrays, as of Vue", async () => {
  const run = encode(new Proxy(decoder, {}), y);
  await rejected(run, "invalid_argument", /the decoder is .* in a Proxy, expected what loadDecoder/);
  const message = /y is a Float32Array, expected a Float32Array itself, not a Proxy of one$/;
  await rejected(encode(decoder, new Proxy(y, {})), "invalid_argument", message);
});

test("encode refuses weights that are none, and y that is infinite where there is weight", async () => {
  const weights = new Float32Array(5).fill(1);
  const bad = (values: number[]) => encode(decoder, y, { weights: Float32Array.from(values) });
  await rejected(bad([1, 1, 1, 1]), "invalid_argument", /weights has 4 values, expected 5 .* or 10/);
  await rejected(bad([1, 1, -1, 1, 1]), "invalid_argument", /weights is -1 at sample 0, element 2/);
  await rejected(bad([1, 1, Number.NaN, 1, 1]), "invalid_argument", /weights is NaN/);
  await rejected(bad([0, 0, 0, 0, 0]), "invalid_argument", /all weights are 0/);
  await rejected(bad([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]), "invalid_argument", /all weights of sample 1 are 0/);
  await rejected(encode(decoder, y, { weights: untyped([1]) }), "invalid_argument", /weights is an Array/);
  const infinite = withValue(7, Number.POSITIVE_INFINITY);
  await rejected(
    encode(decoder, infinite, { weights }),
    "invalid_argument",
    /y is Infinity at sample 1, element 2/,
  );
  weights[2] = 0;
  assert.is((await encode(decoder, infinite, { weights })).status.length, 2);
});

test("encode refuses a z0 that does not fit", async () => {
  await rejected(encode(decoder, y, { z0: new Float32Array(3) }), "invalid_argument", /z0 has 3 values/);
  await rejected(
    encode(decoder, y, { z0: new Float32Array(6) }),
    "invalid_argument",
    /z0 has 6 values, expected 2 \(one latent for all samples\) or 4 \(one for each\)/,
  );
  await rejected(
    encode(decoder, y, { z0: new Float32Array(0) }),
    "invalid_argument",
    /z0 has 0 values, expected 2 /,
  );
  const z0 = Float32Array.of(0, 0, Number.NaN, 0);
  await rejected(encode(decoder, y, { z0 }), "invalid_argument", /z0 is NaN at sample 1, element 0/);
  await rejected(
    encode(decoder, y, { z0: z0.subarray(2) }),
    "invalid_argument",
    /z0 is NaN at element 0, expected finite/,
  );
  await rejected(
    encode(decoder, y.subarray(0, decoder.outputSize), { z0 }),
    "invalid_argument",
    /z0 has 4 values, expected 2$/,
  );
  for (const nothing of [null, 0, Number.NaN, "", false, 0n])
    await rejected(encode(decoder, y, { z0: nothing as never }), "invalid_argument", /z0 is /);
});

test("a z0 that changes while the call works, or goes, has been taken", async () => {
  const z0 = Float32Array.of(0.3, -0.2, 0.1, 0);
  const expected = await encode(decoder, y, { z0 });
  for (const spoil of [() => z0.fill(9), () => structuredClone(z0.buffer, { transfer: [z0.buffer] })]) {
    const running = encode(decoder, y, { z0, batchSize: 1 });
    spoil();
    assert.equal((await running).z, expected.z);
    if (z0.length > 0) z0.set([0.3, -0.2, 0.1, 0]);
  }
});

test("a z0 for all samples is each one's", async () => {
  const z0 = Float32Array.of(0.3, -0.2);
  const [once, each] = [
    await encode(decoder, y, { z0 }),
    await encode(decoder, y, { z0: Float32Array.of(...z0, ...z0) }),
  ];
  assert.equal([once.z, once.initialLoss], [each.z, each.initialLoss]);
  assert.is.not(once.initialLoss[0], (await encode(decoder, y)).initialLoss[0]);
});

test("encode refuses unknown options and options of the wrong type", async () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ lose: binaryCrossEntropy() }, /unknown option "lose"; the options are loss.*; did you mean loss\?$/],
    [{ weigths: 1 }, /; did you mean weights\?$/],
    [{ tolerance: 1e-6 }, /unknown option "tolerance"; give solver: lbfgs\(\{ tolerance \}\)$/],
    // What every object has is no option either.
    [{ toString: () => "" }, /unknown option "toString"; the options are loss/],
    [
      { loss: { ...customLoss({ value: (x) => x, gradient: () => 1 }), value: null } },
      /loss is an object, expected/,
    ],
    [{ loss: "crossEntropy" }, /loss is "crossEntropy", expected "bce", .*binaryCrossEntropy\(\)/],
    [{ loss: { name: "binaryCrossEntropy", reduction: "max" } }, /reduction is "max"/],
    [
      { solver: "amd" },
      /solver is "amd", expected lbfgs\(\), amd\(\), euler\(\), rk4\(\) or dormandPrince\(\)/,
    ],
    [{ backend: "wasm" }, /backend is "wasm", expected a backend such as wasm\(\)/],
    [{ batchSize: 0 }, /batchSize is 0, expected an integer >= 1/],
    [{ batchSize: 1.5 }, /batchSize is 1.5, expected an integer >= 1$/],
    [
      { batchSize: 2 ** 53 },
      /batchSize is 9007199254740992, expected an integer >= 1 and <= 9007199254740991/,
    ],
    [{ signal: {} }, /signal is an object, expected an AbortSignal/],
    [{ onProgress: 1 }, /onProgress is 1, expected a function/],
    [{ onAbort: "stop" }, /onAbort is "stop", expected "throw" or "return"/],
  ];
  for (const [options, message] of cases) {
    await rejected(encode(decoder, y, untyped<EncodeOptions>(options)), "invalid_argument", message);
  }
  await rejected(encode(decoder, y, untyped(null)), "invalid_argument", /options are null/);
  const { z } = await encode(decoder, y);
  assert.equal((await encode(decoder, y, { batchSize: 2 ** 53 - 1 })).z, z);
});

test("encode needs a loss, and one that fits the decoder", async () => {
  const logits = createDecoder({ layers: [2, 5], outputActivation: "identity" });
  await rejected(encode(logits, y), "invalid_argument", /there is no loss.*{ loss: "bce" }/);
  const message = /the loss bce needs .* "sigmoid", this one's is "identity".*outputActivation: "sigmoid"/;
  await rejected(encode(logits, y, { loss: binaryCrossEntropy() }), "invalid_argument", message);
});

test("encode and decode refuse what is no decoder, or is disposed", async () => {
  const disposed = createDecoder({ layers: [2, 5], outputActivation: "sigmoid", loss: binaryCrossEntropy() });
  await encode(disposed, y);
  disposed.dispose();
  await rejected(encode(disposed, y), "disposed", /has been disposed/);
  await rejected(decode(disposed, new Float32Array(2)), "disposed", /has been disposed/);
  await rejected(encode(untyped(Promise.resolve(decoder)), y), "invalid_argument", /await/);
  await rejected(encode(untyped({}), y), "invalid_argument", /expected what loadDecoder/);
});

test("decode refuses what encode would", async () => {
  await rejected(
    decode(decoder, new Float32Array(3)),
    "invalid_argument",
    /z has 3 values, expected a multiple of 2/,
  );
  await rejected(decode(decoder, untyped([1, 2])), "invalid_argument", /z is an Array/);
  await rejected(
    decode(decoder, Float32Array.of(Number.NaN, 0)),
    "invalid_argument",
    /z is NaN at sample 0, element 0/,
  );
  await rejected(
    decode(decoder, new Float32Array(2), untyped({ output: "x" })),
    "invalid_argument",
    /output is "x"/,
  );
  await rejected(
    decode(decoder, new Float32Array(2), untyped({ out: 1 })),
    "invalid_argument",
    /unknown option "out"/,
  );
});

test("amd refuses unknown options and values out of range", () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ tau: 1 }, /amd: unknown option "tau"; the options are t1, /],
    [{ t1: 0 }, /t1 is 0, expected a finite number > 0/],
    [{ t1: Number.NaN }, /t1 is NaN/],
    [{ t1: Number.POSITIVE_INFINITY }, /t1 is Infinity/],
    [{ stepInit: -1 }, /stepInit is -1/],
    [{ stepInit: 20, stepMax: 10 }, /stepMax is 10, expected at least stepInit, 20/],
    [{ increaseFactor: 0.5 }, /increaseFactor is 0.5/],
    [{ decreaseFactor: 1 }, /decreaseFactor is 1/],
    [{ decreaseFactor: 0 }, /decreaseFactor is 0/],
    [{ slope: 1 }, /slope is 1/],
    [{ growFrom: "start" }, /growFrom is "start", expected "accepted" or "trial"/],
    [{ maxBacktracks: 1.5 }, /maxBacktracks is 1.5, expected an integer/],
    [{ maxSteps: -1 }, /maxSteps is -1/],
    [{ maxSteps: 2 ** 40 }, /maxSteps is 1099511627776/],
    [{ tolerance: -1 }, /tolerance is -1/],
    [{ window: 1 }, /window is 1, expected an integer >= 2/],
    [{ settle: 2 }, /settle is 2/],
    [{ t1: "1" }, /t1 is "1"/],
  ];
  for (const [options, message] of cases) refused(() => amd(untyped(options)), "invalid_argument", message);
  assert.is(amd(untyped({ t1: undefined })).t1, 1e4, "undefined means the default");
  assert.is(amd({ stepInit: 20 }).stepMax, 20, "a first step above the default maximum raises it");
});

test("losses, wasm and summary refuse what they do not know", async () => {
  refused(
    () => binaryCrossEntropy(untyped({ reduce: "sum" })),
    "invalid_argument",
    /unknown option "reduce"/,
  );
  refused(() => squaredError(untyped({ reduction: "max" })), "invalid_argument", /reduction is "max"/);
  refused(() => wasm(untyped({ relaxed: 1 })), "invalid_argument", /relaxed is 1/);
  refused(() => summary(untyped({})), "invalid_argument", /expected the result of encode/);
});

test("functions of the caller's own in a solver, a flow or a grid are refused", async () => {
  const grid = linearGrid({ t1: 1, slices: 2 });
  const own = { solve: async () => {} };
  for (const [options, message] of [
    [
      { solver: { ...amd({ maxSteps: 3 }), ...own } },
      /solver is an object with a function "solve" of its own/,
    ],
    [
      { solver: { name: "mine", t1: 1, ...own } },
      /solver is an object .*, expected lbfgs\(\), amd\(\), euler\(\), rk4\(\) or dormandPrince\(\)/,
    ],
    [
      { solver: { name: "mine", t1: 1 } },
      /solver is an object, expected lbfgs\(\), amd\(\), euler\(\), rk4\(\) or dormandPrince\(\)/,
    ],
    [
      { flow: { ...gradientFlow(), derivative() {} }, solver: euler({ grid }) },
      /flow is an object with a function "derivative"/,
    ],
  ] as const) {
    await rejected(encode(decoder, y, options as never), "invalid_argument", message);
  }
  refused(
    () => euler({ grid: untyped({ ...grid, time: (i: number) => i }) }),
    "invalid_argument",
    /^euler: grid is an object with a function "time" of its own, expected linearGrid\(\) or logGrid\(\)/,
  );
});

test("a value that is nearly the right one is refused with the way to the right one", async () => {
  const decoder = createDecoder({ layers: [2, 3, 4], loss: "bce" });
  const y = new Float32Array(8).fill(0.5);
  const result = await encode(decoder, y);
  const given = (value: unknown) => value as never;
  const cases: [() => Promise<unknown>, RegExp][] = [
    [() => decode(decoder, given(result)), /z is an object, .*; give its member \.z$/],
    [() => encode(decoder, given(result)), /y is an object, .*; it holds codes \(z\), not samples$/],
    [() => encode(given({ decoder }), y), /the decoder is an object, .*; give its member \.decoder$/],
    [() => encode(decoder, given([[0.5], [0.5]])), /Float32Array\.from\(y\.flat\(Infinity\)\)$/],
    [() => encode(decoder, given([0.5])), /Float32Array\.from\(y\)$/],
    [() => encode(decoder, given(undefined)), /y is undefined, expected a Float32Array$/],
    [
      () => encode(decoder, y, { loss: given(binaryCrossEntropy) }),
      /loss is a function, expected .* \(are the brackets of the call missing\?\)$/,
    ],
    [
      () => encode(decoder, y, { solver: given(amd) }),
      /solver is a function, expected .* \(are the brackets of the call missing\?\)$/,
    ],
    [
      () => encode(decoder, y, { backend: given(wasm) }),
      /backend is a function, expected .* \(are the brackets of the call missing\?\)$/,
    ],
  ];
  for (const [call, message] of cases) await rejected(call(), "invalid_argument", message);
  refused(() => createDecoder({ layers: [2, 4], loss: given(squaredError) }), "invalid_argument", /brackets/);
  refused(() => createDecoder(given([2, 4])), "invalid_argument", /the options are an Array, .* { layers: /);
});

test("a refused call leaves nothing behind: the next one works", async () => {
  const before = await encode(decoder, y);
  await rejected(encode(decoder, withValue(3, Infinity)), "invalid_argument", /Infinity/);
  assert.equal((await encode(decoder, y)).z, before.z);
});

test.run();
