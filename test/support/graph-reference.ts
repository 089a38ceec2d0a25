import type { OperationDefinition } from "../../src/graph/definition.ts";
import type { OperationKind } from "../../src/graph/operations.ts";
import type { Decoder, Loss, Shape } from "../../src/index.ts";
import { OPERATIONS } from "./operation-reference.ts";
import { lossOf } from "./reference.ts";
import { size, type Value } from "./reference-values.ts";

// Graphs in float64, of their definitions alone: what the kernels are held against. Derivatives are differences of it.

/** Fixed inputs of one sample, by their names. */
export type FixedValues = Readonly<Record<string, ArrayLike<number>>>;

/**
 * D(z), with the parameters given in place of the decoder's; without its output activation where `toLogits`.
 *
 * @param fixed says how many points there are, too
 */
export function graphOutput(
  decoder: Decoder,
  z: ArrayLike<number>,
  parameters: Float32Array | Float64Array = decoder.parameters,
  toLogits = false,
  fixed: FixedValues = {},
): number[] {
  const { latentSize, fixed: inputs = [], operations } = decoder.definition;
  const points = pointsOf(decoder, fixed);
  const values = new Map<string, Value>([["z", { shape: [latentSize], data: z }]]);
  for (const { name, shape } of inputs) {
    values.set(name, { shape: withPoints(shape, points), data: fixed[name]! });
  }
  let offset = 0;
  const take = (shape: Shape): Value => {
    const start = offset;
    offset += size(shape);
    return { shape, data: parameters.subarray(start, offset) };
  };
  let output: Value | undefined;
  operations.forEach((definition, i) => {
    const { kind, name, inputs: reads, ...settings } = definition;
    const read = reads.map((input) => values.get(input)!);
    const isLast = i === operations.length - 1;
    output =
      toLogits && isLast && kind === "activation"
        ? read[0]!
        : evaluate(kind, atPoints(settings as OperationDefinition, points), read, take);
    values.set(name, output);
    const { shape } = decoder.operations[i]!;
    if (inputs.length === 0 && shape.join() !== output.shape.join()) {
      throw new Error(`${kind} ${name} has the shape [${shape}], the reference's is [${output.shape}]`);
    }
  });
  if (offset !== parameters.length) throw new Error(`${parameters.length} parameters, expected ${offset}`);
  return Array.from(output!.data);
}

function evaluate(
  kind: OperationKind,
  settings: object,
  inputs: readonly Value[],
  take: (shape: Shape) => Value,
): Value {
  const reference = OPERATIONS[kind] as (settings: object, ...rest: unknown[]) => Value;
  return reference(settings, inputs, take);
}

/** How many points there are, by the first input that has an axis of them. */
function pointsOf({ definition }: Decoder, fixed: FixedValues): number {
  const input = definition.fixed?.find(({ shape }) => shape.includes("points"));
  if (!input) return 1;
  return fixed[input.name]!.length / size(withPoints(input.shape, 1));
}

const withPoints = (shape: readonly (number | "points")[], points: number): number[] =>
  shape.map((length) => (length === "points" ? points : length));

function atPoints(settings: object, points: number): object {
  const { shape } = settings as { readonly shape?: readonly (number | "points")[] };
  return shape ? { ...settings, shape: withPoints(shape, points) } : settings;
}

/** l(y, D(z)) of one sample. */
export function graphLoss(
  decoder: Decoder,
  loss: Loss,
  z: ArrayLike<number>,
  y: Float32Array,
  parameters?: Float32Array | Float64Array,
  fixed?: FixedValues,
): number {
  const output = graphOutput(decoder, z, parameters, loss.name === "binaryCrossEntropy", fixed);
  return lossOf(loss, output, y).value;
}

/** The differences of f along each of its arguments, of fourth order. */
export function gradientOf(f: (x: number[]) => number, x: readonly number[], step = 1e-4): number[] {
  return x.map((_, i) => {
    const at = (shift: number) => f(x.map((value, k) => (k === i ? value + shift : value)));
    return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
  });
}
