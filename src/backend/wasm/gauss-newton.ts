import type { Block } from "./arena.ts";
import { GaussNewton, paddedSize } from "./layout.ts";
import type { PackedDecoder } from "./packed.ts";

/**
 * Outputs of less curvature than this share of the average are left out, in panels of 8. Of digits under cross
 * entropy that saves a third of a matrix, and the solver takes the same number of steps with 0.001 and with 0.3.
 */
export const LEAST_PANEL_CURVATURE = 0.1;

/** Room for one sample's Gauss-Newton matrix, in its decoder's memory. */
export interface GaussNewtonWork extends Block {
  /** Points to the GaussNewton struct. */
  readonly work: number;
  /** Points to as many floats as there are outputs: where a custom loss writes its curvatures. */
  readonly factors: number;
  /** Copies the matrix, [d, d], out. */
  read(into: Float64Array): void;
}

export function allocateGaussNewton({ arena, decoder }: PackedDecoder): GaussNewtonWork {
  const { latentSize: d, outputSize: n } = decoder;
  const stride = 4 * Math.max(...decoder.layers.map(({ outputSize }) => paddedSize(outputSize)));
  const matrixStride = 4 * paddedSize(d);
  const block = arena.allocate((piece) => ({
    work: piece(GaussNewton.size),
    matrix: piece(d * matrixStride),
    identity: piece(d * matrixStride),
    tangents: piece(d * stride),
    otherTangents: piece(d * stride),
    factors: piece(4 * paddedSize(n)),
    panels: piece(4 * paddedSize(d) * paddedSize(n)),
    sources: piece(4 * d),
    destinations: piece(4 * d),
  }));
  const { work, ...pointers } = block.layout;
  const { matrix, identity, factors } = pointers;
  GaussNewton.set(arena.view(), work, {
    ...{ ...pointers, stride, matrixStride },
    leastPanelCurvature: LEAST_PANEL_CURVATURE,
  });
  const row = (pointer: number, k: number) => arena.f32(pointer + k * matrixStride, paddedSize(d));
  for (let k = 0; k < d; k++) row(identity, k).fill(0)[k] = 1;
  return {
    ...block,
    ...{ work, factors },
    read(into) {
      for (let k = 0; k < d; k++) into.set(row(matrix, k).subarray(0, d), k * d);
    },
  };
}
