import type { Activation } from "../graph/activation.ts";
import type { OperationDescription } from "../graph/operations.ts";
import type { PointwiseFunction } from "../graph/pointwise.ts";
import type { Attributes } from "./messages.ts";

/** Name of a tensor in an ONNX graph that is being written. */
export type Tensor = string & { readonly [isTensor]: true };
declare const isTensor: unique symbol;

/** Input of an ONNX operator: a tensor, a float32 constant that broadcasts, or "" for an omitted optional input. */
export type Operand = Tensor | number | "";

/**
 * Length of an axis: a number; `"batch"` or `"points"` if it is only known when the graph is run; undefined if it depends
 * on the number of points in another way.
 */
export type Extent = number | "batch" | "points" | undefined;

/** Elementwise function of an `activation` or `pointwise` operation. */
export type NumberFunction = Activation | PointwiseFunction;

/** Functions that write the nodes of f(x), by the name of f. */
export type FunctionWriters = {
  readonly [Name in NumberFunction["name"]]: (
    graph: Emitter,
    x: Tensor,
    f: Extract<NumberFunction, { readonly name: Name }>,
  ) => Tensor;
};

/** Store of constant tensors, in which equal ones are stored once. */
export abstract class Constants {
  /** Returns a constant tensor with the given numbers, which `key` must identify. */
  abstract constant(key: string, dims: readonly number[], values: Float32Array | BigInt64Array): Tensor;

  /** Returns a constant tensor: a float32 scalar. */
  scalar(value: number): Tensor {
    return this.constant(`${value}`, [], Float32Array.of(value));
  }

  /** Returns a constant tensor: a list of int64, such as axes, bounds or a shape. */
  integers(values: readonly number[]): Tensor {
    return this.constant(`[${values}]`, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** Returns a constant tensor: a list of float32. */
  floats(values: readonly number[]): Tensor {
    return this.constant(`(${values})`, [values.length], Float32Array.from(values));
  }

  /** Returns a constant tensor: a list of `length` equal float32 numbers. */
  filled(length: number, value: number): Tensor {
    return this.constant(`${length}*${value}`, [length], new Float32Array(length).fill(value));
  }
}

/**
 * Writes ONNX nodes. Subclasses write files for `toOnnx`, whose batch size and number of points are symbolic, and graphs
 * for the WebGPU backend, whose lengths are numbers.
 */
export abstract class Emitter extends Constants {
  /** Writers of elementwise functions that this class uses in place of those in the table FUNCTIONS. */
  readonly functions: Partial<FunctionWriters> = {};

  /** Writes a node with attributes; returns its only output. */
  abstract applyWith(attributes: Attributes, operator: string, ...inputs: Operand[]): Tensor;
  /** Returns a constant matrix, from row-major values. */
  abstract matrix(dims: readonly [number, number], values: Float32Array): Tensor;
  /** Writes nodes that reshape a tensor; at most one length may be unknown, that is, `"points"` or undefined. */
  abstract reshape(tensor: Tensor, lengths: readonly Extent[]): Tensor;
  /** Writes nodes that insert axes of length 1 at `positions`, counted in the result, whose shape is `lengths`. */
  abstract insertAxes(tensor: Tensor, positions: readonly number[], lengths: readonly Extent[]): Tensor;
  /**
   * Returns a shape as a tensor, a list of int64; writes nodes for an undefined length, which is taken from the same axis of
   * `like`.
   */
  abstract shape(lengths: readonly Extent[], like: Tensor): Tensor;
  /**
   * Writes nodes that multiply a tensor with channels first by a weight per channel, and add a bias. If the target does not
   * define this method, Mul and Add are used.
   */
  scaleChannelsFirst?(tensor: Tensor, channels: number, weight: Tensor, bias?: Tensor): Tensor;
  /** Throws the target's error for an operation that it cannot write. */
  abstract refuse(operation: OperationDescription, why: string): never;

  /** Returns the tensor. Targets that need the shapes of tensors override this to record `lengths`. */
  shaped(tensor: Tensor, _lengths: readonly Extent[]): Tensor {
    return tensor;
  }

  /** Writes a node without attributes; returns its only output. */
  apply(operator: string, ...inputs: Operand[]): Tensor {
    return this.applyWith({}, operator, ...inputs);
  }

  /**
   * Writes nodes that broadcast a tensor along its axes of length 1; an undefined length is taken from the same axis of `like`.
   */
  expand(tensor: Tensor, lengths: readonly Extent[], like = tensor): Tensor {
    return this.apply("Expand", tensor, this.shape(lengths, like));
  }

  /** Writes a node that concatenates tensors along an axis. */
  concat(parts: readonly Tensor[], axis: number): Tensor {
    return this.applyWith({ axis: { integer: axis } }, "Concat", ...parts);
  }

  /** Writes a node that transposes a tensor: axis i of the result is axis order[i] of the tensor. */
  transpose(tensor: Tensor, order: readonly number[]): Tensor {
    return this.applyWith({ perm: { integers: order } }, "Transpose", tensor);
  }

  /** Writes a node that sums a tensor over some axes, which are kept with length 1 if `keeps`. */
  sum(tensor: Tensor, axes: readonly number[], keeps = true): Tensor {
    return this.applyWith({ keepdims: { integer: Number(keeps) } }, "ReduceSum", tensor, this.integers(axes));
  }

  /** Writes a node that averages a tensor over some axes, which are kept with length 1 if `keeps`. */
  mean(tensor: Tensor, axes: readonly number[], keeps = true): Tensor {
    const attributes: Attributes = { axes: { integers: axes }, keepdims: { integer: Number(keeps) } };
    return this.applyWith(attributes, "ReduceMean", tensor);
  }
}
