import { kept } from "../../base/kept.ts";
import { subject } from "../../base/message.ts";
import { objection } from "../../base/refuse.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import { LATENT, parametersOf } from "../../graph/graph.ts";
import { lastOrder } from "../../onnx-format/axis-order.ts";
import type { Extent, Tensor } from "../../onnx-format/emitter.ts";
import type { Dim } from "../../onnx-format/messages.ts";
import { writeOperation } from "../../onnx-format/operations.ts";
import type { ProtobufMessage } from "../../onnx-format/protobuf.ts";
import type { Task } from "../../onnx-format/task.ts";
import { GraphValue } from "../../onnx-format/value.ts";
import { FileEmitter, OnnxFile, type RunSizes } from "./file.ts";
import { type SymbolicGraph, symbolicGraph } from "./shapes.ts";

/** Name of the output; OTHER_OUTPUT if an input or a parameter has this name. */
const OUTPUT = "x";
const OTHER_OUTPUT = "output";

/**
 * Writes a decoder as the protobuf message of an ONNX file.
 *
 * @throws LatentflowError `invalid_argument` if the name of a fixed input clashes with a parameter's
 */
export function writeGraph(
  decoder: Decoder,
  metadata: Iterable<readonly [key: string, value: string]>,
): ProtobufMessage {
  const graph = symbolicGraph(decoder);
  const parameters = new Map(
    parametersOf(decoder).map(({ operation, tensor, shape, offset, size }) => [
      `${decoder.operations[operation]!.name}.${tensor}`,
      { shape, values: decoder.parameters.subarray(offset, offset + size) },
    ]),
  );
  const inputNames = [LATENT, ...graph.fixedInputs.map(({ name }) => name)];
  const taken = inputNames.find((name) => parameters.has(name));
  if (taken !== undefined) {
    const reason = `is called "${taken}", as a parameter is`;
    throw objection(subject("decoder", "a fixed input"), reason, "; give one of the two another name");
  }
  const output = freeName([OUTPUT, OTHER_OUTPUT], new Set([...inputNames, ...parameters.keys()]));
  const file = new OnnxFile([...inputNames, ...parameters.keys(), output]);
  const { values, sizes } = writeInputs(file, graph);
  for (const { operation, definition, shape } of graph.operations) {
    const { name } = operation;
    const inputs = operation.inputs.map((input) => values.get(input)!);
    const emitter = new FileEmitter(file, name, sizes);
    const parameter: Task["parameter"] = (tensor, dims) => {
      const own = parameters.get(`${name}.${tensor}`)!;
      return file.parameter(`${name}.${tensor}`, dims ?? own.shape, own.values);
    };
    const batch = inputs.some((input) => input.batch === "batch") ? "batch" : 1;
    const form = writeOperation({
      graph: emitter,
      operation,
      definition,
      shape,
      inputs,
      input: inputs[0],
      parameter,
      batch,
    } as Task);
    values.set(name, new GraphValue(emitter, shape, batch, form));
  }
  const last = graph.operations.at(-1)!;
  return file.toMessage(output, values.get(last.operation.name)!.last, ["batch", ...last.shape], metadata);
}

function writeInputs(file: OnnxFile, { latentSize, fixedInputs }: SymbolicGraph) {
  const values = new Map<string, GraphValue>();
  const latent = { name: LATENT, shape: [latentSize], classes: undefined };
  const lengths = new Map<string, Tensor>();
  const sizes: RunSizes = (of) =>
    kept(lengths, of, () => {
      const emitter = new FileEmitter(file, "lengths", sizes);
      if (of === "batch") return emitter.lengthOf(LATENT as Tensor, 0);
      // A decoder with an axis of points has an input with that axis.
      const { name, shape } = fixedInputs.find((input) => input.shape.includes("points"))!;
      return emitter.lengthOf(name as Tensor, 1 + shape.indexOf("points"));
    });
  for (const { name, shape, classes } of [latent, ...fixedInputs]) {
    const tensor = file.input(name, ["batch", ...shape] satisfies Dim[], classes !== undefined);
    const form = { tensor, order: lastOrder(shape.length) };
    values.set(name, new GraphValue<Extent>(new FileEmitter(file, name, sizes), shape, "batch", form));
  }
  return { values, sizes };
}

function freeName(names: readonly string[], taken: ReadonlySet<string>): string {
  let free = names.find((name) => !taken.has(name)) ?? names.at(-1)!;
  while (taken.has(free)) free += "_";
  return free;
}
