import type { Length } from "../../graph/definition.ts";
import { sizeOf } from "../../graph/operations.ts";
import { asLinear, asSine, type NumberFunction } from "./activations.ts";
import type { Written } from "./graph-writer.ts";
import type { Numbers } from "./tensor.ts";

// Simplifies a graph: scales are merged into the weights before them; reshapes and permutations without effect, and
// operations whose value is unused, are removed.

type Shape = readonly Length[];

/**
 * Returns an equivalent graph with fewer operations: those that the last one depends on, merged where possible.
 *
 * @param inputs shapes of the graph's inputs, by name
 */
export function simplify(operations: readonly Written[], inputs: ReadonlyMap<string, Shape>): Written[] {
  let left = withoutUnread(operations);
  for (;;) {
    const before = left.length;
    left = withoutUnread(merge(left, inputs));
    if (left.length === before) return left;
  }
}

function withoutUnread(operations: readonly Written[]): Written[] {
  const needed = new Set<string>([operations.at(-1)!.name]);
  return [...operations]
    .reverse()
    .filter(({ name, inputs }) => {
      if (!needed.has(name)) return false;
      for (const input of inputs) needed.add(input);
      return true;
    })
    .reverse();
}

/** Makes one pass that merges each operation into the operation that it reads, if that operation has no other reader. */
function merge(operations: readonly Written[], inputShapes: ReadonlyMap<string, Shape>): Written[] {
  const readers = new Map<string, number>();
  for (const { inputs } of operations) {
    for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  }
  const byName = new Map<string, Written>();
  /** Name of the operation that replaces each removed one. */
  const replaced = new Map<string, string>();
  /** Names of operations, by a key made of all their properties except the name, to find duplicates. */
  const twins = new Map<string, string>();
  const result: Written[] = [];
  for (const operation of operations) {
    const inputs = operation.inputs.map((input) => replaced.get(input) ?? input);
    const current: Written = { ...operation, inputs };
    const before = byName.get(inputs[0] ?? "");
    const isAlone = before !== undefined && readers.get(before.name) === 1;
    const identity = before && identityOf(before);
    if (before && isAlone && mergeInto(before, current)) {
      // The merged operation no longer equals its former duplicates.
      if (twins.get(identity!) === before.name) twins.delete(identity!);
      replaced.set(operation.name, before.name);
      readers.set(before.name, readers.get(operation.name) ?? 0);
      continue;
    }
    const twin = twins.get(identityOf(current));
    if (twin !== undefined) {
      // The inputs of the removed operation lose a reader.
      for (const input of inputs) readers.set(input, (readers.get(input) ?? 1) - 1);
      replaced.set(operation.name, twin);
      readers.set(twin, readers.get(twin)! + (readers.get(operation.name) ?? 0));
      continue;
    }
    const isSameShape = before && String(before.shape) === String(current.shape);
    if (before && isSameShape && current.kind === "reshape") {
      replaced.set(operation.name, before.name);
      readers.set(before.name, readers.get(before.name)! - 1 + (readers.get(operation.name) ?? 0));
      continue;
    }
    if (before?.kind === "reshape" && current.kind === "reshape") current.inputs = before.inputs;
    if (current.kind === "concat") current.inputs = unexpanded(byName, inputShapes, current);
    if (before && isAlone && toSine(before, current)) current.inputs = before.inputs;
    // The condition of `where` is whether a number is above 0, so the comparison can be skipped.
    if (current.kind === "where" && before?.settings.activation === "isPositive")
      current.inputs = [before.inputs[0]!, ...inputs.slice(1)];
    byName.set(current.name, current);
    if (!current.weight) twins.set(identityOf(current), current.name);
    result.push(current);
  }
  return result;
}

/**
 * Returns a key that is equal for duplicate operations. An operation with parameters never has duplicates: its key is its
 * name.
 */
function identityOf({ kind, name, inputs, settings, weight }: Written): string {
  return weight ? name : JSON.stringify([kind, inputs, settings]);
}

/**
 * Kinds of operations with weights that can absorb a scale, and biases that can absorb a shift, for each position of the
 * last axis.
 */
const SCALED = ["dense", "conv", "convTranspose", "groupNorm", "layerNorm", "affine"];

