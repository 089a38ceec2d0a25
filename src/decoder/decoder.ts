import { checkOptions, invalid, memberHint, show } from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import type { Owned } from "../base/owned.ts";
import { checkPresent, isPromise } from "../base/realms.ts";
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
import { writeMetadata } from "./metadata.ts";
import { PROBE, type Probe, type Probed, writeProbe } from "./probe.ts";

/** What describes a decoder before it has parameters. Everything in it has been checked. */
export interface DecoderGraph extends Graph {
  readonly loss: StandardLoss | undefined;
  readonly prior?: Prior | undefined;
  /** See `Decoder.start`; undefined where it is 0. */
  readonly start?: Float32Array | undefined;
}

/** What is known of a decoder that was read from a file. */
export interface Verification {
  /** Undefined of one that was made here. */
  readonly verified: boolean | undefined;
  /** Why it is false. */
  readonly unverifiedReason: string | undefined;
}

/** Options of `toSafetensors`. */
export interface SafetensorsOptions {
  /**
   * A few latents and what the decoder makes of them, as `makeProbe(decoder)` returns them: `loadDecoder` then proves
   * that it has read the same function. Of outputs with more than 4,096 elements the file has as many, and it has as
   * few rows as there is room for in its header (512 KiB); where that is not enough for two, it has no probe. Default:
   * none.
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
   * What is given with each sample and not sought, by name and shape. Of a decoder over points all shapes and sizes,
   * here and below, are those for one point.
   */
  readonly fixedInputs: readonly FixedInput[];
  /** The graph as JSON, which `createDecoder` takes. */
  readonly definition: GraphDefinition;
  /** From the latent to the output, each after those that it reads. An activation at the end is the output activation. */
  readonly operations: readonly Operation[];
  /** The size of a latent, d. */
  readonly latentSize: number;
  /** The shape of a latent where the decoder comes from, [4, 8, 8] say; z is flat, row-major. Else `[latentSize]`. */
  readonly latentShape: readonly number[];
  /** The size of a sample, n. */
  readonly outputSize: number;
  /** The shape of a sample, [28, 28] say: data is stored row-major. `[outputSize]` unless it was given. */
  readonly outputShape: readonly number[];
  /** Of a sample that is a picture: is its shape [channels, height, width], as PyTorch's, or are the channels last? */
  readonly outputLayout: "channelsFirst" | "channelsLast";
  /** What is applied to the logits. */
  readonly outputActivation: Activation;
  /** The number of weights and biases. */
  readonly parameterCount: number;
  /** [parameterCount]: weight, then bias, of each operation in order. Read only. */
  readonly parameters: Float32Array;
  /** The loss that it was trained with, the default of `encode`; undefined when nobody said. */
  readonly loss: StandardLoss | undefined;
  /** The prior on its codes, the default of `encode`; undefined where it has none. */
  readonly prior: Prior | undefined;
  /**
   * [latentSize], the default of `z0`. Undefined means 0; zeros are stored as undefined. `lbfgs` takes its Jacobian J₀ here,
   * whatever `z0` a call has. `trainAutoencoder` sets it to the mean code. Read only.
   */
  readonly start: Float32Array | undefined;
  /**
   * Whether a decoder that was loaded is the function that was meant. True: there was a probe, a few latents and their
   * outputs, and it agreed. (Where one does not agree, loading fails.) False: there was none, or it proved nothing.
   * Undefined: the decoder was made here, by `createDecoder` or by training.
   */
  readonly verified: boolean | undefined;
  /** Why `verified` is false, in words. */
  readonly unverifiedReason: string | undefined;
  /** Whether `dispose()` has been called. */
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
 * Names the method behind `onDispose`, and tells a decoder from what only looks like one. The same in every
 * copy of this module: a program that has the package twice may pass a decoder from one copy to the other.
 */
const onDisposeMethod: unique symbol = Symbol.for("latentflow.decoder.onDispose");
/** Names the method behind `graphAtPoints`, in every copy. */
const graphAtPointsMethod: unique symbol = Symbol.for("latentflow.decoder.atPoints");
/** Names the method behind `decoderAtPoints`, in every copy. */
const decoderAtPointsMethod: unique symbol = Symbol.for("latentflow.decoder.copyAtPoints");

/** `Symbol.dispose`, which TypeScript's lib es2022 and older runtimes do not know; there nobody asks for it. */
const disposeSymbol: symbol = (Symbol as { readonly dispose?: symbol }).dispose ?? Symbol("dispose");

const MADE_HERE: Verification = { verified: undefined, unverifiedReason: undefined };

const identity: Activation = /* @__PURE__ */ Object.freeze({ name: "identity" });

/** The decoder that there is: a graph of operations. */
export class GraphDecoder implements Decoder {
  // For whoever prints it: bundlers, and what a CDN serves, shorten names.
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

  declare readonly [onDisposeMethod]: (callback: () => void) => void;
  declare readonly [graphAtPointsMethod]: (points?: number, where?: string) => Graph | undefined;
  declare readonly [decoderAtPointsMethod]: (points: number, where: string) => Decoder;

  readonly #atPoints: Graph["atPoints"];
  #disposed = false;
  readonly #disposeCallbacks: (() => void)[] = [];

