import { within } from "../base/calling.ts";
import { showPath } from "../base/show.ts";
import type { Control } from "../solver/base.ts";
import type { CheckedTrainOptions } from "./check-options.ts";
import { writeCheckpoint } from "./checkpoint-format.ts";
import { describeRun } from "./describe-run.ts";
import type { Resumed, TrainEvent } from "./progress.ts";
import type { Run } from "./run.ts";
import type { RunDescription } from "./run-description.ts";
import { checkSameRun } from "./run-differences.ts";

/** Checkpoints of a run: restores the run from one at its start, and writes new ones at intervals. */
export class Checkpoints {
  private savedAt = performance.now();
  /**
   * Position of the run (counts of images and validations) at its latest checkpoint, initially at the run's start: a checkpoint
   * is only written if the position has changed.
   */
  private saved: string;

  private constructor(
    private readonly run: Run,
    private readonly description: RunDescription,
    private readonly option: NonNullable<CheckedTrainOptions["checkpoint"]>,
    readonly resumedFrom: Resumed | undefined,
  ) {
    this.saved = this.position();
  }

  /**
   * Makes the checkpoints of a run. If the store of the option `checkpoint` has one to continue from, restores the run from it.
   *
   * @returns the run's checkpoints, with `resumedFrom` if the run was restored; undefined without the option `checkpoint`
   * @throws LatentflowError `other_run` if the checkpoint is of another run, and the errors of `CheckpointStore.load`
   */
  static async begin(
    run: Run,
    options: CheckedTrainOptions,
    control: Control,
  ): Promise<Checkpoints | undefined> {
    const { checkpoint } = options;
    if (!checkpoint) return undefined;
    const loaded = await within("checkpoint", () => checkpoint.store.load());
    const description = await describeRun(options, run.trainer.build, control);
    if (!loaded) return new Checkpoints(run, description, checkpoint, undefined);
    const { from, refused } = loaded;
    checkSameRun(showPath(from), loaded.checkpoint.run, description);
    run.restore(loaded.checkpoint.state);
    return new Checkpoints(run, description, checkpoint, { images: run.images, from, refused });
  }

  /** Returns true if a checkpoint is due: `everySeconds` after the latest one, and at the end of the run. */
  isDue(): boolean {
    return performance.now() - this.savedAt >= this.option.everySeconds * 1000 || this.run.hasEnded;
  }

  /** Writes a checkpoint and returns the event that reports it; returns undefined if nothing has changed since the latest one. */
  async save(): Promise<(TrainEvent & { kind: "checkpoint" }) | undefined> {
    const position = this.position();
    if (this.saved === position) return undefined;
    const { images } = this.run;
    const bytes = writeCheckpoint({ run: this.description, state: this.run.state() });
    const { length } = bytes;
    await within("checkpoint", () => this.option.store.save(bytes));
    this.saved = position;
    this.savedAt = performance.now();
    return { kind: "checkpoint", images, bytes: length };
  }

  private position(): string {
    return `${this.run.images} ${this.run.validations.length}`;
  }
}
