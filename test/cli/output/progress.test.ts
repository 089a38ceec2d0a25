import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Progress, RunningMean, showProgress } from "../../../src/cli/output/progress.ts";

// How far a run is, where stderr is no terminal.

const { signal } = new AbortController();

/** What is written to stderr when `report` is called after so many milliseconds each. */
function written(quiet: boolean, reports: readonly (readonly [after: number, progress: Progress])[]): string {
  const { write, isTTY } = process.stderr;
  const { now } = performance;
  let time = 0;
  let text = "";
  performance.now = () => time;
  process.stderr.isTTY = false;
  process.stderr.write = ((part: string) => {
    text += part;
    return true;
  }) as typeof write;
  try {
    const display = showProgress("encoding 10000 samples", 10_000, quiet, signal);
    for (const [after, progress] of reports) {
      time += after;
      display.update(progress);
    }
    display.stop();
  } finally {
    performance.now = now;
    Object.assign(process.stderr, { write, isTTY });
  }
  return text;
}

const at = (done: number, samplesPerSecond: number, note?: string) => ({
  done,
  meanLoss: 0.123456,
  samplesPerSecond,
  note,
});

test("a line every ten seconds, and none when it is quiet", () => {
  const reports = [
    [0, at(0, 10)],
    [9999, at(1, 10)],
    [1, at(2000, 100, "validation 0.2")],
    [9000, at(3000, 100)],
    [1000, at(4000, 100)],
  ] as const;
  assert.equal(written(false, reports).split("\n"), [
    "encoding 10000 samples",
    "2000/10000 samples, loss 0.1235 (validation 0.2), 100 samples/s, 80 s left",
    "4000/10000 samples, loss 0.1235, 100 samples/s, 60 s left",
    "",
  ]);
  assert.is(written(true, reports), "");
});

test("what is left is in seconds, minutes or hours, and nothing where it is not known", () => {
  const left = (perSecond: number) =>
    /, (\S+(?: \w+)?) left\n$/.exec(written(false, [[10_000, at(0, perSecond)]]))![1];
  assert.equal([1e9, 10_000, 101, 100, 10_000 / 5999, 10_000 / 6000, 1, 0, Number.NaN].map(left), [
    "1 s",
    "1 s",
    "100 s",
    "2 min",
    "100 min",
    "1.7 h",
    "2.8 h",
    "-",
    "-",
  ]);
});

test("the loss on show is the mean of the latest values, or of all while they are few", () => {
  const mean = new RunningMean(3);
  assert.equal(
    [3, 5, 10, 0, 20, -2, 6].map((value) => mean.add(value)),
    [3, 4, 6, 5, 10, 6, 8],
  );
});

test.run();
