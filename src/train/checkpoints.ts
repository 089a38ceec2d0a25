import { showPath } from "../base/check.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { FixedValues } from "../decoder/fixed.ts";
import type { Control } from "../solver/base.ts";
import type { CheckedTrainOptions } from "./check-options.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import type { Resumed, TrainEvent } from "./progress.ts";
import type { Run } from "./run.ts";
import { describePrior, describeRun, describeValues, type RunDescription } from "./run-description.ts";
import { checkSameRun } from "./run-differences.ts";

/** The checkpoints of a run: which one it goes on from, and when there is the next. */
export class Checkpoints {
  private savedAt = performance.now();
  /** What the latest one holds: images and validations. */
  private saved: string;

  private constructor(
    private readonly run: Run,
    private readonly description: RunDescription,
    private readonly option: NonNullable<CheckedTrainOptions["checkpoint"]>,
    readonly resumedFrom: Resumed | undefined,
  ) {
    // Nothing is worth a checkpoint before there is something new.
    this.saved = this.position();
  }

  /**
   * Goes on from a checkpoint, where the option says so and there is one.
   *
   * @throws LatentflowError `other_run` when it is of one, and what `CheckpointStore.load` throws
   */
  static async begin(
    run: Run,
    decoder: Decoder,
    options: CheckedTrainOptions,
    control: Control,
  ): Promise<Checkpoints | undefined> {
    const { where, checkpoint, dataset, validation } = options;
    if (!checkpoint) return undefined;
    const loaded = await checkpoint.store.load();
    const { build } = run.trainer;
    const { weights, fixed } = options;
    const describeFixed = async (given: FixedValues) => {
      const pairs: [name: string, description: string][] = [];
      for (const [i, values] of given.entries()) {
        const { name } = decoder.fixedInputs[i]!;
        pairs.push([name, await describeValues(name, values, control)]);
      }
      // Not by assignment, which "__proto__" would not be a name for.
      return Object.fromEntries(pairs);
    };
    const described = {
      ...describedOptions(options),
      weights: weights && (await describeValues("weights", weights, control)),
      fixed: await describeFixed(fixed),
      validationWeights:
        validation?.weights && (await describeValues("weights", validation.weights, control)),
      validationFixed: validation && (await describeFixed(validation.fixed)),
    };
    const description = await describeRun(decoder, dataset, validation?.dataset, build, described, control);
    if (!loaded) return new Checkpoints(run, description, checkpoint, undefined);
    const { from, refused } = loaded;
    const { run: there, state } = loaded.checkpoint;
    checkSameRun(`${where}: ${showPath(from)}`, there, description);
    run.restore(state);
    return new Checkpoints(run, description, checkpoint, { images: run.images, from, refused });
  }

  /** Is it time for one? */
  isDue(): boolean {
    return performance.now() - this.savedAt >= this.option.everySeconds * 1000 || this.run.hasEnded;
  }

  /** Keeps a checkpoint, unless the latest holds the same. */
  async save(): Promise<(TrainEvent & { kind: "checkpoint" }) | undefined> {
    const position = this.position();
    if (this.saved === position) return undefined;
    const { images } = this.run;
    const bytes = writeCheckpoint({ run: this.description, state: this.run.state() });
    const { length } = bytes;
    await this.option.store.save(bytes);
    this.saved = position;
    this.savedAt = performance.now();
    return { kind: "checkpoint", images, bytes: length };
  }

  private position(): string {
    return `${this.run.images} ${this.run.validations.length}`;
  }
}

/** The options that the end result depends on, by the names that `train` knows them by. */
function describedOptions(options: CheckedTrainOptions) {
  const { isAutoencoder, pair, adjoint, prior, codeOptimizer, validation, ...others } = options;
  // A new option is described, and makes a run another one, unless it is left out here: these are described elsewhere, or
  // say where and how the work is done.
  const { where, decoder, dataset, weights, fixed, checkpoint, ...more } = others;
  const { backend, signal, onEvent, onProgress, ...described } = more;
  return {
    autoencoder: isAutoencoder,
    // No flow is followed in the training of an autoencoder.
    ...(!isAutoencoder && { ...pair, adjoint }),
    ...described,
    ...(prior && { prior: describePrior(prior) }),
    ...(options.codes === "kept" && { codeOptimizer }),
    ...(validation && { validation: { everyImages: validation.everyImages } }),
  };
}
