import { checkNumber } from "../../base/check.ts";
import { cost, type Kind, type Reader, sizeOf, weightAndBias } from "../kind.ts";

/** Fields of a fully connected operation along the last axis: output = weight · input + bias. */
export interface DenseFields {
  /** Weight of a fully connected operation, [outputs, inputs], row-major. Must not be written to. */
  readonly weight: Float32Array;
  /** Bias of a fully connected operation, [outputs]. Must not be written to. */
  readonly bias: Float32Array;
}

/** Settings of a fully connected operation along the last axis. */
export interface DenseSettings {
  /** Number of outputs: the length of the output's last axis. */
  readonly units: number;
}

/** Kind of operation: fully connected along the last axis, weight · input + bias, as PyTorch's `Linear`. */
export const dense: Kind<DenseFields> = {
  tensors: ({ shape }, [input]) => weightAndBias([shape.at(-1)!, input!.at(-1)!], shape),
  cost: ({ shape }, [input]) =>
    cost({ multiplications: sizeOf(shape) * input!.at(-1)!, sums: sizeOf(shape) }),
};

/** Reader of fully connected operations: the input's last axis becomes `units` long. */
export const denseReader: Reader<DenseSettings, DenseFields> = {
  settings: { units: true },
  reads: 1,
  read({ units }, [input]) {
    return { shape: [...input!.slice(0, -1), checkNumber("units", units, { min: 1, integer: true })] };
  },
};
