import { type Activation, type ActivationLike, normaliseActivation } from "../activation.ts";
import { cost, type Kind, noTensors, sizeOf } from "../kind.ts";
import { normalisePointwise, type PointwiseFunction, type PointwiseLike } from "../pointwise.ts";
import { broadcast } from "../settings.ts";

// Number by number.

/** A function of each number. */
export interface ActivationFields {
  readonly activation: Activation;
}

export interface ActivationSettings {
  readonly activation: ActivationLike;
}

export const activation: Kind<ActivationSettings, ActivationFields> = {
  settings: { activation: true },
  reads: 1,
  read: (where, { activation }, [input]) => ({
    ...{ shape: input!, activation: normaliseActivation(where, "activation", activation) },
  }),
  tensors: noTensors,
  cost: ({ shape }) => cost({ functions: sizeOf(shape) }),
  label: ({ activation }) => activation.name,
};

/** Another function of each number. */
export interface PointwiseFields {
  readonly function: PointwiseFunction;
}

export interface PointwiseSettings {
  readonly function: PointwiseLike;
}

export const pointwise: Kind<PointwiseSettings, PointwiseFields> = {
  settings: { function: true },
  reads: 1,
  read: (where, settings, [input]) => ({
    ...{ shape: input!, function: normalisePointwise(where, settings.function) },
  }),
  tensors: noTensors,
  cost: ({ shape }) => cost({ functions: sizeOf(shape) }),
  label: (operation) => operation.function.name,
};

/** Two values, each stretched along its axes of length 1, as NumPy broadcasts: a + b, a - b, a · b. */
function ofTwo(label: string): Kind<object, object> {
  return {
    settings: {},
    reads: 2,
    read: (where, _, inputs) => ({ shape: broadcast(where, inputs) }),
    tensors: noTensors,
    cost: ({ shape }) => cost({ sums: sizeOf(shape) }),
    label: () => label,
  };
}

export const add = ofTwo("add");
export const sub = ofTwo("sub");
export const mul = ofTwo("mul");
