import { sizeOf } from "../../../graph/operations.ts";
import { lastOrder } from "../../../onnx-format/axis-order.ts";
import type { Task, Written } from "../task.ts";

/** TensorProto.DataType.INT32 */
const INT32 = 6;

export function writeConstant({ graph, operation: { shape }, parameter }: Task<"constant">): Written {
  const tensor = graph.reshape(parameter("weight"), [1, ...shape]);
  return { output: { tensor, order: lastOrder(shape.length) }, backward: [] };
}

/** The rows of a table. Classes come as float32 numbers, as all that is given; none is a latent. */
export function writeEmbedding({ graph, operation, inputs, batch, parameter }: Task<"embedding">): Written {
  const { shape } = operation;
  const input = inputs[0]!;
  const classes = graph.applyWith({ to: { integer: INT32 } }, "Cast", input.last);
  const listed = graph.reshape(classes, [batch * sizeOf(input.shape)]);
  const rows = graph.applyWith({ axis: { integer: 0 } }, "Gather", parameter("weight"), listed);
  const tensor = graph.reshape(rows, [batch, ...shape]);
  return { output: { tensor, order: lastOrder(shape.length) }, backward: [] };
}
