// Two forms of one decoder: the trunk ends with coefficients, and is trained; the whole one ends with pixels, and is used.

import { concat, conv, dense, elu, graph, reshape, slice } from "../../src/graph/index.ts";
import { createDecoder, type Decoder } from "../../src/index.ts";
import type { Prior } from "../../src/terms/priors.ts";
import { type Basis, COEFFICIENTS, COMPONENTS } from "./basis.ts";
import { FIELD_SIZE, FIELDS_SIZE, LETTERS } from "./geometry/cell.ts";

/** Numbers of a code. */
export const LATENT_SIZE = 64;

/** Outputs of the trunk: coefficients of the fields, then advances and side bearings. */
export const TRUNK_SIZE = COEFFICIENTS + 2 * LETTERS.length;

const HIDDEN = [256, 512] as const;

/** Creates an untrained trunk. */
export function createTrunk(seed: number): Decoder {
  const layers = [LATENT_SIZE, ...HIDDEN, TRUNK_SIZE];
  return createDecoder({ layers, activation: "elu", outputActivation: "identity", loss: "mse", seed });
}

/**
 * Joins a trunk and the components to one decoder of whole samples: a convolution with a group for each letter multiplies
 * a letter's coefficients by its components. The components are orthonormal, so that a sample's squared error in pixels is
 * that of its coefficients, plus what no coefficients can reach: codes found by either decoder are the same.
 */
export function joinDecoder(trunk: Decoder, { mean, components }: Basis, prior: Prior): Decoder {
  const definition = graph(({ latent }) => {
    let h = latent(LATENT_SIZE);
    for (const units of HIDDEN) h = elu()(dense(units)(h));
    const outputs = dense(TRUNK_SIZE)(h);
    const coefficients = reshape([1, 1, COEFFICIENTS])(
      slice({ axis: 0, start: 0, end: COEFFICIENTS })(outputs),
    );
    const fields = conv({ channels: FIELDS_SIZE, kernel: 1, groups: LETTERS.length })(coefficients);
    return concat()(reshape([FIELDS_SIZE])(fields), slice({ axis: 0, start: COEFFICIENTS })(outputs));
  });
  const start = trunk.start ? Float32Array.from(trunk.start) : undefined;
  const decoder = createDecoder(definition, { loss: "mse", prior, start });
  const kernels = kernelsOf(components);
  decoder.parameters.set(trunk.parameters);
  decoder.parameters.set(kernels, trunk.parameterCount);
  decoder.parameters.set(mean, trunk.parameterCount + kernels.length);
  return decoder;
}

/** Kernels of the last convolution, [letters · FIELD_SIZE, COMPONENTS]: each pixel has a letter's components there. */
function kernelsOf(components: Float32Array): Float32Array {
  const kernels = new Float32Array(components.length);
  for (let letter = 0; letter < LETTERS.length; letter++) {
    const start = letter * COMPONENTS * FIELD_SIZE;
    for (let k = 0; k < COMPONENTS; k++) {
      for (let p = 0; p < FIELD_SIZE; p++) {
        kernels[start + p * COMPONENTS + k] = components[start + k * FIELD_SIZE + p]!;
      }
    }
  }
  return kernels;
}
