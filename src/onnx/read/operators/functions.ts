import type { NumberFunction } from "../activations.ts";
import { align } from "../align.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import type { Value } from "../value.ts";
import { besideNumber, combine, linear, pointwise } from "./arithmetic.ts";

// Operators that are elementwise functions.

/** Makes the translation of an operator that is a single elementwise function. */
export const is =
  (activation: NumberFunction) =>
  (node: NodeView): Value =>
    pointwise(node, node.value(0), activation);

/** Translates an Elu node. */
export function elu(node: NodeView): Value {
  return scaledElu(node, node.value(0), node.float("alpha", 1));
}

function scaledElu(node: Site, value: Value, alpha: number): Value {
  if (alpha > 0) return pointwise(node, value, { name: "elu", alpha });
  if (alpha === 0) return pointwise(node, value, "relu");
  return node.refuse(`its alpha is ${alpha}, expected at least 0`);
}

/** Default attributes of ONNX's Selu, rounded to float32. */
const SELU = { alpha: Math.fround(1.6732632423543772), gamma: Math.fround(1.0507009873554805) };

/** Translates a Selu node, as gamma · elu(x). */
export function selu(node: NodeView): Value {
  const value = scaledElu(node, node.value(0), node.float("alpha", SELU.alpha));
  return linear(node, value, node.float("gamma", SELU.gamma), 0);
}

/** Translates a Celu node, as alpha · elu(x / alpha), where elu has an alpha of 1. */
export function celu(node: NodeView): Value {
  const alpha = node.float("alpha", 1);
  if (!(alpha > 0)) return node.refuse(`its alpha is ${alpha}, expected more than 0`);
  const scaled = linear(node, node.value(0), 1 / alpha, 0);
  return linear(node, pointwise(node, scaled, { name: "elu", alpha: 1 }), alpha, 0);
}

/** Translates a LeakyRelu node. */
export function leakyRelu(node: NodeView): Value {
  return leaky(node, node.value(0), node.float("alpha", 0.01));
}

function leaky(node: Site, value: Value, slope: number): Value {
  if (slope >= 0) return pointwise(node, value, { name: "leakyRelu", slope });
  const below = pointwise(node, linear(node, value, -1, 0), "relu");
  return combine(node, "sub", pointwise(node, value, "relu"), linear(node, below, slope, 0));
}

/** Translates a PRelu node, as relu(x) - slope · relu(-x). */
export function prelu(node: NodeView): Value {
  const value = node.value(0);
  const slope = node.value(1);
  if (typeof slope.source !== "string" && slope.source.length === 1) {
    return leaky(node, besideNumber(align(node, [value, slope]), 0), slope.source[0]!);
  }
  const below = pointwise(node, linear(node, value, -1, 0), "relu");
  const scaled = combine(node, "mul", below, slope);
  return combine(node, "sub", pointwise(node, value, "relu"), scaled);
}

/** Translates a HardSigmoid node. */
export function hardSigmoid(node: NodeView): Value {
  const [slope, offset] = [node.float("alpha", 0.2), node.float("beta", 0.5)];
  return pointwise(node, node.value(0), { name: "hardSigmoid", slope, offset });
}

/**
 * Translates a Gelu node: x · Φ(x), or by its attribute the approximation x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) /
 * 2.
 */
export function gelu(node: NodeView): Value {
  const value = node.value(0);
  if (node.choice("approximate", "none", ["none", "tanh"]) === "none") {
    return pointwise(node, value, "gelu");
  }
  const squared = combine(node, "mul", value, value);
  const inner = combine(node, "mul", value, linear(node, squared, 0.044715, 1));
  const bent = pointwise(node, linear(node, inner, Math.sqrt(2 / Math.PI), 0), "tanh");
  return combine(node, "mul", value, linear(node, bent, 0.5, 0.5));
}

/** Translates a Cos node, as sin(x + π/2). */
export function cos(node: NodeView): Value {
  return pointwise(node, linear(node, node.value(0), 1, Math.PI / 2), { name: "sine", frequency: 1 });
}

/** Translates a Softsign node, x / (1 + |x|). */
export function softsign(node: NodeView): Value {
  const size = linear(node, pointwise(node, node.value(0), "abs"), 1, 1);
  return combine(node, "mul", node.value(0), pointwise(node, size, "reciprocal"));
}
