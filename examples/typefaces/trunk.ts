// The trunk of a decoder of alphabets: the layers before the components. Runs in browsers too.
import { type Basis, COEFFICIENTS, COMPONENTS } from "./basis.ts";
import { FIELD_SIZE, FIELDS_SIZE, LETTERS } from "./geometry/cell.ts";

/** Numbers of a code. */
export const LATENT_SIZE = 64;

/** Outputs of the trunk: coefficients of the fields, then advances and side bearings. */
export const TRUNK_SIZE = COEFFICIENTS + 2 * LETTERS.length;

/** Units of the hidden layers. */
export const HIDDEN = [256, 512] as const;

/** Definition of the trunk, for `createDecoder`. */
export const TRUNK = {
  layers: [LATENT_SIZE, ...HIDDEN, TRUNK_SIZE],
  activation: "elu",
  outputActivation: "identity",
  loss: "mse",
} as const;

/** Weights of the joined decoder's convolution, and as many biases as pixels. */
const KERNELS_SIZE = FIELDS_SIZE * COMPONENTS;

/**
 * Parameters of a joined decoder: those of its trunk, then the convolution's kernels, [letters · FIELD_SIZE, COMPONENTS],
 * in which each pixel has a letter's components there, then the letters' mean fields.
 */
export function joinParameters(trunk: Float32Array, { mean, components }: Basis): Float32Array {
  const parameters = new Float32Array(trunk.length + KERNELS_SIZE + FIELDS_SIZE);
  parameters.set(trunk);
  parameters.set(transposed(components, COMPONENTS, FIELD_SIZE), trunk.length);
  parameters.set(mean, trunk.length + KERNELS_SIZE);
  return parameters;
}

/** The trunk's parameters and the basis of a joined decoder. */
export function splitParameters(parameters: Float32Array): { trunk: Float32Array; basis: Basis } {
  const end = parameters.length - KERNELS_SIZE - FIELDS_SIZE;
  const kernels = parameters.subarray(end, end + KERNELS_SIZE);
  return {
    trunk: parameters.slice(0, end),
    basis: {
      mean: parameters.slice(end + KERNELS_SIZE),
      components: transposed(kernels, FIELD_SIZE, COMPONENTS),
    },
  };
}

/** Each letter's matrix, [rows, columns], transposed. */
function transposed(matrices: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(matrices.length);
  for (let start = 0; start < matrices.length; start += rows * columns) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) turned[start + j * rows + i] = matrices[start + i * columns + j]!;
    }
  }
  return turned;
}
