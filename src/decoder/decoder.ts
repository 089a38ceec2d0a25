import { calling } from "../base/calling.ts";
import { checkOptions } from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import { subject, words } from "../base/message.ts";
import type { Owned } from "../base/owned.ts";
import { checkPresent, isPromise } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
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
import type { Probe, Probed } from "./probe.ts";
import { PROBE, writeProbe } from "./probe-text.ts";

/** Validated description of a decoder, without its parameters. */
export interface DecoderGraph extends Graph, Pick<Defaults, "loss">, Partial<Omit<Defaults, "loss">> {}

/**
 * Outcome of comparing a decoder with the probe in its file (a few latents with their outputs), as in the fields of
 * `Decoder`.
 */
export type Verification = Pick<Decoder, "verified" | "unverifiedReason">;

/** Options of `toSafetensors`. */
export interface SafetensorsOptions {
  /**
   * A few latents and their outputs, as `makeProbe(decoder)` returns them, by which `loadDecoder` verifies that it has
   * loaded the same function. The file stores at most 4,096 elements of each output, and as many rows as fit into 512
   * KiB; if not even two rows fit, it stores no probe. Default: none.
   */
  probe?: Probe | undefined;
}

/**
 * A decoder D: a network that maps a latent z, `latentSize` numbers, to a sample D(z), `outputSize` numbers, in data
 * space. An immutable value, which only `loadDecoder`, `loadOnnx`, `createDecoder` and training return.
 *
 * The contents of arrays cannot be frozen in JavaScript: `parameters` and `start` must not be written to. Backends copy
 * parameters on first use and would not notice a change.
 *
 * `dispose()` frees those copies. If the runtime has `Symbol.dispose`, that method exists, too; the type omits it, since
 * every program would need TypeScript's lib esnext.disposable.
 */
export interface Decoder {
  /**
   * Inputs given with each sample, with names and shapes. For a decoder over points (coordinates at which it is evaluated), all
   * shapes and sizes in this interface are those for one point.
   */
  readonly fixedInputs: readonly FixedInput[];
  /** The graph as JSON, as `createDecoder` accepts it. */
  readonly definition: GraphDefinition;
  /**
   * Operations in topological order, from the latent to the output. If the last one is an activation, it is the output
   * activation.
   */
  readonly operations: readonly Operation[];
  /** Latent size d, the number of elements of z. */
  readonly latentSize: number;
  /**
   * Shape of a latent, such as [4, 8, 8], if the decoder's file or definition gives one, otherwise `[latentSize]`. z is flat,
   * in row-major order.
   */
  readonly latentShape: readonly number[];
  /** Output size n, the number of elements of a sample. */
  readonly outputSize: number;
  /** Shape of a sample, such as [28, 28]; its numbers are in row-major order. `[outputSize]` if no shape was given. */
  readonly outputShape: readonly number[];
  /** Axis order of a sample that is a picture: [channels, height, width], as in PyTorch, or [height, width, channels]. */
  readonly outputLayout: "channelsFirst" | "channelsLast";
  /** Activation that is applied to the logits; the identity if the graph does not end in an activation. */
  readonly outputActivation: Activation;
  /** Number of weights and biases. */
  readonly parameterCount: number;
  /**
   * Weights and biases of all operations in order, each weight before its bias: `parameterCount` numbers. Must not be
   * changed.
   */
  readonly parameters: Float32Array;
  /** Loss that the decoder was trained with, the default of `encode`; undefined if unknown. */
  readonly loss: StandardLoss | undefined;
  /** Prior on the codes z, the default of `encode`; undefined if there is none. */
  readonly prior: Prior | undefined;
  /**
   * Start of flows, [latentSize], the default of `z0`; undefined for zeros, which are never stored. `lbfgs` evaluates its
   * Jacobian J₀ here, whatever `z0` a call is given. `trainAutoencoder` sets it to the mean code. Must not be changed.
   */
  readonly start: Float32Array | undefined;
  /**
   * Codes for several starts of each sample, [K, latentSize], the default of `encode`'s `starts.codes`; undefined if there are none.
   * `train` and `trainAutoencoder` set them to 16 means of codes of training samples. Must not be changed.
   */
  readonly starts: Float32Array | undefined;
  /**
   * Result of comparing a loaded decoder with the probe in its file (a few latents with their outputs). True: the outputs
   * agreed. (If they differ, loading fails.) False: there was no probe, or it was not conclusive. Undefined: the decoder was
   * not loaded, but created or trained.
   */
  readonly verified: boolean | undefined;
  /** Reason why `verified` is false, for messages. */
  readonly unverifiedReason: string | undefined;
  /** True once `dispose()` was called. */
  readonly disposed: boolean;
  /**
   * Returns the decoder as the bytes of a safetensors file, from which `loadDecoder` restores the same bits, and in which
   * PyTorch finds the tensors under the operations' names.
   *
   * The file has no probe (a few latents with their outputs, by which a reader checks the decoder) unless one is given, as
   * making it is asynchronous: `decoder.toSafetensors({ probe: await makeProbe(decoder) })`.
   *
   * @throws LatentflowError `disposed` after `dispose()`; `invalid_argument` if the probe does not fit, or the file's
   *   header, for example because of a prior with covariances, would exceed the 1 MiB that readers accept
   */
  toSafetensors(options?: SafetensorsOptions): Owned<Uint8Array>;
  /**
   * Frees what backends store for this decoder, which cannot be used afterwards. A second call does nothing. Calls in
   * progress continue; they are ended by their own signals.
   *
   * Without it, everything is freed by the garbage collector, some time after the decoder is no longer referenced.
   */
  dispose(): void;
}

