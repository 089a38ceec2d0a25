import type { LatentflowError } from "../../base/errors.ts";
import type { Pausable } from "../../base/event-loop.ts";
import { atOnce } from "../../base/event-loop.ts";
import { invalidFile } from "../../base/refuse.ts";
import { escapeText, show, showList } from "../../base/show.ts";
import { Folding } from "./folding/fold.ts";
import { GraphWriter } from "./graph-writer.ts";
import { Infinities } from "./infinities.ts";
import { type FirstAxis, type GraphInputs, inputsOf, makeInputs } from "./inputs.ts";
import { stretch } from "./layout.ts";
import type { Attribute, FileGraph, Model, Node } from "./model.ts";
import { NodeView, type Scope } from "./node-view.ts";
import type { Operator } from "./operator.ts";
import { operatorOf } from "./operators/table.ts";
import { NodeRefusal } from "./site.ts";
import { readTensor, type Tensor } from "./tensor.ts";
import { withBatchFirst } from "./traced-batch.ts";
import { type Operand, showAxes } from "./value.ts";

/** An ONNX graph translated into operations of a decoder. */
export interface ImportedGraph {
  readonly writer: GraphWriter;
  readonly inputs: GraphInputs;
  readonly output: Operand;
  /** Node without inputs to which errors and operations on the file's output are attributed. */
  readonly end: NodeView;
}

/** Node that cannot be translated. The reason is undefined if its operator is not supported at all. */
interface Unread {
  readonly node: Node;
  readonly reason: string | undefined;
}

/** Maximum number of characters for listing nodes in a message. */
const LONGEST_LIST = 700;

/** Marks the outputs of a node that cannot be translated. */
const UNREAD = Symbol("unread");

/**
 * Translates the nodes that the output depends on into operations of a decoder.
 *
 * @param initializers constant tensors of the file, by name
 * @param firstAxis what the latent's first axis is
 * @throws LatentflowError `invalid_file`, listing all nodes that cannot be translated
 */
export function* importGraph(
  file: FileGraph,
  initializers: ReadonlyMap<string, Tensor>,
  firstAxis: FirstAxis,
): Pausable<ImportedGraph> {
  const { model, latent, output: outputName, nodes } = file;
  const names = inputsOf(model).map(({ name }) => name);
  const writer = new GraphWriter(names.filter((name) => name !== latent.name));
  const makers = new Map<string, NodeView>();
  const attributes = new Map<Attribute, Tensor>();
  const tensorOf = (attribute: Attribute | undefined): Tensor | undefined => {
    if (!attribute?.tensor) return undefined;
    if (attribute.tensor.external)
      throw invalidFile(
        "an attribute of a node lies in another file, expected it in this one; export the model again",
      );
    const tensor = attributes.get(attribute) ?? atOnce(readTensor(attribute.tensor));
    attributes.set(attribute, tensor);
    return tensor;
  };
  const inputs = makeInputs(file, firstAxis);
  const scope: Scope = { writer, opset: model.opset, tracedBatch: inputs.tracedBatch, tensorOf, makers };
  const end = new NodeView(nothing, [], scope);
  const values = new Map<string, Operand | typeof UNREAD>();
  for (const [name, tensor] of initializers) values.set(name, { at: [tensor] });
  const repeats = new Map(inputs.isRepeated ? [[0, "points"] as const] : []);
  values.set(latent.name, stretch(end, inputs.latent, repeats));
  for (const { name, value } of inputs.fixed) values.set(name, value);

  const wanted = new Set([outputName, ...nodes.flatMap((node) => node.inputs)]);
  const folding = new Folding();
  const infinities = new Infinities();
  const unread: Unread[] = [];
  for (const node of nodes) {
    yield;
    const read = node.inputs.map((name) => {
      if (name === "") return undefined;
      const value = values.get(name);
      if (value !== undefined) return value;
      throw invalidFile(
        `${showNode(node)} reads ${show(name)}, which no input, no initializer and no node before it is called`,
      );
    });
    const operands = read.filter((operand) => operand !== UNREAD);
    let made: readonly (Operand | typeof UNREAD)[] = node.outputs.map(() => UNREAD);
    const operator = node.domain === "" ? operatorOf(node.operator) : undefined;
    if (!operator) unread.push({ node, reason: undefined });
    else if (operands.length === read.length) {
      writer.label = labelOf(node, initializers);
      try {
        const given = new NodeView(node, operands as (Operand | undefined)[], scope);
        const { former } = operator;
        const view = former && scope.opset < former.below ? former.adapt(given) : given;
        for (const name of node.outputs) makers.set(name, view);
        if (!hasInputs(operator, view)) view.refuse("inputs that it needs are missing");
        const outputs = folding.fold(view) ?? computed(view);
        infinities.track(view, outputs);
        made = outputs;
      } catch (error) {
        if (!(error instanceof NodeRefusal)) throw error;
        unread.push({ node, reason: error.message });
      }
    }
    node.outputs.forEach((name, i) => {
      if (name === "") return;
      if (made[i] === undefined && wanted.has(name)) {
        unread.push({
          node,
          reason: `its output ${i}, ${show(name)}, is used, expected the first one alone; export the decoder without what reads it`,
        });
      }
      values.set(name, made[i] ?? UNREAD);
    });
  }
  if (unread.length > 0) throw listed(unread);
  writer.label = "output";
  const output = values.get(outputName);
  if (output === undefined || output === UNREAD)
    throw invalidFile(`no node makes the output ${show(outputName)}; export the model again`);
  const origin = infinities.originOf(outputName);
  if (origin !== undefined) {
    throw invalidFile(
      `its output has infinite numbers, of the constants of ${show(origin)}, expected finite ones; export it with -1e9 there`,
    );
  }
  return { writer, inputs, output, end };
}

