import { objection } from "../base/refuse.ts";
import type { OperationDefinition } from "../graph/definition.ts";
import type { Graph } from "../graph/graph.ts";
import { sizeOf } from "../graph/kind.ts";
import { readDefinition } from "../graph/read-definition.ts";
import { checkOutputOrder, checkOutputShape } from "./output.ts";

/**
 * Changes the shape of a graph's output without moving numbers. The reshape is inserted before an output activation,
 * since losses may include that.
 *
 * @param shape new shape, not validated yet
 * @throws LatentflowError `invalid_argument` if the shape has another number of elements, or is a permutation of the
 *   graph's
 */
export function withOutputShape(graph: Graph, shape: readonly number[]): Graph {
  const own = graph.operations.at(-1)!.shape;
  if (graph.atPoints) throw objection("outputShape", "is for decoders without points");
  const lengths = checkOutputShape(shape, sizeOf(own));
  if (String(lengths) === String(own)) return graph;
  checkOutputOrder(lengths, own);
  const { definition } = graph;
  const before: OperationDefinition[] = [...definition.operations];
  const activation = before.at(-1)!.kind === "activation" ? before.pop()! : undefined;
  const inputs = activation?.inputs ?? [before.at(-1)!.name];
  const name = freeName(graph);
  const after = activation ? [{ ...activation, inputs: [name] }] : [];
  const reshape = { kind: "reshape", name, inputs, shape: [...lengths] } as const;
  return readDefinition({ ...definition, operations: [...before, reshape, ...after] });
}

/** Returns a name that no input or operation of the graph has. */
function freeName({ fixedInputs, operations }: Graph): string {
  const names = new Set([...fixedInputs, ...operations].map(({ name }) => name));
  let name = "output shape";
  while (names.has(name)) name += "'";
  return name;
}
