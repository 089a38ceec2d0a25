// run: both
// Tests src/measure/measure.ts with all that it is made of: src/measure/extension.ts, src/measure/operators.ts, src/measure/blur.ts,
// src/measure/kernel.ts, src/measure/downsample.ts, src/measure/projections.ts, and src/graph/kinds/sparse.ts.

// Operators against references in float64, their adjoints and tangents; decoders of measurements.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { conv, dense, type GraphDefinition, reshape, sequential, sigmoid } from "../../src/graph/index.ts";
import {
  createDecoder,
  type Decoder,
  decode,
  encode,
  gaussian,
  loadDecoder,
  openObjective,
  squaredError,
  wasm,
} from "../../src/index.ts";
import {
  blur,
  crop,
  decolorize,
  downsample,
  layers,
  matrix,
  measure,
  type Operator,
  projections,
  sparse,
  stack,
} from "../../src/measure/index.ts";
import { loadOnnx, toOnnx } from "../../src/onnx/index.ts";
import { randomArray } from "../support/random.ts";
import { refused, rejected } from "../support/refusal.ts";

/** Picture in float64: the number at a row, a column and a channel; 0 is read beyond its edges. */
interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  at(row: number, column: number, channel: number): number;
}

type Reference = (x: Picture) => Picture;

const picture = (
  height: number,
  width: number,
  channels: number,
  at: (row: number, column: number, channel: number) => number,
): Picture => {
  const values = new Float64Array(height * width * channels);
  for (let i = 0; i < values.length; i++) {
    values[i] = at(Math.floor(i / (width * channels)), Math.floor(i / channels) % width, i % channels);
  }
  const isInside = (row: number, column: number) => row >= 0 && row < height && column >= 0 && column < width;
  return {
    ...{ height, width, channels },
    at: (row, column, channel) =>
      isInside(row, column) ? values[(row * width + column) * channels + channel]! : 0,
  };
};

const clamp = (at: number, length: number) => Math.min(Math.max(at, 0), length - 1);
const mirrored = (at: number, length: number) => {
  const period = Math.max(1, 2 * (length - 1));
  const within = ((at % period) + period) % period;
  return Math.min(within, period - within);
};
const BEYOND = { zeros: (at: number) => at, edge: clamp, reflect: mirrored, valid: (at: number) => at };

/** SciPy's `ndimage.convolve`: out[i] = Σ kernel[j] · x[i + ⌊length / 2⌋ - j]. */
const convolution =
  (kernel: readonly (readonly number[])[], padding: keyof typeof BEYOND): Reference =>
  (x) => {
    const [m, n] = [kernel.length, kernel[0]!.length];
    const isValid = padding === "valid";
    const [down, right] = isValid ? [m - 1 - Math.floor(m / 2), n - 1 - Math.floor(n / 2)] : [0, 0];
    const [height, width] = isValid ? [x.height - m + 1, x.width - n + 1] : [x.height, x.width];
    const beyond = BEYOND[padding];
    return picture(height, width, x.channels, (row, column, channel) => {
      let sum = 0;
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          const r = beyond(row + down + Math.floor(m / 2) - i, x.height);
          const c = beyond(column + right + Math.floor(n / 2) - j, x.width);
          sum += kernel[i]![j]! * x.at(r, c, channel);
        }
      }
      return sum;
    });
  };

const gaussianKernel = (sigma: number) => {
  const radius = Math.floor(4 * sigma + 0.5);
  const line = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const sum = line.reduce((a, b) => a + b, 0);
  return line.map((a) => line.map((b) => (a * b) / sum ** 2));
};

const box =
  (factor: number): Reference =>
  (x) =>
    picture(x.height / factor, x.width / factor, x.channels, (row, column, channel) => {
      let sum = 0;
      for (let i = 0; i < factor; i++) {
        for (let j = 0; j < factor; j++) sum += x.at(row * factor + i, column * factor + j, channel);
      }
      return sum / factor ** 2;
    });

/** Pillow's resize by a filter of half width `support`, along one axis: weights of each output pixel. */
function pillow(length: number, factor: number, support: number, filter: (x: number) => number): number[][] {
  return Array.from({ length: length / factor }, (_, i) => {
    const centre = (i + 0.5) * factor;
    const weights = Array.from({ length }, (_, k) => {
      const from = Math.max(0, Math.floor(centre - support * factor + 0.5));
      const to = Math.min(length, Math.floor(centre + support * factor + 0.5));
      return k >= from && k < to ? filter((k + 0.5 - centre) / factor) : 0;
    });
    const sum = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight) => weight / sum);
  });
}

