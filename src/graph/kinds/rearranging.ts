import { checkChoice, checkNumber, orDefault } from "../../base/check.ts";
import { gotten, subject, wanted, words } from "../../base/message.ts";
import { invalidOption, objection, refused } from "../../base/refuse.ts";
import { cost, type Kind, noTensors, type Reader, type Shape, sizeOf } from "../kind.ts";
import { identityAxes, partly, partOf, picked, stretchedAxes } from "../linear-map.ts";
import { mapKind } from "../map-kind.ts";
import { checkAxes, checkAxis, checkLengths, type Filled, WHAT_IT_READS } from "../settings.ts";

// Kinds of operation that rearrange numbers without changing them.

/** Settings of a reshape; the new shape must hold as many numbers as the old one. */
export interface ReshapeSettings {
  /** New shape for one sample, 1 to 8 axes. */
  readonly shape: Shape;
}

/** Kind of operation: the same numbers, row-major, in another shape. */
export const reshape: Kind<object> = {
  tensors: noTensors,
  cost: () => cost(),
};

/** Reader of reshapes: the new shape, of 1 to 8 axes, must hold as many numbers as the input. */
export const reshapeReader: Reader<ReshapeSettings, object> = {
  settings: { shape: true },
  reads: 1,
  read({ shape }, [input]) {
    const lengths = checkLengths("shape", shape, 1);
    if (sizeOf(lengths) !== sizeOf(input!)) {
      const got = `[${lengths}], which holds ${sizeOf(lengths)} numbers`;
      throw refused("shape", "is", got, `${sizeOf(input!)}, of [${input}]`);
    }
    return { shape: lengths };
  },
};

/** Settings of a permutation of axes, as PyTorch's `permute`; they are also the operation's fields. */
export interface PermuteFields {
  /** Axis k of the output is axis axes[k] of the input. */
  readonly axes: readonly number[];
}

/** Kind of operation: permutation of axes, as PyTorch's `permute`. */
export const permute = /* @__PURE__ */ mapKind<PermuteFields>({
  axes({ axes }, [input]) {
    const all = identityAxes(input!);
    return axes.map((axis) => all[axis]!);
  },
});

/** Reader of permutations: `axes` lists each axis of the input once. */
export const permuteReader: Reader<PermuteFields, PermuteFields> = {
  settings: { axes: true },
  reads: 1,
  read({ axes }, [input]) {
    const all = checkLengths("axes", axes, 0);
    if (checkAxes("axes", all, input!).length !== input!.length) {
      throw refused("axes", "is", `[${axes}]`, `each of the ${input!.length} axes once`);
    }
    return { axes: all, shape: all.map((axis) => input![axis]!) };
  },
};

/** Settings of a slice: positions `start`, `start + step`, … of an axis, up to but without `end`. */
export interface SliceSettings {
  /** Axis to take positions of; a negative one counts from the end. */
  readonly axis: number;
  /** First position taken; a negative one counts from the end. */
  readonly start: number;
  /** End of the range, exclusive; a negative one counts from the end. Default: the end of the axis in the direction of `step`. */
  readonly end?: number;
  /** Distance of the positions taken, not 0; negative for descending positions from `start` on. Default 1. */
  readonly step?: number;
}

/** Settings of a slice, with `axis` and `start` counted from the start; the output's shape tells the number of positions. */
export type SliceFields = Omit<Filled<SliceSettings>, "end">;

/** Kind of operation: evenly spaced positions along an axis. */
export const slice = /* @__PURE__ */ mapKind<SliceFields>({
  axes({ axis, start, step, shape }, [input]) {
    const axes = identityAxes(input!);
    axes[axis] = picked(axes[axis]!, shape[axis]!, (i) => start + i * step);
    return axes;
  },
});

/** Reader of slices: negative `axis`, `start` and `end` count from the end; refuses a slice without any position. */
export const sliceReader: Reader<SliceSettings, SliceFields> = {
  settings: { axis: true, start: true, end: true, step: true },
  reads: 1,
  read(settings, [input]) {
    const axis = checkAxis("axis", settings.axis, input!);
    const length = input![axis]!;
    const step = checkNumber("step", orDefault(settings.step, 1), { integer: true });
    if (step === 0) throw refused("step", "is", "0", "a number of positions above or below 0");
    const from = (name: string, value: number) => {
      const position = checkNumber(name, value, { min: -length, max: length, integer: true });
      return position < 0 ? position + length : position;
    };
    const start = from("start", settings.start);
    const end = settings.end === undefined ? (step > 0 ? length : -1) : from("end", settings.end);
    const count = Math.ceil((end - start) / step);
    if (count < 1 || start >= length) {
      const got = gotten(`nothing, of ${length} positions`);
      const range = `from ${start} to ${end} by ${step}`;
      throw invalidOption("start", words`${range} there is ${got}, expected ${wanted("one at least")}`);
    }
    return { axis, start, step, shape: input!.map((each, i) => (i === axis ? count : each)) };
  },
};

/** Settings of a concatenation of one or more values. */
export interface ConcatSettings {
  /** Axis along which values are concatenated; a negative one counts from the end. Default -1, the last. */
  readonly axis?: number;
}

/** Settings of a concatenation, with `axis` counted from the start of the value that has the most axes. */
export type ConcatFields = Filled<ConcatSettings>;

/**
 * Kind of operation: concatenation along an axis. A value with fewer axes is repeated: a latent, `[d]`, for each row of
 * coordinates `[points, c]`.
 */
