import { SingleBar } from "cli-progress";
import { onAbort } from "../../base/on-abort.ts";
import type { EncodeProgress } from "../../index.ts";
import { note, say } from "./print.ts";

/** How far a run is. */
export interface Progress {
  readonly done: number;
  /** Of those that have ended, or of the latest; NaN while there is none. */
  readonly loss: number;
  readonly perSecond: number;
  /** What else there is to say of the loss. */
  readonly note?: string | undefined;
}

/** What a run does. */
export interface Task {
  /** In words: `encoding 100 samples`. */
  readonly title: string;
  /** What is counted, and up to which number: `samples`, 100. */
  readonly unit: string;
  readonly total: number;
}

/** Shows how far a run is. */
export interface ProgressDisplay {
  update(progress: Progress): void;
  /** Says a line on stderr, not in the middle of the display's. */
  say(message: string): void;
  /** Ends the display; the terminal is as it was. */
  stop(): void;
}

/** Milliseconds between two lines where no bar can be drawn. */
const lineInterval = 10_000;

/**
 * A progress bar on stderr; a line every ten seconds where stderr is no terminal; nothing when `quiet`.
 *
 * @param signal stops the display when it is aborted
 */
export function showProgress(task: Task, quiet: boolean, signal: AbortSignal): ProgressDisplay {
  if (quiet || signal.aborted) return { update() {}, say, stop() {} };
  return process.stderr.isTTY ? drawBar(task, signal) : writeLines(task);
}

/** The same for samples that are encoded, and the callback that tells it how far they are. */
export function showSampleProgress(verb: string, total: number, quiet: boolean, signal: AbortSignal) {
  const task = { title: `${verb} ${total} samples`, unit: "samples", total };
  const display = showProgress(task, quiet, signal);
  return {
    onProgress({ done, meanLoss, samplesPerSecond }: EncodeProgress) {
      display.update({ done, loss: meanLoss, perSecond: samplesPerSecond });
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
    // Ctrl-C is ours, by the signal.
    gracefulExit: false,
  });
  const display: ProgressDisplay = {
    update(progress) {
      if (bar.isActive) bar.update(progress.done, figuresOf(progress, total));
    },
    say(message) {
      // The line of the bar, which is drawn anew on the next one.
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

/** Seconds as people read them: `42 s`, `3 min`, `2.5 h`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "-";
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  return seconds < 6000 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** The mean of the latest values, that many of them at most. */
export class RunningMean {
  private readonly values: number[] = [];
  private next = 0;

  constructor(private readonly size: number) {}

  /** Adds a value; returns the mean. */
  add(value: number): number {
    this.values[this.next] = value;
    this.next = (this.next + 1) % this.size;
    return this.values.reduce((sum, each) => sum + each, 0) / this.values.length;
  }
}
