import { calling } from "../base/calling.ts";
import { checkNumber, checkOptions, optionNames, orDefault } from "../base/check.ts";
import { gotten, subject, wanted, words } from "../base/message.ts";
import { createRandom, type Random } from "../base/random.ts";
import { invalidOption, refused } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import type { ActivationLike } from "../graph/activation.ts";
import type { GraphDefinition } from "../graph/definition.ts";
import { countParameters, type Graph, parametersOf } from "../graph/graph.ts";
import { graphOfLayers } from "../graph/layers.ts";
import { normaliseActivation } from "../graph/normalise-activation.ts";
import { readDefinition } from "../graph/read-definition.ts";
import { MOST_OPERATIONS } from "../graph/settings.ts";
import { checkDefaultLoss, type StandardLoss } from "../terms/losses.ts";
import { type Decoder, GraphDecoder } from "./decoder.ts";
import { type DefaultOptions, fitDefaults, normaliseDefaults } from "./defaults.ts";
import { checkOutputShape, impliedOutputActivation } from "./output.ts";

/** Options of `createDecoder` in addition to a graph's definition. */
export interface GraphDecoderOptions extends DefaultOptions {
  /**
   * Seed of the random parameters, an integer from 0 to 2^53 - 1. The same seed gives the same parameters on every
   * machine. Default: 0.
   */
  seed?: number | undefined;
}

/** Options of `createDecoder` for fully connected layers. */
export interface CreateDecoderOptions extends GraphDecoderOptions {
  /** Sizes from latent to output, at least two: [20, 150, 300, 600, 784] has four layers. */
  layers: readonly number[];
  /** Activation between the layers. Default: `"elu"`. */
  activation?: ActivationLike | undefined;
  /** Activation after the last layer. Default: `"sigmoid"` if `loss` is cross entropy, otherwise `"identity"`. */
  outputActivation?: ActivationLike | undefined;
  /** Shape of a sample, such as [28, 28], whose product is the last size. Default: [outputSize]. */
  outputShape?: readonly number[] | undefined;
}

const GRAPH_OPTIONS: { readonly [Name in keyof GraphDecoderOptions]-?: true } = {
  loss: true,
  prior: true,
  start: true,
  starts: true,
  seed: true,
};

const OPTIONS: { readonly [Name in keyof CreateDecoderOptions]-?: true } = {
  ...GRAPH_OPTIONS,
  layers: true,
  activation: true,
  outputActivation: true,
  outputShape: true,
};

// 1 GiB as float32: backends store two packed copies, in the 4 GiB that WebAssembly can address.
const maxParameters = 2 ** 28;

/**
 * Creates a decoder with random parameters, by PyTorch's default initialisation of linear layers: weights and biases are
 * uniform in [-1/√n, 1/√n), where n is the layer's number of inputs. Layers are named as in a PyTorch `Sequential` with
 * activations in between: `decoder.0`, `decoder.2`, …
 *
 * Any other graph, such as one with convolutions, is given by its definition, as `sequential` of `latentflow/graph`
 * returns it, with `{ loss, prior, start, starts, seed }` as the second argument.
 *
 * @throws LatentflowError `invalid_argument`
 * @example
 * const decoder = createDecoder({ layers: [20, 150, 784], outputShape: [28, 28], loss: "bce", seed: 1 });
 */
