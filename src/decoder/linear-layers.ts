import { LatentflowError } from "../base/errors.ts";
import { gotten, joined, option, wanted, words } from "../base/message.ts";
import { invalidFile, objection } from "../base/refuse.ts";
import { show, showList, showShape } from "../base/show.ts";
import type { Tensor } from "../files/tensor.ts";
import type { LayerDescription } from "../graph/layers.ts";

// Plain stacks of linear layers in safetensors files, named as in a torch.nn.Sequential or ModuleList. Files with any
// other tensors are refused: they do not tell in which order tensors are applied, nor what is between them.

/**
 * Name and sizes of a linear layer with tensors `NAME.weight` [outputSize, inputSize] and, optionally, `NAME.bias`
 * [outputSize].
 */
export type LinearLayer = Omit<LayerDescription, "activation">;

/**
 * Weight and bias of one linear layer in a file; either may be absent. The tensors are called `PREFIX` + `NUMBER` + `.weight` and
 * `.bias`, with a prefix such as `decoder.` and a number such as 2.
 */
interface Module {
  readonly prefix: string;
  readonly number: number;
  readonly weight?: Tensor;
  readonly bias?: Tensor;
}

/** Maximum number of characters of a list in a message that also contains a line of Python. */
const LONGEST_LIST = 200;

/** Matches the name of a layer, such as `decoder.2`, and captures its prefix, `decoder.`, and its number, 2. */
const LAYER = /^((?:.*\D)?)(\d{1,9})$/s;

/**
 * Lists the linear layers in a file, ordered by the numbers in their names.
 *
 * @param prefix tensors whose names do not start with it are ignored
 * @throws LatentflowError `needs_conversion` if the tensors are not a plain stack of linear layers, `invalid_argument` if
 *   no tensor has the prefix, `invalid_file` if there are no tensors
 */
export function collectLayers(tensors: ReadonlyMap<string, Tensor>, prefix = ""): readonly LinearLayer[] {
  const names = [...tensors.keys()];
  if (names.length === 0) throw invalidFile("the file holds no tensors, expected those of a decoder");
  const chosen = names.filter((name) => name.startsWith(prefix));
  if (chosen.length === 0) {
    const tensors = words`the file's tensors are ${wanted(showList(names.map(show)))}`;
    const reason = words`is ${gotten(show(prefix))}, with which no tensor's name begins; ${tensors}`;
    throw objection("prefix", reason);
  }
  const modules = new Map<string, Module>();
  const others: string[] = [];
  for (const tensor of chosen) {
    const dot = tensor.lastIndexOf(".");
    const [name, part] = [tensor.slice(0, Math.max(dot, 0)), tensor.slice(dot + 1)];
    const layer = part === "weight" || part === "bias" ? LAYER.exec(name) : null;
    if (!layer) others.push(tensor);
    else {
      const known = modules.get(name) ?? { prefix: layer[1]!, number: Number(layer[2]) };
      modules.set(name, { ...known, [part]: tensors.get(tensor)! });
    }
  }
  const stack = [...modules].sort(([, a], [, b]) => a.number - b.number);
  const problem = problemOf(stack, others);
  if (problem !== undefined) {
    const prefixes = [...new Set(stack.map(([, module]) => module.prefix))];
    const shared = chosen.reduce(sharedBeginning);
    const narrower = prefixes.filter((text) => !shared.startsWith(text));
    throw needsConversion(problem, narrower, latentSizeOf(stack));
  }
  return stack.map(([name, { weight }]) => {
    const [outputSize, inputSize] = weight!.shape as [number, number];
    return { name, inputSize, outputSize };
  });
}

/**
 * True if names are those of a plain stack: one prefix, and numbers that increase by 1, as in a ModuleList of layers, or
 * by 2, as in a Sequential with an activation after each layer. Any other step leaves room for modules without tensors.
 */
