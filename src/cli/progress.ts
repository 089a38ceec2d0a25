import { SingleBar } from "cli-progress";
import type { EncodeProgress } from "../index.ts";

/** Shows how far a run is. */
export interface ProgressDisplay {
  update(progress: EncodeProgress): void;
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
export function showProgress(total: number, quiet: boolean, signal: AbortSignal): ProgressDisplay {
  if (quiet || signal.aborted) return { update() {}, stop() {} };
  return process.stderr.isTTY ? drawBar(total, signal) : writeLines(total);
}

function drawBar(total: number, signal: AbortSignal): ProgressDisplay {
  const bar = new SingleBar({
    format: "[{bar}] {value}/{total} | loss {loss} | {speed} samples/s | {left} s left",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    hideCursor: true,
    // Ctrl-C is ours, by the signal.
    gracefulExit: false,
  });
  const display: ProgressDisplay = {
    update(progress) {
      if (bar.isActive) bar.update(progress.done, figuresOf(progress));
    },
    stop() {
      if (bar.isActive) bar.stop();
    },
  };
  bar.start(total, 0, { loss: "-", speed: "-", left: "-" });
  signal.addEventListener("abort", display.stop, { once: true });
  return display;
}

function writeLines(total: number): ProgressDisplay {
  process.stderr.write(`encoding ${total} samples\n`);
  let last = performance.now();
  return {
    update(progress) {
      if (performance.now() - last < lineInterval) return;
      last = performance.now();
      const { loss, speed, left } = figuresOf(progress);
      process.stderr.write(
        `${progress.done}/${total} samples, loss ${loss}, ${speed} samples/s, ${left} s left\n`,
      );
    },
    stop() {},
  };
}

function figuresOf({ done, total, meanLoss, samplesPerSecond }: EncodeProgress) {
  return {
    loss: meanLoss.toPrecision(4),
    speed: samplesPerSecond.toFixed(0),
    left: Math.ceil((total - done) / samplesPerSecond).toFixed(0),
  };
}
