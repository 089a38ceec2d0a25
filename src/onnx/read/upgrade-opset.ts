import type { Attribute } from "./model.ts";
import { NodeView } from "./node-view.ts";
import type { Former } from "./operator.ts";
import { floats, integers, type Tensor } from "./tensor.ts";
import type { Operand } from "./value.ts";

// Translates operators that had another form or meaning before opset 13 (BatchNormalization: 14) to the newer equivalent,
// so that later stages see one form. Softmax and LogSoftmax are exceptions: they ask for their axes here. All other
// supported operators mean the same since opset 9, or take their axes as an attribute or an input in any opset. For
// ConvTranspose, opset 11 moved the odd pixel of padding, but ONNX Runtime puts it in the same place in all opsets.

/** Returns a node with other inputs, by position, and with added or replaced attributes. */
function changed(
  node: NodeView,
  inputs: readonly (Operand | undefined)[],
  attributes: Readonly<Record<string, Attribute>> = {},
): NodeView {
  const all = new Map([...node.node.attributes, ...Object.entries(attributes)]);
  return new NodeView({ ...node.node, attributes: all }, inputs, node.scope);
}

const text = (value: string): Attribute => ({ text: value, integers: [], floats: [], isGraph: false });
const integer = (value: number): Attribute => ({ integer: value, integers: [], floats: [], isGraph: false });

const constant = (tensor: Tensor | undefined): Operand | undefined => tensor && { at: [tensor] };

/** Converts an attribute to a constant input, as in later opsets; undefined if it is omitted. */
function integersOf(node: NodeView, name: string): Operand | undefined {
  const given = node.integers(name);
  return constant(given && integers(given));
}

function numberOf(node: NodeView, name: string): Operand | undefined {
  const given = node.attribute(name)?.float;
  return constant(given === undefined ? undefined : floats([given], []));
}

/**
 * Returns the axes over which a Softmax or LogSoftmax node sums: one axis; before opset 13, all axes from the named one
 * on.
 */
export function softmaxAxes(node: NodeView, rank: number): number[] {
  const isOfMatrix = node.scope.opset < 13;
  const first = node.axis(node.integer("axis", isOfMatrix ? 1 : -1), rank);
  return Array.from({ length: isOfMatrix ? rank - first : 1 }, (_, i) => first + i);
}

/**
 * Converts an Upsample node of opset 9 or a Resize node of opset 10. These nodes have only scales, and the coordinate of an
 * output pixel is its index divided by the scale.
 */
function asymmetric(node: NodeView): NodeView {
  const scales = node.inputs[1];
  const isNearest = node.text("mode", "nearest") === "nearest";
  // For axes that become shorter, ONNX Runtime rounds up, PyTorch rounds down, and the standard is silent.
  const isOpen = (scale: number) => scale < 1 && !Number.isInteger(1 / scale);
  if (isNearest && scales && node.tensor(1).values.some(isOpen)) {
    return node.refuse(
      "it makes fewer pixels, nearest ones, of which opset 10 does not say which; convert it to opset 13",
    );
  }
  const attributes = {
    coordinate_transformation_mode: text("asymmetric"),
    nearest_mode: text("floor"),
  };
  return changed(node, [node.inputs[0], undefined, scales], attributes);
}

/** Conversion of Clip nodes before opset 11, with bounds as attributes. */
export const CLIP: Former = {
  below: 11,
  adapt: (node) => changed(node, [node.inputs[0], numberOf(node, "min"), numberOf(node, "max")]),
};

/** Conversion of Pad nodes before opset 11, with pads and value as attributes. */
export const PAD: Former = {
  below: 11,
  adapt: (node) => changed(node, [node.inputs[0], integersOf(node, "pads"), numberOf(node, "value")]),
};

/** Conversion of Slice nodes before opset 10, with bounds as attributes. */
export const SLICE: Former = {
  below: 10,
  adapt: (node) =>
    changed(node, [node.inputs[0], ...["starts", "ends", "axes"].map((name) => integersOf(node, name))]),
};

/** Conversion of Split nodes before opset 13, with lengths as an attribute. */
export const SPLIT: Former = {
  below: 13,
  adapt: (node) => changed(node, [node.inputs[0], integersOf(node, "split")]),
};

/** Conversion of Resize nodes before opset 11, which only have scales. */
export const RESIZE: Former = { below: 11, adapt: asymmetric };
/** Conversion of Upsample nodes, an operator that Resize replaced in opset 10. */
export const UPSAMPLE: Former = { below: 10, adapt: asymmetric };

/** Conversion of BatchNormalization nodes before opset 14, where several outputs imply training mode. */
export const BATCH_NORM: Former = {
  below: 14,
  // Only training mode, for which there was no attribute, had further outputs.
  adapt: (node) =>
    node.node.outputs.filter((name) => name !== "").length > 1
      ? changed(node, node.inputs, { training_mode: integer(1) })
      : node,
};
