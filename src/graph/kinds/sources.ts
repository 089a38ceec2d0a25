import { checkNumber } from "../../base/check.ts";
import { invalid } from "../../base/refuse.ts";
import { cost, type Kind, type Reader } from "../kind.ts";
import { checkLengths } from "../settings.ts";

/** A parameter that is a value, the same for every sample: StyleGAN's learnt input. */
export interface ConstantFields {
  /** Shape of the value. */
  readonly weight: Float32Array;
}

export interface ConstantSettings {
  readonly shape: readonly number[];
}

export const constant: Kind<ConstantFields> = {
  tensors: ({ shape }) => [{ name: "weight", shape, initial: { bound: 1 }, isFlat: true }],
  cost: () => cost(),
  label: () => "constant",
};

export const constantReader: Reader<ConstantSettings, ConstantFields> = {
  settings: { shape: true },
  reads: 0,
  read: (where, { shape }) => ({ shape: checkLengths(where, "shape", shape, 1) }),
};

/** The rows of a table that integers name, an input of the graph given with `classes`: from [1] to [units], say. */
export interface EmbeddingFields {
  /** [classes, units] */
  readonly weight: Float32Array;
  readonly classes: number;
}

export interface EmbeddingSettings {
  /** Number of classes. */
  readonly classes: number;
  readonly units: number;
}

export const embedding: Kind<EmbeddingFields> = {
  tensors: ({ classes, shape }) => [
    { name: "weight", shape: [classes, shape.at(-1)!], initial: { bound: 1 } },
  ],
  cost: () => cost(),
  label: () => "embedding",
};

export const embeddingReader: Reader<EmbeddingSettings, EmbeddingFields> = {
  settings: { classes: true, units: true },
  reads: 1,
  read(where, settings, [input]) {
    const classes = checkNumber(where, "classes", settings.classes, { min: 1, max: 2 ** 24, integer: true });
    const units = checkNumber(where, "units", settings.units, { min: 1, integer: true });
    if (input!.at(-1) !== 1) {
      throw invalid(
        `${where}: what it reads has the shape [${input}], expected a last axis of length 1, which becomes ${units} long`,
      );
    }
    return { classes, shape: [...input!.slice(0, -1), units] };
  },
};
