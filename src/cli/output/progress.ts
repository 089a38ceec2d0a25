import { SingleBar } from "cli-progress";
import { onAbort } from "../../base/on-abort.ts";
import type { EncodeProgress } from "../../index.ts";
import { note, say } from "./print.ts";

/** Progress of a run. */
export interface Progress {
  readonly done: number;
  /** Mean loss of the samples that have ended, or of the latest mini-batches; NaN while there is none. */
  readonly loss: number;
  readonly perSecond: number;
  /** Note in brackets after the loss. */
  readonly note?: string | undefined;
}

/** Work of a run, in words and numbers. */
export interface Task {
  /** Description: `encoding 100 samples`. */
  readonly title: string;
  /** Things that are counted: `samples`. */
  readonly unit: string;
  readonly total: number;
}

/** Display of a run's progress on stderr. */
export interface ProgressDisplay {
  update(progress: Progress): void;
  /** Prints a line on stderr without breaking the display's own line. */
  say(message: string): void;
  /** Ends the display, and restores the terminal. */
  stop(): void;
}

/** Milliseconds between two lines on a stderr that is no terminal. */
const lineInterval = 10_000;

/**
 * Shows a progress bar on stderr; a line every ten seconds if stderr is no terminal; nothing if `quiet`.
 *
 * @param signal stops the display when it aborts
 */
export function showProgress(task: Task, quiet: boolean, signal: AbortSignal): ProgressDisplay {
  if (quiet || signal.aborted) return { update() {}, say, stop() {} };
  return process.stderr.isTTY ? drawBar(task, signal) : writeLines(task);
}

/** Progress of encoding, with a note behind the loss. */
export type SampleProgress = Pick<EncodeProgress, "done" | "meanLoss" | "samplesPerSecond"> &
  Pick<Progress, "note">;

/** Shows the progress of encoding. Returns the callback for `onProgress`, and the function that ends the display. */
export function showSampleProgress(verb: string, total: number, quiet: boolean, signal: AbortSignal) {
  const task = { title: `${verb} ${total} samples`, unit: "samples", total };
  const display = showProgress(task, quiet, signal);
  return {
    onProgress({ done, meanLoss, samplesPerSecond, note }: SampleProgress) {
      display.update({ done, loss: meanLoss, perSecond: samplesPerSecond, note });
    },
    stop: display.stop,
  };
}

function drawBar({ unit, total }: Task, signal: AbortSignal): ProgressDisplay {
  const bar = new SingleBar({
    format: `[{bar}] {value}/{total} | loss {loss} | {speed} ${unit}/s | {left} left`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    hideCursor: true,
    // The signal handles Ctrl-C.
    gracefulExit: false,
  });
  const display: ProgressDisplay = {
    update(progress) {
      if (bar.isActive) bar.update(progress.done, figuresOf(progress, total));
    },
    say(message) {
      // Clears the bar's line; the bar is drawn again below the message.
      if (bar.isActive) note("\r\u001b[K");
      say(message);
    },
    stop() {
      if (bar.isActive) bar.stop();
    },
  };
  bar.start(total, 0, { loss: "-", speed: "-", left: "-" });
  onAbort(signal, display.stop);
  return display;
}

function writeLines({ title, unit, total }: Task): ProgressDisplay {
  note(`${title}\n`);
  let last = performance.now();
  return {
    update(progress) {
      if (performance.now() - last < lineInterval) return;
      last = performance.now();
      const { loss, speed, left } = figuresOf(progress, total);
      note(`${progress.done}/${total} ${unit}, loss ${loss}, ${speed} ${unit}/s, ${left} left\n`);
    },
    say,
    stop() {},
  };
}

function figuresOf({ done, loss, perSecond, note }: Progress, total: number) {
  return {
    loss: loss.toPrecision(4) + (note ? ` (${note})` : ""),
    speed: perSecond.toFixed(0),
    left: formatDuration((total - done) / perSecond),
  };
}

/** Formats a duration: `42 s`, `3 min`, `2.5 h`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "-";
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  return seconds < 6000 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Running mean of the latest values, at most `size`. */
export class RunningMean {
  private readonly values: number[] = [];
  private next = 0;

  constructor(private readonly size: number) {}

  /** Adds a value, and returns the mean. */
  add(value: number): number {
    this.values[this.next] = value;
    this.next = (this.next + 1) % this.size;
    return this.values.reduce((sum, each) => sum + each, 0) / this.values.length;
  }
}
