import type { Attribute } from "./model.ts";
import { NodeView } from "./node-view.ts";
import type { Former } from "./operator.ts";
import { floats, integers, type Tensor } from "./tensor.ts";
import type { Operand } from "./value.ts";

// Operators whose form or meaning was another one before opset 13, BatchNormalization before 14. A node of an older file
// becomes the newer node that computes the same, so that what comes after knows one form; Softmax and LogSoftmax ask for their axes. All other
// operators that are read mean the same from opset 9 on, or take their axes as an attribute or as an input in any opset.
// ConvTranspose's odd pixel of padding, which the standard has moved with opset 11, ONNX Runtime puts in one place in all.

/** Returns a node with other inputs, by their positions, or other attributes. */
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

/** Turns an attribute into the input that later opsets have; undefined if it is left out. */
function integersOf(node: NodeView, name: string): Operand | undefined {
  const given = node.integers(name);
  return constant(given && integers(given));
}

function numberOf(node: NodeView, name: string): Operand | undefined {
  const given = node.attribute(name)?.float;
  return constant(given === undefined ? undefined : floats([given], []));
}

/** Returns the axes over which a Softmax or LogSoftmax sums: one axis; before opset 13 all axes from the named one on. */
export function softmaxAxes(node: NodeView, rank: number): number[] {
  const isOfMatrix = node.scope.opset < 13;
  const first = node.axis(node.integer("axis", isOfMatrix ? 1 : -1), rank);
  return Array.from({ length: isOfMatrix ? rank - first : 1 }, (_, i) => first + i);
}

/** Translates Upsample and Resize of opset 10, which have scales: a pixel's position is its index divided by the scale. */
function asymmetric(node: NodeView): NodeView {
  const scales = node.inputs[1];
  const isNearest = node.text("mode", "nearest") === "nearest";
  // ONNX Runtime takes the ceiling along axes that become shorter, PyTorch the floor, and the standard says neither.
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

/** Clip with its bounds as attributes. */
export const CLIP: Former = {
  below: 11,
  adapt: (node) => changed(node, [node.inputs[0], numberOf(node, "min"), numberOf(node, "max")]),
};

/** Pad with its pads and value as attributes. */
export const PAD: Former = {
  below: 11,
  adapt: (node) => changed(node, [node.inputs[0], integersOf(node, "pads"), numberOf(node, "value")]),
};

/** Slice with its bounds as attributes. */
export const SLICE: Former = {
  below: 10,
  adapt: (node) =>
    changed(node, [node.inputs[0], ...["starts", "ends", "axes"].map((name) => integersOf(node, name))]),
};

/** Split with its lengths as an attribute. */
export const SPLIT: Former = {
  below: 13,
  adapt: (node) => changed(node, [node.inputs[0], integersOf(node, "split")]),
};

/** Rule for Resize before opset 11, which has scales alone. */
export const RESIZE: Former = { below: 11, adapt: asymmetric };
/** Rule for Upsample, the operator that Resize replaced in opset 10. */
export const UPSAMPLE: Former = { below: 10, adapt: asymmetric };

/** BatchNormalization whose training mode shows in its outputs. */
export const BATCH_NORM: Former = {
  below: 14,
  // The other outputs are of the training mode, which no attribute said.
  adapt: (node) =>
    node.node.outputs.filter((name) => name !== "").length > 1
      ? changed(node, node.inputs, { training_mode: integer(1) })
      : node,
};
