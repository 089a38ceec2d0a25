import { escapeText, invalid, show } from "../check.ts";
import { LatentflowError } from "../errors.ts";
import { showShape } from "./output.ts";
import type { Tensor } from "./tensor.ts";

/** A tensor with its name in the file. */
export interface NamedTensor extends Tensor {
  readonly name: string;
}

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

/** What a module's tensors are called after its name. */
type Part =
  | "weight"
  | "bias"
  | "weight_g"
  | "weight_v"
  | "parametrizations.weight.original0"
  | "parametrizations.weight.original1"
  | "running_mean"
  | "running_var"
  | "num_batches_tracked";

/** The tensors of one module. */
interface Found {
  readonly name: string;
  readonly prefix: string;
  readonly number: number;
  readonly parts: Partial<Record<Part, NamedTensor>>;
}

// PyTorch's names in a Sequential: a prefix, the module's number, which part of it.
const tensorName =
  /^((?:.*\D)?)(\d{1,9})\.(weight|bias|weight_[gv]|parametrizations\.weight\.original[01]|running_mean|running_var|num_batches_tracked)$/s;
const mostListed = 12;
const longestList = 400;

/** Makes the error that names a problem of the file. */
type Refuse = (problem: string) => LatentflowError;

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
  const refuse: Refuse = (problem) => new LatentflowError("invalid_file", `${where}: ${problem}`);
  const found = findModules(prefix === undefined ? tensors : under(where, prefix, tensors), refuse);
  const norms = found.filter(isNorm);
  const dense = found.filter((module) => !isNorm(module));
  if (dense.length === 0) {
    throw refuse(`the file holds BatchNorms without a layer: ${list(norms.map(({ name }) => show(name)))}`);
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

/** The tensors under a prefix. */
function under(
  where: string,
  prefix: string,
  tensors: ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, Tensor> {
  const chosen = new Map([...tensors].filter(([name]) => name.startsWith(prefix)));
  if (chosen.size > 0 || tensors.size === 0) return chosen;
  const prefixes = new Set([...tensors.keys()].map(prefixOf));
  throw invalid(
    `${where}: prefix is ${show(prefix)}, with which no tensor's name begins; the file's prefixes are ` +
      list([...prefixes].map(show)),
  );
}

/** What is before a module's number, or, where it has none, before the last word. */
function prefixOf(tensor: string): string {
  return tensorName.exec(tensor)?.[1] ?? tensor.slice(0, tensor.lastIndexOf(".") + 1);
}

function isNorm({ parts }: Found): boolean {
  return Boolean(parts.running_mean ?? parts.running_var ?? parts.num_batches_tracked);
}

/** The tensors of a dense layer. */
function readDense(
  { name, parts }: Found,
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
      `the layer ${show(name)} has ${list(names.map(show))}, expected a weight, or of weight normalisation "weight_g" ` +
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
function readNorm({ name, parts }: Found, refuse: Refuse): NormTensors {
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
  norms: readonly Found[],
  layers: readonly Found[],
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
      throw refuse(
        next === 0 || next === layers.length
          ? `${shown} stands ${next === 0 ? "before the first layer" : "after the last layer"} with room for an activation ` +
              "between them, and there is no layer that it can be folded into. If there is no activation between " +
              `them, number it ${next === 0 ? "directly before" : "directly after"}`
          : `the numbers of ${shown} and of the layers around it do not tell whether it comes before or after the ` +
              'activation; give the option batchNorm: "beforeActivation" or "afterActivation", or write batchNorm into ' +
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
          `weight.T.copy() of each (in PyTorch weight.T.contiguous()): ${list(shapes)}`
      : "the shapes do not chain; expected weight [out, in], bias [out] and each layer's in to be the out of " +
          `the layer before, but there are ${list(shapes)}`,
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
function checkDense({ parts }: Found, modules: number, refuse: Refuse): void {
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

const rename =
  "number its layers in their order: layers = [m for m in decoder.modules() if isinstance(m, torch.nn.Linear)]; " +
  'save_file({f"{i}.{p}": getattr(m, p).detach() for i, m in enumerate(layers) for p in ("weight", "bias")}, path)';

const foldNormalisation =
  "only fully connected layers are read, and one BatchNorm with statistics between two of them. Fold BatchNorm into " +
  "the layer before it: torch.nn.utils.fusion.fuse_linear_bn_eval(linear.eval(), norm.eval()), and " +
  "torch.nn.Identity() in the norm's place; other normalisations cannot be folded";

/** What tensors with other names belong to, and what to do. */
const foreign: readonly (readonly [pattern: RegExp, cure: string])[] = [
  [
    /(^|\.)(running_mean|running_var|num_batches_tracked|moving_mean|moving_variance)$/,
    `BatchNorm's; ${foldNormalisation}`,
  ],
  [
    /(^|\.)(weight_[guv]|weight_orig|parametrizations\..*)$/,
    "a parametrised weight's; put the weight itself in its place: torch.nn.utils.parametrize.remove_parametrizations(" +
      'layer, "weight"), or remove_weight_norm(layer), remove_spectral_norm(layer)',
  ],
  [
    /(^|\.)kernel(:0)?$/,
    "Keras's or JAX's, [in, out]; save kernel.T.copy() as N.weight, N being the layer's number",
  ],
  [
    /(^|\.)((weight|bias)_(ih|hh)_l\d+(_reverse)?|in_proj_(weight|bias))$/,
    "a recurrent or an attention layer's, which are not read",
  ],
];

function findModules(tensors: ReadonlyMap<string, Tensor>, refuse: Refuse): Found[] {
  const byName = new Map<string, Found>();
  const unexpected: string[] = [];
  for (const [tensor, value] of tensors) {
    const match = tensorName.exec(tensor);
    if (!match) {
      unexpected.push(tensor);
      continue;
    }
    const [, prefix, digits, part] = match as unknown as [string, string, string, Part];
    const name = prefix + digits;
    const module: Found = byName.get(name) ?? { name, prefix, number: Number(digits), parts: {} };
    module.parts[part] = { ...value, name: tensor };
    byName.set(name, module);
  }
  if (tensors.size === 0)
    throw refuse("the file holds no tensors, expected N.weight and N.bias for each layer");

  refuseWholeModel([...tensors.keys()], refuse);
  for (const [pattern, cure] of foreign) {
    const name = unexpected.find((tensor) => pattern.test(tensor));
    if (name !== undefined) throw refuse(`the tensor ${show(name)} is ${cure}`);
  }
  if (unexpected.length > 0) {
    throw refuse(
      `the file holds tensors that are not a decoder's: ${list(unexpected.map(show))}; expected only N.weight and ` +
        "N.bias after a common prefix, N being the layer's number, as torch.nn.Sequential names them; give the option " +
        `prefix: "decoder.", say, or save the decoder alone; or, if it is alone, ${rename}`,
    );
  }
  const layers = [...byName.values()].sort((a, b) => a.number - b.number);
  const prefixes = [...new Set(layers.map(({ prefix }) => prefix))];
  const norm = prefixes.length > 1 ? layers.find(isNorm) : undefined;
  if (norm) {
    throw refuse(
      `${show(norm.name)} is a BatchNorm, and has another name than the layers, so that its place is unknown. Number ` +
        `both as they follow each other, as torch.nn.Sequential does. Or fold it: ${foldNormalisation}`,
    );
  }
  if (prefixes.length > 1) {
    throw refuse(
      `the file's tensors have ${prefixes.length} prefixes: ${list(prefixes.map(show))}; expected one. Give the option ` +
        `prefix: ${show(prefixes[0]!)}, say, or save the decoder alone; or, if it is alone, ${rename}`,
    );
  }
  const repeated = layers.find(({ number }, index) => number === layers[index - 1]?.number);
  if (repeated)
    throw refuse(`the layer number ${repeated.number} occurs twice, with and without leading zeros`);
  return layers;
}

/** Refuses an autoencoder, of which the decoder is a part: `encoder.…` beside `decoder.…`. */
function refuseWholeModel(tensors: readonly string[], refuse: Refuse): void {
  const common = commonPath(tensors);
  const own = tensors.map((tensor) => tensor.slice(common.length));
  const heads = own.map((tensor) => tensor.slice(0, tensor.indexOf(".") + 1));
  const decoder = heads.find((head) => /^_?dec(oder)?\.$/i.test(head));
  const others = [...new Set(heads)].filter((head) => head !== decoder);
  if (decoder === undefined || others.length === 0) return;
  const alone = own.filter((_, index) => heads[index] === "");
  const shown = [...others.filter((head) => head !== ""), ...alone].map((name) => show(common + name));
  const prefix = common + decoder;
  throw refuse(
    `the file holds more than the decoder: ${list(shown)} beside ${show(prefix)}; give the option ` +
      `prefix: ${show(prefix)}, or save the decoder's state dict: save_file(model.${escapeText(prefix.slice(0, -1))}.state_dict(), path)`,
  );
}

/** What all names begin with, up to a dot. */
function commonPath([first = "", ...others]: readonly string[]): string {
  let path = "";
  for (;;) {
    const longer = first.slice(0, first.indexOf(".", path.length) + 1);
    if (longer.length <= path.length || !others.every((name) => name.startsWith(longer))) return path;
    path = longer;
  }
}

/** Items in a message, as many as stay readable. */
export function list(items: readonly string[]): string {
  const shown: string[] = [];
  for (const item of items.slice(0, mostListed)) {
    if (shown.length > 0 && shown.join(", ").length + item.length > longestList) break;
    shown.push(item);
  }
  const rest = items.length - shown.length;
  return shown.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
