import { costOf } from "../../graph/graph.ts";
import type { Block } from "../../kernels/arena.ts";
import { GaussNewton, paddedSize } from "../../kernels/layout.ts";
import type { PackedDecoder } from "./packed.ts";

/** Most tangents of a call: about a millisecond's work for a decoder of a million parameters. */
const TANGENTS_AT_ONCE = 48;
/** Most multiplications of a call's tangents, some 30 ms; a single tangent may take more. */
const MOST_AT_ONCE = 2 ** 29;

/** Room for Gauss-Newton matrices and for curvatures along a gradient, in their decoder's memory. */
export interface GaussNewtonWork extends Block {
  /** Points to the GaussNewton struct. */
  readonly work: number;
  /** Points to as many floats as there are outputs: where a custom loss writes its curvatures. */
  readonly curvatures: number;
  readonly tangentsAtOnce: number;
  /** Points to room for as many rows of a Jacobian, see `jacobianStride`; 0 without. */
  readonly rows: number;
  /** Points to the matrix; row k begins at matrix + k · matrixStride. */
  readonly matrix: number;
  readonly matrixStride: number;
  /** Writes the matrix's lower triangle and diagonal into d rows of d floats. */
  read(into: Float32Array): void;
}

/** Points to the rows of J₀ᵀ, the decoder's own Jacobian, see `jacobianStride`, and to the same as panels. */
export interface Jacobian {
  readonly jacobian: number;
  readonly jacobianPanels: number;
}

/** Gauss-Newton matrices to allocate memory for; `jacobian` and `jacobianPanels` are 0 without the Jacobian at the start. */
export interface GaussNewtonUse extends Jacobian {
  /** Matrices at a row's own z as well. */
  readonly own: boolean;
  /** Rows of a Jacobian, some at a time. */
  readonly rows: boolean;
}

/** Curvatures along a gradient take little room. */
export const NO_MATRICES: GaussNewtonUse = { jacobian: 0, jacobianPanels: 0, own: false, rows: false };

/** In bytes, from one row of a Jacobian to the next. */
export function jacobianStride({ decoder }: PackedDecoder): number {
  return 4 * paddedSize(decoder.outputSize);
}

/** The bytes that a Jacobian takes as panels. */
export function panelBytes({ decoder }: PackedDecoder): number {
  return 4 * paddedSize(decoder.latentSize) * decoder.outputSize;
}

export function allocateGaussNewton(
  packed: PackedDecoder,
  { jacobian, jacobianPanels, own, rows: hasRows }: GaussNewtonUse,
): GaussNewtonWork {
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
    work,
    curvatures,
    tangentsAtOnce,
    rows,
    matrix,
    matrixStride,
    read(into) {
      for (let k = 0; k < d; k++) into.set(arena.f32(matrix + k * matrixStride, k + 1), k * d);
    },
  };
}
