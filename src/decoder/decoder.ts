import { checkOptions } from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import type { Owned } from "../base/owned.ts";
import { checkPresent, isPromise } from "../base/realms.ts";
import { invalid } from "../base/refuse.ts";
import { memberHint, show } from "../base/show.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import type { Activation } from "../graph/activation.ts";
import type { GraphDefinition } from "../graph/definition.ts";
import {
  countParameters,
  type FixedInput,
  type Graph,
  parametersOf,
  withoutTensors,
  withTensors,
} from "../graph/graph.ts";
import { type Operation, sizeOf } from "../graph/operations.ts";
import type { StandardLoss } from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";
import type { Defaults } from "./defaults.ts";
import { writeMetadata } from "./metadata.ts";
import { PROBE, type Probe, type Probed, writeProbe } from "./probe.ts";

/** Checked description of a decoder without its parameters. */
export interface DecoderGraph extends Graph, Pick<Defaults, "loss">, Partial<Omit<Defaults, "loss">> {}

/** Outcome of comparing a decoder with the probe in its file; see the fields of `Decoder`. */
export type Verification = Pick<Decoder, "verified" | "unverifiedReason">;

/** Options of `toSafetensors`. */
export interface SafetensorsOptions {
  /**
   * A few latents and their outputs, as `makeProbe(decoder)` returns them, with which `loadDecoder` proves that it has
   * read the same function. The file keeps at most 4,096 elements of an output, and as many rows as fit into 512 KiB;
   * if two do not fit, it has no probe. Default: none.
   */
  probe?: Probe | undefined;
}

/**
 * A decoder D: a network that maps a latent z, `latentSize` numbers, to a sample D(z), `outputSize` numbers,
 * in data space. An immutable value, made by `loadDecoder` or `createDecoder` and by nothing else.
 *
 * What an array holds cannot be frozen in JavaScript: that nobody writes to `parameters` or `start` is a contract.
 * Backends copy parameters on first use and would not see a change.
 *
 * `dispose()` lets go of those copies. Where the runtime has `Symbol.dispose` it does the same, though the type does not
 * say so, which would ask every program for TypeScript's lib esnext.disposable.
 */
export interface Decoder {
  /**
   * Inputs that are given with each sample, by name and shape. Of a decoder over points all shapes and sizes, here
   * and below, are those for one point.
   */
  readonly fixedInputs: readonly FixedInput[];
  /** The graph as JSON, which `createDecoder` takes. */
  readonly definition: GraphDefinition;
  /**
   * Operations in topological order, from the latent to the output. An activation at the end is the output
   * activation.
   */
  readonly operations: readonly Operation[];
  /** The size of a latent, d. */
  readonly latentSize: number;
  /** The shape of a latent where the decoder comes from, [4, 8, 8] say; z is flat, row-major. Else `[latentSize]`. */
  readonly latentShape: readonly number[];
  /** The size of a sample, n. */
  readonly outputSize: number;
  /** The shape of a sample, [28, 28] say: data is stored row-major. `[outputSize]` unless it was given. */
  readonly outputShape: readonly number[];
  /** Axis order of a sample that is a picture: [channels, height, width], as in PyTorch, or channels last. */
  readonly outputLayout: "channelsFirst" | "channelsLast";
  /** Activation applied to the logits. */
  readonly outputActivation: Activation;
  /** The number of weights and biases. */
  readonly parameterCount: number;
  /** Weight, then bias, of each operation in order: `parameterCount` numbers. Read only. */
  readonly parameters: Float32Array;
  /** Loss of its training, the default of `encode`; undefined if unknown. */
  readonly loss: StandardLoss | undefined;
  /** Prior on its codes, the default of `encode`; undefined if there is none. */
  readonly prior: Prior | undefined;
  /**
   * [latentSize], the default of `z0`. Undefined means 0; zeros are stored as undefined. `lbfgs` takes its Jacobian J₀ here,
   * whatever `z0` a call has. `trainAutoencoder` sets it to the mean code. Read only.
   */
  readonly start: Float32Array | undefined;
  /**
   * Result of the probe of a loaded decoder. True: the outputs agreed with the probe's. (If they do not, loading
   * fails.) False: there was no probe, or it proved nothing. Undefined: the decoder was made here, by `createDecoder`
   * or by training.
   */
  readonly verified: boolean | undefined;
  /** Reason why `verified` is false, in words. */
  readonly unverifiedReason: string | undefined;
  /** True after `dispose()`. */
  readonly disposed: boolean;
  /**
   * The decoder as the bytes of a safetensors file, which `loadDecoder` reads back to the same bits, and
   * PyTorch under the operations' names.
   *
   * It cannot make a probe, since running the decoder takes a promise: give one,
   * `decoder.toSafetensors({ probe: await makeProbe(decoder) })`. Without it the file has none.
   *
   * @throws LatentflowError `disposed` after `dispose()`, `invalid_argument` when the probe does not fit, or when what the
   *   file's header has to say, such as a prior with covariances, is more than the 1 MiB that readers take
   */
  toSafetensors(options?: SafetensorsOptions): Owned<Uint8Array>;
  /**
   * Frees what backends hold for this decoder. It cannot be used afterwards; a second call does nothing. Calls that have
   * begun end as they would: what ends one is its signal.
   * Without it everything is freed once the decoder is no longer referenced, but only when the garbage
   * collector gets to it.
   */
  dispose(): void;
}