export function createDecoder(options: CreateDecoderOptions): Decoder;
/**
 * Creates a decoder with random parameters from a graph's definition, as `sequential` or `graph` of `latentflow/graph` return
 * it.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function createDecoder(definition: GraphDefinition, options?: GraphDecoderOptions): Decoder;
export function createDecoder(
  given: CreateDecoderOptions | GraphDefinition,
  graphOptions: GraphDecoderOptions = {},
): Decoder {
  return calling("createDecoder", () => {
    const isDefinition = hasOperations(given);
    if (isDefinition) checkOptions(graphOptions, GRAPH_OPTIONS);
    else checkLayerOptions(given);
    const options = isDefinition ? graphOptions : given;
    const seed = checkNumber("seed", orDefault(options.seed, 0), { min: 0, integer: true });
    const defaults = normaliseDefaults(options);
    const graph = isDefinition ? checkPoints(readDefinition(given)) : graphOfOptions(given, defaults.loss);
    const parameterCount = countParameters(graph);
    if (parameterCount > maxParameters) {
      const [who, has] = isDefinition
        ? [subject("operations", "the graph"), "has"]
        : [subject("layers", "the layers"), "have"];
      throw refused(who, has, `${parameterCount} parameters`, `at most ${maxParameters}`);
    }
    const decoder = new GraphDecoder({ ...graph, ...fitDefaults(defaults, graph.latentSize) });
    if (decoder.loss) checkDefaultLoss(decoder.loss, decoder);
    initialise(decoder, createRandom(seed));
    return decoder;
  });
}

function hasOperations(given: CreateDecoderOptions | GraphDefinition): given is GraphDefinition {
  return typeof given === "object" && given !== null && "operations" in given;
}

function checkLayerOptions(options: CreateDecoderOptions): void {
  if (optionNames(options) === undefined) {
    const name = words`the ${subject("", "options")}`;
    throw refused(name, "are", show(options), "an object, as { layers: [20, 150, 784] }");
  }
  checkOptions(options, OPTIONS);
}

/** Makes a graph of fully connected layers from the options of `createDecoder`. */
function graphOfOptions(options: CreateDecoderOptions, loss: StandardLoss | undefined): Graph {
  const sizes = checkSizes(options.layers);
  const outputSize = sizes.at(-1)!;
  const activation = normaliseActivation("activation", orDefault(options.activation, "elu"));
  const outputActivation = normaliseActivation(
    "outputActivation",
    orDefault(options.outputActivation, impliedOutputActivation(loss)),
  );
  const outputShape = checkOutputShape(orDefault(options.outputShape, [outputSize]), outputSize);
  const layers = sizes.slice(1).map((size, index) => ({
    name: `decoder.${2 * index}`,
    inputSize: sizes[index]!,
    outputSize: size,
    activation: index === sizes.length - 2 ? outputActivation : activation,
  }));
  return graphOfLayers(layers, outputShape);
}

/**
 * Throws if the number of parameters depends on the number of points (coordinates at which the decoder is evaluated) per sample,
 * as with a norm over the axis of points.
 */
function checkPoints(graph: Graph): Graph {
  const [one, two] = [graph, graph.atPoints?.(2)].map((each) => each && countParameters(each));
  if (two === undefined || one === two) return graph;
  const got = `${one} parameters for one point and ${two} for two`;
  throw refused(words`the ${subject("operations", "graph")}`, "has", got, "as many for any");
}

/** Initialises a decoder's parameters in order, as PyTorch does by default. */
export function initialise(decoder: Decoder, random: Random): void {
  for (const { initial, offset, size } of parametersOf(decoder)) {
    for (let i = offset; i < offset + size; i++) {
      decoder.parameters[i] = "value" in initial ? initial.value : initial.bound * (2 * random.uniform() - 1);
    }
  }
}

function checkSizes(sizes: unknown): readonly number[] {
  if (!Array.isArray(sizes) || sizes.length < 2) {
    const shown = Array.isArray(sizes) ? showShape(sizes) : show(sizes);
    throw refused("layers", "is", shown, "the sizes from latent to output, as [20, 150, 784]");
  }
  // Each layer is two operations, a linear map and its activation.
  const most = MOST_OPERATIONS / 2;
  if (sizes.length > most + 1) {
    const [got, expected] = [gotten(`${sizes.length - 1} layers`), wanted(`at most ${most}`)];
    throw invalidOption("layers", words`there are ${got}, expected ${expected}`);
  }
  return Array.from(sizes, (size, index) => checkNumber(`layers[${index}]`, size, { min: 1, integer: true }));
}
