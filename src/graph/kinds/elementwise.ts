import type { Activation, ActivationLike } from "../activation.ts";
import { functionKind, type Reader } from "../kind.ts";
import { stretchedAxes } from "../linear-map.ts";
import { type MapKind, mapKind } from "../map-kind.ts";
import { normaliseActivation } from "../normalise-activation.ts";
import { normalisePointwise, type PointwiseFunction, type PointwiseLike } from "../pointwise.ts";
import { broadcast } from "../settings.ts";

// Elementwise operations, with broadcasting.

/** Field of an operation that applies an activation to each number. */
export interface ActivationFields {
  readonly activation: Activation;
}

/** Settings of an operation that applies an activation to each number. */
export interface ActivationSettings {
  /** Activation: a name, or an object with the name and parameter, such as `{ name: "elu", alpha: 1 }`. */
  readonly activation: ActivationLike;
}

/** Kind of operation: an activation of layers, such as ReLU, applied to each number. */
export const activation = /* @__PURE__ */ functionKind<ActivationFields>({
  label: ({ activation }) => activation.name,
});

/** Reader of activations: checks the name and parameter, and keeps the input's shape. */
export const activationReader: Reader<ActivationSettings, ActivationFields> = {
  settings: { activation: true },
  reads: 1,
  read: ({ activation }, [input]) => ({
    shape: input!,
    activation: normaliseActivation("activation", activation),
  }),
};

/** Field of an operation that applies a function other than the activations to each number. */
export interface PointwiseFields {
  readonly function: PointwiseFunction;
}

/** Settings of an operation that applies a function other than the activations, such as `exp`, to each number. */
export interface PointwiseSettings {
  /**
   * Function: the name of one without parameters, or an object with the name and all parameters, such as `{ name: "power",
   * exponent: 2 }`.
   */
  readonly function: PointwiseLike;
}

/** Kind of operation: a function other than the activations of layers, such as `exp` or `clip`, applied to each number. */
export const pointwise = /* @__PURE__ */ functionKind<PointwiseFields>({
  label: (operation) => operation.function.name,
});

/** Reader of elementwise functions other than activations: checks the name and all parameters, and keeps the input's shape. */
export const pointwiseReader: Reader<PointwiseSettings, PointwiseFields> = {
  settings: { function: true },
  reads: 1,
  read: (settings, [input]) => ({
    shape: input!,
    function: normalisePointwise(settings.function),
  }),
};

function operandsKind(): MapKind<object, "operands"> {
  const axes: MapKind<object>["axes"] = ({ shape }, inputs, index) => stretchedAxes(inputs[index]!, shape);
  return { ...mapKind<object>({ axes }), output: "operands" };
}

/**
 * Kind of each elementwise operation on several values, such as max(a, b) or the selection condition > 0 ? a : b: axes of
 * length 1 broadcast as in NumPy.
 */
export const ofOperands = /* @__PURE__ */ operandsKind();

/** Reader of all elementwise operations on two values. */
export const ofTwoReader: Reader<object, object> = /* @__PURE__ */ stretchingReader(2);

/** Reader of the elementwise selection `where` of three values, condition, a and b; the output has their broadcast shape. */
export const whereReader: Reader<object, object> = /* @__PURE__ */ stretchingReader(3);

function stretchingReader(reads: 2 | 3): Reader<object, object> {
  return { settings: {}, reads, read: (_, inputs) => ({ shape: broadcast(inputs) }) };
}
