import { invalidFile, show, showList, showShape } from "../base/check.ts";
import { option } from "../base/message.ts";
import type { Tensor } from "../files/tensor.ts";
import {
  findModules,
  foldNormalisation,
  isNorm,
  type NamedTensor,
  type Refuse,
  type SequentialModule,
  under,
} from "./sequential-modules.ts";

/** A dense layer as it lies in a file, with what can be folded into it. */
export interface LayerTensors {
  /** What is before `.weight` and `.bias`. */
  readonly name: string;
  readonly inputSize: number;
  readonly outputSize: number;
  /** [outputSize, inputSize]; with lengths only the directions of its rows. */
  readonly weight: NamedTensor;
  /** [outputSize, 1], of weight normalisation: the lengths of the weight's rows. */
  readonly lengths: NamedTensor | undefined;
  /** [outputSize]; undefined: zeros. */
  readonly bias: NamedTensor | undefined;
  /** A BatchNorm of what goes into the layer. */
  readonly before: NormTensors | undefined;
  /** A BatchNorm of what comes out of it, before the activation. */
  readonly after: NormTensors | undefined;
}

/** A BatchNorm as it lies in a file: each tensor [size]. */
export interface NormTensors {
  readonly name: string;
  readonly size: number;
  /** Undefined: ones, and zeros. */
  readonly weight: NamedTensor | undefined;
  readonly bias: NamedTensor | undefined;
  readonly mean: NamedTensor;
  readonly variance: NamedTensor;
}

/** Where BatchNorms stand that come between two layers. */
export type BatchNormPlace = "beforeActivation" | "afterActivation";

/** What is said of the tensors beside their names. */
export interface LayerOptions {
  /** Tensors whose names do not begin with it are left alone. */
  readonly prefix: string | undefined;
  /** Undefined: the layers' numbers have to tell. */
  readonly batchNorm: BatchNormPlace | undefined;
}

/**
 * The layers of a decoder among the tensors of a file: `…N.weight` [out, in] and `…N.bias` [out], all with one
 * prefix, ordered by N as a number, each layer's inputs being the outputs of the one before. A bias may be missing, a
 * weight be given by weight normalisation, and a BatchNorm stand between two layers.
 *
 * @param where the function called, for messages
 * @throws LatentflowError `invalid_file` when the tensors are anything else; the message says what they seem to be,
 *   and how to make of them what is read; `invalid_argument` when no tensor has the prefix
 */
export function collectLayers(
  where: string,
  tensors: ReadonlyMap<string, Tensor>,
  { prefix, batchNorm }: LayerOptions,
): LayerTensors[] {
  const refuse: Refuse = (problem) => invalidFile(`${where}: ${problem}`);
  const found = findModules(prefix === undefined ? tensors : under(where, prefix, tensors), refuse);
  const norms = found.filter(isNorm);
  const dense = found.filter((module) => !isNorm(module));
  if (dense.length === 0) {
    throw refuse(
      `the file holds BatchNorms without a layer: ${showList(norms.map(({ name }) => show(name)))}`,
    );
  }
  for (const module of dense) checkDense(module, found.length, refuse);
  const read = dense.map((module) => readDense(module, refuse));
  const places = placeNorms(norms, dense, batchNorm, refuse);
  const layers = read.map((layer, index): LayerTensors => {
    const [outputSize, inputSize] = layer.weight.shape as [number, number];
    return { ...layer, inputSize, outputSize, ...places[index]! };
  });
  checkChain(layers, refuse);
  for (const { name, inputSize, outputSize, before, after } of layers) {
    for (const [norm, size] of [[before, inputSize] as const, [after, outputSize] as const]) {
      if (!norm || norm.size === size) continue;
      throw refuse(
        `the BatchNorm ${show(norm.name)} is of ${norm.size} values, but there are ${size} where it acts on the layer ` +
          show(name),
      );
    }
  }
  return layers;
}

