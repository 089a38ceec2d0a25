import type { PadMode } from "../../src/graph/kinds/pad.ts";
import type { DepthToSpaceSettings } from "../../src/graph/kinds/rearranging.ts";
import type { ResizeMode } from "../../src/graph/kinds/resize.ts";
import type { UpsampleMode } from "../../src/graph/kinds/upsample.ts";
import type { OperationKind, OperationSettings } from "../../src/graph/operations.ts";
import type { PointwiseFunction } from "../../src/graph/pointwise.ts";
import type { Activation } from "../../src/index.ts";
import { pointwise } from "./pointwise.ts";
import { activate } from "./reference.ts";
import {
  around,
  at,
  fill,
  fromStart,
  indexOf,
  last,
  normalise,
  type Place,
  perAxis,
  placesOf,
  scaleAndShift,
  size,
  type Take,
  total,
  type Value,
  withAxes,
} from "./reference-values.ts";

// Each kind of operation in float64, of its settings as they are in a definition, written for clarity alone from what
// PyTorch and NumPy define: shapes and defaults are worked out here once more.

type Reference<Settings> = (settings: Settings, inputs: readonly Value[], take: Take) => Value;

/** Values number by number, as NumPy broadcasts: `ofTwo` for two of them. */
function ofTwo(f: (a: number, b: number) => number): Reference<object> {
  return (_, values) => stretched((a, b) => f(a!, b!), values);
}

function stretched(f: (...numbers: number[]) => number, values: readonly Value[]): Value {
  const axes = Math.max(...values.map(({ shape }) => shape.length));
  const padded = values.map(({ shape, data }) => ({
    shape: [...new Array<number>(axes - shape.length).fill(1), ...shape],
    data,
  }));
  const shape = Array.from({ length: axes }, (_, k) => Math.max(...padded.map((value) => value.shape[k]!)));
  const of = (value: Value, place: Place) =>
    at(
      value,
      place.map((position, k) => (value.shape[k] === 1 ? 0 : position)),
    );
  return fill(shape, (place) => f(...padded.map((value) => of(value, place))));
}

/** Where along an axis of `length` pixels a pixel of its padding is read, in each mode of `pad`; undefined: it is 0. */
const BEYOND: { readonly [Mode in PadMode]: (position: number, length: number) => number | undefined } = {
  zeros: () => undefined,
  edge: (position, length) => Math.min(Math.max(position, 0), length - 1),
  reflect(position, length) {
    // … 2 1 | 0 1 2 | 1 0 …
    const period = 2 * (length - 1);
    const inPeriod = ((position % period) + period) % period;
    return Math.min(inPeriod, period - inPeriod);
  },
};

function padded(position: number, length: number, mode: PadMode): number | undefined {
  return position >= 0 && position < length ? position : BEYOND[mode](position, length);
}

function reduction(isMean: boolean): Reference<OperationSettings["sum"]> {
  return ({ axes, keepAxes = false }, [x]) => {
    const gone = axes.map((axis) => fromStart(axis, x!.shape));
    const kept = x!.shape.map((length, axis) => (gone.includes(axis) ? 1 : length));
    const all = placesOf(x!.shape.map((length, axis) => (gone.includes(axis) ? length : 1)));
    const { data } = fill(kept, (place) => {
      const sum = total(all, (shift) =>
        at(
          x!,
          place.map((position, axis) => position + shift[axis]!),
        ),
      );
      return isMean ? sum / all.length : sum;
    });
    const left = x!.shape.filter((_, axis) => !gone.includes(axis));
    return { shape: keepAxes ? kept : left.length > 0 ? left : [1], data };
  };
}

/** Along one axis, the positions that an output's position lies between and their shares, as `F.interpolate` has it. */
function between(position: number, length: number, scale: number, alignCorners: boolean): [number, number][] {
  const outputs = length * scale;
  const source = alignCorners
    ? outputs > 1
      ? position * ((length - 1) / (outputs - 1))
      : 0
    : Math.max((position + 0.5) / scale - 0.5, 0);
  const below = Math.floor(source);
  const above = below < length - 1 ? below + 1 : below;
  return [
    [below, 1 - (source - below)],
    [above, source - below],
  ];
}

