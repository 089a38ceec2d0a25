import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { resolveOnce } from "../../src/files/durable-file.ts";
import { lockFile } from "../../src/train/checkpoint-lock.ts";
import { trainAutoencoder } from "../../src/train/index.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { until } from "../support/patience.ts";
import { quickFolder } from "../support/program.ts";
import { refused, rejected } from "../support/refusal.ts";
import { endOf, runSmall, smallData, smallDecoder } from "../support/small-run.ts";

const folder = mkdtempSync(join(quickFolder(), "latentflow-lock-"));
test.after(() => rmSync(folder, { recursive: true }));
const whole = endOf(await runSmall());
let files = 0;
const newFile = () => join(folder, `run-${++files}.checkpoint`);
const lock = (file: string) => lockFile(resolveOnce(file));
const runAt = (file: string, more: TrainOptions = {}) =>
  runSmall({ ...more, checkpoint: { file, resume: true, everySeconds: 0 } } as TrainOptions);
const dead = spawnSync("true").pid;
/** Name of this host in locks. */
const here = `${hostname()}${process.platform === "linux" ? ` ${readlinkSync("/proc/self/ns/pid")}` : ""}`;
const leave = (file: string, pid: number, host = here, since = "2026-01-02T03:04:05.678Z") =>
  writeFileSync(`${file}.lock`, `pid ${pid} on ${host} since ${since}`);

test("a second run at the same file is refused at once, by the holder's name, and disturbs nothing", async () => {
  const file = newFile();
  const named = new RegExp(
    `^train: checkpoint: ${file}\\.lock is there: another run \\(pid ${process.pid} on ${here.replace(/[[\]]/g, "\\$&")} since ` +
      "20\\d\\d-\\S+Z\\) uses this checkpoint; wait for its end, give another file, or, if it has died, delete that file$",
  );
  let second: Promise<void> | undefined;
  const first = await runAt(file, {
    onProgress({ images }) {
      if (images !== 15) return;
      second = rejected(runAt(file, { onProgress: () => assert.unreachable() }), "locked", named);
    },
  });
  await second;
  assert.ok(second);
  assert.equal(endOf(first), whole);
  assert.not(existsSync(`${file}.lock`));
});

test("so is one of trainAutoencoder, and one that would start anew", async () => {
  const file = newFile();
  const held = lock(file);
  const options = { checkpoint: { file } };
  await rejected(
    trainAutoencoder(smallDecoder, smallData, options),
    "locked",
    /^trainAutoencoder: checkpoint: /,
  );
  await rejected(runSmall(options), "locked", /\.lock is there: /);
  held.check();
  held.release();
  await runSmall(options);
});

test("the lock is given back at the end, at an abort, at an error and at a refusal", async () => {
  const file = newFile();
  const controller = new AbortController();
  const reason = new Error("enough");
  const ends: [TrainOptions, RegExp][] = [
    [{ signal: controller.signal, onProgress: () => controller.abort(reason) }, /^enough$/],
    [
      {
        onProgress() {
          throw new Error("of the caller's own");
        },
      },
      /of the caller's own/,
    ],
    [{ seed: 8 }, /another run: seed is 7 there/],
  ];
  for (const [options, message] of ends) {
    let isHeld = false;
    const { onProgress } = options;
    const error = await runAt(file, {
      ...options,
      onProgress(progress) {
        isHeld = existsSync(`${file}.lock`);
        onProgress?.(progress);
      },
    }).then(
      () => new Error("it came to its end"),
      (cause: Error) => cause,
    );
    assert.match(error.message, message);
    assert.is(isHeld, options.seed === undefined);
    assert.not(existsSync(`${file}.lock`));
  }
  assert.equal(endOf(await runAt(file)), whole);
});

test("the lock of a process of this host that has ended is replaced", async () => {
  const file = newFile();
  leave(file, dead);
  const held = lock(file);
  held.check();
  held.release();
  leave(file, dead);
  assert.equal(endOf(await runAt(file)), whole);
  assert.not(existsSync(`${file}.lock`));
  // As in a container that was killed and starts again, with the same ids.
  leave(file, process.pid);
  lock(file).release();
});

if (process.platform === "linux") {
  test("so is that of one whose parent has not waited for it", async () => {
    const parent = spawn("sh", ["-c", "sleep 600 & echo $!; exec sleep 600"]);
    try {
      const [line] = (await once(parent.stdout, "data")) as [Buffer];
      const pid = Number(line);
      // A shell may wait for its child; `sleep`, which takes its place, never does.
      await until(() => readFileSync(`/proc/${parent.pid}/comm`, "utf8") === "sleep\n");
      process.kill(pid);
      await until(() => / Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")));
      const file = newFile();
      leave(file, pid);
      lock(file).release();
    } finally {
      parent.kill();
    }
  });
}

test("the lock of another host, of a process that runs, and one that names nobody stay", () => {
  const file = newFile();
  leave(file, dead, "elsewhere");
  const named = new RegExp(
    `another run \\(pid ${dead} on elsewhere since 2026-01-02T03:04:05\\.678Z\\) uses`,
  );
  refused(() => lock(file), "locked", named);
  leave(file, process.ppid);
  refused(() => lock(file), "locked", /\(pid \d+ on /);
  leave(file, process.pid, here, new Date().toISOString());
  refused(() => lock(file), "locked", /\(pid \d+ on /);
  writeFileSync(`${file}.lock`, "");
  refused(
    () => lock(file),
    "locked",
    /is there: another run uses this checkpoint; wait .* delete that file$/,
  );
  writeFileSync(`${file}.lock`, "\u001b[31mred\n".repeat(5000));
  const error = assertThrows(() => lock(file));
  assert.not.match(error.message, /\p{Cc}/u);
  assert.ok(error.message.length < 600);
});

function assertThrows(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

test("a folder in the lock's place is named", async () => {
  const file = newFile();
  mkdirSync(`${file}.lock`);
  await rejected(runAt(file), "invalid_file", /cannot write \S+\.lock: it is a folder, expected a file$/);
});

test("a lock that is removed in mid-run ends the run before it writes again", async () => {
  const file = newFile();
  const run = runAt(file, {
    onProgress({ images }) {
      if (images === 15) rmSync(`${file}.lock`);
    },
  });
  await rejected(run, "locked", /\.lock, by which this run locked .* was removed or replaced; it ends and/);
  assert.equal(endOf(await runAt(file)), whole);
});

test("one that another run has made instead stays that run's to the end", async () => {
  const file = newFile();
  const held = lock(file);
  leave(file, 7, "elsewhere");
  refused(() => held.check(), "locked", /was removed or replaced/);
  held.release();
  assert.match(readFileSync(`${file}.lock`, "utf8"), /^pid 7 on elsewhere/);
});

test.run();