/**
 * Key of a decoder's internals, by which decoders are recognised. Shared by all copies of this module: a program that
 * loads the package twice may pass a decoder from one copy to the other.
 */
const internals: unique symbol = Symbol.for("latentflow.decoder.internals");

/** Methods of a decoder for other modules of this package. */
interface Internals {
  onDispose(callback: () => void): void;
  /**
   * Returns the decoder's graph for a number of points per sample; undefined unless the decoder is over points, which means
   * that it is evaluated at any number of points in each sample.
   */
  readonly atPoints: Graph["atPoints"];
  /**
   * Returns a decoder of another graph, with the same loss, prior and starts. A method, so that programs that only receive decoders
   * need not bundle GraphDecoder.
   */
  withGraph(graph: Graph, parameters: Float32Array): Decoder;
}

/** `Symbol.dispose`, which TypeScript's lib es2022 lacks; in runtimes without it, a symbol that nothing else uses. */
export const disposeSymbol: symbol = (Symbol as { readonly dispose?: symbol }).dispose ?? Symbol("dispose");

const identity: Activation = /* @__PURE__ */ Object.freeze({ name: "identity" });

/** The only implementation of `Decoder`, as a graph of operations. */
export class GraphDecoder implements Decoder {
  // Class name shown when a decoder is printed, as minifiers shorten the real one.
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
  readonly starts: Float32Array | undefined;
  readonly verified: boolean | undefined;
  readonly unverifiedReason: string | undefined;

  declare readonly [internals]: Internals;

  #disposed = false;
  readonly #disposeCallbacks: (() => void)[] = [];

