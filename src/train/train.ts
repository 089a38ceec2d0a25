import { makeControl } from "../control.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { loadDecoder } from "../decoder/load.ts";
import { Checkpoints } from "./checkpoints.ts";
import { checkArguments, type TrainOptions, type TrainResult } from "./options.ts";
import { Run } from "./run.ts";
import { checkDataset } from "./samples.ts";

/**
 * Trains a decoder without an encoder: each mini-batch is encoded anew with the decoder as it is (equation 2),
 * and the parameters follow the gradient of its summed loss, which the adjoint finds; by default with z held fixed
 * (equation 8), which is exact where the flow has come to rest.
 *
 * The same seed, machine and build give the same weights, bit for bit.
 *
 * @param data samples of the decoder's output size: a Dataset, or a Float32Array of count × outputSize
 * @throws LatentflowError `invalid_argument`, before any work, when an argument has the wrong type, length or
 *   value, or a checkpoint is of another run; `disposed` when the decoder is; `invalid_file` and `not_found` when a
 *   checkpoint cannot be read or written; `unsupported` for files where there are none, and, as `out_of_memory`,
 *   from the backend
 */
export async function train(
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: TrainOptions = {},
): Promise<TrainResult> {
  const checked = checkArguments(decoder, data, options);
  const { dataset, loss, validation, settings } = checked;
  const { backend, signal, onEvent, onProgress } = settings;
  const control = makeControl(signal);
  signal?.throwIfAborted();
  const file = decoder.toSafetensors();
  await checkDataset("train", dataset, { decoder, loss }, control);
  if (validation) await checkDataset("train: validation", validation.dataset, { decoder, loss }, control);
  signal?.throwIfAborted();

  // A copy of its own: the trainer changes the weights that are packed for it.
  const copy = () => loadDecoder(file, loss.name === "custom" ? {} : { loss });
  const working = await copy();
  let run: Run | undefined;
  let checkpoints: Checkpoints | undefined;
  try {
    run = new Run(checked, working, await backend.prepare(working));
    checkpoints = await Checkpoints.begin(run, working, checked, control);
    const resumedFrom = checkpoints?.resumedFrom;
    if (resumedFrom) onEvent?.({ kind: "resumed", ...resumedFrom });
    const start = { time: performance.now(), images: run.images };
    for (;;) {
      const validated = await run.validate(control);
      if (validated) onEvent?.({ kind: "validation", ...validated });
      const saved = checkpoints?.isDue() ? await checkpoints.save() : undefined;
      if (saved) onEvent?.(saved);
      if (run.hasEnded) break;
      const step = await run.update(control);
      const { total } = run;
      const imagesPerSecond = ((run.images - start.images) * 1000) / (performance.now() - start.time);
      const secondsLeft = (total - run.images) / imagesPerSecond;
      const latest = run.validations.at(-1);
      onProgress?.({ ...step, total, imagesPerSecond, secondsLeft, validation: latest });
      await control.pause();
    }
    const trained = await copy();
    trained.parameters.set(run.trainer.parameters());
    return { decoder: trained, history: run.history, validation: run.validations, resumedFrom };
  } catch (error) {
    // What has been learnt is not lost: the run stands where its last update ended.
    const saved = signal?.aborted ? await checkpoints?.save() : undefined;
    if (saved) onEvent?.(saved);
    throw error;
  } finally {
    run?.trainer.dispose();
    working.dispose();
  }
}
