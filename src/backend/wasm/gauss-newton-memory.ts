import { costOf } from "../../graph/graph.ts";
import { GaussNewton, paddedSize } from "../../kernels/layout.ts";
import type { PackedDecoder } from "./packed.ts";

/** Most tangents of one call of the kernels: about a millisecond's work for a decoder of a million parameters. */
const TANGENTS_AT_ONCE = 48;
/** Most multiplications of the tangents of one call, some 30 ms; a single tangent may take more. */
const MOST_AT_ONCE = 2 ** 29;

/** Memory for Gauss-Newton matrices, or for curvatures along a gradient, in a decoder's instance of the kernels. */
export type GaussNewtonWork = ReturnType<typeof allocateGaussNewton>;

/** Points to the rows of J₀ᵀ, the decoder's own Jacobian, see `jacobianStride`, and to the same as panels. */
export interface Jacobian {
  readonly jacobian: number;
  readonly jacobianPanels: number;
}

/**
 * Gauss-Newton matrices that memory is allocated for; `jacobian` and `jacobianPanels` are 0 without the Jacobian at the
 * start.
 */
export interface GaussNewtonUse extends Jacobian {
  /** True for matrices at a row's own z as well. */
  readonly own: boolean;
  /** True for memory for some rows of a Jacobian. */
  readonly rows: boolean;
}

/** Use without matrices, for curvatures along a gradient, which take little memory. */
export const NO_MATRICES: GaussNewtonUse = { jacobian: 0, jacobianPanels: 0, own: false, rows: false };

/** Returns the distance of two rows of a Jacobian, in bytes. */
export function jacobianStride({ decoder }: PackedDecoder): number {
  return 4 * paddedSize(decoder.outputSize);
}

/** Returns the size of a Jacobian packed as panels, in bytes. */
export function panelBytes({ decoder }: PackedDecoder): number {
  return 4 * paddedSize(decoder.latentSize) * decoder.outputSize;
}

export function allocateGaussNewton(
  packed: PackedDecoder,
  { jacobian, jacobianPanels, own, rows: hasRows }: GaussNewtonUse,
) {
  const { arena, decoder, lowered } = packed;
  const { latentSize: d } = decoder;
  const hasMatrices = jacobian !== 0 || own;
  const atOnce = Math.floor(MOST_AT_ONCE / (costOf(decoder).multiplications + 1));
  const tangentsAtOnce = hasMatrices || hasRows ? Math.max(1, Math.min(d, TANGENTS_AT_ONCE, atOnce)) : 1;
  const stride = 4 * paddedSize(Math.max(...lowered.sizes));
  const slotCount = 1 + Math.max(...lowered.slots);
  const slotSize = tangentsAtOnce * stride;
  const matrixStride = 4 * paddedSize(d);
  const block = arena.allocate((piece) => ({
    work: piece(GaussNewton.size),
    matrix: piece(hasMatrices ? d * matrixStride : 0),
    ownJacobian: piece(own ? d * jacobianStride(packed) : 0),
    rows: piece(hasRows ? tangentsAtOnce * jacobianStride(packed) : 0),
    tangents: piece(slotCount * slotSize),
    curvatures: piece(jacobianStride(packed)),
    panels: piece(hasMatrices ? panelBytes(packed) : 0),
    sources: piece(4 * d),
    destinations: piece(4 * d),
  }));
  const { work, rows, ...pointers } = block.layout;
  const { matrix, curvatures } = pointers;
  GaussNewton.fill(arena.view(), work, {
    ...pointers,
    jacobian,
    jacobianPanels,
    stride,
    slotSize,
    matrixStride,
    tangentsAtOnce,
    jacobianStride: jacobianStride(packed),
  });
  return {
    ...block,
    /** Points to the GaussNewton struct. */
    work,
    /** Points to f32[outputs], into which a custom loss writes its curvatures. */
    curvatures,
    tangentsAtOnce,
    /** Points to memory for the rows of a Jacobian that are computed at once, see `jacobianStride`; 0 without. */
    rows,
    /** Points to the matrix; row k begins at matrix + k · matrixStride. */
    matrix,
    matrixStride,
    /** Copies the matrix's lower triangle and diagonal into d rows of d floats. */
    read(into: Float32Array): void {
      for (let k = 0; k < d; k++) into.set(arena.f32(matrix + k * matrixStride, k + 1), k * d);
    },
  };
}
