import type { Length } from "../../graph/definition.ts";
import { sizeOf } from "../../graph/operations.ts";
import { asLinear, asSine } from "./activations.ts";
import type { Written } from "./graph-writer.ts";
import type { Numbers } from "./tensor.ts";

// Rules by which a graph read from ONNX becomes smaller. simplify.ts applies them.

/** Shape of a value for one sample. */
export type Shape = readonly Length[];

/** Operations before the one that a rule rewrites. */
export interface Before {
  /** Returns the operation that computes a value; undefined for an input of the graph. */
  maker(name: string | undefined): Written | undefined;
  /** Returns the operation that computes a value, if only the rewritten one reads it; else undefined. */
  soleMaker(name: string | undefined): Written | undefined;
  shapeOf(name: string): Shape;
}

/** Rewrite of an operation, together with those before it. */
export interface RewriteRule {
  /** Pattern that the rule matches, and what takes its place, in words. */
  readonly name: string;
  /**
   * Returns what takes the operation's place: an operation of its name, or of the name of the only operation that it reads, if
   * nothing else reads that; or the name of an earlier operation whose value is the same. Undefined if the rule's pattern does
   * not match.
   */
  rewrite(operation: Written, before: Before): Written | string | undefined;
}

/** All rules; the first that matches is applied. */
export const RULES: readonly RewriteRule[] = [
  {
    name: "scale of a scale: one scale",
    rewrite(operation, { soleMaker }) {
      const outer = asLinear(operation.settings.activation);
      const first = soleMaker(operation.inputs[0]);
      const inner = asLinear(first?.settings.activation);
      if (!outer || !inner) return undefined;
      const scale = inner.scale * outer.scale;
      const shift = inner.shift * outer.scale + outer.shift;
      return {
        ...operation,
        inputs: first!.inputs,
        settings: { activation: { name: "linear", scale, shift } },
      };
    },
  },
  {
    name: "scale of what has weights: other weights",
    rewrite(operation, { soleMaker }) {
      const scaling = scalingOf(operation);
      const first = scaling && soleMaker(operation.inputs[0]);
      if (!first?.weight) return undefined;
      const { scale, shift } = scaling!;
      const channels = operation.shape.at(-1) as number;
      const weight = () => scaledWeight(first, channels, scale);
      if (first.kind === "rmsNorm") {
        return first.weight.some((_, i) => shift(i) !== 0) ? undefined : { ...first, weight: weight() };
      }
      if (!SCALED.includes(first.kind)) return undefined;
      const bias = Float64Array.from(first.bias!, (number, i) => number * scale(i) + shift(i));
      return { ...first, weight: weight(), bias };
    },
  },
  {
    name: "sine of a scale: another frequency",
    rewrite(operation, { soleMaker }) {
      const frequency = asSine(operation.settings.activation);
      const first = soleMaker(operation.inputs[0]);
      const scaling = asLinear(first?.settings.activation);
      if (frequency === undefined || scaling?.shift !== 0 || !(scaling.scale > 0)) return undefined;
      const activation = { name: "sine", frequency: frequency * scaling.scale };
      return { ...operation, inputs: first!.inputs, settings: { activation } };
    },
  },
  {
    name: "reshape to the same shape: nothing",
    rewrite({ kind, shape, inputs }, { maker }) {
      const first = kind === "reshape" ? maker(inputs[0]) : undefined;
      return first && String(first.shape) === String(shape) ? first.name : undefined;
    },
  },
  {
    name: "reshape of a reshape: one reshape",
    rewrite(operation, { maker }) {
      const first = operation.kind === "reshape" ? maker(operation.inputs[0]) : undefined;
      return first?.kind === "reshape" ? { ...operation, inputs: first.inputs } : undefined;
    },
  },
  {
    name: "concat of what is expanded along leading axes: without the expand, as concat broadcasts along them by itself",
    rewrite(operation, { maker, shapeOf }) {
      const { kind, shape, settings, inputs } = operation;
      if (kind !== "concat" || settings.axis !== shape.length - 1) return undefined;
      const without = inputs.map((input) => {
        const expand = maker(input);
        if (expand?.kind !== "expand") return input;
        const inner = shapeOf(expand.inputs[0]!);
        const isStretchedBefore = String(expand.shape.slice(-inner.length)) === String(inner);
        return inner.length < shape.length && isStretchedBefore ? expand.inputs[0]! : input;
      });
      // At least one input must keep the full shape, to which the others are broadcast.
      const isWhole = without.some((input) => shapeOf(input).length === shape.length);
      return isWhole && String(without) !== String(inputs) ? { ...operation, inputs: without } : undefined;
    },
  },
  {
    name: "where a number is positive: where by that number, whose sign is the condition",
    rewrite(operation, { maker }) {
      const [condition, ...values] = operation.inputs;
      const first = operation.kind === "where" ? maker(condition) : undefined;
      if (first?.settings.activation !== "isPositive") return undefined;
      return { ...operation, inputs: [first.inputs[0]!, ...values] };
    },
  },
  {
    name: "where by a constant that always chooses the same value: that value",
    rewrite({ kind, name, shape, inputs: [condition, a, b] }, { maker, shapeOf }) {
      const mask = kind === "where" ? maker(condition) : undefined;
      if (mask?.kind !== "constant") return undefined;
      const isFirst = mask.weight![0]! > 0;
      if (mask.weight!.some((number) => number > 0 !== isFirst)) return undefined;
      const chosen = (isFirst ? a : b)!;
      if (maker(chosen) && String(shapeOf(chosen)) === String(shape)) return chosen;
      return { kind: "expand", name, inputs: [chosen], shape, settings: { shape } };
    },
  },
];

/**
 * Kinds of operations whose weights can absorb a scale, and whose biases can absorb a shift, for each position of the last axis;
 * all are written with a bias of that length.
 */
const SCALED = ["dense", "conv", "convTranspose", "groupNorm", "layerNorm", "affine"];

/**
 * Returns the scale and the shift that an operation applies, as functions of the position along the last axis; undefined if the
 * operation does not scale.
 */
function scalingOf({ kind, weight, bias, settings }: Written) {
  if (kind === "affine") return { scale: (i: number) => weight![i]!, shift: (i: number) => bias![i]! };
  const own = asLinear(settings.activation);
  return own && { scale: () => own.scale, shift: () => own.shift };
}

/** Returns an operation's weight, with the elements for output channel i multiplied by scale(i). */
function scaledWeight(
  { kind, weight, settings }: Written,
  channels: number,
  scale: (i: number) => number,
): Numbers {
  // Elements of one output channel are contiguous. A transposed convolution has them in the row of each input channel: its shape
  // is [input channels, output channels / groups, …kernel], and the output channels of a group are in its input channels' rows.
  const { groups, kernel } = settings as { readonly groups: number; readonly kernel: readonly number[] };
  const isTransposed = kind === "convTranspose";
  const width = isTransposed ? sizeOf(kernel) : weight!.length / channels;
  const own = isTransposed ? channels / groups : channels;
  const rows = weight!.length / (own * width);
  return Float64Array.from(weight!, (number, k) => {
    const group = isTransposed ? Math.floor((Math.floor(k / (own * width)) * groups) / rows) : 0;
    return number * scale(group * own + (Math.floor(k / width) % own));
  });
}
