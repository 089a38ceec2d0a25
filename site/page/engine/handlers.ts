import {
  type Backend,
  type Decoder,
  decode,
  describe,
  type EncodeResult,
  encode,
  lbfgs,
  loadDecoder,
  type Prior,
  sampleCodes,
} from "latentflow";
import { encodeWith, readDataset } from "latentflow/train";
import { layOut } from "../codes/code-map.ts";
import { withoutSecrets, wordsWithoutSecrets } from "../shown-address.ts";
import { codeRange } from "./code-range.ts";
import type {
  ArgumentsOf,
  CallName,
  Data,
  DescentPoint,
  NetworkDescription,
  NetworkName,
  NetworkSource,
  ProgressOf,
  ReplyOf,
} from "./messages.ts";
import { ladder, QUICK, SOLVERS } from "./solvers.ts";

// Computations of the page, as functions that answer the worker's calls. They run wherever the package runs; worker.ts
// connects them to messages.

/** State that the worker's calls share: the loaded networks, and the backend that runs them. */
export interface Workshop {
  readonly networks: Map<NetworkName, Decoder>;
  /** Visitor's decoder that is inverted in place of the page's own; undefined if there is none. */
  visitors?: Guest | undefined;
  readonly backend: Backend;
}

/** A visitor's decoder. Calls in progress keep using it after it is replaced; the last of them disposes it. */
export interface Guest {
  readonly decoder: Decoder;
  calls: number;
  isReplaced: boolean;
}

/** Cancellation of a call in progress (`signal`), and its report of progress to the page. */
export interface Running<Name extends CallName> {
  readonly signal: AbortSignal;
  report(value: ProgressOf<Name>): void;
}

/**
 * Functions that answer each call. A cancelled `encode` or `descend` returns its result so far; others throw the signal's
 * reason.
 */
export type Handlers = {
  readonly [Name in CallName]: (
    shop: Workshop,
    given: ArgumentsOf<Name>,
    running: Running<Name>,
  ) => Promise<ReplyOf<Name>>;
};

