import { LatentflowError } from "../../base/errors.ts";
import { attached } from "../../base/realms.ts";
import { type Decoder, keptUntilDisposed, onDispose } from "../../decoder/decoder.ts";
import type { Arena } from "../../kernels/arena.ts";
import { type CompiledKernels, type Kernels, newInstance } from "../../kernels/instance.ts";
import { announceGarbage } from "../../kernels/shared-memory.ts";
import type { Problem } from "../backend.ts";
import { residentRows } from "./batch-size.ts";
import { type LoweredGraph, lowerGraph } from "./lower.ts";
import { type Run, runHere } from "./team.ts";
import { writeGraph } from "./write-graph.ts";

/** Weights of a decoder packed in an instance of the kernels, and the memory that the decoder's calls share. */
export interface PackedDecoder {
  readonly decoder: Decoder;
  /** Instance of the kernels whose memory is `arena`. */
  readonly kernels: Kernels;
  /** Calls kernels on the calling thread. */
  readonly run: Run;
  /** Compiled WASM module of the kernels that `kernels` is an instance of. */
  readonly compiled: CompiledKernels;
  /** Memory of the kernels' instance, with the packed weights and the buffers of calls. */
  readonly arena: Arena;
  /** The decoder's graph as kernel operations and values. */
  readonly lowered: LoweredGraph;
  /** Pointer to the Graph struct of assembly/memory/graph.ts. */
  readonly graph: number;
  /** Maximum number of rows in one pass. */
  readonly rows: number;
}

const packedDecoders = new WeakMap<Decoder, Map<WebAssembly.Module, Promise<PackedDecoder>>>();

/**
 * Packs a decoder on its first use with a build of the kernels, and caches the result until the decoder is disposed or
 * garbage-collected. Calls still running then keep their memory until they end.
 */
export function packDecoder(decoder: Decoder, compiled: CompiledKernels): Promise<PackedDecoder> {
  const byModule = keptUntilDisposed(packedDecoders, decoder, () => new Map());
  let packed = byModule.get(compiled.module);
  if (!packed) {
    packed = pack(decoder, compiled);
    byModule.set(compiled.module, packed);
    packed.catch(() => byModule.delete(compiled.module));
  }
  // An error of its own for each call that waits, since each adds its name to it.
  return packed.catch((error) => {
    throw error instanceof LatentflowError ? new LatentflowError(error.code, error.message) : error;
  });
}

async function pack(decoder: Decoder, compiled: CompiledKernels): Promise<PackedDecoder> {
  const { arena, kernels } = await newInstance(compiled.module);
  onDispose(decoder, () => announceGarbage(arena.memory));
  const lowered = lowerGraph(decoder);
  const graph = writeGraph(arena, decoder, lowered);
  // The parameters as stored in the file are needed only until they are packed; calls reuse their memory afterwards.
  const parameters = arena.allocate((piece) => piece(4 * decoder.parameterCount));
  if (decoder.parameterCount > 0) {
    arena
      .f32(parameters.layout, decoder.parameterCount)
      .set(attached("decoder.parameters", decoder.parameters));
  }
  kernels.pack(graph, parameters.layout, 1, 0, 1);
  parameters.free();
  const run = runHere(kernels);
  return { decoder, kernels, run, compiled, arena, lowered, graph, rows: residentRows(decoder) };
}

/** Returns the number of a problem's samples that are resident in WASM memory at once: `batchSize` if given, but at most `rows`. */
export function objectiveSize({ rows }: PackedDecoder, { sampleCount, batchSize }: Problem): number {
  return Math.min(sampleCount, batchSize ?? rows, rows);
}