/** The tensors of a dense layer. */
function readDense(
  { name, parts }: SequentialModule,
  refuse: Refuse,
): Pick<LayerTensors, "name" | "weight" | "lengths" | "bias"> {
  const { weight, bias } = parts;
  const lengths = parts.weight_g ?? parts["parametrizations.weight.original0"];
  const directions = parts.weight_v ?? parts["parametrizations.weight.original1"];
  if (!weight && !lengths && !directions) {
    throw refuse(`the tensor ${show(`${name}.weight`)} is missing, but its bias is there`);
  }
  if (!lengths && !directions) return { name, weight: weight!, lengths: undefined, bias };
  const names = Object.keys(parts).filter((part) => part !== "bias");
  if (!lengths || !directions || names.length > 2) {
    throw refuse(
      `the layer ${show(name)} has ${showList(names.map(show))}, expected a weight, or of weight normalisation "weight_g" ` +
        'and "weight_v", or "parametrizations.weight.original0" and "….original1"',
    );
  }
  const [outputs = 0] = directions.shape;
  if (directions.shape.length === 2 && String(lengths.shape) === String([outputs, 1])) {
    return { name, weight: directions, lengths, bias };
  }
  throw refuse(
    `${show(lengths.name)} is ${showShape(lengths.shape)} beside ${show(directions.name)} ${showShape(directions.shape)}, ` +
      "expected [out, 1] beside [out, in], weight normalisation by rows (dim=0); of another put the weight itself into " +
      'the file: torch.nn.utils.remove_weight_norm(layer), or parametrize.remove_parametrizations(layer, "weight")',
  );
}

/** The tensors of a BatchNorm. */
function readNorm({ name, parts }: SequentialModule, refuse: Refuse): NormTensors {
  const { running_mean: mean, running_var: variance, weight, bias } = parts;
  if (!mean || !variance) {
    throw refuse(
      `the BatchNorm ${show(name)} has no ${mean ? "running_var" : "running_mean"}: without statistics of its own ` +
        "it depends on the batch, and is no function of a latent",
    );
  }
  const tensors = { mean, variance, ...(weight && { weight }), ...(bias && { bias }) };
  const [size = 0] = mean.shape;
  for (const tensor of Object.values(tensors)) {
    if (tensor.shape.length === 1 && tensor.shape[0] === size) continue;
    throw refuse(`${show(tensor.name)} is ${showShape(tensor.shape)}, expected [${size}] as a BatchNorm's`);
  }
  if (!weight !== !bias) {
    throw refuse(
      `the BatchNorm ${show(name)} has a ${weight ? "weight" : "bias"} alone, expected both or neither`,
    );
  }
  return { name, size, mean, variance, weight, bias };
}

/** A layer's BatchNorms. */
interface Places {
  before: NormTensors | undefined;
  after: NormTensors | undefined;
}

/**
 * Which layer each BatchNorm is folded into. In a Sequential with activations of their own the numbers tell: where
 * there is none left between layer and norm, but one between norm and next layer, that is the activation's.
 */
function placeNorms(
  norms: readonly SequentialModule[],
  layers: readonly SequentialModule[],
  said: BatchNormPlace | undefined,
  refuse: Refuse,
): Places[] {
  const places = layers.map((): Places => ({ before: undefined, after: undefined }));
  let gap = -1;
  for (const norm of norms) {
    const tensors = readNorm(norm, refuse);
    const following = layers.findIndex(({ number }) => number > norm.number);
    const next = following < 0 ? layers.length : following;
    const shown = `the BatchNorm ${show(norm.name)}`;
    if (gap === next)
      throw refuse(`${shown} and the one before it have no layer between them; ${foldNormalisation}`);
    gap = next;
    const place = placeOf(norm.number, layers[next - 1]?.number, layers[next]?.number);
    if (place !== "unclear" && said !== undefined && next > 0 && place !== said) {
      throw refuse(
        `${shown} stands ${place === "beforeActivation" ? "before" : "after"} an activation by the numbers of the layers ` +
          `around it, but batchNorm says ${show(said)}; number the layers as they follow each other, or leave it out`,
      );
    }
    // What is before the first layer is after no activation, whatever is said of the others.
    const chosen = place !== "unclear" ? place : next > 0 ? said : undefined;
    if (chosen === undefined) {
      const before = option("batchNorm", "beforeActivation", 'the option batchNorm: "beforeActivation"');
      const after = option("batchNorm", "afterActivation", '"afterActivation"');
      throw refuse(
        next === 0 || next === layers.length
          ? `${shown} stands ${next === 0 ? "before the first layer" : "after the last layer"} with room for an activation ` +
              "between them, and there is no layer that it can be folded into. If there is no activation between " +
              `them, number it ${next === 0 ? "directly before" : "directly after"}`
          : `the numbers of ${shown} and of the layers around it do not tell whether it comes before or after the ` +
              `activation; give ${before} or ${after}, or write batchNorm into ` +
              "the file's metadata",
      );
    }
    if (chosen === "beforeActivation" && next > 0) places[next - 1]!.after = tensors;
    else if (chosen === "afterActivation" && next < layers.length) places[next]!.before = tensors;
    else {
      throw refuse(
        `${shown} acts on what comes out of the last activation, and there is no layer after it that it could be folded ` +
          "into",
      );
    }
  }
  return places;
}

