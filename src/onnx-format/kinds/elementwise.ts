import type { Emitter, NumberFunction, Tensor } from "../emitter.ts";
import type { Task, Writer } from "../task.ts";
import { aligned, type Form } from "../value.ts";
import { FUNCTIONS } from "./functions.ts";

/** Writes f(x), as the target has it, or else as all have it. */
export function writeFunction(graph: Emitter, f: NumberFunction, x: Tensor): Tensor {
  // Both tables hold under each name a writer for functions of that name.
  const write = (graph.functions[f.name] ?? FUNCTIONS[f.name]) as (
    graph: Emitter,
    x: Tensor,
    f: NumberFunction,
  ) => Tensor;
  return write(graph, x, f);
}

function ofEach({ graph, input }: Task, f: NumberFunction): Form {
  const { tensor, order } = input.any;
  return { tensor: writeFunction(graph, f, tensor), order };
}

/** Writes an activation, on a tensor of any order. */
export const writeActivation: Writer<"activation"> = (task) => ofEach(task, task.operation.activation);

/** Writes a function of each number, on a tensor of any order. */
export const writePointwise: Writer<"pointwise"> = (task) => ofEach(task, task.operation.function);

/** Writer for an operator of two values that broadcast. */
export const ofTwo =
  (operator: string): Writer<"add" | "sub" | "mul" | "maximum" | "minimum"> =>
  ({ graph, inputs }) => {
    const { order, tensors } = aligned(graph, inputs);
    return { tensor: graph.apply(operator, ...tensors), order };
  };

/** Writes a choice: a where the condition is above 0, else b. */
export const writeWhere: Writer<"where"> = ({ graph, inputs }) => {
  const { order, tensors } = aligned(graph, inputs);
  const [condition, a, b] = tensors as [Tensor, Tensor, Tensor];
  return { tensor: graph.apply("Where", graph.apply("Greater", condition, 0), a, b), order };
};
