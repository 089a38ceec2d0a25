import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { codeOf } from "../../base/realms.ts";
import { fileError } from "../../files/durable-file.ts";
import type { TrainEvent, TrainProgress } from "../../train/index.ts";

/** A line of the log, without its time. */
type LogLine = TrainEvent | ({ readonly kind: "update"; readonly images: number } & Partial<TrainProgress>);

/** Name of the log in the run's folder. */
export const logName = "log.jsonl";

/**
 * Makes the log of a training run in the file at `path`, which is opened at the first line: JSON lines, each with `kind`
 * ("update", or that of a `TrainEvent`), `time`, `images` and the fields of its kind. Infinite numbers and NaN are null.
 *
 * Each line is written at once, so that a killed process has logged all that it did. A run that is resumed first cuts its
 * log back to the checkpoint, since it repeats the updates after it. A new run starts a new log.
 *
 * @returns the callbacks for `onProgress` and `onEvent`, and what closes the file
 * @throws LatentflowError from each call, if the file cannot be read or written
 */
export function openTrainingLog(path: string) {
  let descriptor: number | undefined;

  /** Opens the file. @param images number up to which an earlier log stays; undefined drops it */
  function begin(images: number | undefined): number {
    const kept = images === undefined ? [] : linesUpTo(path, images);
    const temporary = `${path}.temporary`;
    try {
      writeFileSync(temporary, kept.map((line) => `${line}\n`).join(""), { flush: true });
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    return openSync(path, "a");
  }

  /** Appends a line; if the disk is full, the file stays without any part of it. */
  function append(to: number, line: string): void {
    const bytes = Buffer.from(line);
    const { size } = fstatSync(to);
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(to, bytes, written);
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
      // The log on the disk must not lag behind the checkpoint.
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

/** Reads the complete lines of a log up to a number of images; returns none if there is no log. */
function linesUpTo(path: string, images: number): string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").filter((line) => imagesOf(line) <= images);
}

/** Returns the number of images in a line of the log; Infinity for a line that was cut off. */
function imagesOf(line: string): number {
  try {
    const { images } = JSON.parse(line);
    return typeof images === "number" ? images : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
