import { isPromise } from "../brand.ts";
import { invalid, memberHint, show } from "../check.ts";
import { LatentflowError } from "../errors.ts";
import type { StandardLoss } from "../loss.ts";
import type { Activation } from "./activation.ts";
import { writeMetadata } from "./metadata.ts";
import { writeSafetensors } from "./safetensors.ts";

/** A fully connected layer: output = activation(weight · input + bias). */
export interface DenseLayer {
  readonly kind: "dense";
  readonly inputSize: number;
  readonly outputSize: number;
  readonly activation: Activation;
  /** The layer's name in files: `NAME.weight` and `NAME.bias`. */
  readonly name: string;
  /** [outputSize, inputSize], row-major; a view into the decoder's `parameters`. Read only. */
  readonly weight: Float32Array;
  /** [outputSize]; a view into the decoder's `parameters`. Read only. */
  readonly bias: Float32Array;
}

/** What describes a dense layer before it has parameters. */
export type DenseDescription = Pick<DenseLayer, "name" | "inputSize" | "outputSize" | "activation">;

/** What describes a decoder before it has parameters. Everything in it has been checked. */
export interface DecoderDescription {
  /** At least one; each layer's `inputSize` is the `outputSize` of the one before. */
  readonly layers: readonly DenseDescription[];
  /** Its product is the last layer's `outputSize`. */
  readonly outputShape: readonly number[];
  readonly loss: StandardLoss | undefined;
}

/**
 * A decoder D: a network that maps a latent z, `latentSize` numbers, to a sample D(z), `outputSize` numbers,
 * in data space. An immutable value, made by `loadDecoder` or `createDecoder` and by nothing else.
 *
 * What an array holds cannot be frozen in JavaScript: that nobody writes to `parameters` is a contract.
 * Backends copy them on first use and would not see a change.
 *
 * `dispose()` frees those copies. Where the runtime has `Symbol.dispose` it does the same.
 */
export interface Decoder {
  /** From latent to output. The last layer's activation is the output activation. */
  readonly layers: readonly DenseLayer[];
  /** The size of a latent, d. */
  readonly latentSize: number;
  /** The size of a sample, n. */
  readonly outputSize: number;
  /** The shape of a sample, [28, 28] say: data is stored row-major. `[outputSize]` unless it was given. */
  readonly outputShape: readonly number[];
  /** What is applied to the last layer's outputs, the logits. */
  readonly outputActivation: Activation;
  /** The number of weights and biases. */
  readonly parameterCount: number;
  /** [parameterCount]: weight, then bias, of each layer in order. Read only. */
  readonly parameters: Float32Array;
  /** The loss that it was trained with, the default of `encode`; undefined when nobody said. */
  readonly loss: StandardLoss | undefined;
  /** Whether `dispose()` has been called. */
  readonly disposed: boolean;
  /**
   * The decoder as the bytes of a safetensors file, which `loadDecoder` reads back to the same bits, and
   * PyTorch under the layers' names.
   *
   * @throws LatentflowError `disposed` after `dispose()`
   */
  toSafetensors(): Uint8Array;
  /**
   * Frees what backends hold for this decoder. It cannot be used afterwards; a second call does nothing.
   * Without it everything is freed once the decoder is no longer referenced, but only when the garbage
   * collector gets to it.
   */
  dispose(): void;
}

/**
 * Names the method behind `onDispose`, and tells a decoder from what only looks like one. The same in every
 * copy of this module: a program that both imports and requires the package has two, and may pass a decoder
 * from one to the other.
 */
const leaveCallback: unique symbol = Symbol.for("latentflow.decoder.onDispose");

/** `Symbol.dispose`, which TypeScript's lib es2022 and older runtimes do not know; there nobody asks for it. */
const disposeSymbol: symbol = (Symbol as { readonly dispose?: symbol }).dispose ?? Symbol("dispose");

/** The decoder that there is: layers one after the other. */
export class LayeredDecoder implements Decoder {
  // For whoever prints it: bundlers, and what a CDN serves, shorten names.
  static readonly name = "LayeredDecoder";

  readonly layers: readonly DenseLayer[];
  readonly latentSize: number;
  readonly outputSize: number;
  readonly outputShape: readonly number[];
  readonly outputActivation: Activation;
  readonly parameterCount: number;
  readonly parameters: Float32Array;
  readonly loss: StandardLoss | undefined;

  #disposed = false;
  readonly #disposeCallbacks: (() => void)[] = [];

  /** Its parameters are 0, for its maker to fill in through `layers`. */
  constructor({ layers, outputShape, loss }: DecoderDescription) {
    const output = layers.at(-1)!;
    this.latentSize = layers[0]!.inputSize;
    this.outputSize = output.outputSize;
    this.outputShape = Object.freeze([...outputShape]);
    this.outputActivation = output.activation;
    this.parameterCount = countParameters(layers);
    this.parameters = new Float32Array(this.parameterCount);
    this.layers = Object.freeze(placeLayers(layers, this.parameters));
    this.loss = loss;
    Object.freeze(this);
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  toSafetensors(): Uint8Array {
    checkDecoder("toSafetensors", this);
    const tensors = this.layers.flatMap(({ name, outputSize, inputSize, weight, bias }) => [
      { name: `${name}.weight`, shape: [outputSize, inputSize], values: weight },
      { name: `${name}.bias`, shape: [outputSize], values: bias },
    ]);
    return writeSafetensors(tensors, writeMetadata(this));
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const callback of this.#disposeCallbacks.splice(0)) callback();
  }

  [leaveCallback](callback: () => void): void {
    if (this.#disposed) callback();
    else this.#disposeCallbacks.push(callback);
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}

/**
 * Has `callback` called when the decoder is disposed; at once if it has been already, as may happen to a
 * backend that packs a decoder after waiting for something else.
 */
export function onDispose(decoder: Decoder, callback: () => void): void {
  // What has passed checkDecoder is one.
  (decoder as LayeredDecoder)[leaveCallback](callback);
}

/**
 * Refuses what is no decoder, or one that has been disposed.
 *
 * @param where the function called, for messages
 * @throws LatentflowError `invalid_argument` or `disposed`
 */
export function checkDecoder(where: string, decoder: unknown): asserts decoder is Decoder {
  if (!isDecoder(decoder)) {
    const hint = isPromise(decoder) ? " (is an await missing before loadDecoder?)" : "";
    throw invalid(
      `${where}: the decoder is ${show(decoder)}${hint}, expected what loadDecoder or createDecoder returns` +
        memberHint(decoder, "decoder"),
    );
  }
  if (decoder.disposed) {
    throw new LatentflowError("disposed", `${where}: the decoder has been disposed; load or create it anew`);
  }
}

function isDecoder(value: unknown): value is Decoder {
  return typeof value === "object" && value !== null && leaveCallback in value;
}

/** The number of weights and biases of the layers. */
export function countParameters(layers: readonly Pick<DenseLayer, "inputSize" | "outputSize">[]): number {
  return layers.reduce((count, { inputSize, outputSize }) => count + outputSize * (inputSize + 1), 0);
}

/** The layers with their views into `parameters`. */
function placeLayers(descriptions: readonly DenseDescription[], parameters: Float32Array): DenseLayer[] {
  let placed = 0;
  function place(size: number): Float32Array {
    placed += size;
    return parameters.subarray(placed - size, placed);
  }
  return descriptions.map(({ name, inputSize, outputSize, activation }) =>
    Object.freeze({
      kind: "dense",
      inputSize,
      outputSize,
      activation,
      name,
      weight: place(outputSize * inputSize),
      bias: place(outputSize),
    }),
  );
}