const resized =
  (factor: number, support: number, filter: (x: number) => number): Reference =>
  (x) => {
    const down = pillow(x.height, factor, support, filter);
    const along = pillow(x.width, factor, support, filter);
    return picture(x.height / factor, x.width / factor, x.channels, (row, column, channel) => {
      let sum = 0;
      for (let i = 0; i < x.height; i++) {
        for (let j = 0; j < x.width; j++) sum += down[row]![i]! * along[column]![j]! * x.at(i, j, channel);
      }
      return sum;
    });
  };

const triangle = (x: number) => Math.max(0, 1 - Math.abs(x));
const keys = (x: number) => {
  const [a, t] = [-0.5, Math.abs(x)];
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((t - 5) * t + 8) * t * a - 4 * a : 0;
};

const motion = [[0.5, 0.25, -1.5]];
const cross = [
  [0, 1, 0, 2],
  [3, -4, 5, 0],
];

/** Operators of pictures, each with its reference. */
const OF_PICTURES: Record<string, readonly [Operator, Reference]> = {
  "blur, Gaussian": [blur({ sigma: 0.7 }), convolution(gaussianKernel(0.7), "edge")],
  "blur, narrow": [blur({ sigma: 0.1 }), (x) => x],
  "blur, Gaussian, reflect": [
    blur({ sigma: 0.4, padding: "reflect" }),
    convolution(gaussianKernel(0.4), "reflect"),
  ],
  "blur, motion": [blur({ kernel: motion, padding: "valid" }), convolution(motion, "valid")],
  "blur, zeros, even kernel": [blur({ kernel: cross, padding: "zeros" }), convolution(cross, "zeros")],
  "blur, edge, even kernel": [blur({ kernel: cross }), convolution(cross, "edge")],
  "downsample, box": [downsample({ factor: 2 }), box(2)],
  "downsample, by 1": [downsample({ factor: 1 }), (x) => x],
  "downsample, none": [
    downsample({ factor: 2, filter: "none" }),
    (x) => picture(x.height / 2, x.width / 2, x.channels, (r, c, k) => x.at(2 * r, 2 * c, k)),
  ],
  "downsample, bilinear": [downsample({ factor: 2, filter: "bilinear" }), resized(2, 1, triangle)],
  "downsample, bicubic": [downsample({ factor: 2, filter: "bicubic" }), resized(2, 2, keys)],
  crop: [
    crop({ top: 1, left: 2, height: 3 }),
    (x) => picture(3, x.width - 2, x.channels, (r, c, k) => x.at(r + 1, c + 2, k)),
  ],
  "crop, all": [crop({}), (x) => x],
};

/** Decoder D(z) = z of samples of this shape. */
function identity(shape: readonly number[], outputLayout: "channelsFirst" | "channelsLast"): Decoder {
  const size = shape.reduce((a, b) => a * b, 1);
  const decoder = createDecoder(
    { ...sequential(size, [dense(size), ...(shape.length > 1 ? [reshape(shape)] : [])]), outputLayout },
    { loss: squaredError({ reduction: "sum" }) },
  );
  decoder.parameters.fill(0);
  for (let i = 0; i < size; i++) decoder.parameters[i * size + i] = 1;
  return decoder;
}

/** The numbers of a picture in a sample's order. */
function numbersOf({ height, width, channels, at }: Picture, isFirst: boolean): number[] {
  const numbers = new Array<number>(height * width * channels);
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < width; c++) {
      for (let k = 0; k < channels; k++) {
        numbers[isFirst ? (k * height + r) * width + c : (r * width + c) * channels + k] = at(r, c, k);
      }
    }
  }
  return numbers;
}

