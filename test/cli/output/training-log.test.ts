import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openTrainingLog } from "../../../src/cli/output/training-log.ts";
import { quickFolder } from "../../support/program.ts";
import { refused } from "../../support/refusal.ts";
import { runSmall } from "../../support/small-run.ts";

const folder = mkdtempSync(join(quickFolder(), "latentflow-log-"));
test.after(() => rmSync(folder, { recursive: true }));

const read = (path: string) =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** A run with checkpoints and a log, ended by an error after the update up to `stopAt`. */
async function runWithLog(name: string, everySeconds: number, stopAt = Number.POSITIVE_INFINITY) {
  const log = openTrainingLog(join(folder, `${name}.jsonl`));
  try {
    return await runSmall({
      checkpoint: { file: join(folder, name), resume: true, everySeconds },
      onEvent: log.event,
      onProgress(progress) {
        log.update(progress);
        if (progress.images >= stopAt) throw new Error("stop");
      },
    });
  } finally {
    log.close();
  }
}

test("it holds what happened, a line each", async () => {
  const { history, validation } = await runWithLog("whole", 3600);
  const lines = read(join(folder, "whole.jsonl"));
  assert.equal(
    lines
      .filter(({ kind }) => kind === "update")
      .map(({ images, loss, gradientNorm }) => ({ images, loss, gradientNorm })),
    history,
  );
  assert.equal(
    lines.filter(({ kind }) => kind === "validation").map(({ images, loss }) => ({ images, loss })),
    validation,
  );
  const last = lines.at(-1);
  assert.equal([last.kind, last.images], ["checkpoint", 51]);
  assert.ok(last.bytes > 1000);
  assert.ok(lines.every(({ time }) => new Date(time).toISOString() === time));
  assert.ok(lines.every(({ kind, imagesPerSecond }) => kind !== "update" || imagesPerSecond > 0));
});

test("after a resumption it holds every update and validation once, in order", async () => {
  const path = join(folder, "cut.jsonl");
  // The update up to 22 has been logged, but not kept in a checkpoint.
  await runWithLog("cut", 0, 22).catch(() => {});
  assert.equal(read(path).filter(({ kind, images }) => kind === "update" && images === 22).length, 1);
  appendFileSync(path, '{"kind":"update","images":27,"lo');
  const { history, validation, resumedFrom } = await runWithLog("cut", 0);
  assert.is(resumedFrom?.images, 17);
  const lines = read(path);
  const imagesOf = (wanted: string) =>
    lines.filter(({ kind }) => kind === wanted).map(({ images }) => images);
  assert.equal(
    imagesOf("update"),
    history.map(({ images }) => images),
  );
  assert.equal(
    imagesOf("validation"),
    validation.map(({ images }) => images),
  );
  assert.equal(imagesOf("resumed"), [17]);
  const order = lines.map(({ images }) => images);
  assert.equal(
    order,
    [...order].sort((a, b) => a - b),
  );
});

test("a run that starts anew starts its log anew; a lost log begins where the run is resumed", async () => {
  writeFileSync(join(folder, "anew.jsonl"), '{"kind":"update","images":0}\n');
  await runWithLog("anew", 0, 15).catch(() => {});
  assert.is(read(join(folder, "anew.jsonl")).filter(({ images }) => images === 0).length, 2);
  rmSync(join(folder, "anew.jsonl"));
  // A pipe would be waited for, and no signal ends that.
  execFileSync("mkfifo", [join(folder, "anew.jsonl")]);
  const message = await runWithLog("anew", 0).catch((error: Error) => error.message);
  assert.match(String(message), /anew\.jsonl: it is a named pipe, expected a file$/);
  rmSync(join(folder, "anew.jsonl"));
  await runWithLog("anew", 0);
  assert.equal(read(join(folder, "anew.jsonl"))[0].kind, "resumed");
});

test("what is no number is null, and a log that cannot be written says so", () => {
  const path = join(folder, "odd.jsonl");
  const log = openTrainingLog(path);
  log.event({ kind: "validation", images: 5, loss: Number.NaN });
  log.close();
  assert.is(read(path)[0].loss, null);
  const nowhere = openTrainingLog(join(folder, "missing", "log.jsonl"));
  const event = { kind: "validation", images: 0, loss: 1 } as const;
  refused(
    () => nowhere.event(event),
    "not_found",
    /cannot write \S+log\.jsonl: there is no such file or folder/,
  );
});

test.run();