/** Along one axis, the positions that an output's position is made of and their shares, in each mode of `upsample`. */
const UPSAMPLED: { readonly [Mode in UpsampleMode]: typeof between } = {
  nearest: (position, _length, scale) => [[Math.floor(position / scale), 1]],
  bilinear: between,
};

/** Channel of the input that a pixel of a block has, in each order of `depthToSpace`: of row i and column j of the block. */
const CHANNELS: {
  readonly [Order in NonNullable<DepthToSpaceSettings["order"]>]: (
    ...place: readonly [c: number, i: number, j: number, block: number, channels: number]
  ) => number;
} = {
  CRD: (c, i, j, block) => (c * block + i) * block + j,
  DCR: (c, i, j, block, channels) => (i * block + j) * channels + c,
};

/** Share of a pixel at a distance, in the modes of `resize` that have more than the nearest one. */
const FILTERS: { readonly [Mode in Exclude<ResizeMode, "nearest">]: (x: number, a: number) => number } = {
  linear: (x) => Math.max(1 - x, 0),
  cubic(x, a) {
    if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
    return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
  },
};

/** Along one axis, the positions that an output's position is made of and their shares, by ONNX's formulas of Resize. */
function resizeTaps(
  settings: OperationSettings["resize"],
  position: number,
  from: number,
  to: number,
  axis: number,
): [number, number][] {
  const { mode = "nearest", coordinates = "half_pixel", rounding = "round_prefer_floor" } = settings;
  const { cubicCoefficient: a = -0.75, antialias = false, excludeOutside = false } = settings;
  const given = settings.scale ?? to / from;
  const scale = typeof given === "number" ? given : given[axis]!;
  const half = (position + 0.5) / scale - 0.5;
  const place = {
    half_pixel: half,
    half_pixel_symmetric: (from / 2) * (1 - to / (scale * from)) + half,
    pytorch_half_pixel: to > 1 ? half : 0,
    asymmetric: position / scale,
    align_corners: to > 1 ? (position * (from - 1)) / (to - 1) : 0,
    tf_half_pixel_for_nn: half + 0.5,
  }[coordinates];
  const inside = (pixel: number) => Math.min(Math.max(pixel, 0), from - 1);
  if (mode === "nearest") {
    const [below, share] = [Math.floor(place), place - Math.floor(place)];
    const up = {
      round_prefer_floor: share > 0.5,
      round_prefer_ceil: share >= 0.5,
      floor: false,
      ceil: share > 0,
    }[rounding];
    return [[inside(up ? below + 1 : below), 1]];
  }
  const width = antialias ? Math.max(1 / scale, 1) : 1;
  const weightAt = (pixel: number) => {
    const x = Math.abs(pixel - place) / width;
    return FILTERS[mode](x, a);
  };
  const reach = Math.ceil(2 * width) + 1;
  const pixels = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.floor(place) - reach + i)
    .filter((pixel) => !excludeOutside || inside(pixel) === pixel)
    .map((pixel): [number, number] => [pixel, weightAt(pixel)])
    .filter(([, weight]) => weight !== 0);
  const sum = total(pixels, ([, weight]) => weight!);
  return pixels.map(([pixel, weight]) => [inside(pixel), weight / sum]);
}