/** Asserts that A·x of a decoder D(z) = z is `expected`, and that ⟨A·x, r⟩ = ⟨x, Aᵀ·r⟩ and A·v by tangents are those of A. */
async function assertOperator(name: string, measured: Decoder, x: Float32Array, expected: readonly number[]) {
  const output = await decode(measured, x);
  assert.is(output.length, expected.length, name);
  const largest = Math.max(1, ...expected.map(Math.abs));
  output.forEach((value, i) => {
    assert.ok(
      Math.abs(value - expected[i]!) < 4e-6 * largest,
      `${name}: ${value} and ${expected[i]} at ${i}`,
    );
  });
  const r = randomArray(77, output.length, -1, 1);
  // The gradient of ‖A·x - y‖² at y = A·x - r/2 is Aᵀ·r.
  const objective = await openObjective(
    measured,
    output.map((value, i) => value - r[i]! / 2),
  );
  await objective.value([0], x);
  const gradient = await objective.gradient([0]);
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
  const [left, right] = [dot(expected, r), dot(x, gradient)];
  assert.ok(Math.abs(left - right) < 2e-5 * largest * output.length, `${name}: ${left} and ${right}`);
  const along = await objective.jacobianProduct([0], x);
  output.forEach((value, i) => {
    assert.ok(Math.abs(value - along[i]!) < 4e-6 * largest, `${name}: tangent at ${i}`);
  });
  objective.dispose();
}

const SHAPES: readonly (readonly [string, readonly number[], "channelsFirst" | "channelsLast"])[] = [
  ["grey", [6, 10], "channelsLast"],
  ["one channel first", [1, 4, 6], "channelsFirst"],
  ["channels last", [4, 6, 3], "channelsLast"],
  ["channels first", [3, 6, 4], "channelsFirst"],
];

function pictureOf(x: Float32Array, shape: readonly number[], layout: string): Picture {
  if (layout === "channelsFirst") {
    const [channels, height, width] = shape as readonly [number, number, number];
    return picture(height, width, channels, (r, c, k) => x[(k * height + r) * width + c]!);
  }
  const [height, width, channels = 1] = shape as readonly [number, number, number?];
  return picture(height, width, channels, (r, c, k) => x[(r * width + c) * channels + k]!);
}

test("operators of pictures are those of float64 in each layout, with their adjoints and tangents", async () => {
  for (const [kind, shape, layout] of SHAPES) {
    const decoder = identity(shape, layout);
    const x = randomArray(3, decoder.outputSize, -1, 1);
    const isFirst = layout === "channelsFirst";
    for (const [name, [operator, reference]] of Object.entries(OF_PICTURES)) {
      const measured = measure(decoder, operator);
      const result = reference(pictureOf(x, shape, layout));
      await assertOperator(`${name}, ${kind}`, measured, x, numbersOf(result, isFirst));
      const { height, width, channels } = result;
      const expected =
        shape.length === 2
          ? [height, width]
          : isFirst
            ? [channels, height, width]
            : [height, width, channels];
      assert.equal([...measured.outputShape], expected, name);
      assert.is(measured.outputLayout, layout);
    }
  }
});

test("decolorize adds up the channels, by the luma of ITU-R BT.601 or weights", async () => {
  for (const [kind, shape, layout] of SHAPES.slice(2)) {
    const decoder = identity(shape, layout);
    const x = randomArray(4, decoder.outputSize, 0, 1);
    const grey = (weights: readonly number[]) => {
      const own = pictureOf(x, shape, layout);
      const sum = picture(own.height, own.width, 1, (r, c) =>
        weights.reduce((all, w, k) => all + w * own.at(r, c, k), 0),
      );
      return numbersOf(sum, true);
    };
    await assertOperator(kind, measure(decoder, decolorize()), x, grey([0.299, 0.587, 0.114]));
    await assertOperator(kind, measure(decoder, decolorize({ weights: [1, 0, -2] })), x, grey([1, 0, -2]));
  }
});

