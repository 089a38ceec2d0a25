import { isOutOfReach } from "../api/check-data.ts";
import { dataWarnings } from "../backend/data-messages.ts";
import { decoderInLossUnits } from "../backend/loss-units.ts";
import { within } from "../base/calling.ts";
import { hasCode, LatentflowError } from "../base/errors.ts";
import { throwIfAborted } from "../base/realms.ts";
import { copyDecoder } from "../decoder/copy.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { Callbacks, makeControl, unlessAborted } from "../solver/control.ts";
import { isCustom, type StandardLoss } from "../terms/losses.ts";
import type { CheckedTrainOptions } from "./check-options.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { TrainResult } from "./options.ts";
import { outputStatistics } from "./outputs.ts";
import { Run } from "./run.ts";
import { runWarnings } from "./run-warnings.ts";
import { checkDataset } from "./samples.ts";
import { standardised } from "./standardise.ts";

/**
 * Runs the loop of `train` and `trainAutoencoder`: updates, validations and checkpoints, to the end or an abort.
 *
 * @param network network to train, which is not changed. For a decoder that takes points, `network` is its form for one
 *   point, and `checked.decoder` its form for the number of points of a sample
 * @returns the result, with a new network as `decoder`
 */
export async function trainNetwork(network: Decoder, checked: CheckedTrainOptions): Promise<TrainResult> {
  const { dataset, prior, weights, fixed, validation } = checked;
  const { decoder: given, loss: givenLoss } = checked;
  const { backend, signal, onEvent, onProgress } = checked;
  const callbacks = new Callbacks();
  const control = makeControl(signal, () => callbacks.check());
  throwIfAborted(signal);
  let own: Decoder | undefined;
  let run: Run | undefined;
  let checkpoints: Checkpoints | undefined;
  try {
    // Messages must not advise the option weights for trainAutoencoder, which has none.
    const checks = { missing: checked.missing, takesWeights: !checked.isAutoencoder };
    const settings = { decoder: given, loss: givenLoss };
    const found = await checkDataset(dataset, { ...settings, weights, fixed }, control, checks);
    const { missing } = found;
    const checkedValidation = validation && {
      ...validation,
      ...(await within("validation", () =>
        checkDataset(validation.dataset, { ...validation, ...settings }, control, checks),
      )),
    };
    const statistics = checked.standardise ? await outputStatistics(dataset, checked, control) : undefined;
    throwIfAborted(signal);
    const folded = checked.standardise
      ? standardised(network, givenLoss as StandardLoss, statistics!)
      : undefined;
    const { decoder, loss } = folded ?? checked;
    const whole = folded?.decoder ?? network;
    const defaults = { loss: isCustom(loss) ? network.loss : loss, prior };
    const copy = (of: Decoder, more: { readonly starts?: Float32Array | undefined } = {}) =>
      copyDecoder(of, { ...defaults, ...more });
    // A copy, since the trainer changes the weights packed for it.
    own = copy(decoder);
    const working = decoderInLossUnits({ decoder: own, loss });
    const session = await unlessAborted(signal, () => backend.open(working));
    const { parameterCount } = whole;
    const trainer = await unlessAborted(signal, async () =>
      session.train?.(checked.optimizer, parameterCount),
    );
    if (!trainer) {
      const { name } = session.info;
      throw new LatentflowError("unsupported", `the backend ${name} does not train; use wasm()`);
    }
    const hasMissing = missing !== undefined;
    const solved = { ...checked, decoder, loss, hasMissing, validation: checkedValidation };
    run = new Run(solved, own, session, trainer);
    checkpoints = await Checkpoints.begin(run, checked, control);
    const resumedFrom = checkpoints?.resumedFrom;
    if (resumedFrom) callbacks.call(onEvent, { kind: "resumed", ...resumedFrom });
    const start = { time: performance.now(), images: run.images };
    for (;;) {
      const validated = await run.validate(control);
      if (validated) callbacks.call(onEvent, { kind: "validation", ...validated });
      const saved = checkpoints?.isDue() ? await checkpoints.save() : undefined;
      if (saved) callbacks.call(onEvent, saved);
      if (run.hasEnded) break;
      const { step, restarted } = await run.update(control);
      const { images } = step;
      if (restarted.length > 0) callbacks.call(onEvent, { kind: "restart", images, samples: restarted });
      const { total } = run;
      const imagesPerSecond = ((run.images - start.images) * 1000) / (performance.now() - start.time);
      const secondsLeft = (total - run.images) / imagesPerSecond;
      const latest = run.validations.at(-1);
      callbacks.call(onProgress, { ...step, total, imagesPerSecond, secondsLeft, validation: latest });
      await control.pause();
    }
    await callbacks.settled(signal);
    const starts = checked.isAutoencoder ? undefined : await run.starts(missing, control);
    throwIfAborted(signal);
    const trained = copy(whole, { starts });
    trained.parameters.set(run.trainer.parameters().subarray(0, parameterCount));
    const { history, validations, codes } = run;
    const counts = missing ?? new Uint32Array(dataset.count);
    const warnings = [
      ...runWarnings(history, checked.epochs),
      ...dataWarnings({ decoder: given, prior }, found, dataset.count, undefined, isOutOfReach(given, found)),
      ...(folded?.warnings ?? []),
    ];
    const figures = { history, validation: validations, missing: counts, warnings };
    return { decoder: trained, codes, ...figures, resumedFrom };
  } catch (error) {
    // After an abort, stores the state after the last complete update; a worker's death may have left half of one.
    const saved = signal?.aborted && !hasCode(error, "worker_failed") ? await checkpoints?.save() : undefined;
    if (saved) callbacks.call(onEvent, saved);
    throw error;
  } finally {
    run?.trainer.dispose();
    own?.dispose();
    await checked.checkpoint?.store.close();
  }
}
