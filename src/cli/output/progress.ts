import { SingleBar } from "cli-progress";
import { onAbort } from "../../base/on-abort.ts";
import type { EncodeProgress } from "../../index.ts";
import { note, say } from "./print.ts";

/** State of a run, for the progress display: `done` and speed in samples, and the mean loss, NaN before the first sample. */
export interface Progress extends Pick<EncodeProgress, "done" | "meanLoss" | "samplesPerSecond"> {
  /** Note shown in brackets after the loss. */
  readonly note?: string | undefined;
}

/** Display of a run's progress on stderr. */
export interface ProgressDisplay {
  /** Shows the state of the run in place of the one shown before. */
  update(progress: Progress): void;
  /** Prints a line on stderr without overwriting the progress bar. */
  say(message: string): void;
  /** Stops the display, and restores the terminal's cursor. */
  stop(): void;
}

/** Minimum time between two progress lines if stderr is not a terminal, in milliseconds. */
const lineInterval = 10_000;

/**
 * Shows a progress bar on stderr; if stderr is not a terminal, a line every ten seconds; if `quiet`, nothing.
 *
 * @param title first line if stderr is not a terminal, such as `encoding 100 samples`
 * @param total number of samples to process
 * @param signal removes the bar when it aborts
 */
export function showProgress(
  title: string,
  total: number,
  quiet: boolean | undefined,
  signal: AbortSignal,
): ProgressDisplay {
  if (quiet || signal.aborted) return { update() {}, say, stop() {} };
  return process.stderr.isTTY ? drawBar(total, signal) : writeLines(title, total);
}

function drawBar(total: number, signal: AbortSignal): ProgressDisplay {
  const bar = new SingleBar({
    format: "[{bar}] {value}/{total} | loss {loss} | {speed} samples/s | {left} left",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    hideCursor: true,
    // Ctrl-C is handled through the signal.
    gracefulExit: false,
  });
  const display: ProgressDisplay = {
    update(progress) {
      if (bar.isActive) bar.update(progress.done, figuresOf(progress, total));
    },
    say(message) {
      // Clears the bar's line; the bar is redrawn below the message.
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

function writeLines(title: string, total: number): ProgressDisplay {
  note(`${title}\n`);
  let last = performance.now();
  return {
    update(progress) {
      if (performance.now() - last < lineInterval) return;
      last = performance.now();
      const { loss, speed, left } = figuresOf(progress, total);
      note(`${progress.done}/${total} samples, loss ${loss}, ${speed} samples/s, ${left} left\n`);
    },
    say,
    stop() {},
  };
}

function figuresOf({ done, meanLoss, samplesPerSecond, note }: Progress, total: number) {
  return {
    loss: meanLoss.toPrecision(4) + (note ? ` (${note})` : ""),
    speed: samplesPerSecond.toFixed(0),
    left: formatDuration((total - done) / samplesPerSecond),
  };
}

/** Formats a duration in seconds: `42 s`, `3 min`, `2.5 h`; `-` if it is not finite. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "-";
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  return seconds < 6000 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Mean of the latest `size` values, or of all if there are fewer. */
export class RunningMean {
  private readonly values: number[] = [];
  private next = 0;

  constructor(private readonly size: number) {}

  /** Adds a value, and returns the new mean. */
  add(value: number): number {
    this.values[this.next] = value;
    this.next = (this.next + 1) % this.size;
    return this.values.reduce((sum, each) => sum + each, 0) / this.values.length;
  }
}
