import { encode } from "../index.ts";
import { limitsOf, readDecoderAndLoss } from "./decoder-file.ts";
import { formatReport } from "./encode-report.ts";
import { makeFolder } from "./files.ts";
import { give, givenOptions, readFixed } from "./fixed-inputs.ts";
import { interruptSignal, setInterrupted, unlessInterrupted } from "./interrupt.ts";
import { encodeOptions, type Job } from "./job.ts";
import { encodeOutputs, writeEncodeOutputs } from "./outputs.ts";
import { print } from "./print.ts";
import { readPrior } from "./prior.ts";
import { showSampleProgress } from "./progress.ts";
import { readSamplesFile, readWeights, readZ0, takeSamples } from "./samples.ts";

/**
 * Encodes a file of samples, writes what comes of it to the job's folder and prints a report. Ctrl-C or SIGTERM ends
 * the work and not the rest, or, before the work has begun, everything; the exit code says so.
 */
export async function runJob(job: Job): Promise<void> {
  const signal = interruptSignal();
  const input = await unlessInterrupted(
    signal,
    readInput(job, signal),
    "stopped before the first sample; nothing is written",
  );
  if (!input) return;
  const { decoder, given, samples, weights, z0 } = input;
  // Before the work, so that a folder that cannot be made costs nothing.
  await makeFolder(job.out, encodeOutputs, job);

  const progress = showSampleProgress("encoding", samples.count, job.quiet ?? false, signal);
  const result = await encode(decoder, samples.y, {
    ...encodeOptions(job, input, weights),
    ...givenOptions(given),
    ...(z0 && { z0 }),
    signal,
    onAbort: "return",
    onProgress: progress.onProgress,
  }).finally(progress.stop);

  const run = { job, ...input, result, signal };
  const outputs = await writeEncodeOutputs(run);
  print(formatReport(run, outputs));
  if (signal.aborted) setInterrupted();
}

/** All that the job reads. Rejects with the signal's reason if that aborts while the decoder loads. */
async function readInput(job: Job, signal: AbortSignal) {
  const { decoder, loss } = await readDecoderAndLoss(job, signal);
  const limits = limitsOf(job, signal);
  const prior = await readPrior(job, decoder, limits);
  const fixed = await readFixed(decoder, job.fixed, limits);
  const flag = job.dataFlag ?? "--data";
  const file = await readSamplesFile(flag, job.data, limits, job.limit);
  const { count, total, shape } = file;
  const given = give(decoder, fixed, job.points, { count, total, samples: { flag, shape } });
  const samples = takeSamples(file, given.decoder, given.points);
  const weights = job.weights === undefined ? undefined : await readWeights(job.weights, samples, limits);
  const z0 = job.z0 === undefined ? undefined : await readZ0(job.z0, samples, decoder.latentSize, limits);
  return { decoder, given, samples, weights, z0, loss, prior };
}
