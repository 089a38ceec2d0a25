import { invalidFile } from "../../../base/check.ts";
import { sizeOf } from "../../../graph/operations.ts";
import { dimensionsOfConstant, type NodeView } from "../node-view.ts";
import { lengthsOf, SIZES } from "../sizes.ts";
import { floats, integers, type Tensor } from "../tensor.ts";
import { type Constant, dimensionsOf, isConstant } from "../value.ts";
import { broadcastShape, ELEMENTWISE, type Elementwise, isBroadcastable } from "./elementwise.ts";
import { withWidth } from "./integers.ts";
import { REDUCTIONS } from "./reductions.ts";
import { type Fold, SHAPES } from "./shapes.ts";

/** What is computed of constants takes at most so many numbers: 256 MB as float32. */
const MOST_NUMBERS = 2 ** 26;

/** Computes what depends on constants and on shapes only. */
export class Folding {
  #claimed = 0;

  /** The values of a node, if they are known. */
  fold(node: NodeView): readonly Constant[] | undefined {
    const { operator } = node;
    if (operator === "Constant") return [{ at: [constantOf(node)] }];
    if (operator === "Shape" || operator === "Size") return [shapeOf(node, operator === "Size")];
    const fold = foldOf(operator);
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
      return list.map((tensor) => withWidth(node, tensor, tensors));
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

/** Whether an operator is computed where all that it reads is known. */
export function canFold(operator: string): boolean {
  return ["Constant", "Shape", "Size"].includes(operator) || foldOf(operator) !== undefined;
}

function foldOf(operator: string): Fold | undefined {
  const fold = entryOf<Fold>(SHAPES, operator) ?? entryOf<Fold>(REDUCTIONS, operator);
  if (fold) return fold;
  const elementwise = entryOf<Elementwise>(ELEMENTWISE, operator);
  if (!elementwise) return undefined;
  return (node, inputs, claim) => {
    const shapes = inputs.map((tensor, i) => (tensor ?? node.refuse(`its input ${i} is missing`)).shape);
    if (!isBroadcastable(shapes)) return node.refuse("the shapes that it reads do not fit together");
    claim(sizeOf(broadcastShape(shapes)));
    return elementwise(inputs, node);
  };
}

/** Of operators by their names, which are a file's. */
function entryOf<Entry>(table: Readonly<Record<string, Entry>>, operator: string): Entry | undefined {
  return Object.hasOwn(table, operator) ? table[operator] : undefined;
}

/** Only one where they are all the same. */
function merged(tensors: readonly Tensor[]): readonly Tensor[] {
  const [first, ...others] = tensors;
  const isSame = others.every(
    ({ shape, values }) =>
      String(shape) === String(first!.shape) &&
      values.every((value, i) => Object.is(value, first!.values[i])),
  );
  return isSame ? [first!] : tensors;
}

function constantOf(node: NodeView): Tensor {
  const tensor = node.scope.tensorOf(node.attribute("value"));
  if (tensor) return tensor;
  const of = (name: string) => node.attribute(name);
  const { float } = of("value_float") ?? {};
  if (float !== undefined) return floats([float], []);
  const { integer } = of("value_int") ?? {};
  if (integer !== undefined) return integers([integer], []);
  const list = of("value_floats");
  if (list) return floats(list.floats, [list.floats.length]);
  const numbers = of("value_ints") ?? node.refuse("it has no value of numbers");
  return integers(numbers.integers);
}

/** The lengths of a value, at each of the sizes. */
function shapeOf(node: NodeView, isSize: boolean): Constant {
  const operand = node.operand(0);
  const dimensions = isConstant(operand) ? dimensionsOfConstant(node, operand) : dimensionsOf(operand);
  const rank = dimensions.length;
  const bound = (name: string, otherwise: number) => {
    const axis = node.integer(name, otherwise);
    return Math.min(Math.max(axis < 0 ? axis + rank : axis, 0), rank);
  };
  const some = isSize ? dimensions : dimensions.slice(bound("start", 0), bound("end", rank));
  const lengths = some.map(lengthsOf);
  return {
    at: merged(
      SIZES.map((_, size) => {
        const shape = lengths.map((each) => each[size]!);
        return isSize ? integers([sizeOf(shape)], []) : integers(shape);
      }),
    ),
  };
}
