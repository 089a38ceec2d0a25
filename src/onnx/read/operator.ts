import type { NodeView } from "./node-view.ts";
import type { Tensor } from "./tensor.ts";
import type { Constant, Operand } from "./value.ts";

/**
 * Constant folding of an operator: computes the outputs from constant inputs; returns undefined if the node is to be translated
 * into operations of the graph instead. Calls `claim` with the count of numbers before computing them; `claim` throws if there
 * are too many.
 */
export type Fold = (
  node: NodeView,
  inputs: readonly (Tensor | undefined)[],
  claim: (numbers: number) => void,
) => Tensor | readonly Tensor[] | undefined;

/** Older form of an operator, used in files below a certain opset. */
export interface Former {
  /** Opset from which on the operator no longer has this form. */
  readonly below: number;
  /** Converts the node to the operator's form in opset 13 (BatchNormalization: opset 14). */
  adapt(node: NodeView): NodeView;
}

/** A supported ONNX operator. At least one of `read`, `fold` and `constant` is defined. */
export interface Operator {
  /** Number of required inputs; later ones are optional. "all": every input is required, at least one. */
  readonly inputs: number | "all";
  /** Translates a node that depends on an input into operations of the graph; returns its outputs. */
  readonly read?: (node: NodeView) => Operand | readonly Operand[];
  /** Computes a node whose inputs are all constant. */
  readonly fold?: Fold;
  /** Computes a node from its attributes and the lengths of its input alone. */
  readonly constant?: (node: NodeView) => Constant;
  /** True if the first input has to be [batch, channels, height, width], or one axis less. */
  readonly ofPixels?: true;
  /** True if the first input has the batch as its first axis. Default: `ofPixels`. */
  readonly batchFirst?: true;
  /** Positions of inputs, beside the first, that have to be constant: weights, exponents, bounds. Default: as `read` says. */
  readonly constants?: readonly number[];
  /** True if the operator computes new integers, which must wrap around at their width when folded. */
  readonly wraps?: true;
  /**
   * Older form of the operator. Default: none, if the operator means the same in all opsets from 9, or `read` and `fold` tell
   * its forms apart.
   */
  readonly former?: Former;
}