test("matrices, dense and sparse, multiply the sample's numbers in the order of decode", async () => {
  for (const [kind, shape, layout] of [...SHAPES, ["vector", [5], "channelsLast"]] as const) {
    const decoder = identity(shape, layout);
    const n = decoder.outputSize;
    const x = randomArray(5, n, -1, 1);
    for (const m of [1, 3, 5, 17]) {
      const values = randomArray(6, m * n, -1, 1);
      const product = Array.from({ length: m }, (_, i) =>
        x.reduce((sum, value, j) => sum + values[i * n + j]! * value, 0),
      );
      await assertOperator(
        `matrix, ${kind}`,
        measure(decoder, matrix({ shape: [m, n], values })),
        x,
        product,
      );
      const [rows, columns] = [randomArray(7, 40, 0, m), randomArray(8, 40, 0, n)].map((each) =>
        each.map(Math.floor),
      );
      const entries = randomArray(9, 40, -1, 1);
      const sums = new Array<number>(m).fill(0);
      rows!.forEach((row, k) => {
        sums[row]! += entries[k]! * x[columns![k]!]!;
      });
      const operator = sparse({ shape: [m, n], rows: rows!, columns: columns!, values: entries });
      await assertOperator(`sparse, ${kind}`, measure(decoder, operator), x, sums);
    }
  }
});

test("projections: columns and rows add up, a turned picture gives turned angles, the total stays", async () => {
  for (const side of [4, 5]) {
    const decoder = identity([side, side], "channelsLast");
    const x = randomArray(10, side * side, 0, 1);
    const at = (row: number, column: number) => x[row * side + column]!;
    const measured = measure(decoder, projections({ angles: [0, 90, 180, 30] }));
    assert.equal([...measured.outputShape], [4, side]);
    const y = await decode(measured, x);
    const line = (of: (k: number) => number) =>
      Array.from({ length: side }, (_, k) => of(k)).reduce((a, b) => a + b, 0);
    for (let k = 0; k < side; k++) {
      assert.ok(Math.abs(y[k]! - line((row) => at(row, k))) < 1e-5, "columns");
      assert.ok(Math.abs(y[side + k]! - line((column) => at(k, column))) < 1e-5, "rows");
      assert.ok(Math.abs(y[2 * side + k]! - y[side - 1 - k]!) < 1e-5, "from the other side");
    }
    // A quarter turn of the picture moves each angle by 90 degrees.
    const turned = Float32Array.from(x, (_, i) => at(side - 1 - (i % side), Math.floor(i / side)));
    const other = await decode(measure(decoder, projections({ angles: [120] })), turned);
    other.forEach((value, k) => {
      assert.ok(Math.abs(value - y[3 * side + k]!) < 1e-5, "turned");
    });
    // With enough bins nothing is lost, and each pixel counts about once.
    const all = await decode(measure(decoder, projections({ angles: [33], bins: 2 * side + 1 })), x);
    const [sum, total] = [all, x].map((values) => values.reduce((a, b) => a + b, 0));
    assert.ok(Math.abs(sum! / total! - 1) < 0.05, `${sum} of ${total}`);
    await assertOperator("projections", measured, x, Array.from(y));
  }
  const colours = identity([3, 4, 5], "channelsFirst");
  const x = randomArray(11, 60, 0, 1);
  const each = await decode(measure(colours, projections({ angles: [10, 70], bins: 7 })), x);
  const grey = identity([4, 5], "channelsLast");
  for (let channel = 0; channel < 3; channel++) {
    const own = await decode(
      measure(grey, projections({ angles: [10, 70], bins: 7 })),
      x.slice(20 * channel, 20 * channel + 20),
    );
    assert.equal([...each.subarray(14 * channel, 14 * channel + 14)], [...own]);
  }
});

test("operators follow one another, stand side by side, and are layers with tensors", async () => {
  const decoder = identity([3, 4, 6], "channelsFirst");
  const x = randomArray(12, 72, -1, 1);
  const own = pictureOf(x, [3, 4, 6], "channelsFirst");
  const kernel = [[1, -2, 0.5]];
  const after = box(2)(convolution(kernel, "edge")(own));
  const steps = [blur({ kernel }), downsample({ factor: 2 })];
  await assertOperator("in turn", measure(decoder, steps), x, numbersOf(after, true));
  const twice = measure(measure(decoder, steps[0]!), steps[1]!);
  await assertOperator("measured twice", twice, x, numbersOf(after, true));
  const both = stack([downsample({ factor: 2 }), crop({ height: 1 })]);
  const parts = [box(2)(own), picture(1, 6, 3, (r, c, k) => own.at(r, c, k))];
  await assertOperator(
    "side by side",
    measure(decoder, both),
    x,
    parts.flatMap((part) => numbersOf(part, true)),
  );
  const edges = layers([
    { layer: conv({ channels: 1, kernel: [1, 2] }), weight: [-1, 1, 0, 0, 0, 0], bias: [0.25] },
  ]);
  const differences = picture(4, 5, 1, (r, c) => own.at(r, c + 1, 0) - own.at(r, c, 0) + 0.25);
  assert.equal(
    [...(await decode(measure(decoder, edges), x))].map((value) => value.toFixed(5)),
    numbersOf(differences, true).map((value) => value.toFixed(5)),
  );
});

