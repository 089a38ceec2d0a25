import { cost, type Described, type Kind, noTensors, type Shape, sizeOf } from "./kind.ts";
import { type AxisMap, identityAxes } from "./linear-map.ts";

/**
 * Relation of an operation's output to its inputs, each of which is read by a linear map:
 * - `"operands"`: a function of the mapped inputs, number by number
 * - `"parts"`: the mapped inputs side by side, each a part of the output
 * - `"pixels"`: the only input, mapped along each axis but the channels
 */
export type MapOutput = "operands" | "parts" | "pixels";

/** Kind of operation whose inputs are each read by a linear map. */
export interface MapKind<Fields, Output extends MapOutput = MapOutput> extends Kind<Fields> {
  readonly output: Output;
  /** Returns the output's axes, each with the positions of input `index` that it reads. */
  axes(operation: Described<Fields>, inputs: readonly Shape[], index: number): readonly AxisMap[];
}

/** Makes a kind of operation that only moves or adds numbers: without parameters, at the cost of one addition per output number. */
export function mapKind<Fields>(own: Pick<MapKind<Fields>, "label" | "axes">): MapKind<Fields, "parts"> {
  return { tensors: noTensors, cost: ({ shape }) => cost({ sums: sizeOf(shape) }), output: "parts", ...own };
}

/** Makes a kind of operation that moves or adds pixels along each axis `i` before the channels. */
export function pixelKind<Fields>(own: {
  label: NonNullable<Kind<Fields>["label"]>;
  along(operation: Described<Fields>, axis: AxisMap, i: number): AxisMap;
}): MapKind<Fields, "pixels"> {
  const axes: MapKind<Fields>["axes"] = (operation, [input]) => {
    const all = identityAxes(input!);
    return all.map((axis, i) => (i === all.length - 1 ? axis : own.along(operation, axis, i)));
  };
  return { ...mapKind<Fields>({ label: own.label, axes }), output: "pixels" };
}
