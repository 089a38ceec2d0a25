import { castTo } from "../folding/integers.ts";
import type { NodeView } from "../node-view.ts";
import { elementTypeOf, integerTypeOf, type Tensor } from "../tensor.ts";
import type { Value } from "../value.ts";
import { isNonzero } from "./comparisons.ts";

/** Integer types narrower than the graph's inputs; casting to them would wrap values around. */
const NARROW = ["int8", "uint8", "int16", "uint16"];

/** Translates a Cast node. Floats of all widths are float32 in the graph. */
export function cast(node: NodeView): Value {
  const value = node.value(0);
  const dataType = node.integer("to", 0);
  const type = elementTypeOf(dataType) ?? node.refuse("it makes of numbers what are none");
  if (typeof value.source !== "string") {
    const tensor: Tensor = { type: value.type, shape: [value.source.length], values: value.source };
    return { ...value, type, source: castTo(node, dataType, tensor).values };
  }
  if (type === "boolean") return value.type === "boolean" ? value : isNonzero(node, value);
  if (value.type === "float" && type !== "float")
    return node.refuse("it rounds what is computed to integers");
  const integer = integerTypeOf(dataType);
  if (integer && NARROW.includes(integer))
    return node.refuse(`it makes what is given ${integer}, which wraps round`);
  return { ...value, type };
}
