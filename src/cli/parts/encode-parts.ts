import { checkValues } from "../../api/check-data.ts";
import { ReadAhead } from "../../api/read-ahead.ts";
import { calling } from "../../base/calling.ts";
import {
  type CodeSamples,
  type Decoder,
  decode,
  type EncodeProgress,
  type EncodeResult,
  encode,
  sampleCodes,
} from "../../index.ts";
import { makeControl } from "../../solver/control.ts";
import { lossFloors } from "../../terms/loss-floor.ts";
import { lossTraits } from "../../terms/losses.ts";
import {
  type Block,
  blockSize,
  type EncodingInput,
  type EncodingRun,
  readBlock,
} from "../input/encoding-input.ts";
import { fixedOptions } from "../input/fixed-inputs.ts";
import { undefinedIfAborted } from "../interrupt.ts";
import { encodeOptions, type Job } from "../options/job.ts";
import { priorOption } from "../options/prior.ts";
import { backendOf } from "../options/running.ts";
import type { Progress } from "../output/progress.ts";
import type { Part } from "./part.ts";
import type { PartRange } from "./part-range.ts";
import { joinAll } from "./sample-slices.ts";
import { backendWarnings } from "./warnings.ts";

/** A run with callbacks. */
interface Encoding extends EncodingRun {
  readonly onProgress: (progress: Progress) => void;
  readonly onWarning?: (message: string) => void;
}

/** Maximum number of samples encoded together: 100,000 at once, of a decoder 8 → 32 → 64, took 520 MB in place of 160. */
const MOST_AT_ONCE = 10_000;

/**
 * Encodes parts of a run one after another, on demand, while the next block of samples is read ahead. Yields the results of each
 * part; if the signal aborts during a part, none for it.
 *
 * @param mostAtOnce maximum number of samples encoded together; as many of the next block are also in memory
 */
export async function* encodeParts(
  encoding: Encoding,
  ranges: readonly PartRange[],
  mostAtOnce = Math.min(MOST_AT_ONCE, blockSize(encoding.input)),
): AsyncGenerator<Part> {
  const { input, signal, onProgress } = encoding;
  const warned = new Set<string>();
  // Of blocks that differ in the figures alone the first is told.
  const onWarning = (message: string) => {
    const kind = message.replace(/\d[\d.e-]*/g, "#");
    if (!warned.has(kind)) encoding.onWarning?.(message);
    warned.add(kind);
  };
  const blocks = new ReadAhead(blocksOf(input, ranges, mostAtOnce), 1);
  try {
    let done = 0;
    const start = performance.now();
    for (const range of ranges) {
      const results: BlockResult[] = [];
      let count = 0;
      // A run without samples still has a block, whose results are empty.
      do {
        const next = await undefinedIfAborted(signal, blocks.next());
        if (!next || next.done) return;
        const block = next.value;
        const before = done;
        const report = (progress: Progress) => {
          const all = before + progress.done;
          const samplesPerSecond = (1000 * all) / (performance.now() - start);
          onProgress({ ...progress, done: all, samplesPerSecond });
        };
        const encoded = await encodeBlock({ ...encoding, onProgress: report, onWarning }, block);
        results.push(encoded);
        count += block.count;
        done += block.count;
        if (signal.aborted) return;
      } while (count < range.count);
      yield {
        ...range,
        results: joinAll(results.map(({ results }) => results)),
        seconds: results.reduce((sum, { seconds }) => sum + seconds, 0),
        threads: Math.max(...results.map(({ threads }) => threads)),
        kernels: results[0]!.kernels,
      };
    }
  } finally {
    await blocks.close();
  }
}

async function* blocksOf(
  input: EncodingInput,
  ranges: readonly PartRange[],
  most: number,
): AsyncGenerator<Block> {
  for (const { first, count } of ranges) {
    let start = 0;
    do {
      yield readBlock(input, first + start, Math.min(most, count - start));
      start += most;
    } while (start < count);
  }
}

/** Results of a block of samples, and what computing them cost. */
type BlockResult = Omit<Part, keyof PartRange>;