export function areStackNames(names: readonly string[]): boolean {
  const layers = names.map((name) => LAYER.exec(name));
  if (layers.some((layer) => !layer || layer[1] !== layers[0]![1])) return false;
  const steps = layers.slice(1).map((layer, i) => Number(layer![2]) - Number(layers[i]![2]));
  return steps.every((step) => step === steps[0] && (step === 1 || step === 2));
}

/** Returns the longest common prefix of two texts. */
function sharedBeginning(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

/**
 * Returns the latent size, the inputs of the stack's first layer; undefined if a later layer has fewer inputs, as when an
 * encoder comes first, or if the first layer has no weight of two axes.
 */
function latentSizeOf(stack: Stack): number | undefined {
  const [first, ...others] = stack.map(([, { weight }]) =>
    weight?.shape.length === 2 ? weight.shape[1] : undefined,
  );
  if (!first || others.some((inputs) => inputs !== undefined && inputs < first)) return undefined;
  return first;
}

/** Linear layers of a file with their names, such as `decoder.2`, sorted by the number at the end of the name. */
type Stack = readonly (readonly [name: string, module: Module])[];

/** Returns the reason why tensors are not a plain stack of linear layers; undefined if they are. */
function problemOf(stack: Stack, others: readonly string[]): string | undefined {
  if (others.length > 0)
    return `${showList(others.map(show), LONGEST_LIST)}: no linear layer has such tensors`;
  for (const [name, { weight }] of stack) {
    if (!weight) return `${show(`${name}.weight`)} is missing, but there is a bias`;
    if (weight.shape.length === 2) continue;
    return `${show(`${name}.weight`)} is ${showShape(weight.shape)}, a linear layer's is [out, in]`;
  }
  const names = stack.map(([name]) => name);
  if (!areStackNames(names)) {
    return (
      `the layers are ${showList(names.map(show), LONGEST_LIST)}, expected one prefix, and numbers that grow by 1 or by 2: others leave ` +
      "room for modules without tensors"
    );
  }
  const chains = stack.every(([, { weight, bias }], i) => {
    const [outputs = 0, inputs = 0] = weight!.shape;
    const isWhole = outputs > 0 && inputs > 0 && (!bias || String(bias.shape) === String([outputs]));
    return isWhole && (i === 0 || inputs === stack[i - 1]![1].weight!.shape[0]);
  });
  if (chains) return undefined;
  const shapes = stack.map(
    ([name, { weight, bias }]) =>
      `${show(name)} ${showShape(weight!.shape)}${bias ? ` with bias ${showShape(bias.shape)}` : ""}`,
  );
  return `the shapes do not chain, [out, in] with bias [out], each layer's in being the last one's out: ${showList(shapes, LONGEST_LIST)}`;
}

/** Maximum number of prefixes that a message suggests. */
const MOST_PREFIXES = 3;

/**
 * Makes the error for a safetensors file that does not tell how its tensors are applied. Its message contains the line of
 * Python that converts the decoder.
 *
 * @param prefixes prefixes of tensor names, one of which may select the decoder; empty if there is no choice
 * @param latentSize latent size for the line of Python; undefined if the file does not determine it
 */
function needsConversion(
  problem: string,
  prefixes: readonly string[],
  latentSize: number | undefined,
): LatentflowError {
  const choices = prefixes
    .slice(0, MOST_PREFIXES)
    .map((text, i) => option("prefix", text, `${i === 0 ? "the option prefix: " : ""}${show(text)}`));
  const part =
    choices.length > 0
      ? words`; give ${joined(choices, " or ")} if only a part of the tensors is the decoder's`
      : "";
  return new LatentflowError(
    "needs_conversion",
    words`the file has no definition, and is no plain stack of linear layers: ${problem}${part}. Convert the decoder to ONNX in Python, with python/latentflow_export.py of this package: from latentflow_export import export; export(decoder, "decoder.onnx", latent=${latentSize ?? "LATENT_SIZE"})`,
  );
}
