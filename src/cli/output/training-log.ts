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

/** The log's name in the run's folder. */
export const logName = "log.jsonl";

/**
 * The log of a training run: a file of JSON lines, each with `kind` ("update", or that of a `TrainEvent`), `time`,
 * `images` and what there is to say. What is no number in JSON, like an infinite loss, is null.
 *
 * Lines are written as things happen, so that a killed process has logged all that it did. A run that is resumed
 * does the updates after its checkpoint again: its log is first cut back to the checkpoint, so that it holds each
 * update once. A run that starts anew starts its log anew.
 */
export interface TrainingLog {
  /** For `onProgress`. */
  readonly update: (progress: TrainProgress) => void;
  /** For `onEvent`. */
  readonly event: (event: TrainEvent) => void;
  readonly close: () => void;
}

/**
 * A log in the file at `path`, which stays as it is until the first line.
 *
 * @throws LatentflowError from each call, when the file cannot be read or written
 */
export function openTrainingLog(path: string): TrainingLog {
  let descriptor: number | undefined;

  /** @param images what has been logged up to there stays */
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

  /** A line as a whole, or, where the disk is full, nothing of it. */
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

  function write(line: { readonly kind: string; readonly images: number }): void {
    const { kind, images, ...rest } = line;
    try {
      descriptor ??= begin(kind === "resumed" ? images : undefined);
      const time = new Date().toISOString();
      append(descriptor, `${JSON.stringify({ kind, time, images, ...rest })}\n`);
      // The log on the disk is to hold what the checkpoint does.
      if (kind === "checkpoint") fsyncSync(descriptor);
    } catch (cause) {
      throw fileError(`cannot write ${path}`, cause);
    }
  }

  return {
    update({ images, loss, gradientNorm, imagesPerSecond }) {
      write({ kind: "update", images, ...{ loss, gradientNorm, imagesPerSecond } });
    },
    event: write,
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

/** The whole lines of a log up to so many images; none where there is no log. */
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

/** Infinity for what is no line of a log: the last one may have been cut off. */
function imagesOf(line: string): number {
  try {
    const { images } = JSON.parse(line);
    return typeof images === "number" ? images : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
