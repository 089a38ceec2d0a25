import type { Activation } from "../graph/activation.ts";
import type { OperationDescription } from "../graph/operations.ts";
import type { PointwiseFunction } from "../graph/pointwise.ts";
import type { Attributes } from "./messages.ts";

/** Name of a tensor in a graph that is being written. */
export type Tensor = string & { readonly [isTensor]: true };
declare const isTensor: unique symbol;

/** Input of an operator: a tensor, a float32 constant that broadcasts, or "" for an optional input left out. */
export type Operand = Tensor | number | "";

/**
 * Length of an axis: a number; `"batch"` or `"points"` where a run of the graph decides; undefined where it depends on the
 * points in another way.
 */
export type Extent = number | "batch" | "points" | undefined;

/** Function of each number, from an `activation` or a `pointwise` operation. */
export type NumberFunction = Activation | PointwiseFunction;

/** Writers of f(x) by the name of f. */
export type FunctionWriters = {
  readonly [Name in NumberFunction["name"]]: (
    graph: Emitter,
    x: Tensor,
    f: Extract<NumberFunction, { readonly name: Name }>,
  ) => Tensor;
};

/** Store of constant tensors, in which equal ones are kept once. */
export abstract class Constants {
  /** Tensor with these numbers; `key` identifies them. */
  abstract constant(key: string, dims: readonly number[], values: Float32Array | BigInt64Array): Tensor;

  /** Scalar of float32. */
  scalar(value: number): Tensor {
    return this.constant(`${value}`, [], Float32Array.of(value));
  }

  /** List of int64: axes, bounds, a shape. */
  integers(values: readonly number[]): Tensor {
    return this.constant(`[${values}]`, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** List of float32. */
  floats(values: readonly number[]): Tensor {
    return this.constant(`(${values})`, [values.length], Float32Array.from(values));
  }

  /** List of `length` equal float32 numbers. */
  filled(length: number, value: number): Tensor {
    return this.constant(`${length}*${value}`, [length], new Float32Array(length).fill(value));
  }
}

/**
 * Writer of ONNX nodes, the same for files of `toOnnx`, whose batch and points are symbolic, and for graphs of the WebGPU
 * backend, whose lengths are numbers.
 */
export abstract class Emitter extends Constants {
  /** Functions that this target writes with other operators than the table of all functions. */
  readonly functions: Partial<FunctionWriters> = {};

  /** Writes a node with these attributes; returns its only output. */
  abstract applyWith(attributes: Attributes, operator: string, ...inputs: Operand[]): Tensor;
  /** Constant matrix, row-major. */
  abstract matrix(dims: readonly [number, number], values: Float32Array): Tensor;
  /** The numbers of a tensor in another shape; at most one length is unknown. */
  abstract reshape(tensor: Tensor, lengths: readonly Extent[]): Tensor;
  /** The tensor with axes of length 1 inserted at `positions` of the result, whose shape is `lengths`. */
  abstract insertAxes(tensor: Tensor, positions: readonly number[], lengths: readonly Extent[]): Tensor;
  /** List of int64 with these lengths; an undefined one is that of `like`'s axis. */
  abstract shape(lengths: readonly Extent[], like: Tensor): Tensor;
  /** Multiplies a tensor with channels first by a weight per channel, and adds a bias; undefined: by Mul and Add. */
  scaleChannelsFirst?(tensor: Tensor, channels: number, weight: Tensor, bias?: Tensor): Tensor;
  /** Throws the target's error for an operation that it cannot write. */
  abstract refuse(operation: OperationDescription, why: string): never;

  /** Records the shape of a tensor, for targets that use it. */
  shaped(tensor: Tensor, _lengths: readonly Extent[]): Tensor {
    return tensor;
  }

  /** Writes a node without attributes. */
  apply(operator: string, ...inputs: Operand[]): Tensor {
    return this.applyWith({}, operator, ...inputs);
  }

  /** Broadcasts a tensor along its axes of length 1; an undefined length is that of `like`'s axis. */
  expand(tensor: Tensor, lengths: readonly Extent[], like = tensor): Tensor {
    return this.apply("Expand", tensor, this.shape(lengths, like));
  }

  /** Concatenates tensors along an axis. */
  concat(parts: readonly Tensor[], axis: number): Tensor {
    return this.applyWith({ axis: { integer: axis } }, "Concat", ...parts);
  }

  /** Axis i of the result is axis order[i] of the tensor. */
  transpose(tensor: Tensor, order: readonly number[]): Tensor {
    return this.applyWith({ perm: { integers: order } }, "Transpose", tensor);
  }

  /** Sums along some axes, which stay with the length 1 if `keeps`. */
  sum(tensor: Tensor, axes: readonly number[], keeps = true): Tensor {
    return this.applyWith({ keepdims: { integer: Number(keeps) } }, "ReduceSum", tensor, this.integers(axes));
  }

  /** Means along some axes, which stay with the length 1 if `keeps`. */
  mean(tensor: Tensor, axes: readonly number[], keeps = true): Tensor {
    const attributes: Attributes = { axes: { integers: axes }, keepdims: { integer: Number(keeps) } };
    return this.applyWith(attributes, "ReduceMean", tensor);
  }
}