export const concat = /* @__PURE__ */ mapKind<ConcatFields>({
  axes({ axis, shape }, inputs, index) {
    let first = 0;
    for (let i = 0; i < index; i++) first += inputs[i]!.at(axis - shape.length) ?? 1;
    const own = inputs[index]!;
    if (own.length === shape.length) return partOf(own, axis, shape[axis]!, first);
    // Repeated along the axes that the value lacks, concatenated along one of its own.
    const missing = shape.length - own.length;
    return identityAxes([...new Array<number>(missing).fill(1), ...own]).map((each, i) => {
      if (i === axis) return partly(each, shape[axis]!, first);
      return i < missing ? picked(each, shape[i]!, () => 0) : each;
    });
  },
});

/**
 * Reader of concatenations of one or more values whose axes but `axis` are equal; values with fewer axes are repeated along
 * the missing ones in front.
 */
export const concatReader: Reader<ConcatSettings, ConcatFields> = {
  settings: { axis: true },
  reads: "some",
  read(settings, inputs) {
    const most = inputs.reduce((longest, shape) => (shape.length > longest.length ? shape : longest));
    const axis = checkAxis("axis", orDefault(settings.axis, -1), most);
    const whole = inputs.map((shape) => besideShape(shape, most, axis));
    const length = whole.reduce((sum, shape) => sum + shape[axis]!, 0);
    return { axis, shape: most.map((each, i) => (i === axis ? length : each)) };
  },
};

/**
 * Returns the shape of one value of a concatenation along `axis` after the value is repeated to as many axes as `most` has:
 * along the missing axes, in front, to their lengths in `most`.
 *
 * @param most shape of the concatenation's value with the most axes
 * @throws LatentflowError `invalid_argument` if the shapes do not fit together
 */
function besideShape(shape: Shape, most: Shape, axis: number): Shape {
  const missing = most.length - shape.length;
  const whole = most.map((length, i) => (i < missing ? length : shape[i - missing]!));
  const fits = whole.every((length, i) => i === axis || length === most[i]);
  if (fits && axis >= missing) return whole;
  const reason = `does not fit beside [${most}] along axis ${axis}; the other axes must have equal lengths`;
  throw objection(subject("inputs", `[${shape}]`), reason);
}

/** Settings of a broadcast to a given shape, as NumPy's `broadcast_to`. */
export interface ExpandSettings {
  /** New shape for one sample, 1 to 8 axes; axes of the input that are not of length 1 keep their length. */
  readonly shape: Shape;
}

/** Kind of operation: broadcast to a given shape, along axes of length 1 and new axes in front, as in NumPy. */
export const expand = /* @__PURE__ */ mapKind<object>({
  axes: ({ shape }, [input]) => stretchedAxes(input!, shape),
});

/** Reader of broadcasts: the given shape may add axes in front and replace lengths of 1, and must keep the others. */
export const expandReader: Reader<ExpandSettings, object> = {
  settings: { shape: true },
  reads: 1,
  read({ shape }, [input]) {
    const lengths = checkLengths("shape", shape, 1);
    const missing = lengths.length - input!.length;
    const fits = input!.every((length, i) => length === 1 || length === lengths[i + missing]);
    if (missing >= 0 && fits) return { shape: lengths };
    const advice = "; a shape may replace lengths of 1, and add axes in front";
    throw invalidOption("shape", `[${input}] cannot be stretched to [${lengths}]${advice}`);
  },
};

/** Settings of a rearrangement of channels to pixels, ONNX's `DepthToSpace`; PyTorch's `PixelShuffle` by default. */
export interface DepthToSpaceSettings {
  /** Number of pixels in each direction that one pixel becomes. */
  readonly block: number;
  /**
   * Order of an input pixel's channels. "CRD", the default, as PyTorch's PixelShuffle: one output channel after the other, each
   * with all pixels of the block. "DCR": one pixel of the block after the other, each with all output channels.
   */
  readonly order?: "CRD" | "DCR";
}

/** Settings of a rearrangement of channels to pixels, with defaults filled in. */
export type DepthToSpaceFields = Filled<DepthToSpaceSettings>;

/**
 * For each order, the axes of the block's rows, of its columns and of the output channels in the input's view as
 * `[height, width, …]` with its channels split into three axes.
 */
const BLOCK_AXES: {
  readonly [Order in DepthToSpaceFields["order"]]: readonly [rows: number, columns: number, channels: number];
} = { CRD: [3, 4, 2], DCR: [2, 3, 4] };

/** Kind of operation: channels of `[height, width, channels]` become pixels. */
export const depthToSpace = /* @__PURE__ */ mapKind<DepthToSpaceFields>({
  label: ({ block }) => `depthToSpace ${block}`,
  axes({ block, order, shape }, [input]) {
    const [height, width] = input!;
    const channels = shape[2]!;
    const [rows, columns, own] = BLOCK_AXES[order];
    const view = [height!, width!, block, block, block];
    view[own] = channels;
    const all = identityAxes(view);
    return [0, rows, 1, columns, own].map((axis) => all[axis]!);
  },
});

/**
 * Reader of rearrangements of channels to pixels: `[height, width, channels]` becomes `[height · block, width · block,
 * channels / block²]`.
 */
export const depthToSpaceReader: Reader<DepthToSpaceSettings, DepthToSpaceFields> = {
  settings: { block: true, order: true },
  reads: 1,
  read(settings, [input]) {
    const block = checkNumber("block", settings.block, { min: 1, integer: true });
    const orders = Object.keys(BLOCK_AXES) as DepthToSpaceFields["order"][];
    const order = checkChoice("order", orDefault(settings.order, "CRD"), orders);
    const [height, width, channels] = input!;
    if (input!.length !== 3 || channels! % block ** 2 !== 0) {
      const expected = `[height, width, channels], with channels divisible by ${block ** 2}`;
      throw refused(WHAT_IT_READS, "has", `the shape [${input}]`, expected);
    }
    return { block, order, shape: [height! * block, width! * block, channels! / block ** 2] };
  },
};
