// Two forms of one decoder: the trunk ends with coefficients, and is trained; the whole one ends with pixels, and is used.

import { concat, conv, dense, elu, graph, reshape, slice } from "../../src/graph/index.ts";
import { createDecoder, type Decoder } from "../../src/index.ts";
import type { Prior } from "../../src/terms/priors.ts";
import { type Basis, COEFFICIENTS } from "./basis.ts";
import { FIELDS_SIZE, LETTERS } from "./geometry/cell.ts";
import { HIDDEN, joinParameters, LATENT_SIZE, TRUNK, TRUNK_SIZE } from "./trunk.ts";

/** Creates an untrained trunk. */
export function createTrunk(seed: number): Decoder {
  return createDecoder({ ...TRUNK, seed });
}

/**
 * Joins a trunk and the components to one decoder of whole samples: a convolution with a group for each letter multiplies
 * a letter's coefficients by its components. The components are orthonormal, so that a sample's squared error in pixels is
 * that of its coefficients, plus what no coefficients can reach: codes found by either decoder are the same.
 */
export function joinDecoder(trunk: Decoder, basis: Basis, prior: Prior): Decoder {
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
  decoder.parameters.set(joinParameters(trunk.parameters, basis));
  return decoder;
}