test("matrices and kernels of each sample are fixed inputs", async () => {
  const decoder = identity([4, 5, 2], "channelsLast");
  const [n, B, m] = [40, 3, 6];
  const x = randomArray(13, B * n, -1, 1);
  const A = randomArray(14, B * m * n, -1, 1);
  const y = await decode(measure(decoder, matrix({ shape: [m, n], fixed: "A" })), x, { fixed: { A } });
  const kernels = randomArray(15, B * 6, -1, 1);
  const blurred = measure(decoder, blur({ fixed: "kernel", size: [2, 3], padding: "zeros" }));
  const pictures = await decode(blurred, x, { fixed: { kernel: kernels } });
  for (let b = 0; b < B; b++) {
    const own = x.slice(b * n, (b + 1) * n);
    const one = matrix({ shape: [m, n], values: A.slice(b * m * n, (b + 1) * m * n) });
    const alone = await decode(measure(decoder, one), own);
    alone.forEach((value, i) => {
      assert.ok(Math.abs(value - y[b * m + i]!) < 1e-5);
    });
    const kernel = [0, 3].map((from) => [...kernels.subarray(6 * b + from, 6 * b + from + 3)]);
    const expected = numbersOf(
      convolution(kernel, "zeros")(pictureOf(own, [4, 5, 2], "channelsLast")),
      false,
    );
    expected.forEach((value, i) => {
      assert.ok(Math.abs(value - pictures[b * n + i]!) < 1e-5, `${value} and ${pictures[b * n + i]}`);
    });
  }
});

/** A trained-like decoder of pictures that ends in a sigmoid. */
const definition: GraphDefinition = {
  ...sequential(4, [dense(48), reshape([4, 4, 3]), conv({ channels: 2, kernel: 3, padding: 1 }), sigmoid()]),
};

test("codes of measurements are found, alone as together, on threads, from files and with priors", async () => {
  const decoder = createDecoder(definition, { loss: "bce", seed: 5, prior: gaussian() });
  const before = decoder.parameters.slice();
  const measured = measure(decoder, [blur({ sigma: 0.6 }), downsample({ factor: 2 })]);
  assert.equal(measured.loss, squaredError());
  assert.equal(measured.prior, gaussian());
  assert.equal([...measured.outputShape], [2, 2, 2]);
  const z = randomArray(16, 7 * 4, -1, 1);
  const y = await decode(measured, z);
  const options = { prior: "none", weights: Float32Array.of(1, 1, 1, 1, 0.5, 1, 1, 1) } as const;
  const together = await encode(measured, y, options);
  assert.ok(
    together.loss.every((loss) => loss < 1e-8),
    `${together.loss}`,
  );
  const alone = await encode(measured, y.slice(8, 16), options);
  assert.equal(alone.z, together.z.slice(4, 8));
  const threads = await encode(measured, y, { ...options, backend: wasm({ threads: 2 }), batchSize: 2 });
  assert.equal(threads.z, together.z);
  const again = await loadDecoder(measured.toSafetensors());
  assert.equal((await encode(again, y, options)).z, together.z);
  const viaOnnx = await loadOnnx(await toOnnx(measured), { loss: "mse" });
  const same = await decode(viaOnnx, z);
  same.forEach((value, i) => {
    assert.ok(Math.abs(value - y[i]!) < 1e-5);
  });
  assert.equal(decoder.parameters, before, "the decoder of samples is not changed");
  decoder.dispose();
  assert.equal((await encode(measured, y, options)).z, together.z, "nor is it needed");
});

