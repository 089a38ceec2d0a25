import { gotten, subject, theOption, wanted } from "../../base/message.ts";
import { invalidFile, invalidOption, objection } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import type { FixedInputDefinition, Length } from "../../graph/definition.ts";
import { LATENT } from "../../graph/graph.ts";
import { sizeOf } from "../../graph/operations.ts";
import type { Declared, FileGraph, Model } from "./model.ts";
import { elementTypeOf } from "./tensor.ts";
import { BATCH, makeValue, type Value } from "./value.ts";

/**
 * Meaning of the inputs' first axis: "batched" if it is the batch; "single" if the file computes one sample, which may
 * consist of several points.
 */
export type Batching = "batched" | "single";

/** The inputs of an ONNX graph as values of the decoder's graph. */
export interface GraphInputs {
  /** The latent as a value of the decoder's graph. */
  readonly latent: Value;
  /** True if the file computes one sample and takes z repeated for each point, along the first axis. */
  readonly isRepeated: boolean;
  /** Number of values d of a latent. */
  readonly latentSize: number;
  /** Shape of the latent of one sample. */
  readonly latentShape: readonly number[];
  /** Inputs other than the latent, which are given with each sample. */
  readonly fixed: readonly (FixedInputDefinition & { readonly value: Value })[];
  /** Batch size stated in the file; undefined if it is open. */
  readonly tracedBatch: number | undefined;
}

/** Returns the inputs of an ONNX graph, except those that have a constant (an initialiser) as their default. */
export function inputsOf({ inputs, initializers }: Model): Declared[] {
  const initialized = new Set(initializers.map(({ name }) => name));
  return inputs.filter(({ name }) => !initialized.has(name));
}

/**
 * Finds the latent among the inputs: the one with the name `latent`, or else the only one of floats.
 *
 * @param points names of inputs with an axis of points, which are not candidates
 * @throws LatentflowError `invalid_argument` if a name does not exist, or the latent is ambiguous
 */
export function findLatent(
  where: string,
  model: Model,
  latent: string | undefined,
  points: readonly string[],
): Declared {
  const inputs = inputsOf(model);
  const names = inputs.map(({ name }) => show(name)).slice(0, 12);
  const but = `but the file's inputs are ${wanted(names.join(", "))}`;
  for (const name of points) {
    if (inputs.some((input) => input.name === name)) continue;
    throw objection(where, "points", `is ${gotten(show(name))}, ${but}`);
  }
  if (latent !== undefined) {
    const input = inputs.find(({ name }) => name === latent);
    if (input && !points.includes(latent)) return input;
    throw objection(where, `the ${subject("latent")}`, `is to be ${gotten(show(latent))}, ${but}`);
  }
  const floats = inputs.filter(
    ({ name, elementType }) => elementTypeOf(elementType) === "float" && !points.includes(name),
  );
  if (floats.length === 1) return floats[0]!;
  const which =
    floats.length === 0 ? "none of its inputs is of floats" : "several of its inputs are of floats";
  const shown = names.join(", ") || "it has none";
  const sentence = `${which}: ${shown}; say which is the latent by ${theOption("latent")}`;
  throw invalidOption(where, "latent", sentence);
}

/**
 * Makes the values of the decoder's graph for an ONNX graph's inputs: the latent, and a fixed input for each other input
 * without an initializer.
 *
 * @param batching meaning of the inputs' first axis
 * @throws LatentflowError `invalid_file` if an input is not of numbers, the latent not of floats, or a length that must be
 *   known is open; `invalid_argument` if an input other than the latent has the name "z"
 */
export function makeInputs({ model, latent, points }: FileGraph, batching: Batching): GraphInputs {
  const shape = shapeOf(latent);
  if (elementTypeOf(latent.elementType) !== "float") {
    throw invalidFile(`the latent ${show(latent.name)} is no input of floats`);
  }
  const isBatched = batching === "batched" && shape.length > 1;
  const others = inputsOf(model).filter(({ name }) => name !== latent.name);
  const [first, ...rest] = shape;
  const own = shape.length > 1 ? rest : shape;
  const lengths = own.map((length, i) => length ?? unknown(latent, i + shape.length - own.length));
  const latentSize = sizeOf(lengths);
  const axes = lengths.map((_, axis) => [axis]);
  const value = makeValue(LATENT, lengths, shape.length > 1 ? [isBatched ? [BATCH] : [], ...axes] : axes);
  const traced = isBatched ? first : undefined;
  return {
    latent: { ...value, sourceShape: [latentSize] },
    isRepeated: batching === "single" && shape.length > 1 && first !== 1,
    latentSize,
    latentShape: lengths,
    fixed: others.map((input) => fixedInput(input, points.includes(input.name), isBatched, traced)),
    tracedBatch: traced,
  };
}

function shapeOf(input: Declared): readonly (number | undefined)[] {
  if (input.shape && input.shape.length > 0 && input.shape.length <= 8) return input.shape;
  throw invalidFile(
    `the input ${show(input.name)} is declared without a shape, expected [batch, size], say; give ${theOption("inputShapes")} ` +
      "with its shape behind the batch",
  );
}

/**
 * Throws an error for an axis of an input that the file declares without a length. Only a file read as having no batch axis can
 * have such an axis: the option `inputShapes` has filled in all other open lengths.
 */
function unknown(input: Declared, axis: number): never {
  throw invalidFile(`axis ${axis} of the input ${show(input.name)} is declared without a length`);
}

function fixedInput(
  input: Declared,
  isPoints: boolean,
  isBatched: boolean,
  traced: number | undefined,
): GraphInputs["fixed"][number] {
  const { name, elementType } = input;
  if (name === LATENT) {
    const reason = "is not the latent, which alone is called so here; rename it in the file";
    throw invalidOption("", "source", `the input "${LATENT}" ${reason}`);
  }
  const type = elementTypeOf(elementType);
  if (type === undefined) throw invalidFile(`the input ${show(name)} is none of numbers`);
  const shape = input.shape?.length === 0 ? [] : shapeOf(input);
  const hasBatch = isBatched && hasBatchFirst(shape, traced, isPoints);
  const own = hasBatch ? shape.slice(1) : shape;
  const missing = shape.length - own.length;
  const lengths = own.map(
    (length, axis): Length =>
      isPoints && axis === 0 ? "points" : (length ?? unknown(input, axis + missing)),
  );
  const axes = lengths.map((_, axis) => [axis]);
  const whole = lengths.length > 0 ? lengths : [1];
  return { name, shape: whole, value: makeValue(name, whole, hasBatch ? [[BATCH], ...axes] : axes, type) };
}

/**
 * True if the first axis of an input other than the latent is the batch: always, unless its declared length contradicts
 * the batch size.
 *
 * @param traced batch size stated in the file; undefined if open
 * @param isPoints true if the input has an axis of points, before the last axis
 */
export function hasBatchFirst(
  shape: readonly (number | undefined)[],
  traced: number | undefined,
  isPoints: boolean,
): boolean {
  if (isPoints) return shape.length > 2;
  const [first, ...rest] = shape;
  if (first === undefined || first === traced) return shape.length > 0;
  return first === 1 && rest.length > 0;
}