/**
 * Key of a decoder's internals, by which a decoder is recognised. Shared by all copies of this module: a program that
 * loads the package twice may pass a decoder from one copy to the other.
 */
const internals: unique symbol = Symbol.for("latentflow.decoder.internals");

/** Methods of a decoder that other modules of the package call. */
interface Internals {
  onDispose(callback: () => void): void;
  /** Undefined if the decoder is not over points. */
  readonly atPoints: Graph["atPoints"];
  /**
   * Returns a decoder for a number of points. It is a method so that programs which only receive decoders do not bundle
   * GraphDecoder.
   */
  decoderAtPoints(points: number, where: string): Decoder;
}

/** `Symbol.dispose`, which TypeScript's lib es2022 lacks; a symbol that is never looked up in runtimes without it. */
const disposeSymbol: symbol = (Symbol as { readonly dispose?: symbol }).dispose ?? Symbol("dispose");

const identity: Activation = /* @__PURE__ */ Object.freeze({ name: "identity" });

/** The only implementation of `Decoder`: a graph of operations. */
export class GraphDecoder implements Decoder {
  // Shown when a decoder is printed; minifiers shorten class names.
  static readonly name = "GraphDecoder";

  readonly fixedInputs: readonly FixedInput[];
  readonly definition: GraphDefinition;
  readonly operations: readonly Operation[];
  readonly latentSize: number;
  readonly latentShape: readonly number[];
  readonly outputSize: number;
  readonly outputShape: readonly number[];
  readonly outputLayout: "channelsFirst" | "channelsLast";
  readonly outputActivation: Activation;
  readonly parameterCount: number;
  readonly parameters: Float32Array;
  readonly loss: StandardLoss | undefined;
  readonly prior: Prior | undefined;
  readonly start: Float32Array | undefined;
  readonly verified: boolean | undefined;
  readonly unverifiedReason: string | undefined;

  declare readonly [internals]: Internals;

  #disposed = false;
  readonly #disposeCallbacks: (() => void)[] = [];