export const HANDLERS: Handlers = {
  async load({ networks }, { name, source }, { signal }) {
    const network = await loadDecoder(source, { signal });
    networks.get(name)?.dispose();
    networks.set(name, network);
    return descriptionOf(network);
  },

  async setDecoder(shop, { source }, { signal }) {
    const decoder = source === undefined ? undefined : await loadAnyDecoder(source, signal);
    const { visitors: replaced } = shop;
    shop.visitors = decoder && { decoder, calls: 0, isReplaced: false };
    if (replaced) {
      replaced.isReplaced = true;
      disposeUnused(replaced);
    }
    return descriptionOf(decoder ?? networkOf(shop, "plainDecoder"));
  },

  async readSamples(_, { source, labels }, { signal }) {
    const data = await readDataset(source, { labels, signal });
    const samples = Array.from({ length: data.count }, (_, i) => data.slice(i, i + 1).toFloat32());
    return { samples, labels: [...(data.labels ?? [])] };
  },

  encode: inverting(
    async (decoder, { backend }, { z0, solver = "lbfgs", quick = false, saveAt, ...data }, { signal }) => {
      const starts = z0 ? z0.length / decoder.latentSize : 1;
      const result = await encode(decoder, repeat(data.y, starts), {
        ...optionsOf(decoder, data),
        z0,
        saveAt,
        signal,
        onAbort: "return",
        backend,
        solver: quick && solver === "lbfgs" ? QUICK : SOLVERS[solver].whole,
      });
      const best = indexOfLeast(result.objective);
      const { latentSize: d } = decoder;
      const z = result.z.slice(best * d, (best + 1) * d);
      const way = result.trajectory?.[best];
      return {
        z,
        x: await decode(decoder, z, { backend }),
        ...figuresOf(result, best, d),
        seconds: result.seconds,
        trajectory: way && { ...way, x: await decode(decoder, way.z, { backend }) },
      };
    },
  ),

  descend: inverting(async (decoder, { backend }, { solver, z0, ...data }, { signal, report }) => {
    const points: DescentPoint[] = [];
    const { upTo, mostSteps, isFixedGrid } = SOLVERS[solver];
    for (const most of ladder(mostSteps)) {
      const result = await encode(decoder, data.y, {
        ...optionsOf(decoder, data),
        z0,
        signal,
        onAbort: "return",
        backend,
        solver: upTo(most),
      });
      const { z } = result;
      const point = {
        z,
        x: await decode(decoder, z, { backend }),
        ...figuresOf(result, 0, decoder.latentSize),
      };
      // A cancelled run has not taken the given number of steps, so its result is dropped.
      if (signal.aborted) break;
      points.push(point);
      report(point);
      if (point.status !== "max_steps" && !isFixedGrid) break;
    }
    return points;
  }),

  lossAt: inverting(async (decoder, { backend }, { z, ...data }, { signal }) => {
    const { loss } = await encode(decoder, data.y, {
      ...optionsOf(decoder, data),
      signal,
      backend,
      z0: z,
      solver: lbfgs({ maxSteps: 0 }),
    });
    return loss[0]!;
  }),

  decode: inverting(async (decoder, { backend }, { z }, { signal }) => {
    return decode(decoder, z, { signal, backend });
  }),

  async encoderGuess(shop, { y, weights, encoder }, { signal }) {
    const [from, to] = GUESSES[encoder];
    const { backend } = shop;
    const given = y.map((value, i) => (weights?.[i] === 0 ? 0 : value));
    const z = await encodeWith(networkOf(shop, from), given, { signal, backend });
    return { z, x: await decode(networkOf(shop, to), z, { signal, backend }) };
  },

  sample: inverting(async (decoder, { backend }, { count, seed, ...data }, { signal }) => {
    const options = { ...optionsOf(decoder, data), backend, signal };
    const result = await encode(decoder, data.y, options);
    const { codes, weights, effectiveSampleSize } = await sampleCodes(decoder, data.y, result, {
      ...options,
      count,
      seed,
    });
    const x = await decode(decoder, codes, { backend, signal });
    return { codes, weights, x, effectiveSampleSize: effectiveSampleSize[0]!, z: result.z };
  }),

  contours: inverting(async (decoder, { backend }, { grid, ...data }, { signal }) => {
    const { origin, u, v, a, b } = grid;
    const points = Array.from(b, (along) =>
      Array.from(a, (across) => origin.map((value, k) => value + across * u[k]! + along * v[k]!)),
    ).flat();
    const { objective } = await encode(decoder, repeat(data.y, points.length), {
      ...optionsOf(decoder, data),
      signal,
      backend,
      z0: Float32Array.from(points.flatMap((point) => [...point])),
      solver: lbfgs({ maxSteps: 0 }),
    });
    return objective;
  }),

  async layOut(_, { codes, latentSize, labels }) {
    return layOut(codes, latentSize, labels);
  },
};

/** Networks for the guess of each encoder: the encoder, and the decoder that it was trained with. */
const GUESSES = {
  plain: ["plainEncoder", "plainDecoder"],
  masked: ["maskedEncoder", "maskedDecoder"],
} as const;

/**
 * Makes a handler whose call gets the decoder to invert, a visitor's or the page's own, which is not disposed before the
 * call ends.
 */
function inverting<Given, Run, Reply>(
  call: (decoder: Decoder, shop: Workshop, given: Given, running: Run) => Promise<Reply>,
): (shop: Workshop, given: Given, running: Run) => Promise<Reply> {
  return async (shop, given, running) => {
    const { visitors } = shop;
    if (!visitors) return call(networkOf(shop, "plainDecoder"), shop, given, running);
    visitors.calls++;
    try {
      return await call(visitors.decoder, shop, given, running);
    } finally {
      visitors.calls--;
      disposeUnused(visitors);
    }
  };
}

