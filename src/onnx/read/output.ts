import { option, theOption, words } from "../../base/message.ts";
import { invalidFile, invalidOption, objection } from "../../base/refuse.ts";
import { checkOutputOrder, checkOutputShape } from "../../decoder/output.ts";
import { asLinear, type NumberFunction } from "./activations.ts";
import type { Written } from "./graph-writer.ts";
import type { ImportedGraph } from "./import-graph.ts";
import { type Arranged, arrange, joined, reshaped } from "./layout.ts";
import { BATCH, isConstant, productOf, showAxes, type Value } from "./value.ts";

/** Layout, shape and activation of the output that the caller chose. */
export interface OutputOptions {
  /** Order of the output's axes: that of the file, or channels last, as the graph computes it. */
  readonly layout: "file" | "channelsLast";
  /** True appends a sigmoid, for a file whose output is logits. */
  readonly isLogits: boolean;
  /** Shape of one sample's output that the caller chose; undefined for the file's own. */
  readonly outputShape: readonly number[] | undefined;
}

/**
 * Writes the operations after the file's last node: a transposition of the output if needed, then the output activation,
 * so that a loss that includes that activation can use the logits.
 *
 * @returns the layout of the output
 */
export function writeOutput(
  graph: ImportedGraph,
  { layout, isLogits, outputShape }: OutputOptions,
): "channelsFirst" | "channelsLast" {
  const { output, end, writer } = graph;
  if (isConstant(output)) throw invalidFile("its output does not depend on any input");
  const value = perSample(output);
  const last = withoutActivation(writer.operations, value, end);
  const before = last ? { ...value, source: last.source } : value;
  let arranged = inOrder(end, before, layout);
  if (outputShape !== undefined) {
    const size = productOf(arranged.shape);
    if (typeof size !== "number") throw objection("outputShape", "is for decoders without points");
    const lengths = checkOutputShape(outputShape, size);
    const advice =
      layout === "file"
        ? words`, or give ${option("layout", "channelsLast")} for data with channels last`
        : "";
    checkOutputOrder(lengths, arranged.shape as readonly number[], advice);
    arranged = reshaped(end, arranged, lengths);
  }
  if (isLogits && last?.activation === "sigmoid") {
    const name = "outputActivation";
    throw invalidOption(name, "the file ends in a sigmoid already", words`; leave ${theOption(name)} out`);
  }
  for (const activation of [last?.activation, isLogits ? "sigmoid" : undefined]) {
    if (activation === undefined) continue;
    const { source, shape } = arranged;
    arranged = { source: writer.write("activation", [source], shape, { settings: { activation } }), shape };
  }
  // The last operation must compute the output.
  if (writer.operations.at(-1)?.name !== arranged.source) {
    end.writer.write("reshape", [arranged.source], arranged.shape, { settings: { shape: arranged.shape } });
  }
  return layout === "file" && arranged.shape.length === 3 && isChannelsFirst(value)
    ? "channelsFirst"
    : "channelsLast";
}

/**
 * True if the first axis of a picture is its channels, which the graph stores last. A picture with one channel counts,
 * too.
 */
function isChannelsFirst({ axes, shape }: Value): boolean {
  if (axes.length !== 3) return false;
  const [first] = axes;
  return first!.length === 0 || Math.max(...first!) === shape.length - 1;
}

/** Returns the output of one sample, without the batch axis if there is one. */
function perSample(output: Value): Value {
  const [first, ...rest] = output.axes;
  if (rest.flat().includes(BATCH) || (first?.includes(BATCH) && first.length > 1)) {
    throw invalidFile(
      words`its output is ${showAxes(output)}, expected the batch as the first axis; where an input has coordinates of points that samples share, name it by ${theOption("points")}`,
    );
  }
  // A file for single samples may have an axis of length 1 in place of the batch.
  const hasBatch = first?.includes(BATCH) || (first?.length === 0 && rest.length > 0);
  return hasBatch ? { ...output, axes: rest } : output;
}

/**
 * Splits off the activation at the end of an imported graph, so that it can become the decoder's output activation. Reshapes
 * and permutations that follow the activation are written once more, on its input.
 *
 * @returns the activation and the name of its input, in the output's shape; undefined if there is no activation
 */
function withoutActivation(
  operations: readonly Written[],
  { source }: Value,
  end: ImportedGraph["end"],
): { readonly source: string; readonly activation: NumberFunction } | undefined {
  const byName = new Map(operations.map((operation) => [operation.name, operation]));
  const moves: Written[] = [];
  let operation = byName.get(source as string);
  while (operation && (operation.kind === "reshape" || operation.kind === "permute")) {
    moves.push(operation);
    operation = byName.get(operation.inputs[0]!);
  }
  if (operation?.kind !== "activation") return undefined;
  const { activation } = operation.settings as { readonly activation: NumberFunction };
  // A linear function is merged into the weights of an earlier operation instead.
  if (asLinear(activation)) return undefined;
  const before = moves.reduceRight((input, { kind, shape, settings }) => {
    return end.writer.write(kind, [input], shape, { settings });
  }, operation.inputs[0]!);
  return { source: before, activation };
}

/**
 * Arranges the output's axes in the order of `layout`: the file's, or channels last, as the graph stores them.
 */
function inOrder(end: ImportedGraph["end"], value: Value, layout: OutputOptions["layout"]): Arranged {
  if (layout === "file") return arrange(end, value, value.axes);
  const one = value.axes.reduce<Value>((whole, _, axis) => joined(end, whole, axis), value);
  const [, ...pixels] = one.axes;
  // If only one axis is longer than 1, every order is the same, and that of pixels with channels is used.
  const isPicture = one.axes.length === 3;
  const rank = (axis: number): number => {
    const [stored] = one.axes[axis]!;
    if (stored !== undefined) return stored;
    return isPicture && axis === 0 ? one.shape.length : axis - pixels.length - 1;
  };
  const order = one.axes.map((_, axis) => axis).sort((a, b) => rank(a) - rank(b));
  const groups = order.map((axis) => one.axes[axis]!);
  return arrange(end, one, groups);
}
