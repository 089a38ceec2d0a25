import { amd, type BackendInfo, encode, lbfgs, summary } from "../../src/index.ts";
import { passesOf } from "../passes.ts";
import { total } from "../timing.ts";
import { CONTENDERS, type ContenderName } from "./contenders.ts";
import { DECODERS, type DecoderName } from "./decoders.ts";
import type { SolverName } from "./settings.ts";

/** Who is measured, in a thread or process of its own, so that its first call is really the first. */
export interface Subject {
  readonly contender: ContenderName;
  readonly decoder: DecoderName;
  readonly solver: SolverName;
  /** Accepted steps at most. */
  readonly steps: number;
  /** The most samples that it will be given. */
  readonly most: number;
  /** What it encodes, again and again where there are fewer; undefined: digits. */
  readonly samples: Float32Array | undefined;
}

/** What is said to a thread or process: first who it is, then time and again how many samples to encode. */
export type Request = { readonly subject: Subject } | { readonly count: number };

/** One call of `encode`. */
export interface Measurement {
  readonly seconds: number;
  /** Over the samples. */
  readonly meanLoss: number;
  /** Of all samples: a forward and a backward pass. Any pass alone, as of a step that is taken back, or a tangent, is half. */
  readonly gradients: number;
  readonly backend: BackendInfo;
}

/** What comes back: of the subject that it is ready, of a count its measurement. */
export type Reply =
  | { readonly ready: true }
  | { readonly measurement: Measurement }
  | { readonly error: string };

/** What a page has elsewhere than Node. */
export interface Surroundings {
  /** Reads the first `count` digits of the MNIST test file, in [0, 1]. */
  readonly readDigits: (count: number) => Promise<Float32Array>;
  /** Of the library's workers. */
  readonly workerUrl: string | URL;
}

/** Answers requests, one after the other; never rejects. */
export function makeResponder(surroundings: Surroundings): (request: Request) => Promise<Reply> {
  let measure: ((count: number) => Promise<Measurement>) | undefined;
  return async (request) => {
    try {
      if ("subject" in request) {
        measure = await prepare(request.subject, surroundings);
        return { ready: true };
      }
      if (!measure) throw new Error("expected a subject before a count");
      return { measurement: await measure(request.count) };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  };
}

/** Brings decoder and samples into memory; what the backend needs is left to its first call. */
async function prepare(
  { contender, decoder: decoderName, solver: name, steps, most, samples }: Subject,
  { readDigits, workerUrl }: Surroundings,
) {
  const decoder = await DECODERS[decoderName].load();
  const size = most * decoder.outputSize;
  const y = samples
    ? Float32Array.from({ length: size }, (_, i) => samples[i % samples.length]!)
    : await readDigits(most);
  const backend = CONTENDERS[contender].makeBackend(workerUrl);
  const solver = { lbfgs, amd }[name]({ maxSteps: steps });
  return async (count: number): Promise<Measurement> => {
    const options = { backend, solver, batchSize: count };
    const result = await encode(decoder, y.subarray(0, count * decoder.outputSize), options);
    return {
      seconds: result.seconds,
      meanLoss: summary(result).meanLoss,
      gradients: total(passesOf(result, decoder.latentSize)) / 2,
      backend: result.backend,
    };
  };
}
