import { gotten, subject, theOption, type Words, wanted, words } from "../../base/message.ts";
import { invalidFile, invalidOption, objection } from "../../base/refuse.ts";
import { show, showList } from "../../base/show.ts";
import type { FixedInputDefinition, Length } from "../../graph/definition.ts";
import { LATENT } from "../../graph/graph.ts";
import { sizeOf } from "../../graph/operations.ts";
import type { Declared, FileGraph, Model } from "./model.ts";
import { elementTypeOf } from "./tensor.ts";
import { BATCH, makeValue, type Value } from "./value.ts";

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
 * @throws LatentflowError `invalid_argument` if a name does not exist, the latent is ambiguous, or an input other than the
 *   latent has the name "z"
 */
export function findLatent(model: Model, latent: string | undefined, points: readonly string[]): Declared {
  const inputs = inputsOf(model);
  checkPoints(inputs, points);
  const found = latent === undefined ? onlyFloats(inputs, points) : inputCalled(latent, inputs, points);
  refuseReserved(inputs, found);
  return found;
}

function checkPoints(inputs: readonly Declared[], points: readonly string[]): void {
  const odd = points.find((point) => !inputs.some(({ name }) => name === point));
  if (odd !== undefined) throw objection("points", words`is ${gotten(show(odd))}, ${butAre(inputs)}`);
}

function inputCalled(latent: string, inputs: readonly Declared[], points: readonly string[]): Declared {
  const input = inputs.find(({ name }) => name === latent);
  if (input && !points.includes(latent)) return input;
  const reason = words`is to be ${gotten(show(latent))}, ${butAre(inputs)}`;
  throw objection(words`the ${subject("latent")}`, reason);
}

function onlyFloats(inputs: readonly Declared[], points: readonly string[]): Declared {
  const [first, second] = inputs.filter(
    ({ name, elementType }) => elementTypeOf(elementType) === "float" && !points.includes(name),
  );
  if (first && !second) return first;
  const which = `${first ? "several" : "none"} of its inputs ${first ? "are" : "is"} of floats`;
  const advice = words`; say which is the latent by ${theOption("latent")}`;
  throw invalidOption("latent", `${which}: ${namesOf(inputs) || "it has none"}`, advice);
}

/** Throws if an input other than the latent has the name of the latent in the decoder's graph. */
function refuseReserved(inputs: readonly Declared[], latent: Declared): void {
  if (latent.name === LATENT || !inputs.some(({ name }) => name === LATENT)) return;
  const sentence = `the input "${LATENT}" is not the latent; only the latent may be named "${LATENT}"`;
  throw invalidOption("source", sentence, "; rename it in the file");
}

function butAre(inputs: readonly Declared[]): Words {
  return words`but the file's inputs are ${wanted(namesOf(inputs) || "none")}`;
}

function namesOf(inputs: readonly Declared[]): string {
  return showList(inputs.map(({ name }) => show(name)));
}

/**
 * What the first axis of a latent is: the batch; the points, in a file that computes one sample and takes z repeated for each
 * point; no axis but a length of 1; or an axis of the latent itself.
 */
export type FirstAxis = "batch" | "points" | "one" | "latent";

/**
 * Returns what the first axis of the latent may be, by the declared shapes. Only a file whose points have at most two axes may lack
 * a batch; if the first axis may be that of the points, too, the first answer that the nodes admit is right.
 */
export function firstAxesOf({ model, latent, points }: FileGraph): readonly FirstAxis[] {
  if (latent.shape?.length === 1) return ["latent"];
  const shared = inputsOf(model).find(
    ({ name, shape }) => points.includes(name) && shape && shape.length <= 2,
  );
  if (!shared) return ["batch"];
  const [first] = latent.shape ?? [];
  if (first === 1) return ["one"];
  return first === shared.shape?.[0] ? ["batch", "points"] : ["batch"];
}

