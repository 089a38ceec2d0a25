import { costOf } from "../../graph/graph.ts";
import { GaussNewton, paddedSize } from "../../kernels/layout.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocatePixelScratch } from "./pixel-scratch.ts";

/**
 * Maximum number of tangents propagated in one call of the kernels: about a millisecond's work for a decoder of a million
 * parameters.
 */
const TANGENTS_AT_ONCE = 48;
/** Maximum number of multiplications for the tangents of one call, about 30 ms; a single tangent may take more. */
const MOST_AT_ONCE = 2 ** 29;

/** WASM memory for Gauss-Newton matrices JᵀWJ, or for curvatures along a gradient, of one decoder. */
export type GaussNewtonWork = ReturnType<typeof allocateGaussNewton>;

/**
 * Pointers to J₀ᵀ, the transposed Jacobian of the logits for the latents at the decoder's `start` latent: rows
 * `jacobianStride` bytes apart, and the same numbers packed as panels (blocks) of 8 latents.
 */
export interface Jacobian {
  /** Pointer to J₀ᵀ, f32[latentSize][outputSize], with rows `jacobianStride` bytes apart. */
  readonly jacobian: number;
  /** Pointer to J₀ᵀ packed as panels (blocks) of 8 latents, f32[⌈latentSize / 8⌉][outputSize][8]. */
  readonly jacobianPanels: number;
}

/**
 * Purpose that memory for Gauss-Newton matrices is allocated for. `jacobian` and `jacobianPanels` are 0 if no matrix uses the
 * Jacobian at the decoder's `start` latent.
 */
export interface GaussNewtonUse extends Jacobian {
  /** True if Gauss-Newton matrices with the Jacobian at a row's current z are also needed. */
  readonly own: boolean;
  /** True if memory for a block of rows of a Jacobian is needed. */
  readonly rows: boolean;
}

/** Value for memory without Gauss-Newton matrices: curvatures along a gradient, which need little memory. */
export const NO_MATRICES: GaussNewtonUse = { jacobian: 0, jacobianPanels: 0, own: false, rows: false };

/** Returns the bytes from one row of a Jacobian to the next. */
export function jacobianStride({ decoder }: PackedDecoder): number {
  return 4 * paddedSize(decoder.outputSize);
}

/** Returns the size in bytes of a transposed Jacobian packed as panels (blocks) of 8 latents. */
export function panelBytes({ decoder }: PackedDecoder): number {
  return 4 * paddedSize(decoder.latentSize) * decoder.outputSize;
}

/**
 * Allocates WASM memory for the Gauss-Newton matrices of one decoder, as far as the purpose needs them, and fills its
 * GaussNewton struct. The block's `free` releases the memory.
 */
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
    pixels: allocatePixelScratch(packed, piece),
  }));
  const { work, rows, pixels, ...pointers } = block.layout;
  const { matrix, curvatures } = pointers;
  const view = arena.view();
  pixels.write(view);
  GaussNewton.fill(view, work, {
    ...pointers,
    scratch: pixels.pointer,
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
    /** Pointer to the GaussNewton struct. */
    work,
    /** Pointer to f32[outputs], where a custom loss writes its second derivatives. */
    curvatures,
    tangentsAtOnce,
    /** Pointer to memory for `tangentsAtOnce` rows of a Jacobian, `jacobianStride` bytes apart; 0 if not allocated. */
    rows,
    /** Pointer to the Gauss-Newton matrix, floats: row k begins at byte address matrix + k · matrixStride. */
    matrix,
    matrixStride,
    /**
     * Copies the lower triangle and diagonal of the Gauss-Newton matrix into `into`, d rows of d floats; other numbers of
     * `into` stay.
     */
    read(into: Float32Array): void {
      for (let k = 0; k < d; k++) into.set(arena.f32(matrix + k * matrixStride, k + 1), k * d);
    },
  };
}
