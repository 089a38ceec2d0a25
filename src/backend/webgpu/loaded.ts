import { keptUnlessFailed } from "../../base/kept.ts";
import { show } from "../../base/show.ts";
import { type Decoder, keptUntilDisposed } from "../../decoder/decoder.ts";
import { parametersOf } from "../../graph/graph.ts";
import { sizeOf } from "../../graph/operations.ts";
import { Blocks } from "../../kernels/arena.ts";
import { type BoundGraph, bindGraph } from "./bound-graph.ts";
import type { GpuContext } from "./device.ts";
import { parameterName } from "./graphs.ts";
import type { OnnxGraph } from "./onnx.ts";
import { allocateTensors, type GpuTensors } from "./tensors.ts";
import { unsupported } from "./unsupported.ts";

/** Maximum number of unused graphs kept for later calls; beyond it the least recently used is freed. */
const KEPT = 8;

/**
 * Decoder on a GPU device: its parameters, and the graphs made for it. `dispose` frees both once no call uses them; a call that
 * still runs after `dispose` and needs another graph loads the parameters again.
 */
export class LoadedDecoder {
  private parameters: Promise<GpuTensors>;
  /** Unused graphs of the decoder, each with its key, the most recently used last. */
  private readonly idle: { readonly key: string; readonly graph: BoundGraph }[] = [];
  private users = 0;
  private isDisposed = false;
  private isFreed = false;

  private constructor(
    readonly context: GpuContext,
    readonly decoder: Decoder,
  ) {
    this.parameters = loadParameters(context, decoder);
  }

  /**
   * Loads a decoder's parameters onto a device.
   *
   * @throws LatentflowError `unsupported` if a parameter, or a value of one sample, is larger than a buffer of the device
   */
  static async load(context: GpuContext, decoder: Decoder): Promise<LoadedDecoder> {
    const limit = bufferLimit(context);
    const check = (what: string, size: number) => {
      if (4 * size <= limit) return;
      throw unsupported(`${what} is ${4 * size} bytes, a buffer of this device holds ${limit}; use wasm()`);
    };
    for (const { operation, tensor, size } of parametersOf(decoder)) {
      check(`the ${tensor} of ${show(decoder.operations[operation]!.name)}`, size);
    }
    check("what is computed of one sample", largestValue(decoder));
    const loaded = new LoadedDecoder(context, decoder);
    await loaded.parameters;
    return loaded;
  }

  /** Maximum number of rows for which the decoder's largest graph value fits into a buffer of the device. */
  get largestRows(): number {
    return Math.floor(bufferLimit(this.context) / (4 * largestValue(this.decoder)));
  }

  /**
   * Returns an unused graph, or makes one, for exclusive use until `release`.
   *
   * @param key identifies the graph among the decoder's graphs: graphs with equal keys are interchangeable
   */
  async acquire(key: string, make: () => OnnxGraph): Promise<Lease> {
    this.users++;
    try {
      const index = this.idle.findIndex((entry) => entry.key === key);
      const graph = index >= 0 ? this.idle.splice(index, 1)[0]!.graph : await this.bind(make());
      const leased = new Blocks({
        free: () => {
          this.users--;
          this.idle.push({ key, graph });
          this.trim();
        },
      });
      return { graph, release: leased.free };
    } catch (error) {
      this.users--;
      this.trim();
      throw error;
    }
  }

  /** Frees the parameters and graphs on the device as soon as no call uses them. */
  dispose(): void {
    this.isDisposed = true;
    this.trim();
  }

  private async bind(graph: OnnxGraph): Promise<BoundGraph> {
    if (this.isFreed) {
      this.isFreed = false;
      this.parameters = loadParameters(this.context, this.decoder);
    }
    return bindGraph(this.context, graph, await this.parameters);
  }

  private trim(): void {
    const keeps = this.isDisposed || this.context.isLost() ? 0 : KEPT;
    while (this.idle.length > keeps) ignoreFailure(this.idle.shift()!.graph.dispose());
    if (!this.isDisposed || this.users > 0 || this.isFreed) return;
    this.isFreed = true;
    ignoreFailure(this.parameters.then((parameters) => parameters.dispose()));
  }
}

/** Returns the count of numbers in the largest value of one sample: the latent, a fixed input or an operation's output. */
function largestValue({ latentSize, fixedInputs, operations }: Decoder): number {
  return Math.max(latentSize, ...[...fixedInputs, ...operations].map(({ shape }) => sizeOf(shape)));
}

async function loadParameters(context: GpuContext, decoder: Decoder): Promise<GpuTensors> {
  const tensors = parametersOf(decoder).map(({ operation, tensor, shape, offset, size }) => ({
    name: parameterName(operation, tensor),
    shape,
    values: decoder.parameters.subarray(offset, offset + size),
  }));
  const parameters = await allocateTensors(context, new Map(tensors.map(({ name, shape }) => [name, shape])));
  for (const { name, values } of tensors) parameters.write(name, values);
  return parameters;
}

/** A graph leased to one call. */
export interface Lease {
  readonly graph: BoundGraph;
  /** Returns the graph, so that other calls can use it. */
  release(): void;
}

const loadedDecoders = new WeakMap<Decoder, Map<GpuContext, Promise<LoadedDecoder>>>();

/**
 * Loads a decoder onto a device on first use, and keeps it there until the decoder is disposed. Calls that are running when the
 * decoder is disposed keep what they use until they end.
 */
export function loadOnto(context: GpuContext, decoder: Decoder): Promise<LoadedDecoder> {
  const disposeAll = (own: ReadonlyMap<GpuContext, Promise<LoadedDecoder>>) => {
    for (const loading of own.values()) ignoreFailure(loading.then((loaded) => loaded.dispose()));
  };
  const byContext = keptUntilDisposed(loadedDecoders, decoder, () => new Map(), disposeAll);
  for (const [other, loading] of byContext) {
    if (!other.isLost()) continue;
    byContext.delete(other);
    // The device is gone, but onnxruntime-web still holds its sessions.
    ignoreFailure(loading.then((loaded) => loaded.dispose()));
  }
  return keptUnlessFailed(byContext, context, () => LoadedDecoder.load(context, decoder));
}

function bufferLimit({ device }: GpuContext): number {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  return Math.min(maxBufferSize, maxStorageBufferBindingSize);
}

/** Ignores errors of freeing memory: after the loss of a device nothing is left to free. */
function ignoreFailure(promise: Promise<unknown>): void {
  promise.catch(() => {});
}