  /**
   * @param parameters tensors of all operations, one after the other, as one array. Default: zeros, to be filled in by the
   *   caller
   * @param verification result of comparing the decoder with the probe in its file. Default: undefined, for a decoder that was
   *   not loaded
   */
  constructor(
    graph: DecoderGraph,
    parameters: Float32Array = new Float32Array(countParameters(graph)),
    verification?: Verification,
  ) {
    const { latentSize, fixedInputs, operations, definition, atPoints, loss, prior, start, starts } = graph;
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
    this.starts = starts;
    this.verified = verification?.verified;
    this.unverifiedReason = verification?.unverifiedReason;
    const own: Internals = {
      onDispose: (callback) => {
        if (this.#disposed) callback();
        else this.#disposeCallbacks.push(callback);
      },
      atPoints,
      withGraph: (graph, values) => new GraphDecoder({ ...graph, loss, prior, start, starts }, values),
    };
    // Not methods of the class, as esbuild never drops a class with computed names from a bundle.
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
    return calling("toSafetensors", () => {
      checkDecoder(this);
      checkOptions(options, { probe: true });
      const probe = options.probe === undefined ? undefined : writeProbe(options.probe, probedOf(this));
      const tensors = parametersOf(this).map(({ operation, tensor, shape, offset, size }) => ({
        name: `${this.operations[operation]!.name}.${tensor}`,
        shape,
        values: this.parameters.subarray(offset, offset + size),
      }));
      const metadata = new Map(writeMetadata(this));
      if (probe !== undefined) metadata.set(PROBE, probe);
      return writeSafetensors(tensors, metadata);
    });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const callback of this.#disposeCallbacks.splice(0)) callback();
  }
}

/**
 * Calls `callback` when the decoder is disposed; immediately if it already is, which can happen while a backend waits to
 * pack a decoder.
 */
export function onDispose(decoder: Decoder, callback: () => void): void {
  (decoder as GraphDecoder)[internals].onDispose(callback);
}

/**
 * Returns a decoder's entry in `cache`. The entry is made on first use, and removed when the decoder is disposed.
 *
 * @param dispose frees what the removed entry holds
 */
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

/**
 * Returns a decoder's graph for a number of points per sample; undefined unless the decoder is over points, which means that it
 * is evaluated at any number of points in each sample.
 */
export function graphAtPoints(decoder: Decoder, points: number): Graph | undefined {
  return (decoder as GraphDecoder)[internals].atPoints?.(points);
}

/**
 * Returns a decoder for a number of points (coordinates at which it is evaluated) per sample, which shares the parameters of
 * the given decoder.
 *
 * @throws LatentflowError `invalid_argument` if arrays of the decoder would be too large with so many points
 */
export function decoderAtPoints(decoder: Decoder, points: number): Decoder {
  return withGraph(decoder, graphAtPoints(decoder, points)!, decoder.parameters);
}

/** Returns a decoder of another graph, with the given parameters and the loss, prior and starts of `decoder`. */
export function withGraph(decoder: Decoder, graph: Graph, parameters: Float32Array): Decoder {
  return (decoder as GraphDecoder)[internals].withGraph(graph, parameters);
}

/** Returns the sizes that a probe (a few latents with their outputs) must have to fit a decoder. */
export function probedOf(decoder: Decoder): Probed {
  const { latentSize, outputSize, fixedInputs } = decoder;
  if (!fixedInputs.some(({ hasPoints }) => hasPoints)) return { latentSize, outputSize, fixedInputs };
  const atPointsOf = (points: number): Probed => {
    const graph = graphAtPoints(decoder, points)!;
    return { latentSize, outputSize: sizeOf(graph.operations.at(-1)!.shape), fixedInputs: graph.fixedInputs };
  };
  return { latentSize, outputSize, fixedInputs, atPoints: atPointsOf };
}

/** For messages about decoders and encoders: the function that returns one, the expected value, and how to get a new one. */
const SOURCES = {
  decoder: ["loadDecoder", "what loadDecoder or createDecoder returns", "load or create it anew"],
  encoder: ["trainAutoencoder", "the encoder that trainAutoencoder returns", "load or train it anew"],
} as const;

/**
 * Throws if a value is not a decoder, or a disposed one.
 *
 * @param part role of the value, for messages; an encoder is a decoder from samples to codes
 * @throws LatentflowError `invalid_argument` or `disposed`
 */
export function checkDecoder(
  decoder: unknown,
  part: keyof typeof SOURCES = "decoder",
): asserts decoder is Decoder {
  const [maker, expected, anew] = SOURCES[part];
  const found = recognise(decoder);
  if (found !== "decoder") {
    const got = show(decoder) + (found === "proxy" ? " in a Proxy" : "");
    const missing = isPromise(decoder) ? ` (is an await missing before ${maker}?)` : "";
    throw refused(words`the ${subject(part)}`, "is", got, expected, missing || memberHint(decoder, part));
  }
  const { disposed, start, starts, parameters } = decoder as Decoder;
  if (disposed) {
    throw new LatentflowError("disposed", `the ${part} has been disposed; ${anew}`);
  }
  if (start) checkPresent(`${part}.start`, start.buffer);
  if (starts) checkPresent(`${part}.starts`, starts.buffer);
  checkPresent(`${part}.parameters`, parameters.buffer);
}

/** Distinguishes a decoder from a Proxy of one, which lacks the private state that methods need, and from other values. */
function recognise(value: unknown): "decoder" | "proxy" | "other" {
  try {
    if (typeof value !== "object" || value === null || !(internals in value)) return "other";
    return typeof (value as unknown as Decoder).disposed === "boolean" ? "decoder" : "other";
  } catch {
    return "proxy";
  }
}

/**
 * Returns a decoder's description in a form that can be sent to a worker. For a decoder over points (coordinates at which it is
 * evaluated), it is the description for one point.
 */
export function descriptionOf(decoder: Decoder): DecoderGraph {
  const { operations, latentSize, fixedInputs, definition, loss, prior, start, starts } = decoder;
  const defaults = { loss, prior, start, starts };
  return { latentSize, fixedInputs, operations: withoutTensors(operations), definition, ...defaults };
}

/** Returns everything that a decoder is made from, except its parameters. */
export function decoderGraphOf(decoder: Decoder): DecoderGraph {
  const { atPoints } = (decoder as GraphDecoder)[internals];
  return { ...descriptionOf(decoder), ...(atPoints && { atPoints }) };
}

/** Returns a decoder that differs from the given one only in `verification`, and shares its parameters. */
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
