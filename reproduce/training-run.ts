import { join } from "node:path";
import { cpuSeconds } from "../bench/timing.ts";
import type { RunOptions } from "../src/train/index.ts";
import type { JobContext } from "./element.ts";
import { readKept, writeKept } from "./kept-file.ts";
import type { Validation } from "./validation.ts";

/** So many are kept of a run, evenly over its images however often it was killed. */
const MARKS = 4000;

/** Images processed, and the seconds of training until then. */
type Mark = readonly [images: number, seconds: number];

/** A validation, and the seconds of training until then. */
export interface Point extends Validation {
  readonly seconds: number;
}

/**
 * A training run of a job, which goes on where it was killed: checkpoints every minute, the progress, the points validated
 * so far, and a clock that counts the seconds of computing for training alone, without validation, over all sittings. The
 * clock starts when this is called: just before the run.
 *
 * @example
 * const following = followTraining(context, "flow", (share) => context.progress(share / 2));
 * await train(decoder, y, { ...following.options });
 * following.seconds();
 */
export function followTraining(
  { folder }: Pick<JobContext, "folder">,
  name: string,
  progress: (share: number) => void,
) {
  const secondsFile = join(folder, `${name}.seconds.json`);
  const pointsFile = join(folder, `${name}.validation.json`);
  let marks: Mark[] = [[0, 0]];
  let points: Point[] = [];
  let apart = 0;
  let last = cpuSeconds();
  const seconds = () => marks.at(-1)![1];
  const options = {
    checkpoint: { file: join(folder, `${name}.checkpoint`), everySeconds: 60, resume: true },
    onProgress({ images, total }) {
      const now = cpuSeconds();
      marks.push([images, seconds() + now - last]);
      last = now;
      apart = total / MARKS;
      progress(images / total);
    },
    onEvent(event) {
      if (event.kind === "resumed") {
        marks = (readKept<Mark[]>(secondsFile) ?? [[0, 0]]).filter(([images]) => images <= event.images);
        points = (readKept<Point[]>(pointsFile) ?? []).filter(({ images }) => images <= event.images);
      }
      if (event.kind === "validation")
        points.push({ images: event.images, loss: event.loss, seconds: seconds() });
      if (event.kind === "checkpoint") {
        const kept: Mark[] = [];
        for (const mark of marks)
          if (kept.length === 0 || mark[0] - kept.at(-1)![0] >= apart) kept.push(mark);
        // The seconds so far.
        if (kept.at(-1) !== marks.at(-1)) kept.push(marks.at(-1)!);
        writeKept(secondsFile, kept);
        writeKept(pointsFile, points);
      }
      // What was between the last mini-batch and now, a validation say, was no training.
      last = cpuSeconds();
    },
  } satisfies RunOptions;
  return {
    options,
    points: (): readonly Point[] => points,
    /** Of training until so many images were processed, or until now. */
    seconds: (images = Number.POSITIVE_INFINITY) => marks.filter(([seen]) => seen <= images).at(-1)![1],
  };
}
