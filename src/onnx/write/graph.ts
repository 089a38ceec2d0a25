import { invalid } from "../../base/check.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import { LATENT, parametersOf } from "../../graph/graph.ts";
import { lastOrder } from "../../onnx-format/axis-order.ts";
import type { Dim } from "../../onnx-format/messages.ts";
import type { ProtobufMessage } from "../../onnx-format/protobuf.ts";
import { OnnxFile, type Tensor } from "./file.ts";
import { writeOperation } from "./operations.ts";
import { type SymbolicGraph, type SymbolicShape, symbolicGraph } from "./shapes.ts";
import { lengthOf, type Task } from "./task.ts";
import { WrittenValue } from "./value.ts";

/** What the output is called, unless a fixed input is called so. */
const OUTPUT = "x";
const OTHER_OUTPUT = "output";

/** The file of a decoder, before it is bytes. */
export function writeGraph(
  where: string,
  decoder: Decoder,
  metadata: Iterable<readonly [key: string, value: string]>,
): ProtobufMessage {
  const graph = symbolicGraph(decoder);
  const parameters = parametersByName(decoder);
  const inputNames = [LATENT, ...graph.fixedInputs.map(({ name }) => name)];
  const taken = inputNames.find((name) => parameters.has(name));
  if (taken !== undefined) {
    throw invalid(
      `${where}: a fixed input is called "${taken}", as a parameter is; give one of the two another name`,
    );
  }
  const output = freeName([OUTPUT, OTHER_OUTPUT], new Set([...inputNames, ...parameters.keys()]));
  const file = new OnnxFile([...inputNames, ...parameters.keys(), output]);
  const { values, batch, points } = writeInputs(file, graph);
  for (const { operation, definition, shape } of graph.operations) {
    const { name } = operation;
    const inputs = operation.inputs.map((input) => values.get(input)!);
    const apply: Task["apply"] = (...call) => file.apply(name, ...call);
    const parameter: Task["parameter"] = (tensor, dims) => {
      const known = parameters.get(`${name}.${tensor}`)!;
      return file.parameter(`${name}.${tensor}`, dims ?? known.shape, known.values);
    };
    const task: Task = {
      file,
      operation,
      definition,
      shape,
      inputs,
      apply,
      parameter,
      batch,
      points,
    } as Task;
    const isShared = inputs.every((input) => input.isShared);
    values.set(name, new WrittenValue(file, name, shape, writeOperation(task), isShared));
  }
  const last = graph.operations.at(-1)!;
  return file.toMessage(output, values.get(last.operation.name)!.last, dimsOf(last.shape), metadata);
}

function writeInputs(file: OnnxFile, { latentSize, fixedInputs }: SymbolicGraph) {
  const values = new Map<string, WrittenValue>();
  const add = (name: string, shape: SymbolicShape, isInteger: boolean): Tensor => {
    const tensor = file.input(name, dimsOf(shape), isInteger);
    const form = { tensor, order: lastOrder(shape.length) };
    values.set(name, new WrittenValue(file, name, shape, form, false));
    return tensor;
  };
  const z = add(LATENT, [latentSize], false);
  for (const { name, shape, classes } of fixedInputs) add(name, shape, classes !== undefined);
  const apply: Task["apply"] = (...call) => file.apply("lengths", ...call);
  const batch = once(() => lengthOf({ apply }, z, 0));
  const points = once(() => {
    // Where there are points, an input has them.
    const { name, shape } = fixedInputs.find(({ shape }) => shape.includes("points"))!;
    return lengthOf({ apply }, values.get(name)!.last, 1 + shape.indexOf("points"));
  });
  return { values, batch, points };
}

/** The axes of an input or output, with that of the samples. */
function dimsOf(shape: SymbolicShape): Dim[] {
  return ["batch", ...shape];
}

interface NamedParameter {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

function parametersByName(decoder: Decoder): Map<string, NamedParameter> {
  return new Map(
    parametersOf(decoder).map(({ operation, tensor, shape, offset, size }) => [
      `${decoder.operations[operation]!.name}.${tensor}`,
      { shape, values: decoder.parameters.subarray(offset, offset + size) },
    ]),
  );
}

function freeName(names: readonly string[], taken: ReadonlySet<string>): string {
  let free = names.find((name) => !taken.has(name)) ?? names.at(-1)!;
  while (taken.has(free)) free += "_";
  return free;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
