import { attached } from "../base/realms.ts";
import { type Decoder, decoderGraphOf, keptUntilDisposed, withGraph } from "../decoder/decoder.ts";
import type { OperationDefinition } from "../graph/definition.ts";
import type { OperationDescription } from "../graph/operations.ts";
import { scaleOf } from "../terms/losses.ts";
import type { Problem } from "./backend.ts";

// A squared error with a scale σ is the plain one of outputs and data that are divided by σ. So no kernel computes a scale, and
// outputs of any units are as well conditioned as standardised ones: weights of 1/σ² would leave the Jacobian that preconditions
// lbfgs in the data's units.

/** Decoder whose outputs are (D(z) - shift)/σ, for the scale σ of a loss. */
interface Scaled {
  readonly decoder: Decoder;
  readonly scale: readonly number[];
  /** Shift of each output, [outputSize]; undefined for 0. */
  readonly shift: Float32Array | undefined;
}

/** Cache of scaled decoders: each decoder's latest. */
const cache = new WeakMap<Decoder, { current: Scaled }>();

/** Returns the decoder for the problems that `inLossUnits` returns: the given one if the loss has no scale. */
export function decoderInLossUnits({ decoder, loss }: Pick<Problem, "decoder" | "loss">): Decoder {
  const scale = scaleOf(loss, decoder);
  return scale ? scaledDecoder(decoder, scale).decoder : decoder;
}

/**
 * Returns a problem in the units of its loss: where the loss has a scale σ, with outputs and data divided by σ and the plain
 * squared error; else the problem itself.
 *
 * @throws LatentflowError `invalid_argument` if the scale does not fit the decoder
 */
export function inLossUnits<P extends Pick<Problem, "decoder" | "loss" | "targets">>(problem: P): P {
  const { loss, decoder, targets } = problem;
  const scale = scaleOf(loss, decoder);
  if (!scale) return problem;
  const { decoder: scaled, shift } = scaledDecoder(decoder, scale);
  const n = scale.length;
  const y = attached("y", targets).map((value, i) => (value - (shift?.[i % n] ?? 0)) / scale[i % n]!);
  return {
    ...problem,
    decoder: scaled,
    targets: y,
    loss: { name: "squaredError", reduction: loss.reduction },
  };
}

function scaledDecoder(decoder: Decoder, scale: readonly number[]): Scaled {
  const make = () => withoutAffine(decoder, scale) ?? withScale(decoder, scale);
  const kept = keptUntilDisposed(
    cache,
    decoder,
    () => ({ current: make() }),
    ({ current }) => current.decoder.dispose(),
  );
  // Calls in progress hold the one that is replaced.
  if (!areEqual(kept.current.scale, scale)) kept.current = make();
  return kept.current;
}

/**
 * Returns the decoder before its last operation, an affine one with the scale as weight, as `train` makes with `standardise`;
 * undefined if it ends otherwise. Its outputs do not round the shift, which may be many times the scale.
 */
function withoutAffine(decoder: Decoder, scale: readonly number[]): Scaled | undefined {
  const graph = decoderGraphOf(decoder);
  const { operations, parameters } = decoder;
  let at = operations.length - 1;
  while (operations[at]?.kind === "reshape") at--;
  const last = operations[at];
  if (last?.kind !== "affine" || !areEqual(last.weight, scale)) return undefined;
  if (operations[at - 1]?.name !== last.inputs[0]) return undefined;
  const definition = { ...graph.definition, operations: graph.definition.operations.slice(0, at) };
  const before = { ...graph, definition, operations: graph.operations.slice(0, at) };
  const own = parameters.subarray(0, parameters.length - 2 * scale.length);
  return { decoder: withGraph(decoder, before, own), scale, shift: last.bias };
}

/** Returns the decoder followed by an affine operation that divides its outputs by the scale. */
function withScale(decoder: Decoder, scale: readonly number[]): Scaled {
  const graph = decoderGraphOf(decoder);
  const { operations, outputShape, parameters } = decoder;
  const n = scale.length;
  const shape = [n];
  const output = operations.at(-1)!.name;
  const unique = (name: string): string =>
    operations.some((each) => each.name === name) ? unique(`${name}_`) : name;
  const [flat, scaled] = [unique(`${output}.flat`), unique(`${output}.scaled`)];
  const isFlat = outputShape.length === 1;
  const reshape = { name: flat, kind: "reshape", inputs: [output], shape } as const;
  const affine = { name: scaled, kind: "affine", inputs: [isFlat ? output : flat] } as const;
  const more = isFlat ? [affine] : [reshape, affine];
  const definition = {
    ...graph.definition,
    operations: [...graph.definition.operations, ...(more as readonly OperationDefinition[])],
  };
  const described = more.map((each) => ({ ...each, shape })) as readonly OperationDescription[];
  const own = new Float32Array(parameters.length + 2 * n);
  own.set(parameters);
  own.set(
    scale.map((each) => 1 / each),
    parameters.length,
  );
  const after = { ...graph, definition, operations: [...graph.operations, ...described] };
  return { decoder: withGraph(decoder, after, own), scale, shift: undefined };
}

function areEqual(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.from(a).every((value, i) => value === b[i]);
}
