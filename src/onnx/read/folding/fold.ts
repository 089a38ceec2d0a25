import { invalidFile } from "../../../base/refuse.ts";
import type { NodeView } from "../node-view.ts";
import { operatorOf } from "../operators/table.ts";
import { SIZES } from "../sizes.ts";
import type { Tensor } from "../tensor.ts";
import { type Constant, isConstant } from "../value.ts";
import { withWidth } from "./integers.ts";
import { merged } from "./lengths.ts";

/** Budget of numbers computed by constant folding: 256 MB as float32. */
const MOST_NUMBERS = 2 ** 26;

/** Constant folding: computes nodes that depend only on constants and on lengths of axes. */
export class Folding {
  #claimed = 0;

  /**
   * Returns the outputs of a node if they can be computed from constants; undefined otherwise.
   *
   * @throws LatentflowError `invalid_file` if the budget for constant folding is exceeded
   */
  fold(node: NodeView): readonly Constant[] | undefined {
    const { constant, fold, wraps = false } = operatorOf(node.operator)!;
    if (constant) return [constant(node)];
    const { inputs } = node;
    if (!fold || inputs.length === 0 || !inputs[0]) return undefined;
    const constants = inputs.map((input) => (input && isConstant(input) ? input : undefined));
    if (constants.some((constant, i) => !constant && inputs[i])) return undefined;
    const isSame = constants.every((constant) => !constant || constant.at.length === 1);
    const sizes = isSame ? [0] : SIZES.map((_, size) => size);
    const made = sizes.map((size) => {
      const tensors = constants.map((constant) => constant && (constant.at[size] ?? constant.at[0]!));
      const folded = fold(node, tensors, (numbers) => this.#claim(numbers));
      if (folded === undefined) return undefined;
      const list = (Array.isArray(folded) ? folded : [folded]) as readonly Tensor[];
      return list.map((tensor) => withWidth(node, tensor, tensors, wraps));
    });
    if (made.includes(undefined)) return undefined;
    const lists = made as Tensor[][];
    return lists[0]!.map((_, output) => ({ at: merged(lists.map((list) => list[output]!)) }));
  }

  #claim(numbers: number): void {
    this.#claimed += numbers;
    if (this.#claimed <= MOST_NUMBERS) return;
    throw invalidFile(
      `what the graph computes of constants alone takes more than ${MOST_NUMBERS} numbers; save what it computes`,
    );
  }
}
