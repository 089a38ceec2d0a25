import type { NodeView } from "./node-view.ts";
import type { Tensor } from "./tensor.ts";
import type { Constant, Operand } from "./value.ts";

/**
 * Computes an operator's outputs of constant inputs; undefined leaves the node to the graph. `claim` counts the numbers that
 * are computed, and throws before there are too many.
 */
export type Fold = (
  node: NodeView,
  inputs: readonly (Tensor | undefined)[],
  claim: (numbers: number) => void,
) => Tensor | readonly Tensor[] | undefined;

/** Older form of an operator, in files below an opset. */
export interface Former {
  readonly below: number;
  /** The node as one of opset 13. */
  adapt(node: NodeView): NodeView;
}

/** Operator of ONNX that is read: `read`, `fold` or `constant` at least. */
export interface Operator {
  /** Number of inputs that a node must have, those behind being optional; "all": every one, and one at least. */
  readonly inputs: number | "all";
  /** Writes the node into the graph, where it depends on an input's numbers; returns its outputs, or the only one. */
  readonly read?: (node: NodeView) => Operand | readonly Operand[];
  /** Computes the node where all its inputs are constant. */
  readonly fold?: Fold;
  /** Computes the node of attributes and lengths alone. */
  readonly constant?: (node: NodeView) => Constant;
  /** True if folded integers wrap round at their width, since they are others than those that are read. */
  readonly wraps?: true;
  /** Default: the operator means the same in all opsets from 9 on. */
  readonly former?: Former;
}
