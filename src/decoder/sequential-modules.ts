import { escapeText, invalid, show, showList } from "../base/check.ts";
import type { LatentflowError } from "../base/errors.ts";
import { option, subject } from "../base/message.ts";
import type { Tensor } from "../files/tensor.ts";

// The modules of a torch.nn.Sequential, found by the names of a file's tensors.

/** A tensor with its name in the file. */
export interface NamedTensor extends Tensor {
  readonly name: string;
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
export interface SequentialModule {
  readonly name: string;
  readonly prefix: string;
  readonly number: number;
  readonly parts: Partial<Record<Part, NamedTensor>>;
}

// PyTorch's names in a Sequential: a prefix, the module's number, which part of it.
const tensorName =
  /^((?:.*\D)?)(\d{1,9})\.(weight|bias|weight_[gv]|parametrizations\.weight\.original[01]|running_mean|running_var|num_batches_tracked)$/s;

/** Makes the error that names a problem of the file. */
export type Refuse = (problem: string) => LatentflowError;

/** The tensors under a prefix. */
export function under(
  where: string,
  prefix: string,
  tensors: ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, Tensor> {
  const chosen = new Map([...tensors].filter(([name]) => name.startsWith(prefix)));
  if (chosen.size > 0 || tensors.size === 0) return chosen;
  const prefixes = new Set([...tensors.keys()].map(prefixOf));
  throw invalid(
    `${where}: ${subject("prefix")} is ${show(prefix)}, with which no tensor's name begins; the file's prefixes are ` +
      showList([...prefixes].map(show)),
  );
}

/** What is before a module's number, or, where it has none, before the last word. */
function prefixOf(tensor: string): string {
  return tensorName.exec(tensor)?.[1] ?? tensor.slice(0, tensor.lastIndexOf(".") + 1);
}

export function isNorm({ parts }: SequentialModule): boolean {
  return Boolean(parts.running_mean ?? parts.running_var ?? parts.num_batches_tracked);
}

const rename =
  "number its layers in their order: layers = [m for m in decoder.modules() if isinstance(m, torch.nn.Linear)]; " +
  'save_file({f"{i}.{p}": getattr(m, p).detach() for i, m in enumerate(layers) for p in ("weight", "bias")}, path)';

export const foldNormalisation =
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

export function findModules(tensors: ReadonlyMap<string, Tensor>, refuse: Refuse): SequentialModule[] {
  const byName = new Map<string, SequentialModule>();
  const unexpected: string[] = [];
  for (const [tensor, value] of tensors) {
    const match = tensorName.exec(tensor);
    if (!match) {
      unexpected.push(tensor);
      continue;
    }
    const [, prefix, digits, part] = match as unknown as [string, string, string, Part];
    const name = prefix + digits;
    const module: SequentialModule = byName.get(name) ?? { name, prefix, number: Number(digits), parts: {} };
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
      `the file holds tensors that are not a decoder's: ${showList(unexpected.map(show))}; expected only N.weight and ` +
        "N.bias after a common prefix, N being the layer's number, as torch.nn.Sequential names them; " +
        `give ${option("prefix", "decoder.", 'the option prefix: "decoder."')}, say, or save the decoder alone; or, if it is alone, ${rename}`,
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
      `the file's tensors have ${prefixes.length} prefixes: ${showList(prefixes.map(show))}; expected one. ` +
        `Give ${option("prefix", prefixes[0]!, `the option prefix: ${show(prefixes[0]!)}`)}, say, or save the decoder alone; or, if it is alone, ${rename}`,
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
    `the file holds more than the decoder: ${showList(shown)} beside ${show(prefix)}; give ` +
      `${option("prefix", prefix, `the option prefix: ${show(prefix)}`)}, or save the decoder's state dict: save_file(model.${escapeText(prefix.slice(0, -1))}.state_dict(), path)`,
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