  /**
   * @param parameters default: zeros, to be filled in through the operations' tensors
   * @param verification default: undefined, for a decoder that was made, not loaded
   */
  constructor(
    graph: DecoderGraph,
    parameters: Float32Array = new Float32Array(countParameters(graph)),
    verification?: Verification,
  ) {
    const { latentSize, fixedInputs, operations, definition, atPoints, loss, prior, start } = graph;
    const output = operations.at(-1)!;
    this.fixedInputs = Object.freeze(fixedInputs.map((input) => Object.freeze({ ...input })));
    this.definition = definition;
    this.latentSize = latentSize;
    this.latentShape = Object.freeze([...(definition.latentShape ?? [latentSize])]);
    this.outputLayout = definition.outputLayout ?? "channelsLast";
    this.outputShape = Object.freeze([...output.shape]);
    this.outputSize = sizeOf(output.shape);
    this.outputActivation = output.kind === "activation" ? output.activation : identity;
    this.parameterCount = parameters.length;
    this.parameters = parameters;
    this.operations = Object.freeze(withTensors(graph, this.parameters).map(frozen));
    this.loss = loss;
    this.prior = prior;
    this.start = start;
    this.verified = verification?.verified;
    this.unverifiedReason = verification?.unverifiedReason;
    const own: Internals = {
      onDispose: (callback) => {
        if (this.#disposed) callback();
        else this.#disposeCallbacks.push(callback);
      },
      atPoints,
      decoderAtPoints: (points, where) =>
        new GraphDecoder({ ...atPoints!(points, where), loss, prior, start }, parameters),
    };
    // Not methods of the class: esbuild never drops a class with computed names from a bundle.
    Object.defineProperties(this, {
      [internals]: { value: own },
      [disposeSymbol]: { value: () => this.dispose() },
    });
    Object.freeze(this);
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  toSafetensors(options: SafetensorsOptions = {}): Owned<Uint8Array> {
    checkDecoder("toSafetensors", this);
    checkOptions("toSafetensors", options, { probe: true });
    const probe =
      options.probe === undefined ? undefined : writeProbe("toSafetensors", options.probe, probedOf(this));
    const tensors = parametersOf(this).map(({ operation, tensor, shape, offset, size }) => ({
      name: `${this.operations[operation]!.name}.${tensor}`,
      shape,
      values: this.parameters.subarray(offset, offset + size),
    }));
    const metadata = new Map(writeMetadata(this));
    if (probe !== undefined) metadata.set(PROBE, probe);
    return writeSafetensors(tensors, metadata);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const callback of this.#disposeCallbacks.splice(0)) callback();
  }
}

/**
 * Calls `callback` when the decoder is disposed; at once if it was disposed before, as may happen while a backend
 * waits before it packs a decoder.
 */
export function onDispose(decoder: Decoder, callback: () => void): void {
  (decoder as GraphDecoder)[internals].onDispose(callback);
}

/** Returns what a cache has for a decoder: made on first use, and kept until the decoder is disposed. */
export function keptUntilDisposed<T extends object>(
  cache: WeakMap<Decoder, T>,
  decoder: Decoder,
  make: () => NoInfer<T>,
  dispose: (made: T) => void = () => {},
): T {
  const known = cache.get(decoder);
  if (known) return known;
  const made = make();
  cache.set(decoder, made);
  onDispose(decoder, () => {
    cache.delete(decoder);
    dispose(made);
  });
  return made;
}

/** Returns the graph of a decoder over points for a number of points; undefined for any other decoder. */
export function graphAtPoints(decoder: Decoder, points: number, where?: string): Graph | undefined {
  return (decoder as GraphDecoder)[internals].atPoints?.(points, where);
}

/**
 * Returns a decoder for a number of points with the parameters of a decoder over points.
 *
 * @param where who asks for so many, for messages
 * @throws LatentflowError `invalid_argument` where its values would be too large
 */
export function decoderAtPoints(decoder: Decoder, points: number, where: string): Decoder {
  return (decoder as GraphDecoder)[internals].decoderAtPoints(points, where);
}

/** Returns the sizes that a decoder's probe has to have. */
export function probedOf(decoder: Decoder): Probed {
  const { latentSize, outputSize, fixedInputs } = decoder;
  if (!fixedInputs.some(({ hasPoints }) => hasPoints)) return { latentSize, outputSize, fixedInputs };
  const atPointsOf = (points: number): Probed => {
    const graph = graphAtPoints(decoder, points)!;
    return { latentSize, outputSize: sizeOf(graph.operations.at(-1)!.shape), fixedInputs: graph.fixedInputs };
  };
  return { latentSize, outputSize, fixedInputs, atPoints: atPointsOf };
}

/**
 * For a decoder and an encoder, in messages: the function that makes it, the value expected, and the way to make it again.
 */
const SOURCES = {
  decoder: ["loadDecoder", "what loadDecoder or createDecoder returns", "load or create it anew"],
  encoder: ["trainAutoencoder", "the encoder that trainAutoencoder returns", "load or train it anew"],
} as const;

/**
 * Refuses anything but a decoder, and a disposed decoder.
 *
 * @param where the function called, for messages
 * @param part what it is there, for messages: an encoder is a decoder from samples to codes
 * @throws LatentflowError `invalid_argument` or `disposed`
 */
export function checkDecoder(
  where: string,
  decoder: unknown,
  part: keyof typeof SOURCES = "decoder",
): asserts decoder is Decoder {
  const [maker, expected, anew] = SOURCES[part];
  const found = recognise(decoder);
  if (found !== "decoder") {
    const missing = isPromise(decoder) ? ` (is an await missing before ${maker}?)` : "";
    const hint = found === "proxy" ? " in a Proxy" : missing;
    throw invalid(
      `${where}: the ${part} is ${show(decoder)}${hint}, expected ${expected}${memberHint(decoder, part)}`,
    );
  }
  const { disposed, start, parameters } = decoder as Decoder;
  if (disposed) {
    throw new LatentflowError("disposed", `${where}: the ${part} has been disposed; ${anew}`);
  }
  if (start) checkPresent(where, `${part}.start`, start.buffer);
  checkPresent(
    where,
    part === "decoder" ? "decoder.parameters" : `the ${part}'s parameters`,
    parameters.buffer,
  );
}

/** Tells a decoder from other values, and from a Proxy of a decoder, which lacks the state that the methods need. */
function recognise(value: unknown): "decoder" | "proxy" | "other" {
  try {
    if (typeof value !== "object" || value === null || !(internals in value)) return "other";
    return typeof (value as unknown as Decoder).disposed === "boolean" ? "decoder" : "other";
  } catch {
    return "proxy";
  }
}

/**
 * Returns a decoder's description in a form that can be sent to a worker; of a decoder over points, that for one
 * point.
 */
export function descriptionOf(decoder: Decoder): DecoderGraph {
  const { latentSize, fixedInputs, operations, definition, loss, prior, start } = decoder;
  return { latentSize, fixedInputs, operations: withoutTensors(operations), definition, loss, prior, start };
}

/** Returns all that a decoder but its parameters is made from. */
export function decoderGraphOf(decoder: Decoder): DecoderGraph {
  const { atPoints } = (decoder as GraphDecoder)[internals];
  return { ...descriptionOf(decoder), ...(atPoints && { atPoints }) };
}

/** Returns a decoder with the same parameters, in the same memory, and another verification. */
export function withVerification(decoder: Decoder, verification: Verification): Decoder {
  return new GraphDecoder(decoderGraphOf(decoder), decoder.parameters, verification);
}

function frozen(operation: Operation): Operation {
  const { inputs, shape } = operation;
  return Object.freeze({
    ...operation,
    inputs: Object.freeze([...inputs]),
    shape: Object.freeze([...shape]),
  });
}