/** Every kind of operation. */
export const OPERATIONS: { readonly [K in OperationKind]: Reference<OperationSettings[K]> } = {
  dense({ units }, [x], take) {
    const inputs = last(x!.shape);
    const weight = take([units, inputs]);
    const bias = take([units]);
    const shape = [...x!.shape.slice(0, -1), units];
    const data = Float64Array.from({ length: size(shape) }, (_, place) => {
      const [row, o] = [Math.floor(place / units), place % units];
      let sum = bias.data[o]!;
      for (let i = 0; i < inputs; i++) sum += weight.data[o * inputs + i]! * x!.data[row * inputs + i]!;
      return sum;
    });
    return { shape, data };
  },
  activation({ activation }, [x]) {
    const given = typeof activation === "string" ? { name: activation } : activation;
    const whole = { alpha: 1, slope: 0.01, frequency: 1, ...given } as Activation;
    return { shape: x!.shape, data: Array.from(x!.data, (value) => activate(whole, value)) };
  },
  pointwise({ function: of }, [x]) {
    const whole = (typeof of === "string" ? { name: of } : of) as PointwiseFunction;
    return { shape: x!.shape, data: Array.from(x!.data, (value) => pointwise(whole, value)[0]) };
  },
  reshape: ({ shape }, [x]) => ({ shape, data: x!.data }),
  conv({ channels, kernel, stride = 1, padding = 0, dilation = 1, groups = 1 }, [x], take) {
    const axes = x!.shape.length - 1;
    const [sizes, strides, dilations] = [kernel, stride, dilation].map((value) => perAxis(value, axes));
    const [before, after] = around(padding, axes);
    const [inputs, outputs] = [x!.shape[axes]! / groups, channels / groups];
    const weight = take([channels, inputs, ...sizes!]);
    const bias = take([channels]);
    const lengths = sizes!.map((length, k) => {
      const reach = dilations![k]! * (length - 1) + 1;
      return Math.floor((x!.shape[k]! + before[k]! + after[k]! - reach) / strides![k]!) + 1;
    });
    const taps = placesOf(sizes!);
    // By indices rather than places, as in the transpose: it would take most of the time of some tests.
    const data = placesOf(lengths).flatMap((place) => {
      const sums = Array.from(bias.data);
      taps.forEach((tap, t) => {
        const pixel = indexOf(
          tap.map((at, k) => place[k]! * strides![k]! - before[k]! + at * dilations![k]!),
          x!.shape,
        );
        if (pixel === undefined) return;
        for (let o = 0; o < channels; o++) {
          const first = Math.floor(o / outputs) * inputs;
          for (let i = 0; i < inputs; i++) {
            const value = x!.data[pixel * x!.shape[axes]! + first + i]!;
            sums[o]! += weight.data[(o * inputs + i) * taps.length + t]! * value;
          }
        }
      });
      return sums;
    });
    return { shape: [...lengths, channels], data };
  },
  convTranspose(settings, [x], take) {
    const {
      channels,
      kernel,
      stride = 1,
      padding = 0,
      dilation = 1,
      groups = 1,
      outputPadding = 0,
    } = settings;
    const axes = x!.shape.length - 1;
    const [sizes, strides, dilations] = [kernel, stride, dilation].map((value) => perAxis(value, axes));
    const beyond = perAxis(outputPadding, axes);
    const [before, after] = around(padding, axes);
    const [inputs, outputs] = [x!.shape[axes]! / groups, channels / groups];
    const weight = take([x!.shape[axes]!, outputs, ...sizes!]);
    const bias = take([channels]);
    const lengths = sizes!.map((length, k) => {
      const whole = (x!.shape[k]! - 1) * strides![k]! + dilations![k]! * (length - 1) + 1;
      return whole - before[k]! - after[k]! + beyond[k]!;
    });
    const taps = placesOf(sizes!);
    const sums = new Float64Array(size(lengths) * channels);
    placesOf(x!.shape).forEach((place, from) => {
      const i = last(place);
      const first = Math.floor(i / inputs) * outputs;
      taps.forEach((tap, t) => {
        const pixel = indexOf(
          tap.map((at, k) => place[k]! * strides![k]! - before[k]! + at * dilations![k]!),
          lengths,
        );
        if (pixel === undefined) return;
        for (let o = 0; o < outputs; o++) {
          sums[pixel * channels + first + o]! +=
            weight.data[(i * outputs + o) * taps.length + t]! * x!.data[from]!;
        }
      });
    });
    return { shape: [...lengths, channels], data: sums.map((sum, k) => sum + bias.data[k % channels]!) };
  },
  add: ofTwo((a, b) => a + b),
  sub: ofTwo((a, b) => a - b),
  mul: ofTwo((a, b) => a * b),
  maximum: ofTwo(Math.max),
  minimum: ofTwo(Math.min),
  where: (_, [condition, a, b]) => stretched((c, x, y) => (c! > 0 ? x! : y!), [condition!, a!, b!]),
  concat({ axis = -1 }, inputs) {
    const most = Math.max(...inputs.map(({ shape }) => shape.length));
    const along = axis < 0 ? most + axis : axis;
    const whole = inputs.map((value) => withAxes(value, most));
    const shape = Array.from({ length: most }, (_, k) => {
      const lengths = whole.map((value) => value.shape[k]!);
      return k === along ? lengths.reduce((sum, length) => sum + length, 0) : Math.max(...lengths);
    });
    return fill(shape, (place) => {
      let position = place[along]!;
      for (const [i, value] of whole.entries()) {
        const length = value.shape[along]!;
        if (position < length) {
          const missing = most - inputs[i]!.shape.length;
          return at(
            value,
            place.map((each, k) => (k === along ? position : k < missing ? 0 : each)),
          );
        }
        position -= length;
      }
      throw new Error("a place beyond all inputs");
    });
  },
  expand({ shape }, [x]) {
    const whole = withAxes(x!, shape.length);
    return fill(shape, (place) =>
      at(
        whole,
        place.map((position, k) => (whole.shape[k] === 1 ? 0 : position)),
      ),
    );
  },
  permute({ axes }, [x]) {
    const from = axes.map((axis) => fromStart(axis, x!.shape));
    return fill(
      from.map((axis) => x!.shape[axis]!),
      (place) =>
        at(
          x!,
          x!.shape.map((_, axis) => place[from.indexOf(axis)]!),
        ),
    );
  },
  slice({ axis, start, end, step = 1 }, [x]) {
    const along = fromStart(axis, x!.shape);
    const length = x!.shape[along]!;
    const from = start < 0 ? start + length : start;
    const to = end === undefined ? (step > 0 ? length : -1) : end < 0 ? end + length : end;
    const positions: number[] = [];
    for (let i = from; step > 0 ? i < to : i > to; i += step) positions.push(i);
    return fill(
      x!.shape.map((each, k) => (k === along ? positions.length : each)),
      (place) =>
        at(
          x!,
          place.map((each, k) => (k === along ? positions[each]! : each)),
        ),
    );
  },
  depthToSpace({ block, order = "CRD" }, [x]) {
    const [height, width, inputs] = x!.shape;
    const channels = inputs! / block ** 2;
    return fill([height! * block, width! * block, channels], ([y, column, c]) => {
      const [row, i] = [Math.floor(y! / block), y! % block];
      const [pixel, j] = [Math.floor(column! / block), column! % block];
      return at(x!, [row, pixel, CHANNELS[order](c!, i, j, block, channels)]);
    });
  },
  pad({ padding, mode = "zeros" }, [x]) {
    const axes = x!.shape.length - 1;
    const [before, after] = around(padding, axes);
    const shape = x!.shape.map((length, k) => (k < axes ? length + before[k]! + after[k]! : length));
    return fill(shape, (place) => {
      const from = place.map((position, k) =>
        k < axes ? padded(position - before[k]!, x!.shape[k]!, mode) : position,
      );
      return from.includes(undefined) ? 0 : at(x!, from as number[]);
    });
  },
  upsample({ scale, mode = "nearest", alignCorners = false }, [x]) {
    const axes = x!.shape.length - 1;
    const scales = perAxis(scale, axes);
    const shape = x!.shape.map((length, k) => (k < axes ? length * scales[k]! : length));
    const taps = scales.map((each, k) =>
      Array.from({ length: shape[k]! }, (_, position) =>
        UPSAMPLED[mode](position, x!.shape[k]!, each, alignCorners),
      ),
    );
    return fill(shape, (place) => {
      const along = taps.map((ofAxis, k) => ofAxis[place[k]!]!);
      return total(placesOf(along.map(({ length }) => length)), (choice) => {
        const chosen = choice.map((which, k) => along[k]![which]!);
        const share = chosen.reduce((product, [, each]) => product * each, 1);
        return share * at(x!, [...chosen.map(([position]) => position), place[axes]!]);
      });
    });
  },
  resize(settings, [x]) {
    const axes = x!.shape.length - 1;
    const size = perAxis(settings.size, axes);
    const shape = [...size, x!.shape[axes]!];
    const taps = size.map((to, k) =>
      Array.from({ length: to }, (_, position) => resizeTaps(settings, position, x!.shape[k]!, to, k)),
    );
    return fill(shape, (place) => {
      const along = taps.map((ofAxis, k) => ofAxis[place[k]!]!);
      return total(placesOf(along.map(({ length }) => length)), (choice) => {
        const chosen = choice.map((which, k) => along[k]![which]!);
        const share = chosen.reduce((product, [, each]) => product * each, 1);
        return share * at(x!, [...chosen.map(([position]) => position), place[axes]!]);
      });
    });
  },
  averagePool({ kernel, stride, padding = 0, countPadding = true }, [x]) {
    const axes = x!.shape.length - 1;
    const sizes = perAxis(kernel, axes);
    const strides = perAxis(stride ?? kernel, axes);
    const [before, after] = around(padding, axes);
    const lengths = sizes.map((length, k) =>
      Math.floor((x!.shape[k]! + before[k]! + after[k]! - length) / strides[k]! + 1),
    );
    return fill([...lengths, x!.shape[axes]!], (place) => {
      const window = placesOf(sizes).map((tap) =>
        tap.map((t, k) => place[k]! * strides[k]! - before[k]! + t),
      );
      const there = window.filter((from) => from.every((p, k) => p >= 0 && p < x!.shape[k]!));
      const sum = total(there, (from) => at(x!, [...from, place[axes]!]));
      return sum / (countPadding ? size(sizes) : there.length);
    });
  },
  sum: reduction(false),
  mean: reduction(true),
  layerNorm({ axes = 1, epsilon = 1e-5 }, [x], take) {
    const own = x!.shape.slice(-axes);
    const units = normalise(x!, (place) => place.slice(0, -axes).join(), epsilon);
    return scaleAndShift(units, take(own), take(own));
  },
  groupNorm({ groups, epsilon = 1e-5 }, [x], take) {
    const channels = last(x!.shape);
    const units = normalise(x!, (place) => String(Math.floor(last(place) / (channels / groups))), epsilon);
    return scaleAndShift(units, take([channels]), take([channels]));
  },
  rmsNorm({ epsilon = 1e-5 }, [x], take) {
    const units = normalise(x!, (place) => place.slice(0, -1).join(), epsilon, false);
    return scaleAndShift(units, take([last(x!.shape)]));
  },
  affine: (_, [x], take) => scaleAndShift(x!, take([last(x!.shape)]), take([last(x!.shape)])),
  softmax(_, [x]) {
    const channels = placesOf([last(x!.shape)]);
    return fill(x!.shape, (place) => {
      const before = place.slice(0, -1);
      return 1 / total(channels, ([k]) => Math.exp(at(x!, [...before, k!]) - at(x!, place)));
    });
  },
  matmul({ transposed = false }, [a, b]) {
    const [columns] = b!.shape.slice(transposed ? -2 : -1);
    const inner = placesOf([last(a!.shape)]);
    return fill([...a!.shape.slice(0, -1), columns!], (place) => {
      const [before, row, column] = [place.slice(0, -2), place.at(-2)!, place.at(-1)!];
      return total(inner, ([k]) => {
        const right = transposed ? [column, k!] : [k!, column];
        return at(a!, [...before, row, k!]) * at(b!, [...before, ...right]);
      });
    });
  },
  sparse({ outputs, rows, columns, values }, [x]) {
    const entries = placesOf([values.length]);
    return fill([outputs], ([row]) =>
      total(entries, ([k]) => (rows[k!] === row ? values[k!]! * at(x!, [columns[k!]!]) : 0)),
    );
  },
  constant: ({ shape }, _, take) => take(shape),
  embedding({ classes, units }, [x], take) {
    const table = take([classes, units]);
    const before = size(x!.shape) === 1 ? [] : x!.shape;
    return fill([...before, units], (place) => {
      const row = before.length === 0 ? x!.data[0]! : at(x!, place.slice(0, -1));
      return at(table, [row, last(place)]);
    });
  },
};