/**
 * Merges a scaling into the operation before it, by changing the parameters of `before`; returns false if that is impossible.
 */
function mergeInto(before: Written, operation: Written): boolean {
  const scaling = scalingOf(operation);
  if (!scaling) return false;
  const own = asLinear(before.settings.activation);
  if (own && operation.kind === "activation") {
    const { scale, shift } = asLinear(operation.settings.activation)!;
    const scaled: NumberFunction = {
      name: "linear",
      scale: own.scale * scale,
      shift: own.shift * scale + shift,
    };
    before.settings = { activation: scaled };
    return true;
  }
  const channels = operation.shape.at(-1) as number;
  const { scale, shift } = scaling;
  if (String(before.shape) !== String(operation.shape)) return false;
  if (before.kind === "rmsNorm") {
    if (before.weight!.some((_, i) => shift(i) !== 0)) return false;
    before.weight = scaledWeight(before, channels, scale);
    return true;
  }
  if (!SCALED.includes(before.kind) || before.bias?.length !== channels) return false;
  before.weight = scaledWeight(before, channels, scale);
  before.bias = Float64Array.from(before.bias, (number, i) => number * scale(i) + shift(i));
  return true;
}

/**
 * Returns the scale and the shift that an operation applies, as functions of the position along the last axis; undefined if the
 * operation does not scale.
 */
function scalingOf({ kind, weight, bias, settings }: Written) {
  if (kind === "affine") return { scale: (i: number) => weight![i]!, shift: (i: number) => bias![i]! };
  const own = kind === "activation" ? asLinear(settings.activation) : undefined;
  return own && { scale: () => own.scale, shift: () => own.shift };
}

/** Returns an operation's weight, with the elements for output channel i multiplied by scale(i). */
function scaledWeight(
  { kind, weight, settings }: Written,
  channels: number,
  scale: (i: number) => number,
): Numbers {
  const result = Float64Array.from(weight!);
  if (kind === "convTranspose") {
    // Shape [input channels, output channels / groups, …kernel]: the output channels of a group are in the rows of its
    // input channels.
    const { groups, kernel } = settings as { readonly groups: number; readonly kernel: readonly number[] };
    const taps = sizeOf(kernel);
    const own = channels / groups;
    const rows = result.length / (own * taps);
    for (let k = 0; k < result.length; k++) {
      const row = Math.floor(k / (own * taps));
      const group = Math.floor((row * groups) / rows);
      result[k]! *= scale(group * own + (Math.floor(k / taps) % own));
    }
    return result;
  }
  const width = result.length / channels;
  for (let k = 0; k < result.length; k++) result[k]! *= scale(Math.floor(k / width));
  return result;
}

/**
 * Returns the inputs of a `concat` without those `expand`s that only add leading axes, along which `concat` broadcasts by
 * itself.
 */
function unexpanded(
  byName: ReadonlyMap<string, Written>,
  inputShapes: ReadonlyMap<string, Shape>,
  { shape, settings, inputs }: Written,
): readonly string[] {
  const shapeOf = (name: string) => byName.get(name)?.shape ?? inputShapes.get(name)!;
  const without = inputs.map((input) => {
    const expand = byName.get(input);
    if (expand?.kind !== "expand" || settings.axis !== shape.length - 1) return input;
    const inner = shapeOf(expand.inputs[0]!);
    const isStretchedBefore = String(expand.shape.slice(-inner.length)) === String(inner);
    return inner.length < shape.length && isStretchedBefore ? expand.inputs[0]! : input;
  });
  // At least one input must keep the full shape, to which the others are broadcast.
  return without.some((input) => shapeOf(input).length === shape.length) ? without : inputs;
}

/**
 * Merges a scaling and the sine after it into sin(scale · x); returns false if the operations are not a scaling by a positive
 * number without a shift, and a sine.
 */
function toSine(before: Written, current: Written): boolean {
  const scaling = asLinear(before.settings.activation);
  const frequency = asSine(current.settings.activation);
  if (!scaling || frequency === undefined || scaling.shift !== 0 || !(scaling.scale > 0)) return false;
  const scaled: NumberFunction = { name: "sine", frequency: frequency * scaling.scale };
  current.settings = { activation: scaled };
  return true;
}
