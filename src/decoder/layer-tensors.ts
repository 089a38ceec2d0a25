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

/**
 * The layers of a decoder among the tensors of a file: `…N.weight` [out, in] and `…N.bias` [out], all with one
 * prefix, ordered by N as a number, each layer's inputs being the outputs of the one before.
 *
 * @param where the function called, for messages
 * @throws LatentflowError `invalid_file` when the tensors are anything else
 */
export function collectLayers(where: string, tensors: ReadonlyMap<string, Tensor>): LayerTensors[] {
  const refuse = (problem: string) => new LatentflowError("invalid_file", `${where}: ${problem}`);
  const found = findLayers(tensors, refuse);
  const layers = found.map(({ name, weight, bias }) => {
    if (!weight) throw refuse(`the tensor ${show(`${name}.weight`)} is missing, but its bias is there`);
    if (!bias) {
      throw refuse(
        `the tensor ${show(`${name}.bias`)} is missing; a layer without one needs a bias of zeros`,
      );
    }
    const [outputSize, inputSize] = weight.shape as [number, number];
    return { name, inputSize, outputSize, weight, bias };
  });
  const fits = layers.every(
    ({ inputSize, outputSize, weight, bias }, index) =>
      weight.shape.length === 2 &&
      inputSize >= 1 &&
      outputSize >= 1 &&
      bias.shape.length === 1 &&
      bias.shape[0] === outputSize &&
      (index === 0 || inputSize === layers[index - 1]!.outputSize),
  );
  if (!fits) {
    const shapes = layers.map(
      ({ name, weight, bias }) =>
        `${show(name)} weight ${showShape(weight.shape)} bias ${showShape(bias.shape)}`,
    );
    throw refuse(
      "the shapes do not chain; expected weight [out, in], bias [out] and each layer's in to be the out of " +
        `the layer before, but there are ${list(shapes)}`,
    );
  }
  return layers;
}

function findLayers(
  tensors: ReadonlyMap<string, Tensor>,
  refuse: (problem: string) => LatentflowError,
): Found[] {
  const byName = new Map<string, Found>();
  const unexpected: string[] = [];
  for (const [tensor, value] of tensors) {
    const match = tensorName.exec(tensor);
    if (!match) {
      unexpected.push(show(tensor));
      continue;
    }
    const [, prefix, digits, part] = match as unknown as [string, string, string, "weight" | "bias"];
    const name = prefix + digits;
    const layer: Found = byName.get(name) ?? { name, prefix, number: Number(digits) };
    layer[part] = value;
    byName.set(name, layer);
  }
  if (unexpected.length > 0) {
    throw refuse(
      `the file holds tensors that are not a decoder's: ${list(unexpected)}; expected only N.weight and N.bias ` +
        "after a common prefix, N being the layer's number",
    );
  }
  const layers = [...byName.values()].sort((a, b) => a.number - b.number);
  if (layers.length === 0)
    throw refuse("the file holds no tensors, expected N.weight and N.bias for each layer");

  const prefixes = [...new Set(layers.map(({ prefix }) => prefix))];
  if (prefixes.length > 1) {
    throw refuse(
      `the file's tensors have ${prefixes.length} prefixes: ${list(prefixes.map(show))}; expected one. Save the decoder alone`,
    );
  }
  const repeated = layers.find(({ number }, index) => number === layers[index - 1]?.number);
  if (repeated)
    throw refuse(`the layer number ${repeated.number} occurs twice, with and without leading zeros`);
  return layers;
}

function list(items: readonly string[]): string {
  const rest = items.length - mostListed;
  return items.slice(0, mostListed).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
