import { checkNumber, orDefault } from "../../base/check.ts";
import { refused } from "../../base/refuse.ts";
import { cost, type Kind, type Reader, type Shape, sizeOf, type Tensor } from "../kind.ts";
import type { Filled } from "../settings.ts";

/** Settings of an RMS norm along the last axis. */
export interface RmsNormSettings {
  /** Number ε that is added to the variance, > 0 and ≤ 1e30. Default 1e-5. */
  readonly epsilon?: number;
}

/** Settings of a layer norm over the last axes. */
export interface LayerNormSettings extends RmsNormSettings {
  /** Number of last axes that are normalised together; weight and bias have their shape. Default 1. */
  readonly axes?: number;
}

/** Settings of a group norm: each group of adjacent channels is normalised over all pixels. */
export interface GroupNormSettings extends RmsNormSettings {
  /** Number of groups, a divisor of the number of channels; as many as channels make PyTorch's `InstanceNorm`. */
  readonly groups: number;
}

/** Tensors of scale and shift: [channels] each, or the shape of the axes that a layer norm normalises. */
export interface ScaleAndShift {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/**
 * Settings of a layer norm with defaults filled in, and its weight and bias, whose shape is the axes that are normalised
 * together.
 */
export type LayerNormFields = Filled<LayerNormSettings> & ScaleAndShift;
/** Settings of a group norm with defaults filled in, and its weight and bias, [channels] each. */
export type GroupNormFields = Filled<GroupNormSettings> & ScaleAndShift;
/** Settings of an RMS norm with defaults filled in, and its weight, [length of the last axis]. */
export type RmsNormFields = Filled<RmsNormSettings> & Pick<ScaleAndShift, "weight">;

const DEFAULT_EPSILON = 1e-5;

function checkEpsilon(epsilon: number | undefined): number {
  return checkNumber("epsilon", orDefault(epsilon, DEFAULT_EPSILON), { above: 0, max: 1e30 });
}

function scaleAndShift(shape: Shape): Tensor[] {
  return [
    { name: "weight", shape, initial: { value: 1 }, isFlat: true },
    { name: "bias", shape, initial: { value: 0 }, isFlat: true },
  ];
}

/** Returns the cost of a norm: a few passes over all numbers; the root and the division per group are neglected. */
const costOfNorm = ({ shape }: { readonly shape: Shape }) => cost({ sums: 4 * sizeOf(shape) });

/**
 * Kind of operation: layer norm, (x - mean)/√(variance + ε) over the last axes, times a weight plus a bias; PyTorch's
 * `LayerNorm`.
 */
export const layerNorm: Kind<LayerNormFields> = {
  tensors: ({ axes, shape }) => scaleAndShift(shape.slice(-axes)),
  cost: costOfNorm,
};

/** Reader of layer norms: `axes` is 1 to the input's number of axes; the output has the input's shape. */
export const layerNormReader: Reader<LayerNormSettings, LayerNormFields> = {
  settings: { axes: true, epsilon: true },
  reads: 1,
  read: (settings, [input]) => ({
    axes: checkNumber("axes", orDefault(settings.axes, 1), {
      min: 1,
      max: input!.length,
      integer: true,
    }),
    epsilon: checkEpsilon(settings.epsilon),
    shape: input!,
  }),
};

/**
 * Kind of operation: group norm, (x - mean)/√(variance + ε) over the pixels and a group of adjacent channels, times a weight
 * plus a bias for each channel; PyTorch's `GroupNorm`.
 */
export const groupNorm: Kind<GroupNormFields> = {
  tensors: ({ shape }) => scaleAndShift([shape.at(-1)!]),
  cost: costOfNorm,
  label: ({ groups }) => `groupNorm ${groups}`,
};

/** Reader of group norms: `groups` must divide the number of channels, the last axis; the output has the input's shape. */
export const groupNormReader: Reader<GroupNormSettings, GroupNormFields> = {
  settings: { groups: true, epsilon: true },
  reads: 1,
  read(settings, [input]) {
    const groups = checkNumber("groups", settings.groups, { min: 1, integer: true });
    const channels = input!.at(-1)!;
    if (channels % groups !== 0)
      throw refused("groups", "is", `${groups}`, `a divisor of ${channels} channels`);
    return { groups, epsilon: checkEpsilon(settings.epsilon), shape: input! };
  },
};

/**
 * Kind of operation: RMS norm, x divided by the root of the mean of its squares along the last axis, times a weight; PyTorch's
 * `RMSNorm`.
 */
export const rmsNorm: Kind<RmsNormFields> = {
  tensors: ({ shape }) => scaleAndShift([shape.at(-1)!]).slice(0, 1),
  cost: costOfNorm,
};

/** Reader of RMS norms along the last axis; the output has the input's shape. */
export const rmsNormReader: Reader<RmsNormSettings, RmsNormFields> = {
  settings: { epsilon: true },
  reads: 1,
  read: (settings, [input]) => ({
    epsilon: checkEpsilon(settings.epsilon),
    shape: input!,
  }),
};

/** Kind of operation: weight · x + bias for each channel, the last axis; a BatchNorm with fixed statistics. */
export const affine: Kind<ScaleAndShift> = {
  tensors: ({ shape }) => scaleAndShift([shape.at(-1)!]),
  cost: ({ shape }) => cost({ sums: sizeOf(shape) }),
};
