import { LatentflowError } from "../../base/errors.ts";
import type { Pausable } from "../../base/event-loop.ts";
import { invalidFile } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import { type Decoder, GraphDecoder } from "../../decoder/decoder.ts";
import type { Defaults } from "../../decoder/defaults.ts";
import { checkSize } from "../../files/limits.ts";
import type { GraphDefinition, Length, OperationDefinition } from "../../graph/definition.ts";
import { countParameters, type Graph, LATENT, parametersOf } from "../../graph/graph.ts";
import type { PointwiseFunction } from "../../graph/pointwise.ts";
import { readingDefinition } from "../../graph/read-definition.ts";
import { checkPriorSize } from "../../terms/check-prior.ts";
import { checkDefaultLoss } from "../../terms/losses.ts";
import { isActivation, type NumberFunction } from "./activations.ts";
import type { GraphWriter, Written } from "./graph-writer.ts";
import type { ImportedGraph } from "./import-graph.ts";
import { simplify } from "./simplify.ts";

/**
 * Makes a decoder from an imported ONNX graph, and copies its parameters.
 *
 * @throws LatentflowError `invalid_file` if the graph is not valid, or a parameter is not finite in float32
 */
export function* buildDecoder(
  { writer, inputs }: ImportedGraph,
  outputLayout: "channelsFirst" | "channelsLast",
  { loss, prior, start, starts }: Defaults,
  maxBytes: number,
): Pausable<Decoder> {
  const shapes = new Map<string, readonly Length[]>([[LATENT, [inputs.latentSize]]]);
  for (const { name, shape } of inputs.fixed) shapes.set(name, shape);
  const operations = simplify(writer.operations, shapes);
  const read = new Set(operations.flatMap(({ inputs: names }) => names));
  if (!read.has(LATENT)) throw invalidFile("its output does not depend on the latent");
  const fixed = inputs.fixed
    .filter(({ name }) => read.has(name))
    .map(({ name, shape }) => {
      const classes = classesOf(operations, name);
      if (classes === undefined) return { name, shape };
      // An embedding replaces a last axis of length 1 by the vector of the class.
      return { name, shape: shape.length === 1 && shape[0] === 1 ? shape : [...shape, 1], classes };
    });
  const definition: GraphDefinition = {
    format: 1,
    layout: "channelsLast",
    latentSize: inputs.latentSize,
    ...(inputs.latentShape.length > 1 && { latentShape: inputs.latentShape }),
    ...(outputLayout !== "channelsLast" && { outputLayout }),
    ...(fixed.length > 0 && { fixed }),
    operations: operations.map(definitionOf),
  };
  const graph = yield* readGraph(definition, writer);
  checkSize("as float32 its parameters take", 4 * countParameters(graph), maxBytes);
  const decoder = new GraphDecoder({
    ...graph,
    loss,
    prior: prior && checkPriorSize(prior, graph.latentSize),
    start,
    starts,
  });
  if (loss) checkDefaultLoss(loss, decoder);
  for (const { operation, tensor, offset, size } of parametersOf(graph)) {
    const { name, kind, [tensor]: values } = operations[operation]!;
    if (values?.length !== size) {
      throw invalidFile(`${show(name)} has ${values?.length ?? 0} numbers, expected ${size}`);
    }
    const target = decoder.parameters.subarray(offset, offset + size);
    target.set(values);
    const wrong = target.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) {
      const isConstant = ["affine", "constant"].includes(kind);
      const what = isConstant
        ? `a constant of ${show(writer.labelOf(name))}`
        : `a ${tensor} of ${show(name)}`;
      const cure = Number.isNaN(values[wrong])
        ? "export the decoder with weights that are numbers"
        : "export it with a finite number, -1e9 in a mask of attention";
      throw invalidFile(`${what} is ${values[wrong]} at index ${wrong}, expected a finite float32; ${cure}`);
    }
    yield;
  }
  return decoder;
}

/**
 * Returns the number of classes of an integer input: the number of rows in the smallest embedding table that it indexes;
 * undefined if it indexes none.
 */
function classesOf(operations: readonly Written[], input: string): number | undefined {
  const tables = operations.filter(({ kind, inputs }) => kind === "embedding" && inputs[0] === input);
  if (tables.length === 0) return undefined;
  return Math.min(...tables.map(({ settings }) => settings.classes as number));
}

function definitionOf({ kind, name, inputs, settings }: Written): OperationDefinition {
  const of = settings.activation as NumberFunction;
  if (kind === "activation" && !isActivation(of)) {
    const given = (typeof of === "string" ? { name: of } : of) as PointwiseFunction;
    return { kind: "pointwise", name, inputs, function: given };
  }
  return { ...settings, kind, name, inputs } as unknown as OperationDefinition;
}

/** Validates the graph's definition. Errors refer to the file, and name its node instead of the operation. */
function* readGraph(definition: GraphDefinition, writer: GraphWriter): Pausable<Graph> {
  try {
    return yield* readingDefinition(definition);
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    const { message } = error;
    const operation = definition.operations.find(({ kind, name }) =>
      message.includes(`${kind} ${show(name)}: `),
    );
    if (!operation) throw invalidFile(message);
    const start = `${operation.kind} ${show(operation.name)}: `;
    const reason = message.slice(message.indexOf(start) + start.length);
    throw invalidFile(
      `the node ${show(writer.labelOf(operation.name))} cannot be computed: ${reason}; export the decoder without it, ` +
        "or with other numbers",
    );
  }
}
