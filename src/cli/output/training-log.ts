import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { about } from "../../base/calling.ts";
import { showPath } from "../../base/show.ts";
import { checkIsFile, fileError } from "../../files/durable-file.ts";
import type { TrainEvent, TrainProgress } from "../../train/index.ts";

/** A line of the training log, without its time. */
type LogLine = TrainEvent | ({ readonly kind: "update"; readonly images: number } & Partial<TrainProgress>);

/** Name of the training log in the run's folder. */
export const logName = "log.jsonl";

/**
 * Returns a log of a training run, written as JSON lines to the file at `path`, which is opened when the first line is written.
 * Each line has `kind` ("update", or that of a `TrainEvent`), `time`, `images` (number processed) and the fields of its kind;
 * infinities and NaN are null. Lines are written immediately, so that a killed process has logged everything. A resumed run
 * first truncates the log to the checkpoint, since it repeats the later updates. Any other run starts a new log.
 *
 * @returns `update` for `onProgress`, `event` for `onEvent`, and `close`
 * @throws LatentflowError from each of these, if the file cannot be read or written
 */
export function openTrainingLog(path: string) {
  let descriptor: number | undefined;

  /**
   * Opens the training log for appending, and returns its file descriptor.
   *
   * @param images number of processed images up to which the lines of an existing log are kept; undefined drops all lines
   */
  function begin(images: number | undefined): number {
    const opened = openSync(path, "a+");
    about(showPath(path), () => checkIsFile(fstatSync(opened)));
    const lines = images === undefined ? [] : readFileSync(opened, "utf8").split("\n");
    // The last one is not complete: it is what follows the last line break.
    const end = lines.findIndex((line) => imagesOf(line) > images!);
    const kept = lines.slice(0, Math.max(0, end)).map((line) => `${line}\n`);
    // By its path: Windows does not truncate a file that is open for appending.
    truncateSync(path, Buffer.byteLength(kept.join("")));
    return opened;
  }

  /** Appends a line to the open log. If that fails, as on a full disk, the file is truncated to the complete lines. */
  function append(to: number, line: string): void {
    const { size } = fstatSync(to);
    try {
      writeFileSync(to, line);
    } catch (error) {
      ftruncateSync(to, size);
      throw error;
    }
  }

  function write({ kind, images, ...rest }: LogLine): void {
    try {
      descriptor ??= begin(kind === "resumed" ? images : undefined);
      const time = new Date().toISOString();
      append(descriptor, `${JSON.stringify({ kind, time, images, ...rest })}\n`);
      // The log on disk must not lag behind the checkpoint.
      if (kind === "checkpoint") fsyncSync(descriptor);
    } catch (cause) {
      throw fileError(`cannot write ${path}`, cause);
    }
  }

  return {
    update({ images, loss, gradientNorm, imagesPerSecond }: TrainProgress) {
      write({ kind: "update", images, loss, gradientNorm, imagesPerSecond });
    },
    event: write,
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

/**
 * Returns the number of processed images (`images`) that a line of the training log states; Infinity for an incomplete line.
 */
function imagesOf(line: string): number {
  try {
    const { images } = JSON.parse(line);
    return typeof images === "number" ? images : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