const nothing: Node = {
  name: "output",
  operator: "",
  domain: "",
  inputs: [],
  outputs: [],
  attributes: new Map(),
};

function computed(view: NodeView): readonly Operand[] {
  const operator = operatorOf(view.operator)!;
  const { read } = operator;
  if (!read) return view.refuse("it depends on inputs; of these only constants are read");
  checkInputs(operator, view);
  const made = read(new NodeView(view.node, withBatchFirst(view, operator), view.scope));
  return Array.isArray(made) ? made : [made as Operand];
}

/** Refuses a node with another number of axes than its operator reads, or with computed values where it reads constants. */
function checkInputs({ ofPixels, constants = [] }: Operator, view: NodeView): void {
  for (const input of constants) view.optional(input);
  if (!ofPixels) return;
  const value = view.value(0);
  const axes = value.axes.length - 2;
  if (axes === 1 || axes === 2) return;
  view.refuse(`it reads ${showAxes(value)}, expected [batch, channels, height, width] or one axis less`);
}

/** True if a node has all inputs that its operator requires. */
function hasInputs({ inputs: needed }: Operator, { inputs }: NodeView): boolean {
  const least = needed === "all" ? Math.max(inputs.length, 1) : needed;
  return inputs.length >= least && inputs.slice(0, least).every((input) => input !== undefined);
}

/** Returns the label for the operations of a node: the PyTorch module that its weight belongs to, or else the node's name. */
function labelOf(node: Node, initializers: ReadonlyMap<string, Tensor>): string {
  const weight = node.inputs.find((name) => initializers.has(name) && /.\.weight$/.test(name));
  return weight?.replace(/\.weight$/, "") ?? (node.name || node.outputs[0] || node.operator);
}

/**
 * Returns the nodes that an output depends on, in the file's order.
 *
 * @throws LatentflowError `invalid_file` if two values have the same name
 */
export function nodesTo({ nodes, inputs, initializers }: Model, output: string): Node[] {
  const makers = new Map<string, Node>();
  const given = new Set([...inputs, ...initializers].map(({ name }) => name));
  for (const node of nodes) {
    for (const name of node.outputs) {
      if (name === "") continue;
      if (makers.has(name) || given.has(name)) {
        throw invalidFile(`two values of the file are called ${show(name)}, expected each name once`);
      }
      makers.set(name, node);
    }
  }
  const needed = new Set<Node>();
  const open = [output];
  while (open.length > 0) {
    const node = makers.get(open.pop()!);
    if (!node || needed.has(node)) continue;
    needed.add(node);
    open.push(...node.inputs);
  }
  return nodes.filter((node) => needed.has(node));
}

function showNode({ name, outputs, operator, domain }: Node): string {
  const kind = escapeText(domain === "" ? operator : `${domain}.${operator}`, 50);
  return `${show(name || outputs[0] || "")} (${kind})`;
}

/** Domain of the fused operators that ONNX Runtime's optimizer puts in place of several standard operators. */
const RUNTIME_DOMAIN = /^com\.microsoft\b/;

/** Makes one error that lists all nodes that cannot be translated. */
function listed(unread: readonly Unread[]): LatentflowError {
  const shown = unread.map(({ node, reason }) =>
    showNode(node).replace(/\)$/, reason === undefined ? ")" : `: ${escapeText(reason, 240)})`),
  );
  const [nodes, them] = unread.length === 1 ? ["a node that is", "it"] : ["nodes that are", "them"];
  const hasUnknown = unread.some(({ reason }) => reason === undefined);
  const isOptimised = unread.some(({ node }) => RUNTIME_DOMAIN.test(node.domain));
  const cure = isOptimised
    ? "; ONNX Runtime has optimised this file: read the one that was exported"
    : hasUnknown
      ? `; export the decoder without ${them}, or write ${them} with operators that site/reference/onnx-operators.md of the package lists`
      : "";
  return invalidFile(`the file has ${nodes} not supported: ${showList(shown, LONGEST_LIST)}${cure}`);
}
