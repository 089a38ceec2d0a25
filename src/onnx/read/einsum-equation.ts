import { show } from "../../base/show.ts";
import type { NodeView } from "./node-view.ts";
import type { Site } from "./site.ts";
import { type Dimension, isOne } from "./sizes.ts";

/** Equation of an Einsum node: a label for each axis of each input, and the labels of the output's axes in order. */
export interface Equation {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

const ELLIPSIS = "...";
const TERM = /^[a-zA-Z]*(\.{3}[a-zA-Z]*)?$/;

/**
 * Returns the equation of an Einsum node whose inputs have these lengths of axes.
 *
 * @throws NodeRefusal if the equation is not valid or does not fit the inputs
 */
export function equationOf(node: NodeView, dimensions: readonly (readonly Dimension[])[]): Equation {
  const ranks = dimensions.map(({ length }) => length);
  const equation = readEquation(node, node.text("equation", ""), ranks);
  checkLabels(node, equation, dimensions);
  return equation;
}

/**
 * Parses an Einsum equation such as "bij,bjk->bik". Axes of an ellipsis get labels by their distance from its end, so
 * that ellipses of different lengths are aligned by NumPy's rules. Without an arrow, the output has the ellipsis followed
 * by the labels that occur once, sorted A to Z, then a to z, as in NumPy.
 *
 * @param ranks number of axes of each input
 * @throws NodeRefusal if the equation is not valid or does not fit the ranks
 */
function readEquation(node: Site, equation: string, ranks: readonly number[]): Equation {
  const [left = "", right, ...more] = equation.replaceAll(" ", "").split("->");
  const terms = left.split(",");
  if (more.length > 0 || ![...terms, right ?? ""].every((term) => TERM.test(term))) {
    return node.refuse(
      `its equation is ${show(equation)}, expected letters, one "..." at most in each term, commas and one "->"`,
    );
  }
  if (terms.length !== ranks.length) {
    return node.refuse(
      `its equation ${show(equation)} has ${terms.length} terms, expected one for each of its ${ranks.length} inputs`,
    );
  }
  const inputs = terms.map((term, input) => labelsOf(node, term, input, ranks[input]!));
  const all = inputs.flat();
  const longest = Math.max(0, ...inputs.map((labels) => labels.filter(isOfEllipsis).length));
  const ofEllipsis = ellipsisLabels(longest);
  if (right === undefined) {
    const isOnce = (label: string) => all.indexOf(label) === all.lastIndexOf(label);
    return { inputs, output: [...ofEllipsis, ...all.filter((l) => !isOfEllipsis(l) && isOnce(l)).sort()] };
  }
  if (longest > 0 && !right.includes(ELLIPSIS)) {
    return node.refuse(
      `its equation ${show(equation)} has "..." in an input, expected it in the output, too`,
    );
  }
  const [before = "", behind = ""] = right.split(ELLIPSIS);
  const output = [...before, ...(right.includes(ELLIPSIS) ? ofEllipsis : []), ...behind];
  const wrong = output.find((label, i) => !all.includes(label) || output.indexOf(label) !== i);
  if (wrong === undefined) return { inputs, output };
  return node.refuse(
    `its equation ${show(equation)} has "${wrong}" in the output, expected labels of its inputs, each once`,
  );
}

function labelsOf(node: Site, term: string, input: number, rank: number): string[] {
  const [before = "", behind] = term.split(ELLIPSIS);
  const named = before.length + (behind?.length ?? 0);
  if (behind === undefined ? named === rank : named <= rank) {
    return [...before, ...(behind === undefined ? [] : ellipsisLabels(rank - named)), ...(behind ?? "")];
  }
  const most = behind === undefined ? "" : "at most ";
  return node.refuse(
    `its term "${term}" is of input ${input}, which has ${rank} axes, expected ${most}${named}`,
  );
}

const ellipsisLabels = (count: number) => Array.from({ length: count }, (_, i) => `${ELLIPSIS}${count - i}`);
const isOfEllipsis = (label: string) => label.startsWith(ELLIPSIS);

/**
 * Refuses an Einsum equation in which one label has axes of different lengths. An axis of length 1 may broadcast to the axis of
 * another input.
 */
function checkLabels(node: Site, { inputs }: Equation, dimensions: readonly (readonly Dimension[])[]): void {
  const first = new Map<string, { readonly input: number; readonly length: Dimension }>();
  for (const [input, labels] of inputs.entries()) {
    for (const [axis, label] of labels.entries()) {
      const length = dimensions[input]![axis]!;
      const earlier = first.get(label);
      const isStretched = earlier && earlier.input !== input && (isOne(length) || isOne(earlier.length));
      // `align` decides whether an axis of the batch size with which the file was traced stands for the batch.
      if (
        earlier &&
        !isStretched &&
        earlier.length.hasBatch === length.hasBatch &&
        !isSame(earlier.length, length)
      ) {
        node.refuse(
          `its label "${label}" is ${earlier.length.count} long in input ${earlier.input} and ${length.count} in input ${input}`,
        );
      }
      if (!earlier || isOne(earlier.length)) first.set(label, { input, length });
    }
  }
}

const isSame = (a: Dimension, b: Dimension) => a.count === b.count && a.hasPoints === b.hasPoints;