  /**
   * @param parameters by default 0, for its maker to fill in through the operations' tensors
   * @param verification by default that of one made here
   */
  constructor(
    graph: DecoderGraph,
    parameters: Float32Array = new Float32Array(countParameters(graph)),
    { verified, unverifiedReason }: Verification = MADE_HERE,
  ) {
    const { latentSize, fixedInputs, operations, definition, loss, prior, start } = graph;
    const output = operations.at(-1)!;
    this.fixedInputs = Object.freeze(fixedInputs.map((input) => Object.freeze({ ...input })));
    this.definition = definition;
    this.#atPoints = graph.atPoints;
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
    this.verified = verified;
    this.unverifiedReason = unverifiedReason;
    // Not in the class: esbuild keeps one with computed names, and all that it needs, where nobody makes a decoder.
    Object.defineProperties(this, {
      [onDisposeMethod]: { value: (callback: () => void) => this.#onDispose(callback) },
      [graphAtPointsMethod]: { value: (points = 1, where?: string) => this.#atPoints?.(points, where) },
      [decoderAtPointsMethod]: {
        value: (points: number, where: string) => this.#decoderAtPoints(points, where),
      },
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

  #onDispose(callback: () => void): void {
    if (this.#disposed) callback();
    else this.#disposeCallbacks.push(callback);
  }

  #decoderAtPoints(points: number, where: string): Decoder {
    const { loss, prior, start } = this;
    return new GraphDecoder({ ...this.#atPoints!(points, where), loss, prior, start }, this.parameters);
  }
}

/**
 * Has `callback` called when the decoder is disposed; at once if it has been already, as may happen to a
 * backend that packs a decoder after waiting for something else.
 */
export function onDispose(decoder: Decoder, callback: () => void): void {
  // What has passed checkDecoder is one.
  (decoder as GraphDecoder)[onDisposeMethod](callback);
}

/** Of a decoder over points its graph for so many of them; undefined of any other. */
export function graphAtPoints(decoder: Decoder, points?: number, where?: string): Graph | undefined {
  return (decoder as GraphDecoder)[graphAtPointsMethod](points, where);
}

/**
 * Of a decoder over points one for so many of them, with the same parameters.
 *
 * @param where who asks for so many, for messages
 * @throws LatentflowError `invalid_argument` where its values would be too large
 */
export function decoderAtPoints(decoder: Decoder, points: number, where: string): Decoder {
  // It makes the other itself, so that who has a decoder need not have what makes one.
  return (decoder as GraphDecoder)[decoderAtPointsMethod](points, where);
}

/** What of a decoder its probe has to fit. */
export function probedOf(decoder: Decoder): Probed {
  const { latentSize, outputSize, fixedInputs } = decoder;
  if (!fixedInputs.some(({ hasPoints }) => hasPoints)) return { latentSize, outputSize, fixedInputs };
  const atPointsOf = (points: number): Probed => {
    const graph = graphAtPoints(decoder, points)!;
    return { latentSize, outputSize: sizeOf(graph.operations.at(-1)!.shape), fixedInputs: graph.fixedInputs };
  };
  return { latentSize, outputSize, fixedInputs, atPoints: atPointsOf };
}

/** Where what stands for each comes from, and how it is had anew. */
const SOURCES = {
  decoder: ["loadDecoder", "what loadDecoder or createDecoder returns", "load or create it anew"],
  encoder: ["trainAutoencoder", "the encoder that trainAutoencoder returns", "load or train it anew"],
} as const;

/**
 * Refuses what is no decoder, or one that has been disposed.
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
  if (!isDecoder(decoder)) {
    const missing = isPromise(decoder) ? ` (is an await missing before ${maker}?)` : "";
    const hint = isProxy(decoder) ? " in a Proxy" : missing;
    throw invalid(
      `${where}: the ${part} is ${show(decoder)}${hint}, expected ${expected}${memberHint(decoder, part)}`,
    );
  }
  if (decoder.disposed) {
    throw new LatentflowError("disposed", `${where}: the ${part} has been disposed; ${anew}`);
  }
  if (decoder.start) checkPresent(where, `${part}.start`, decoder.start.buffer);
  checkPresent(
    where,
    part === "decoder" ? "decoder.parameters" : `the ${part}'s parameters`,
    decoder.parameters.buffer,
  );
}

function isDecoder(value: unknown): value is Decoder {
  try {
    return hasMethods(value) && typeof value.disposed === "boolean";
  } catch {
    return false;
  }
}

function hasMethods(value: unknown): value is Decoder {
  return typeof value === "object" && value !== null && onDisposeMethod in value;
}

/** Is what is no decoder a Proxy of one? It has the methods, but not the state that they work on. */
function isProxy(value: unknown): boolean {
  try {
    return hasMethods(value);
  } catch {
    return true;
  }
}

/** What describes a decoder that there is, in a form that can be sent: of one over points, it is that for one. */
export function descriptionOf(decoder: Decoder): DecoderGraph {
  const { latentSize, fixedInputs, operations, definition, loss, prior, start } = decoder;
  return { latentSize, fixedInputs, operations: withoutTensors(operations), definition, loss, prior, start };
}

/** All that a decoder but its parameters is made from: of one over points also what it is for other numbers of them. */
export function decoderGraphOf(decoder: Decoder): DecoderGraph {
  const isOverPoints = graphAtPoints(decoder) !== undefined;
  const atPoints = (points: number, where?: string) => graphAtPoints(decoder, points, where)!;
  return { ...descriptionOf(decoder), ...(isOverPoints && { atPoints }) };
}

/** A decoder of the same parameters, in the same memory, of which more is known. */
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
