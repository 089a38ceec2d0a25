import type { NodeView } from "./node-view.ts";
import type { Tensor } from "./tensor.ts";
import type { Constant, Operand } from "./value.ts";

/**
 * Computes an operator's outputs from constant inputs; undefined leaves the node to the graph. Calls `claim` with the count
 * of numbers before it computes them; `claim` throws if there are too many.
 */
export type Fold = (
  node: NodeView,
  inputs: readonly (Tensor | undefined)[],
  claim: (numbers: number) => void,
) => Tensor | readonly Tensor[] | undefined;

/** Older form of an operator, in files below a certain opset. */
export interface Former {
  readonly below: number;
  /** Translates the node into its form in opset 13. */
  adapt(node: NodeView): NodeView;
}

/** Operator of ONNX that is read: `read`, `fold` or `constant` at least. */
export interface Operator {
  /** Number of inputs that a node must have; later ones are optional. "all": every input given, at least one. */
  readonly inputs: number | "all";
  /** Writes the node into the graph, for nodes that depend on an input; returns its outputs, or its only one. */
  readonly read?: (node: NodeView) => Operand | readonly Operand[];
  /** Computes a node whose inputs are all constant. */
  readonly fold?: Fold;
  /** Computes a node from attributes and lengths alone. */
  readonly constant?: (node: NodeView) => Constant;
  /** True if folded integers have to be wrapped at their width, since the operator computes new ones. */
  readonly wraps?: true;
  /** Older form of the operator. Default: none, its meaning is the same in all opsets from 9 on. */
  readonly former?: Former;
}