test("parameters are shared unless an operator has its own; sparse matrices survive files", async () => {
  const decoder = createDecoder(definition, { loss: "mse", seed: 6 });
  const shared = measure(decoder, [crop({ height: 2 }), projections({ angles: [0, 50] })]);
  assert.is(shared.parameters, decoder.parameters);
  const own = measure(decoder, decolorize({ weights: [1, 1] }));
  assert.equal(own.parameters.subarray(0, decoder.parameterCount), decoder.parameters);
  const z = randomArray(17, 12, -1, 1);
  const y = await decode(shared, z);
  assert.equal(await decode(await loadDecoder(shared.toSafetensors()), z), y);
  const written = await loadOnnx(await toOnnx(shared), { loss: "mse" });
  (await decode(written, z)).forEach((value, i) => {
    assert.ok(Math.abs(value - y[i]!) < 1e-5);
  });
});

test("what does not fit is refused, and says why", async () => {
  const grey = identity([4, 6], "channelsLast");
  const flat = identity([5], "channelsLast");
  const bce = createDecoder(definition, { loss: "bce" });
  const cases: readonly [() => unknown, RegExp][] = [
    [() => measure(grey, []), /measure: operators is an empty array/],
    [() => measure(grey, blur as never), /measure: operators is a function.*; call it/],
    [() => measure(grey, [{} as never]), /measure: operators\[0\] is .*, expected an operator/],
    [
      () => measure(grey, downsample({ factor: 4 })),
      /measure: downsample: factor is 4, expected a divisor of 4 and 6/,
    ],
    [() => measure(grey, decolorize()), /weights has 3 numbers, expected 1/],
    [() => measure(grey, crop({ top: 4 })), /top is 4, expected less than 4/],
    [() => measure(grey, crop({ left: 2, width: 5 })), /width is 5 from 2 on, expected at most 4/],
    [() => measure(flat, blur({ sigma: 1 })), /gives the shape \[5\], expected a picture/],
    [
      () => measure(grey, matrix({ shape: [2, 5], values: new Float32Array(10) })),
      /shape has 5 columns, expected 24/,
    ],
    [
      () => measure(grey, sparse({ shape: [2, 24], rows: [2], columns: [0], values: [1] })),
      /rows is 2 at entry 0/,
    ],
    [
      () => measure(grey, sparse({ shape: [2, 24], rows: [0], columns: [24], values: [1] })),
      /columns is 24 at entry 0/,
    ],
    [
      () => measure(grey, sparse({ shape: [2, 24], rows: [0], columns: [1], values: [Number.NaN] })),
      /values is NaN/,
    ],
    [
      () => measure(grey, blur({ kernel: [[1, 2, 3, 4, 5, 6, 7]], padding: "valid" })),
      /its output would have/,
    ],
    [
      () => measure(grey, blur({ fixed: "k", size: [5, 1], padding: "valid" })),
      /size is \[5,1\], expected at most \[4,6\]/,
    ],
    [() => blur({}), /blur: .*one of sigma, kernel and fixed/],
    [() => blur({ sigma: 1, kernel: [[1]] }), /one of sigma, kernel and fixed/],
    [() => blur({ sigma: 0 }), /sigma is 0/],
    [() => blur({ kernel: [[1, 2], [3]] }), /rows of numbers of equal length/],
    [() => blur({ sigma: 1, padding: "circular" as never }), /padding is "circular"/],
    [() => downsample({ factor: 1.5 }), /factor is 1.5/],
    [() => downsample({ factor: 2, filter: "sinc" as never }), /filter is "sinc"/],
    [() => matrix({ shape: [2, 2], values: [1, 2, 3] }), /values has 3 values, expected 4/],
    [() => matrix({ shape: [2, 2] }), /expected one of them/],
    [() => matrix({ shape: [2, 2], values: null as never }), /values is null/],
    [() => projections({ angles: [] }), /angles is empty/],
    [() => projections(undefined as never), /angles is undefined/],
    [() => layers([dense(3) as never, 3 as never]), /layers\[1\] is 3/],
    [
      () => measure(flat, layers([dense(3)])),
      /layers\[0\]: weight is undefined, expected an array of 15 numbers/,
    ],
    [() => stack([]), /operators is/],
    [() => measure(grey, [matrix({ shape: [1, 24], fixed: "z" })]), /fixed/],
    [() => sparse(undefined as never), /shape is undefined/],
  ];
  for (const [run, message] of cases) refused(run, "invalid_argument", message);
  await rejected(
    encode(measure(bce, crop({ height: 2 })), new Float32Array(16), { loss: "bce" }),
    "invalid_argument",
    /sigmoid/,
  );
});

test.run();
