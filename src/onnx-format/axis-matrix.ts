import { type AxisMap, matrixOf } from "../graph/linear-map.ts";
import { sizeOf } from "../graph/operations.ts";
import { type Order, positionOf } from "./axis-order.ts";
import type { Task } from "./task.ts";
import type { Form, GraphValue } from "./value.ts";

// Linear maps along single axes, such as resizing pixels, written as a product with a matrix for each axis. The
// transposed map is cheaper this way than as a sum of many slices.

/** Maximum number of elements of a matrix, which is stored in the graph's file: 16 MB. */
const MOST_ENTRIES = 2 ** 22;

/** An axis that a linear map changes, with the map along it. */
export interface ChangedAxis {
  /** Index of the axis that the linear map changes, in the shapes of its input and output for one sample. */
  readonly axis: number;
  readonly map: AxisMap;
  /** Length of the axis in the map's input; `map.length` is its length in the output. */
  readonly length: number;
}

/**
 * Returns the axes that linear maps change.
 *
 * @param maps map along each axis of the output
 * @param what subject of the error message
 * @throws the error of `graph.refuse` if a matrix would be too large
 */
export function changedAxes(
  { graph, operation, input }: Task,
  maps: readonly AxisMap[],
  what: string,
): ChangedAxis[] {
  const shape = input.shape as readonly number[];
  const changed = maps.flatMap((map, axis) => (map.isIdentity ? [] : [{ axis, map, length: shape[axis]! }]));
  const tooLong = changed.find(({ map, length }) => map.length * length > MOST_ENTRIES);
  if (!tooLong) return changed;
  const size = `${tooLong.map.length} × ${tooLong.length}`;
  return graph.refuse(
    operation,
    `${what} would take a matrix of ${size} numbers, expected at most ${MOST_ENTRIES}`,
  );
}

/**
 * Writes nodes that multiply a graph value by the matrix of each changed axis, or by its transpose.
 *
 * @param order order of the tensor's axes in which to compute
 */
export function alongAxes(
  value: GraphValue,
  order: Order,
  changed: readonly ChangedAxis[],
  isTransposed: boolean,
): Form {
  const { graph } = value;
  let tensor = value.in(order);
  const lengths = value.lengths(order);
  for (const { axis, map, length } of changed) {
    const position = positionOf(order, axis);
    const [before, behind] = [lengths.slice(0, position), lengths.slice(position + 1)];
    const from = lengths[position]!;
    lengths[position] = isTransposed ? length : map.length;
    const matrix = (isTurned: boolean) =>
      graph.matrix(isTurned ? [length, map.length] : [map.length, length], matrixOf(map, length, isTurned));
    if (behind.length === 0) tensor = graph.apply("MatMul", tensor, matrix(!isTransposed));
    else if (behind.length === 1) tensor = graph.apply("MatMul", matrix(isTransposed), tensor);
    else {
      // All lengths are numbers here: in files, where the batch size is unknown, channels are first.
      const sizes = [before, behind].map((each) => sizeOf(each as number[])) as [number, number];
      const rows = graph.reshape(tensor, [sizes[0], from, sizes[1]]);
      tensor = graph.reshape(graph.apply("MatMul", matrix(isTransposed), rows), lengths);
    }
  }
  return { tensor, order };
}
