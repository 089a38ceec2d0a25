import {
  crossEntropy,
  type Decoder,
  encode,
  LatentflowError,
  loadDecoder,
  type StandardLoss,
  squaredError,
} from "../index.ts";
import { makeFolder } from "./files.ts";
import { interruptSignal } from "./interrupt.ts";
import { encodeOptions, type Job } from "./job.ts";
import { writeOutputs } from "./outputs.ts";
import { showProgress } from "./progress.ts";
import { formatReport } from "./report.ts";
import { readSamples, readWeights } from "./samples.ts";

/**
 * Encodes a file of samples, writes what comes of it to the job's folder and prints a report. Ctrl-C ends
 * the work and not the rest, or, before the work has begun, everything; the exit code then is 130.
 */
export async function runJob(job: Job): Promise<void> {
  const signal = interruptSignal();
  const input = await readInput(job, signal).catch((error) => {
    if (!signal.aborted) throw error;
  });
  if (!input || signal.aborted) {
    process.stderr.write("latentflow: stopped before the first sample; nothing is written\n");
    process.exitCode = 130;
    return;
  }
  const { decoder, samples, weights, loss } = input;
  // Before the work, so that a folder that cannot be made costs nothing.
  await makeFolder(job.out);

  const progress = showProgress(samples.count, job.quiet ?? false, signal);
  const result = await encode(decoder, samples.y, {
    ...encodeOptions(job, loss, weights),
    signal,
    onAbort: "return",
    onProgress: progress.update,
  }).finally(progress.stop);

  const run = { job, ...input, result, signal };
  const outputs = await writeOutputs(run);
  process.stdout.write(formatReport(run, outputs));
  if (signal.aborted) process.exitCode = 130;
}

/** All that the job reads. Rejects with the signal's reason if that aborts while the decoder loads. */
async function readInput(job: Job, signal: AbortSignal) {
  const { decoder, loss } = await loadWithLoss(job, signal);
  const samples = await readSamples(job.data, decoder.outputSize, job.limit);
  const weights = job.weights === undefined ? undefined : await readWeights(job.weights, samples);
  return { decoder, samples, weights, loss };
}

const losses = { crossEntropy, squaredError };

/** The job's decoder, and the loss that the job names or the decoder's file. */
async function loadWithLoss(
  job: Job,
  signal: AbortSignal,
): Promise<{ decoder: Decoder; loss: StandardLoss }> {
  const decoder = await loadDecoder(job.decoder, {
    ...job.decoderOptions,
    ...(job.loss && { loss: losses[job.loss]() }),
    signal,
  });
  if (!decoder.loss) {
    throw new LatentflowError(
      "invalid_argument",
      `${job.decoder} names no loss; give --loss crossEntropy or --loss squaredError`,
    );
  }
  const { name, reduction } = decoder.loss;
  return { decoder, loss: losses[name]({ reduction: job.reduction ?? reduction }) };
}
