import { show } from "../check.ts";
import { LatentflowError } from "../errors.ts";
import { showShape } from "./output.ts";
import type { Tensor } from "./tensor.ts";

/** A dense layer as it lies in a file. */
export interface LayerTensors {
  /** What is before `.weight` and `.bias`. */
  readonly name: string;
  readonly inputSize: number;
  readonly outputSize: number;
  /** [outputSize, inputSize] */
  readonly weight: Tensor;
  /** [outputSize] */
  readonly bias: Tensor;
}

/** The tensors of one layer, some of which may not have been found yet. */
interface Found {
  readonly name: string;
  readonly prefix: string;
  readonly number: number;
  weight?: Tensor;
  bias?: Tensor;
}

// PyTorch's names in a Sequential: a prefix, the layer's number, which part of it.
const tensorName = /^((?:.*\D)?)(\d{1,9})\.(weight|bias)$/s;
const mostListed = 12;
const longestList = 400;

/** Makes the error that names a problem of the file. */
type Refuse = (problem: string) => LatentflowError;

/**
 * The layers of a decoder among the tensors of a file: `…N.weight` [out, in] and `…N.bias` [out], all with one
 * prefix, ordered by N as a number, each layer's inputs being the outputs of the one before.
 *
 * @param where the function called, for messages
 * @throws LatentflowError `invalid_file` when the tensors are anything else; the message says what they seem to be,
 *   and how to make of them what is read
 */
export function collectLayers(where: string, tensors: ReadonlyMap<string, Tensor>): LayerTensors[] {
  const refuse: Refuse = (problem) => new LatentflowError("invalid_file", `${where}: ${problem}`);
  const found = findLayers(tensors, refuse);
  checkDense(found, refuse);
  const layers = found.map(({ name, weight, bias }) => {
    if (!weight) throw refuse(`the tensor ${show(`${name}.weight`)} is missing, but its bias is there`);
    if (!bias) {
      throw refuse(
        `the tensor ${show(`${name}.bias`)} is missing; a layer without one needs a bias of zeros: ` +
          `state[${show(`${name}.bias`)}] = torch.zeros(${weight.shape[0]})`,
      );
    }
    const [outputSize, inputSize] = weight.shape as [number, number];
    return { name, inputSize, outputSize, weight, bias };
  });
  if (chain(layers.map(({ weight, bias }) => [weight.shape, bias.shape]))) return layers;
  const areTransposed = chain(layers.map(({ weight, bias }) => [[...weight.shape].reverse(), bias.shape]));
  const shapes = layers.map(
    ({ name, weight, bias }) =>
      `${show(name)} weight ${showShape(weight.shape)} bias ${showShape(bias.shape)}`,
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

/** Refuses weights that are another layer's than a fully connected one's. */
function checkDense(layers: readonly Found[], refuse: Refuse): void {
  for (const { name, weight } of layers) {
    if (!weight) continue;
    const axes = weight.shape.length;
    const shown = `${show(`${name}.weight`)} is ${showShape(weight.shape)}`;
    if (axes >= 3 && axes <= 5) {
      throw refuse(
        `${shown}: a convolution's; of files of PyTorch's only fully connected layers are read today, with weights ` +
          "[out, in]. A decoder with convolutions can be made by sequential of latentflow/graph and trained here",
      );
    }
    if (axes === 1 && layers.length > 1)
      throw refuse(`${shown}: a normalisation's or a PReLU's; ${foldNormalisation}`);
  }
}

const rename =
  "number its layers in their order: layers = [m for m in decoder.modules() if isinstance(m, torch.nn.Linear)]; " +
  'save_file({f"{i}.{p}": getattr(m, p).detach() for i, m in enumerate(layers) for p in ("weight", "bias")}, path)';

const foldNormalisation =
  "only fully connected layers are read. Fold BatchNorm into the layer before it: " +
  "torch.nn.utils.fusion.fuse_linear_bn_eval(linear.eval(), norm.eval()), and torch.nn.Identity() in the norm's place; other normalisations cannot be folded";

/** What tensors with other names belong to, and what to do. */
const foreign: readonly (readonly [pattern: RegExp, cure: string])[] = [
  [
    /(^|\.)(running_mean|running_var|num_batches_tracked|moving_mean|moving_variance)$/,
    `BatchNorm's; ${foldNormalisation}`,
  ],
  [
    /(^|\.)(weight_g|weight_v|weight_orig|parametrizations\..*)$/,
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

function findLayers(tensors: ReadonlyMap<string, Tensor>, refuse: Refuse): Found[] {
  const byName = new Map<string, Found>();
  const unexpected: string[] = [];
  for (const [tensor, value] of tensors) {
    const match = tensorName.exec(tensor);
    if (!match) {
      unexpected.push(tensor);
      continue;
    }
    const [, prefix, digits, part] = match as unknown as [string, string, string, "weight" | "bias"];
    const name = prefix + digits;
    const layer: Found = byName.get(name) ?? { name, prefix, number: Number(digits) };
    layer[part] = value;
    byName.set(name, layer);
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
        "N.bias after a common prefix, N being the layer's number, as torch.nn.Sequential names them; save the " +
        `decoder alone; or, if it is alone, ${rename}`,
    );
  }
  const layers = [...byName.values()].sort((a, b) => a.number - b.number);
  const prefixes = [...new Set(layers.map(({ prefix }) => prefix))];
  if (prefixes.length > 1) {
    throw refuse(
      `the file's tensors have ${prefixes.length} prefixes: ${list(prefixes.map(show))}; expected one. Save the ` +
        `decoder alone: save_file(model.decoder.state_dict(), path); or, if it is alone, ${rename}`,
    );
  }
  const repeated = layers.find(({ number }, index) => number === layers[index - 1]?.number);
  if (repeated)
    throw refuse(`the layer number ${repeated.number} occurs twice, with and without leading zeros`);
  return layers;
}

/** Refuses an autoencoder, of which the decoder is a part: `encoder.…` beside `decoder.…`. */
function refuseWholeModel(tensors: readonly string[], refuse: Refuse): void {
  const heads = tensors.map((tensor) => tensor.slice(0, tensor.indexOf(".") + 1));
  const decoder = heads.find((head) => /^_?dec(oder)?\.$/i.test(head));
  const others = [...new Set(heads)].filter((head) => head !== decoder);
  if (decoder === undefined || others.length === 0) return;
  const alone = tensors.filter((_, index) => heads[index] === "");
  const shown = [...others.filter((head) => head !== ""), ...alone].map(show);
  throw refuse(
    `the file holds more than the decoder: ${list(shown)} beside ${show(decoder)}; save the decoder's state dict: ` +
      `save_file(model.${decoder.slice(0, -1)}.state_dict(), path)`,
  );
}

/** Items in a message, as many as stay readable. */
function list(items: readonly string[]): string {
  const shown: string[] = [];
  for (const item of items.slice(0, mostListed)) {
    if (shown.length > 0 && shown.join(", ").length + item.length > longestList) break;
    shown.push(item);
  }
  const rest = items.length - shown.length;
  return shown.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
