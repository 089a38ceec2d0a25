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

export interface ActivationSettings {
  readonly activation: ActivationLike;
}

export const activation = /* @__PURE__ */ functionKind<ActivationFields>(({ activation }) => activation.name);

export const activationReader: Reader<ActivationSettings, ActivationFields> = {
  settings: { activation: true },
  reads: 1,
  read: (where, { activation }, [input]) => ({
    shape: input!,
    activation: normaliseActivation(where, "activation", activation),
  }),
};

/** Field of an operation that applies a function other than the activations to each number. */
export interface PointwiseFields {
  readonly function: PointwiseFunction;
}

export interface PointwiseSettings {
  readonly function: PointwiseLike;
}

export const pointwise = /* @__PURE__ */ functionKind<PointwiseFields>(
  (operation) => operation.function.name,
);

export const pointwiseReader: Reader<PointwiseSettings, PointwiseFields> = {
  settings: { function: true },
  reads: 1,
  read: (where, settings, [input]) => ({
    shape: input!,
    function: normalisePointwise(where, settings.function),
  }),
};

/**
 * Makes the kind of an elementwise operation on several values, such as max(a, b), whose axes of length 1 broadcast as in
 * NumPy.
 */
function stretching(label: string): MapKind<object, "operands"> {
  const axes: MapKind<object>["axes"] = ({ shape }, inputs, index) => stretchedAxes(inputs[index]!, shape);
  return { ...mapKind<object>({ label: () => label, axes }), output: "operands" };
}

export const add = /* @__PURE__ */ stretching("add");
export const sub = /* @__PURE__ */ stretching("sub");
export const mul = /* @__PURE__ */ stretching("mul");
export const maximum = /* @__PURE__ */ stretching("maximum");
export const minimum = /* @__PURE__ */ stretching("minimum");
/** Kind of operation: elementwise condition > 0 ? a : b. */
export const where = /* @__PURE__ */ stretching("where");

/** Reader of all elementwise operations on two values. */
export const ofTwoReader: Reader<object, object> = /* @__PURE__ */ stretchingReader(2);

export const whereReader: Reader<object, object> = /* @__PURE__ */ stretchingReader(3);

function stretchingReader(reads: 2 | 3): Reader<object, object> {
  return { settings: {}, reads, read: (where, _, inputs) => ({ shape: broadcast(where, inputs) }) };
}
