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

// The page's computing: each call of the worker as a function of the networks that are loaded. It runs wherever the
// package runs; worker.ts calls it by messages.

/** What the calls share: the networks that are loaded, and where they are computed. */
export interface Workshop {
  readonly networks: Map<NetworkName, Decoder>;
  /** Decoder that is inverted in place of the page's own. */
  visitors?: Guest | undefined;
  readonly backend: Backend;
}

/** A visitor's decoder. Calls that began with it go on with it when another takes its place; the last of them disposes it. */
export interface Guest {
  readonly decoder: Decoder;
  calls: number;
  isReplaced: boolean;
}

/** How a call under way is told to end, and how it reports. */
export interface Running<Name extends CallName> {
  readonly signal: AbortSignal;
  report(value: ProgressOf<Name>): void;
}

/** Functions of all calls. A cancelled `encode` or `descend` returns what it has; the others throw the signal's reason. */
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
        ...{ z0, saveAt, signal, onAbort: "return", backend },
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
        ...{ z0, signal, onAbort: "return", backend },
        solver: upTo(most),
      });
      const { z } = result;
      const point = {
        z,
        x: await decode(decoder, z, { backend }),
        ...figuresOf(result, 0, decoder.latentSize),
      };
      // A cancelled run is at another place than a run of so many steps.
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
      ...{ signal, backend, z0: z, solver: lbfgs({ maxSteps: 0 }) },
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
      ...{ count, seed },
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
      ...{ signal, backend },
      z0: Float32Array.from(points.flatMap((point) => [...point])),
      solver: lbfgs({ maxSteps: 0 }),
    });
    return objective;
  }),

  async layOut(_, { codes, latentSize, labels }) {
    return layOut(codes, latentSize, labels);
  },
};

/** Networks that make an encoder's guess: the encoder, and the decoder it was trained with. */
const GUESSES = {
  plain: ["plainEncoder", "plainDecoder"],
  masked: ["maskedEncoder", "maskedDecoder"],
} as const;

/** Returns a handler that gives its call the decoder that the rooms invert, which lasts until the call ends. */
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

/** Disposes a visitor's decoder that another has replaced and no call uses. */
function disposeUnused({ decoder, calls, isReplaced }: Guest): void {
  if (isReplaced && calls === 0) decoder.dispose();
}

function networkOf({ networks }: Workshop, name: NetworkName): Decoder {
  const network = networks.get(name);
  if (!network) throw new Error(`${name} has not been loaded: call load before`);
  return network;
}

/** Describes a network for the page. */
export function descriptionOf(network: Decoder): NetworkDescription {
  const { latentSize, outputShape, outputLayout, outputSize, loss, prior } = network;
  const { verified, unverifiedReason } = network;
  const { parameters, multiplications, operations } = describe(network);
  return {
    ...{ latentSize, outputShape: [...outputShape], outputLayout, outputSize, parameters, multiplications },
    range: rangeOf(network),
    loss: loss?.name,
    hasPrior: prior !== undefined,
    codeRange: prior && codeRange(prior, latentSize),
    verified: verified === true,
    unverifiedReason,
    operations: operations.map(({ kind: _, ...row }) => ({ ...row, shape: [...row.shape] })),
  };
}

/** Values of black and of white in a network's samples: those of its output activation. */
export function rangeOf({ outputActivation }: Decoder): readonly [black: number, white: number] {
  return outputActivation.name === "tanh" ? [-1, 1] : [0, 1];
}

async function loadAnyDecoder(source: NetworkSource, signal: AbortSignal): Promise<Decoder> {
  return parseDecoder(typeof source === "string" ? await fetchBytes(source, signal) : source, signal);
}

/** Reads a decoder of either format, told by its bytes: a safetensors file begins with the length of its JSON header. */
export async function parseDecoder(bytes: Uint8Array, signal: AbortSignal): Promise<Decoder> {
  if (bytes[8] === "{".charCodeAt(0)) return loadDecoder(bytes, { signal });
  const { loadOnnx } = await import("latentflow/onnx");
  return loadOnnx(bytes, { signal });
}

async function fetchBytes(url: string, signal: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(url, { signal }).catch((cause: Error) => {
    if (signal.aborted) throw cause;
    throw new Error(
      `${url} cannot be read: ${cause.message}. A server of another address has to send Access-Control-Allow-Origin.`,
    );
  });
  if (!response.ok) throw new Error(`${url} answers ${response.status}, expected a decoder's file`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Options that all calls of `encode` and `sampleCodes` with these data have in common. A decoder without a loss gets squared error. */
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

/** Index of the least number; 0 if none is finite. */
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
