import { invalid, show } from "../check.ts";
import type { ActivationLike } from "./activation.ts";
import {
  type ConvolutionDefinition,
  type GraphDefinition,
  type OperationDefinition,
  type OperationSettings,
  readDefinition,
} from "./definition.ts";
import { LATENT } from "./graph.ts";
import type { OperationKind } from "./operations.ts";

/** A layer of `sequential`: an operation that has no name yet. */
export interface Layer<Kind extends OperationKind = OperationKind> {
  readonly kind: Kind;
  readonly settings: OperationSettings[Kind];
}

function layer<Kind extends OperationKind>(kind: Kind, settings: OperationSettings[Kind]): Layer<Kind> {
  return Object.freeze({ kind, settings });
}

/** A fully connected layer: weight · input + bias, of so many outputs. It reads one axis: see `reshape`. */
export function dense(units: number): Layer<"dense"> {
  return layer("dense", { units });
}

/** The same numbers in another shape, row-major: `[height, width, channels]` for convolutions. */
export function reshape(shape: readonly number[]): Layer<"reshape"> {
  return layer("reshape", { shape });
}

/** A convolution over `[height, width, channels]` or `[width, channels]`. */
export function conv(settings: ConvolutionDefinition): Layer<"conv"> {
  return layer("conv", settings);
}

/** A transposed convolution, PyTorch's `ConvTranspose2d` or `ConvTranspose1d`. */
export function convTranspose(settings: OperationSettings["convTranspose"]): Layer<"convTranspose"> {
  return layer("convTranspose", settings);
}

/** A function of each number, by its name, or as an object with its parameter: `{ name: "leakyRelu", slope: 0.2 }`. */
export function activation(name: ActivationLike): Layer<"activation"> {
  return layer("activation", { activation: name });
}

/** x for x > 0, else alpha · (exp(x) - 1). Default alpha: 1. */
export function elu({ alpha }: { readonly alpha?: number } = {}): Layer<"activation"> {
  return activation({ name: "elu", ...(alpha !== undefined && { alpha }) });
}

/** x for x > 0, else slope · x. Default slope: 0.01. */
export function leakyRelu({ slope }: { readonly slope?: number } = {}): Layer<"activation"> {
  return activation({ name: "leakyRelu", ...(slope !== undefined && { slope }) });
}

/** sin(frequency · x). Default frequency: 1. */
export function sine({ frequency }: { readonly frequency?: number } = {}): Layer<"activation"> {
  return activation({ name: "sine", ...(frequency !== undefined && { frequency }) });
}

/** max(x, 0) */
export function relu(): Layer<"activation"> {
  return activation("relu");
}

export function tanh(): Layer<"activation"> {
  return activation("tanh");
}

/** 1 / (1 + exp(-x)); at the end it is the output activation, which cross entropy has in itself. */
export function sigmoid(): Layer<"activation"> {
  return activation("sigmoid");
}

/** x · sigmoid(x) */
export function silu(): Layer<"activation"> {
  return activation("silu");
}

/** x · Φ(x), Φ the normal distribution. */
export function gelu(): Layer<"activation"> {
  return activation("gelu");
}

/** log(1 + exp(x)) */
export function softplus(): Layer<"activation"> {
  return activation("softplus");
}

/**
 * Layers one after the other, from a latent of `latentSize` numbers: the definition of a decoder for `createDecoder`.
 * The operations are named by their numbers, as in PyTorch's `Sequential`: `"0"`, `"1"`, …
 *
 * @throws LatentflowError `invalid_argument` where the layers do not fit together
 * @example
 * const decoder = createDecoder(sequential(32, [
 *   dense(7 * 7 * 64), elu(), reshape([7, 7, 64]),
 *   convTranspose({ channels: 32, kernel: 4, stride: 2, padding: 1 }), elu(),
 *   convTranspose({ channels: 1, kernel: 4, stride: 2, padding: 1 }), sigmoid(),
 * ]), { seed: 1 });
 */
export function sequential(latentSize: number, layers: readonly Layer[]): GraphDefinition {
  const where = "sequential";
  if (!Array.isArray(layers))
    throw invalid(`${where}: layers is ${show(layers)}, expected an array of layers`);
  const operations = layers.map((value: unknown, i): OperationDefinition => {
    const { kind, settings } = Object(value) as Partial<Layer>;
    if (typeof kind !== "string" || typeof settings !== "object" || settings === null) {
      const hint = typeof value === "function" ? "; call it: elu()" : "";
      throw invalid(`${where}: layer ${i} is ${show(value)}, expected one such as dense(10) or elu()${hint}`);
    }
    const inputs = [i === 0 ? LATENT : String(i - 1)];
    return { ...settings, kind, name: String(i), inputs } as OperationDefinition;
  });
  const definition: GraphDefinition = { format: 1, layout: "channelsLast", latentSize, operations };
  readDefinition(where, definition);
  return definition;
}