/** Disposes a visitor's decoder if another has replaced it and no call uses it. */
function disposeUnused({ decoder, calls, isReplaced }: Guest): void {
  if (isReplaced && calls === 0) decoder.dispose();
}

function networkOf({ networks }: Workshop, name: NetworkName): Decoder {
  const network = networks.get(name);
  if (!network) throw new Error(`${name} has not been loaded: call load before`);
  return network;
}

/** Returns the description of a network that the page shows. */
export function descriptionOf(network: Decoder): NetworkDescription {
  const { latentSize, outputShape, outputLayout, outputSize, loss, prior } = network;
  const { verified, unverifiedReason } = network;
  const { parameters, multiplications, operations } = describe(network);
  return {
    latentSize,
    outputShape: [...outputShape],
    outputLayout,
    outputSize,
    parameters,
    multiplications,
    range: rangeOf(network),
    loss: loss?.name,
    hasPrior: prior !== undefined,
    codeRange: prior && codeRange(prior, latentSize),
    verified: verified === true,
    unverifiedReason,
    operations: operations.map(({ kind: _, ...row }) => ({ ...row, shape: [...row.shape] })),
  };
}

/** Returns the sample values of black and of white for a network, judged by its output activation. */
export function rangeOf({ outputActivation }: Decoder): readonly [black: number, white: number] {
  return outputActivation.name === "tanh" ? [-1, 1] : [0, 1];
}

async function loadAnyDecoder(source: NetworkSource, signal: AbortSignal): Promise<Decoder> {
  return parseDecoder(typeof source === "string" ? await fetchBytes(source, signal) : source, signal);
}

/**
 * Parses a decoder's file, safetensors or ONNX. A safetensors file is recognised by the JSON header after its first 8
 * bytes.
 */
export async function parseDecoder(bytes: Uint8Array, signal: AbortSignal): Promise<Decoder> {
  if (bytes[8] === "{".charCodeAt(0)) return loadDecoder(bytes, { signal });
  const { loadOnnx } = await import("latentflow/onnx");
  return loadOnnx(bytes, { signal });
}

async function fetchBytes(url: string, signal: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(url, { signal }).catch((cause: Error) => {
    if (signal.aborted) throw cause;
    const reason = wordsWithoutSecrets(cause.message, url);
    throw new Error(
      `${withoutSecrets(url)} cannot be read: ${reason}. A server of another address has to send Access-Control-Allow-Origin.`,
    );
  });
  if (!response.ok)
    throw new Error(`${withoutSecrets(url)} answers ${response.status}, expected a decoder's file`);
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * Returns the options that all calls of `encode` and `sampleCodes` for some data share. The loss is squared error if the
 * decoder has none.
 */
function optionsOf({ prior, loss }: Decoder, { weights, priorWeight = 1 }: Data) {
  return { weights, loss: loss ?? "mse", prior: prior && weighted(prior, priorWeight) } as const;
}

function weighted(prior: Prior, factor: number): Prior | "none" {
  return factor === 0 ? "none" : { ...prior, weight: prior.weight * factor };
}

function repeat(y: Float32Array, count: number): Float32Array {
  const rows = new Float32Array(count * y.length);
  for (let i = 0; i < count; i++) rows.set(y, i * y.length);
  return rows;
}

/** Returns the index of the smallest number; NaN is skipped unless all numbers are NaN. */
function indexOfLeast(values: ArrayLike<number>): number {
  let least = 0;
  for (let i = 1; i < values.length; i++) {
    if (values[i]! < values[least]! || Number.isNaN(values[least]!)) least = i;
  }
  return least;
}

function figuresOf({ loss, objective, status, stats }: EncodeResult, sample: number, latentSize: number) {
  const passes =
    stats.valueEvaluations[sample]! +
    stats.gradientEvaluations[sample]! +
    latentSize * stats.matrixEvaluations[sample]!;
  return {
    loss: loss[sample]!,
    objective: objective[sample]!,
    status: status[sample]!,
    steps: stats.acceptedSteps[sample]!,
    passes,
  };
}
