import { invalidOption, refused } from "../base/refuse.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { Layer } from "../graph/builder.ts";
import type { FixedInputDefinition, OperationDefinition } from "../graph/definition.ts";
import { permute, reshape } from "../graph/index.ts";
import { type Shape, sizeOf, type TensorName } from "../graph/kind.ts";
import { kindOf, type OperationDescription, type OperationKind, readerOf } from "../graph/operations.ts";
import { checkFloats } from "./floats.ts";

/** Value that an operator reads or makes: one of the decoder's graph, or of the operations that extend it. */
export interface Signal {
  /** Name of the operation or fixed input that makes the value. */
  readonly name: string;
  /** Shape of the value for one sample. */
  readonly shape: Shape;
  /** True if the value is a picture as layers read it, [height, width, channels]; false if it has the samples' own axes. */
  readonly hasPixels: boolean;
}

/** Parameter tensors of a layer. */
export type Tensors = { readonly [Name in TensorName]?: ArrayLike<number> | undefined };

/**
 * Operations that extend a decoder's graph behind its output, with their parameters. Operators add to it; `measure` makes a
 * decoder of it.
 */
export class Extension {
  readonly operations: OperationDefinition[] = [];
  readonly fixed: FixedInputDefinition[] = [];
  /** Parameters of the operations, tensor after tensor. */
  readonly tensors: Float32Array[] = [];
  private readonly names: Set<string>;
  private readonly isChannelsFirst: boolean;
  /** True if the decoder's samples are pictures without an axis of channels, [height, width]. */
  private readonly isGrey: boolean;

  constructor({ operations, fixedInputs, outputLayout, outputShape }: Decoder) {
    this.names = new Set([...operations, ...fixedInputs].map(({ name }) => name));
    this.isChannelsFirst = outputLayout === "channelsFirst";
    this.isGrey = outputShape.length === 2;
  }

  /**
   * Adds an operation.
   *
   * @param tensors its parameter tensors; a bias that is not given is 0
   * @throws LatentflowError `invalid_argument` if the layer does not fit what it reads, or a tensor is missing or has another size
   */
  add(layer: Layer, inputs: readonly Signal[], tensors: Tensors = {}): Signal {
    const { kind, settings } = layer;
    const shapes = inputs.map(({ shape }) => shape);
    const operation = { kind, ...readerOf(kind).read(settings, shapes) } as OperationDescription;
    for (const tensor of kindOf(operation).tensors(operation, shapes)) {
      const size = sizeOf(tensor.shape);
      const values = tensors[tensor.name] ?? (tensor.name === "bias" ? new Float32Array(size) : undefined);
      const advice = `, for the shape [${tensor.shape}]`;
      this.tensors.push(checkFloats(tensor.name, values, size, advice));
    }
    const name = this.freeName(kind);
    const reads = inputs.map((input) => input.name);
    this.operations.push({ ...settings, kind, name, inputs: reads } as OperationDefinition);
    return { name, shape: operation.shape, hasPixels: inputs[0]?.hasPixels ?? false };
  }

  /** Adds a fixed input, whose values are given with each sample. */
  addFixed(name: string, shape: Shape): Signal {
    if (this.names.has(name))
      throw invalidOption("fixed", `the decoder has a value called ${name}`, "; choose another name");
    this.names.add(name);
    this.fixed.push({ name, shape });
    return { name, shape, hasPixels: false };
  }

  /**
   * Returns a picture as layers read it, [height, width, channels].
   *
   * @throws LatentflowError `invalid_argument` if the value is no picture
   */
  pixelsOf(signal: Signal): Signal {
    const { shape, hasPixels } = signal;
    if (hasPixels) return signal;
    if (shape.length === 2) return { ...this.add(reshape([...shape, 1]), [signal]), hasPixels: true };
    if (shape.length !== 3) {
      const advice =
        "; give the decoder's file an outputShape, or put the operator before those that make vectors";
      throw refused(
        "decoder",
        "gives",
        `the shape [${shape}]`,
        "a picture, [height, width] or with channels",
        advice,
      );
    }
    const pixels = this.isChannelsFirst ? this.add(permute([1, 2, 0]), [signal]) : signal;
    return { ...pixels, hasPixels: true };
  }

  /** Returns a value with the samples' own axes. */
  ownAxesOf(signal: Signal): Signal {
    const { shape, hasPixels } = signal;
    if (!hasPixels) return signal;
    const isGrey = this.isGrey && shape[2] === 1;
    const layer = isGrey ? reshape(shape.slice(0, 2)) : this.isChannelsFirst ? permute([2, 0, 1]) : undefined;
    return { ...(layer ? this.add(layer, [signal]) : signal), hasPixels: false };
  }

  /** Returns a value as a vector, in the order of the samples' numbers. */
  vectorOf(signal: Signal): Signal {
    const own = this.ownAxesOf(signal);
    return own.shape.length === 1 ? own : this.add(reshape([sizeOf(own.shape)]), [own]);
  }

  private freeName(kind: OperationKind): string {
    let name = `measured.${this.operations.length}.${kind}`;
    while (this.names.has(name)) name += "'";
    this.names.add(name);
    return name;
  }
}