async function encodeBlock(encoding: Encoding, block: Block): Promise<BlockResult> {
  const { job, input, signal, onProgress, onWarning } = encoding;
  const { decoder } = input;
  const { y, weights, z0, fixed, ids } = block;
  await checkBlock(encoding, block);
  let encoded: EncodeProgress | undefined;
  const result = await encode(decoder, y, {
    ...encodeOptions(job, input, weights),
    ...fixedOptions(fixed),
    z0,
    signal,
    onAbort: "return",
    onProgress(progress) {
      encoded = progress;
      onProgress(progress);
    },
  });
  const reconstructions = job.reconstructions ? await reconstruct(job, decoder, result.z, block) : undefined;
  const drawn = job.samples
    ? await drawCodes(encoding, block, result, (share) => {
        if (encoded) onProgress({ ...encoded, note: `drawing codes: ${Math.floor(100 * share)} %` });
      })
    : undefined;
  const { z, initialLoss, loss, prior, objective, gradientNorm, missing, status, stats, seconds, backend } =
    result;
  const ofData = [...result.warnings, ...(drawn?.warnings ?? [])].map((warning) => `warning: ${warning}`);
  for (const warning of [...backendWarnings(job, backend), ...ofData]) onWarning?.(warning);
  const { warnings, ...codes } = drawn ?? {};
  const sampling = drawn && (codes as Omit<CodeSamples, "warnings">);
  const { acceptedSteps, backtracks, t } = stats;
  const ofFlow = { initialLoss, status, stats: { acceptedSteps, backtracks, t } };
  const leastLoss = leastLossOf(input, block, result);
  return {
    results: {
      z,
      loss,
      leastLoss,
      prior,
      objective,
      gradientNorm,
      missing,
      ...ofFlow,
      reconstructions,
      sampling,
      ids,
    },
    seconds,
    threads: backend.threads ?? 0,
    kernels: backend.build,
  };
}

/**
 * Draws codes from the posteriors of a block's samples.
 *
 * @param onShare called with the fraction of the codes drawn so far, 0 to 1
 * @returns undefined if the signal aborts
 */
function drawCodes(
  { job, input: { decoder, loss, prior }, signal }: Encoding,
  { y, weights, fixed }: Block,
  result: EncodeResult,
  onShare: (share: number) => void,
): Promise<CodeSamples | undefined> {
  const drawn = sampleCodes(decoder, y, result, {
    loss,
    ...priorOption(prior),
    weights,
    ...fixedOptions(fixed),
    count: job.samples,
    seed: job.samplesSeed,
    backend: backendOf(job),
    signal,
    onProgress: ({ done, total }) => onShare(done / total),
  });
  return undefinedIfAborted(signal, drawn);
}

/**
 * Checks samples and weights as `encode` does, except that messages count samples from the run's first one. Start vectors
 * are checked when their file is opened.
 */
async function checkBlock(
  { job: { missing = "omit" }, input: { fixed, loss }, signal }: Encoding,
  { first, count, y, weights }: Block,
): Promise<void> {
  const problem = { decoder: fixed.decoder, loss, sampleCount: count, targets: y, weights };
  await calling("encode", () => checkValues(problem, makeControl(signal), { before: first, missing }));
}

function reconstruct(job: Job, decoder: Decoder, z: Float32Array, { fixed }: Block): Promise<Float32Array> {
  return decode(decoder, z, { ...fixedOptions(fixed), backend: backendOf(job) });
}

/**
 * Returns the lower bound of each sample's loss, the entropy of its targets; NaN for a sample whose loss is not finite, which
 * the mean loss leaves out. Undefined for losses whose lower bound is 0.
 */
function leastLossOf(
  { loss, fixed }: EncodingInput,
  { y, weights }: Block,
  result: EncodeResult,
): Float64Array | undefined {
  if (!lossTraits(loss).floor) return undefined;
  const least = lossFloors(loss, y, fixed.decoder.outputSize, weights);
  return least.map((entropy, sample) => (Number.isFinite(result.loss[sample]!) ? entropy : Number.NaN));
}
