import type { Emitter, NumberFunction, Tensor } from "../emitter.ts";
import type { Task, Writer } from "../task.ts";
import { aligned, type Form } from "../value.ts";
import { FUNCTIONS } from "./functions.ts";

/** Writes the nodes of f(x), by the writer in `graph.functions` if there is one for f, else by the writer in FUNCTIONS. */
export function writeFunction(graph: Emitter, f: NumberFunction, x: Tensor): Tensor {
  // In both tables, the entry of a name is a writer for functions with that name.
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

/** Writes the nodes of an activation; axes stay in their order. */
export const writeActivation: Writer<"activation"> = (task) => ofEach(task, task.operation.activation);

/** Writes the nodes of an elementwise function; axes stay in their order. */
export const writePointwise: Writer<"pointwise"> = (task) => ofEach(task, task.operation.function);

/** Makes the writer for a binary elementwise operator, whose operands broadcast. */
export const ofTwo =
  (operator: string): Writer<"add" | "sub" | "mul" | "maximum" | "minimum"> =>
  ({ graph, inputs }) => {
    const { order, tensors } = aligned(graph, inputs);
    return { tensor: graph.apply(operator, ...tensors), order };
  };

/** Writes nodes for an elementwise choice: a where the condition is above 0, else b. */
export const writeWhere: Writer<"where"> = ({ graph, inputs }) => {
  const { order, tensors } = aligned(graph, inputs);
  const [condition, a, b] = tensors as [Tensor, Tensor, Tensor];
  return { tensor: graph.apply("Where", graph.apply("Greater", condition, 0), a, b), order };
};
