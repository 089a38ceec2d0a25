import { castTo } from "../folding/shapes.ts";
import type { NodeView } from "../node-view.ts";
import { elementTypeOf, type Tensor } from "../tensor.ts";
import type { Value } from "../value.ts";

/** Numbers as another type: floats of all widths are float32 here. */
export function cast(node: NodeView): Value {
  const value = node.value(0);
  const type = elementTypeOf(node.integer("to", 0)) ?? node.refuse("it makes of numbers what are none");
  if (typeof value.source !== "string") {
    const tensor: Tensor = { type: value.type, shape: [value.source.length], values: value.source };
    return { ...value, type, source: castTo(type, tensor).values };
  }
  if (value.type === "float" && type !== "float")
    return node.refuse("it rounds what is computed to integers");
  if (value.type === "integer" && type === "boolean") return node.refuse("it compares what is given with 0");
  return { ...value, type };
}
