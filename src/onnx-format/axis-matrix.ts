import { type AxisMap, matrixOf } from "../graph/linear-map.ts";
import { sizeOf } from "../graph/operations.ts";
import { type Order, positionOf } from "./axis-order.ts";
import type { Task } from "./task.ts";
import type { Form, GraphValue } from "./value.ts";

// Linear maps along the axes one by one, between pixels say, as products with a matrix for each axis. Transposed, that is
// less than the many slices that would have to be added up.

/** Most numbers of a matrix, which is a part of every graph's file: 16 MB. */
const MOST_ENTRIES = 2 ** 22;

/** Axis that a map changes. */
export interface ChangedAxis {
  readonly axis: number;
  readonly map: AxisMap;
  /** Length of the input's axis. */
  readonly length: number;
}

/**
 * Axes that the maps change.
 *
 * @param maps of the output's axes
 * @param what subject of the error
 * @throws the graph's refusal where a matrix would be too large
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

/** Products of a value in this order with the matrices of the axes, or with their transposes. */
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
      // All lengths are numbers here: files, whose batch has none, have channels first.
      const sizes = [before, behind].map((each) => sizeOf(each as number[])) as [number, number];
      const rows = graph.reshape(tensor, [sizes[0], from, sizes[1]]);
      tensor = graph.reshape(graph.apply("MatMul", matrix(isTransposed), rows), lengths);
    }
  }
  return { tensor, order };
}
