import { checkNumber } from "../../base/check.ts";
import { refused } from "../../base/refuse.ts";
import { cost, type Kind, type Reader } from "../kind.ts";
import { checkLengths, WHAT_IT_READS } from "../settings.ts";

/** Field of an operation whose value is a parameter, the same for every sample, such as StyleGAN's learned input. */
export interface ConstantFields {
  /** Numbers of the operation's output for one sample, row-major in the operation's `shape`. */
  readonly weight: Float32Array;
}

/** Settings of a constant, an operation that reads no value and whose output is a parameter. */
export interface ConstantSettings {
  /** Shape of the constant, the same for every sample; 1 to 8 axes. */
  readonly shape: readonly number[];
}

/** Kind of operation: a parameter used as a value, the same for every sample, such as StyleGAN's learned input. */
export const constant: Kind<ConstantFields> = {
  tensors: ({ shape }) => [{ name: "weight", shape, initial: { bound: 1 }, isFlat: true }],
  cost: () => cost(),
};

/** Reader of constants, which read no value; the output has the `shape` of the settings. */
export const constantReader: Reader<ConstantSettings, ConstantFields> = {
  settings: { shape: true },
  reads: 0,
  read: ({ shape }) => ({ shape: checkLengths("shape", shape, 1) }),
};

/** Fields of an embedding: a table whose rows are chosen by integers, from a fixed input with `classes`: [1] becomes [units]. */
export interface EmbeddingFields {
  /** Table of the embedding: one row of `units` numbers per class, [classes, units]. */
  readonly weight: Float32Array;
  /** Number of rows of the table; integers from 0 to classes - 1 choose them. */
  readonly classes: number;
}

/** Settings of an embedding, a table whose rows are chosen by integers. */
export interface EmbeddingSettings {
  /** Number of rows of the table, and bound of the integers that choose them: 0 to classes - 1. */
  readonly classes: number;
  /** Length of a row of the table, and of the output's last axis. */
  readonly units: number;
}

/** Kind of operation: embedding, rows of a table chosen by integers; PyTorch's `Embedding`. */
export const embedding: Kind<EmbeddingFields> = {
  tensors: ({ classes, shape }) => [
    { name: "weight", shape: [classes, shape.at(-1)!], initial: { bound: 1 } },
  ],
  cost: () => cost(),
};

/** Reader of embeddings: the input's last axis must have length 1, and becomes `units` long. */
export const embeddingReader: Reader<EmbeddingSettings, EmbeddingFields> = {
  settings: { classes: true, units: true },
  reads: 1,
  read(settings, [input]) {
    const classes = checkNumber("classes", settings.classes, { min: 1, max: 2 ** 24, integer: true });
    const units = checkNumber("units", settings.units, { min: 1, integer: true });
    if (input!.at(-1) !== 1) {
      const expected = `a last axis of length 1, which becomes ${units} long`;
      throw refused(WHAT_IT_READS, "has", `the shape [${input}]`, expected);
    }
    return { classes, shape: [...input!.slice(0, -1), units] };
  },
};