/**
 * Makes the values of the decoder's graph for an ONNX graph's inputs: the latent, and a fixed input for each other input
 * without an initializer.
 *
 * @param firstAxis what the latent's first axis is
 * @throws LatentflowError `invalid_file` if an input is not of numbers, the latent not of floats, or a length that must be
 *   known is open
 */
export function makeInputs({ model, latent, points }: FileGraph, firstAxis: FirstAxis): GraphInputs {
  const shape = shapeOf(latent);
  if (elementTypeOf(latent.elementType) !== "float") {
    throw invalidFile(`the latent ${show(latent.name)} is no input of floats`);
  }
  const [first, ...rest] = shape;
  const own = firstAxis === "latent" ? shape : rest;
  const lengths = own.map((length, i) => length ?? refuseOpenLength(latent, i + shape.length - own.length));
  const latentSize = sizeOf(lengths);
  const axes = lengths.map((_, axis) => [axis]);
  const batch = firstAxis === "batch" ? [BATCH] : [];
  const value = makeValue(LATENT, lengths, firstAxis === "latent" ? axes : [batch, ...axes]);
  const others = inputsOf(model).filter(({ name }) => name !== latent.name);
  return {
    latent: { ...value, sourceShape: [latentSize] },
    isRepeated: firstAxis === "points",
    latentSize,
    latentShape: lengths,
    fixed: others.map((input) => {
      const isPoints = points.includes(input.name);
      const isBatched = firstAxis === "batch" || firstAxis === "one";
      const hasBatch = isBatched && hasBatchFirst(input.shape ?? [], first, isPoints);
      return fixedInput(input, isPoints, hasBatch ? batch : undefined);
    }),
    tracedBatch: firstAxis === "batch" ? first : undefined,
  };
}

function shapeOf(input: Declared): readonly (number | undefined)[] {
  if (input.shape && input.shape.length > 0 && input.shape.length <= 8) return input.shape;
  throw invalidFile(
    words`the input ${show(input.name)} is declared without a shape, expected [batch, size], say; give ${theOption("inputShapes")} with its shape behind the batch`,
  );
}

/**
 * Throws an error for an axis of an input that the file declares without a length. Only a file read as having no batch axis can
 * have such an axis: the option `inputShapes` has filled in all other open lengths.
 */
function refuseOpenLength(input: Declared, axis: number): never {
  throw invalidFile(`axis ${axis} of the input ${show(input.name)} is declared without a length`);
}

/**
 * Makes a fixed input, with its value in the decoder's graph.
 *
 * @param batch stored axes of the input's first axis if that is the batch, none if it is a length 1 in place of the batch;
 *   undefined if the first axis is one of the input's own
 */
function fixedInput(
  input: Declared,
  isPoints: boolean,
  batch: readonly number[] | undefined,
): GraphInputs["fixed"][number] {
  const { name, elementType } = input;
  const type = elementTypeOf(elementType);
  if (type === undefined) throw invalidFile(`the input ${show(name)} is none of numbers`);
  const shape = input.shape?.length === 0 ? [] : shapeOf(input);
  const skipped = batch ? 1 : 0;
  const lengths = shape
    .slice(skipped)
    .map(
      (length, axis): Length =>
        isPoints && axis === 0 ? "points" : (length ?? refuseOpenLength(input, axis + skipped)),
    );
  const axes = lengths.map((_, axis) => [axis]);
  const whole = lengths.length > 0 ? lengths : [1];
  return { name, shape: whole, value: makeValue(name, whole, batch ? [batch, ...axes] : axes, type) };
}

/**
 * True if the first axis of an input other than the latent is the batch: with points if the input has more axes than those of
 * points and channels; else if the axis has an open length, the batch size, or a length of 1 before other axes.
 *
 * @param traced batch size stated in the file; undefined if open
 * @param isPoints true if the input has an axis of points, and after it the last one, of channels
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
