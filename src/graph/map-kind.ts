import { cost, type Described, type Kind, noTensors, type Shape, sizeOf } from "./kind.ts";
import type { AxisMap } from "./linear-map.ts";

/** A kind of operation that only moves numbers or adds them up: a linear map of each value that it reads. */
export interface MapKind<Fields> extends Kind<Fields> {
  /** Returns the output's axes, each with the positions of input `index` that it takes. */
  axes(operation: Described<Fields>, inputs: readonly Shape[], index: number): readonly AxisMap[];
}

/** Makes such a kind: no tensors, and a sum for each number of the output. */
export function mapKind<Fields>(own: Omit<MapKind<Fields>, "tensors" | "cost">): MapKind<Fields> {
  return { tensors: noTensors, cost: ({ shape }) => cost({ sums: sizeOf(shape) }), ...own };
}