/** Where a BatchNorm stands by the numbers of the layers before and after it. */
function placeOf(
  number: number,
  before: number | undefined,
  after: number | undefined,
): BatchNormPlace | "unclear" {
  const follows = before === number - 1;
  const leads = after === number + 1;
  // No activation is before the first layer: what is directly before it acts on its input.
  if (before === undefined) return leads ? "afterActivation" : "unclear";
  if (follows === leads) return "unclear";
  return follows ? "beforeActivation" : "afterActivation";
}

function checkChain(layers: readonly LayerTensors[], refuse: Refuse): void {
  const shapesOf = (weight: (shape: readonly number[]) => readonly number[]) =>
    layers.map((layer) => {
      const shape = weight(layer.weight.shape);
      return [shape, layer.bias?.shape ?? [shape[0]!]] as const;
    });
  if (chain(shapesOf((shape) => shape))) return;
  const areTransposed = chain(shapesOf((shape) => [...shape].reverse()));
  const shapes = layers.map(
    ({ name, weight, bias }) =>
      `${show(name)} weight ${showShape(weight.shape)} ${bias ? `bias ${showShape(bias.shape)}` : "without a bias"}`,
  );
  throw refuse(
    areTransposed
      ? "the weights are transposed, [in, out] as Keras and JAX have them, expected [out, in]; save " +
          `weight.T.copy() of each (in PyTorch weight.T.contiguous()): ${showList(shapes)}`
      : "the shapes do not chain; expected weight [out, in], bias [out] and each layer's in to be the out of " +
          `the layer before, but there are ${showList(shapes)}`,
  );
}

/** Whether these are the shapes of dense layers, each of which takes what the one before gives. */
function chain(shapes: readonly (readonly [weight: readonly number[], bias: readonly number[]])[]): boolean {
  return shapes.every(([weight, bias], index) => {
    const [outputSize = 0, inputSize = 0] = weight;
    return (
      weight.length === 2 &&
      inputSize >= 1 &&
      outputSize >= 1 &&
      bias.length === 1 &&
      bias[0] === outputSize &&
      (index === 0 || inputSize === shapes[index - 1]![0][0])
    );
  });
}

/** Refuses a weight that is another layer's than a fully connected one's. */
function checkDense({ parts }: SequentialModule, modules: number, refuse: Refuse): void {
  for (const tensor of [parts.weight, parts.weight_v, parts["parametrizations.weight.original1"]]) {
    if (!tensor) continue;
    const axes = tensor.shape.length;
    const shown = `${show(tensor.name)} is ${showShape(tensor.shape)}`;
    if (axes >= 3 && axes <= 5) {
      throw refuse(
        `${shown}: a convolution's; tensors alone do not say how it is applied, and of such files only fully connected ` +
          "layers are read. Export the decoder with python/latentflow_export.py of this package, and read the ONNX file " +
          'by loadOnnx of "latentflow/onnx"',
      );
    }
    if (axes === 1 && modules > 1) {
      throw refuse(
        `${shown}: a normalisation's or a PReLU's; it is no BatchNorm with statistics, since running_mean is missing; ` +
          foldNormalisation,
      );
    }
  }
}
