import { show } from "../../base/show.ts";
import { storedAxes } from "./layout.ts";
import type { NodeView } from "./node-view.ts";
import type { OperatorName } from "./operators/table.ts";
import { permuted } from "./tensor.ts";
import { isConstant, type Operand, type Value } from "./value.ts";

// Tracks infinite constants, such as those of attention masks, through an ONNX graph. Decoders only store finite numbers,
// with the largest float32 in place of an infinity; nodes for which the result would differ are refused. import-graph.ts
// calls this for each node.

/** Infinities that a value would contain if the file were run. */
interface Infinite {
  readonly isNegative: boolean;
  readonly isPositive: boolean;
  /** Name of the node that introduced the infinities. */
  readonly origin: string;
  /**
   * Constant that is -∞ at the positions of the infinities, in a shape that broadcasts to the value that contains them;
   * undefined if the positions are unknown, as after numbers were moved.
   */
  readonly mask: Value | undefined;
}

/**
 * For operators that can pass elements of a constant input unchanged to the output: the indices of those inputs. The
 * condition of Where is excluded.
 */
const SOURCES: { readonly [Name in OperatorName]?: readonly number[] } = {
  Add: [0, 1],
  Sub: [0, 1],
  Where: [1, 2],
  Pad: [2],
};

/** Operators that preserve infinities, so that replacing them by the largest float32 is equivalent. */
const KEEPING: ReadonlySet<string> = new Set<OperatorName>(
  [
    ["Identity", "Dropout", "Cast"],
    ["Add", "Sub", "Where", "Pad"],
    ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Tile"],
    ["Concat", "Split", "Slice", "Gather"],
  ].flat() as OperatorName[],
);

/** Operators that leave each number at its position. */
const STILL: ReadonlySet<string> = new Set<OperatorName>(["Identity", "Dropout", "Cast"]);

/** Operators whose output is finite even for infinite inputs, with the signs of infinity for which this holds. */
const ENDING: { readonly [Name in OperatorName]?: "negative" | "both" } = {
  Softmax: "negative",
  Exp: "negative",
  Relu: "negative",
  Sigmoid: "both",
  Tanh: "both",
};

/** Tracks which values of an ONNX graph would contain infinities. */
export class Infinities {
  readonly #of = new Map<string, Infinite>();

  /**
   * Records infinities in the outputs of a node.
   *
   * @throws NodeRefusal if the node's result for an infinity would differ from that for the largest float32
   */
  track(node: NodeView, outputs: readonly Operand[]): void {
    const read = node.node.inputs.flatMap((name) => this.#of.get(name) ?? []);
    const all = [...read, ...introduced(node)];
    const [first] = all;
    if (first === undefined || outputs.every(isConstant)) return;
    const isNegative = all.some((each) => each.isNegative);
    const isPositive = all.some((each) => each.isPositive);
    const operator = node.operator as OperatorName;
    const ending = Object.hasOwn(ENDING, operator) ? ENDING[operator] : undefined;
    if (ending && !(isPositive && ending === "negative")) {
      if (operator === "Softmax") refuseMaskedRows(node, first.mask);
      return;
    }
    const isMixed = isNegative && isPositive && ["Add", "Sub"].includes(operator);
    const turns = operator === "Sub" && this.#of.has(node.node.inputs[1] ?? "");
    if (!KEEPING.has(operator) || isMixed || turns) {
      const came = isPositive ? (isNegative ? "±Infinity" : "Infinity") : "-Infinity";
      node.refuse(
        `it reads ${came}, which ${show(first.origin)} has among its numbers, expected Softmax, Exp, Relu, Sigmoid or Tanh to read ` +
          "it; export the decoder with a finite number, -1e9 in a mask",
      );
    }
    const mask = all.length === 1 && (read.length === 0 || STILL.has(operator)) ? first.mask : undefined;
    const made: Infinite = { isNegative, isPositive, origin: first.origin, mask };
    for (const name of node.node.outputs) this.#of.set(name, made);
  }

  /** Returns the name of the node that introduced a value's infinities; undefined if the value has none. */
  originOf(name: string): string | undefined {
    return this.#of.get(name)?.origin;
  }
}

/** Returns the infinities among a node's constants that can reach its output. */
function introduced(node: NodeView): Infinite[] {
  const operator = node.operator as OperatorName;
  const sources = (Object.hasOwn(SOURCES, operator) ? SOURCES[operator] : undefined) ?? [];
  return sources.flatMap((input) => {
    const operand = node.inputs[input];
    if (!operand || !isConstant(operand)) return [];
    const isThere = (sign: number) =>
      operand.at.some(({ values }) => values.includes(sign * Number.POSITIVE_INFINITY));
    const sign = operator === "Sub" && input === 1 ? -1 : 1;
    const [isNegative, isPositive] = [isThere(-sign), isThere(sign)];
    if (!isNegative && !isPositive) return [];
    const origin = node.node.name || node.node.outputs[0] || operator;
    return [{ isNegative, isPositive, origin, mask: maskOf(node, input, sign) }];
  });
}

/**
 * Returns a constant that is -∞ at the positions where the node's output is known to be -∞; undefined if the positions are
 * unknown. `input` is the index of a constant input with infinities; `sign` is -1 if the node subtracts the input, else 1.
 */
function maskOf(node: NodeView, input: number, sign: number): Value | undefined {
  const value = node.value(input);
  if (typeof value.source === "string") return undefined;
  if (node.operator === "Add" || node.operator === "Sub") {
    return sign === 1 ? value : { ...value, source: value.source.map((number) => -number) };
  }
  const condition = node.inputs[0];
  if (node.operator !== "Where" || value.source.length !== 1 || !condition || !isConstant(condition)) {
    return undefined;
  }
  const choice = node.value(0);
  if (typeof choice.source === "string") return undefined;
  const chosen = choice.source.map((number) =>
    (number === 0) === (input === 2) ? Number.NEGATIVE_INFINITY : 0,
  );
  return { ...choice, source: chosen };
}

/** Refuses a Softmax over a row that is -∞ throughout, for which ONNX Runtime computes NaN. */
function refuseMaskedRows(node: NodeView, mask: Value | undefined): void {
  const value = node.inputs[0];
  if (!mask || typeof mask.source === "string" || !value || isConstant(value)) return;
  const rank = value.axes.length;
  const axis = node.axis(node.integer("axis", -1), rank) - rank + mask.axes.length;
  const own = mask.axes[axis] ?? [];
  const order = [...storedAxes(mask).filter((each) => !own.includes(each)), ...own];
  const lengths = mask.shape as readonly number[];
  const sorted = permuted(mask.source, lengths, order);
  const width = own.reduce((product, each) => product * lengths[each]!, 1);
  for (let start = 0; start < sorted.length; start += width) {
    if (sorted.subarray(start, start + width).some((number) => number !== Number.NEGATIVE_INFINITY)) continue;
    node.refuse(
      "it reads a row that is -Infinity throughout, of which it makes NaN; mask fewer positions, or with -1e9",
    );
  }
}
