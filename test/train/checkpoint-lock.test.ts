// run: slow
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fileModules, resolveOnce } from "../../src/files/durable-file.ts";
import { lockFile } from "../../src/train/checkpoint-lock.ts";
import { fileStore } from "../../src/train/file-store.ts";
import { trainAutoencoder } from "../../src/train/index.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { PATIENCE } from "../support/patience.ts";
import { quickFolder } from "../support/program.ts";
import { rejected } from "../support/refusal.ts";
import { endOf, runSmall, smallData, smallDecoder } from "../support/small-run.ts";

const folder = mkdtempSync(join(quickFolder(), "latentflow-lock-"));
test.after(() => rmSync(folder, { recursive: true }));
const whole = endOf(await runSmall());
let files = 0;
const newFile = () => join(folder, `run-${++files}.checkpoint`);
const lock = (file: string) => lockFile("test", resolveOnce(file), fileModules()!);
const runAt = (file: string, more: TrainOptions = {}) =>
  runSmall({ ...more, checkpoint: { file, resume: true, everySeconds: 0 } } as TrainOptions);
const locksOf = (file: string) =>
  readdirSync(folder).filter((name) => join(folder, name).startsWith(`${file}.lock`));

/** As if its last heartbeat had been so many seconds ago. */
function age(path: string, seconds: number): void {
  const time = Date.now() / 1000 - seconds;
  utimesSync(path, time, time);
}

/** A lock that a process on another machine has left. */
function leaveLock(file: string, seconds: number, token = "0123456789abcdef".repeat(2)): void {
  const holder = { token, host: "elsewhere", pid: 7, since: "2026-01-02T03:04:05.678Z" };
  writeFileSync(`${file}.lock`, JSON.stringify(holder));
  age(`${file}.lock`, seconds);
}

function bundle(name: string): string {
  const outfile = join(folder, `${name}.mjs`);
  const source = fileURLToPath(new URL(`../support/${name}.ts`, import.meta.url));
  buildSync({ entryPoints: [source], outfile, bundle: true, format: "esm", platform: "node" });
  return outfile;
}

async function answer(child: ChildProcess): Promise<unknown> {
  const [message] = await once(child, "message");
  return message;
}

test("a second run at the same file is refused at once, by the holder's name, and disturbs nothing", async () => {
  const file = newFile();
  const named = new RegExp(
    `^train: checkpoint: ${file} is in use by another run, process ${process.pid} on "${hostname()}" since ` +
      '"20\\d\\d-\\S+Z", whose last heartbeat was \\d s ago; wait for its end, or give another file',
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
  assert.equal(locksOf(file), []);
});

test("so is one of trainAutoencoder, and one that would start anew", async () => {
  const file = newFile();
  const held = await lock(file);
  const options = { checkpoint: { file } };
  await rejected(
    trainAutoencoder(smallDecoder, smallData, options),
    "locked",
    /^trainAutoencoder: checkpoint: /,
  );
  await rejected(runSmall(options), "locked", /is in use by another run/);
  await held.release();
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
    assert.equal(locksOf(file), []);
  }
  assert.equal(endOf(await runAt(file)), whole);
  assert.equal(locksOf(file), []);
});

test("a lock of another machine counts for a minute after its last heartbeat, then it is taken over", async () => {
  const file = newFile();
  leaveLock(file, 50);
  await rejected(
    runAt(file),
    "locked",
    /process 7 on "elsewhere" since "2026-01-02T03:04:05\.678Z", whose last heartbeat was 5[0-9] s ago/,
  );
  assert.not(existsSync(file));
  age(`${file}.lock`, 61);
  assert.equal(endOf(await runAt(file)), whole);
  assert.equal(locksOf(file), [], "what was taken over is cleared away, too");
});

test("a lock from the future, as where a clock was put back, counts for a minute too", async () => {
  const file = newFile();
  leaveLock(file, -50);
  await rejected(lock(file), "locked", /in use/);
  age(`${file}.lock`, -3600);
  await (await lock(file)).release();
  assert.equal(locksOf(file), []);
});

test("of another container or another start of the system it is not known that a process has ended", async () => {
  if (!existsSync("/proc/self/ns/pid")) return;
  const file = newFile();
  const held = await lock(file);
  const holder = JSON.parse(readFileSync(`${file}.lock`, "utf8"));
  await held.release();
  // No process has this id: Linux gives none above 2^22.
  const pid = 2 ** 22 + 1;
  const [boot, container] = holder.system.split(",");
  for (const system of [`${boot},pid:[1]`, `another,${container}`, undefined]) {
    writeFileSync(`${file}.lock`, JSON.stringify({ ...holder, pid, system }));
    await rejected(lock(file), "locked", /in use/);
  }
  writeFileSync(`${file}.lock`, JSON.stringify({ ...holder, pid }));
  await (await lock(file)).release();
  assert.equal(locksOf(file), []);
});

test("a process that has ended holds nothing, also where its parent has not heard of it yet", async () => {
  if (!existsSync("/proc/self/ns/pid")) return;
  // What takes the shell's place waits for no child; the child ends when the pipe does.
  const parent = spawn("sh", ["-c", "cat <&3 & echo $!; exec sleep 600"], {
    stdio: ["ignore", "pipe", "inherit", "pipe"],
  });
  try {
    const pid = Number(String((await once(parent.stdout!, "data"))[0]));
    const fields = () => readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
    while (readFileSync(`/proc/${parent.pid}/comm`, "utf8") !== "sleep\n") await setTimeout(5);
    parent.stdio[3]!.destroy();
    while (fields()[0] !== "Z") await setTimeout(5);
    const file = newFile();
    const held = await lock(file);
    const holder = JSON.parse(readFileSync(`${file}.lock`, "utf8"));
    await held.release();
    writeFileSync(`${file}.lock`, JSON.stringify({ ...holder, pid }));
    await (await lock(file)).release();
    assert.equal(locksOf(file), []);
  } finally {
    parent.kill();
  }
});

test("a lock keeps no process from its end", async () => {
  const child = fork(bundle("locking-child"));
  try {
    await answer(child);
    const won = answer(child);
    child.send(`lock ${newFile()}`);
    assert.is(await won, "won");
    child.disconnect();
    await once(child, "exit", { signal: AbortSignal.timeout(PATIENCE) });
  } finally {
    child.kill("SIGKILL");
  }
});

test("a heartbeat keeps a lock, and a holder that was slow for less than a minute notices nothing", async () => {
  const file = newFile();
  const held = await lock(file);
  age(`${file}.lock`, 3600);
  await held.check();
  await rejected(lock(file), "locked", /last heartbeat was \d s ago/);
  await held.release();
});

test("of many processes that take over a dead lock, or find none, exactly one has it", async () => {
  const script = bundle("locking-child");
  const children = Array.from({ length: 10 }, () => fork(script));
  try {
    await Promise.all(children.map(answer));
    let races = 0;
    for (let round = 0; round < 60; round++) {
      const file = newFile();
      if (round % 3 > 0) leaveLock(file, 100);
      // One that had been taken over itself.
      if (round % 3 === 2) {
        const path = `${file}.lock.${"0123456789abcdef".repeat(2)}`;
        writeFileSync(path, JSON.stringify({ token: "f".repeat(32), host: "elsewhere", pid: 8 }));
        age(path, 100);
      }
      const answers = children.map(answer);
      for (const child of children) child.send(`lock ${file}`);
      const found = await Promise.all(answers);
      assert.equal(
        found.filter((word) => word !== "refused"),
        ["won"],
        `round ${round}: ${found}`,
      );
      const winner = children[found.indexOf("won")]!;
      const released = answer(winner);
      winner.send("release");
      assert.is(await released, "released");
      assert.equal(locksOf(file), [], `round ${round}`);
      races++;
    }
    assert.is(races, 60);
  } finally {
    for (const child of children) child.kill();
  }
});

/** Takes over a dead lock; `meanwhile` runs when the file that does so is made, and is given its content. */
function takeOver(file: string, meanwhile: (content: string) => void) {
  const modules = fileModules()!;
  const open = async (path: string, flags: string) => {
    const handle = await modules.fileSystem.open(path, flags);
    if (path.startsWith(`${file}.lock.`)) meanwhile(readFileSync(path, "utf8"));
    return handle;
  };
  const fileSystem = { ...modules.fileSystem, open } as typeof modules.fileSystem;
  return lockFile("test", resolveOnce(file), { ...modules, fileSystem });
}

test("a dead lock whose holder wakes up in the middle of a taking over stays its holder's", async () => {
  const file = newFile();
  leaveLock(file, 100);
  await rejected(
    takeOver(file, () => age(`${file}.lock`, 0)),
    "locked",
    /process 7 .* last heartbeat was \d s ago/,
  );
  assert.equal(locksOf(file), [basename(`${file}.lock`)]);
});

test("who takes a lock over, and is itself taken over before it looks, has no lock, and breaks no chain", async () => {
  const file = newFile();
  leaveLock(file, 100);
  const follow = (content: string) => {
    const { token } = JSON.parse(content);
    writeFileSync(
      `${file}.lock.${token}`,
      JSON.stringify({ token: "e".repeat(32), host: "elsewhere", pid: 9 }),
    );
  };
  await rejected(takeOver(file, follow), "locked", /in use by another run, process 9 on "elsewhere"/);
  assert.is(locksOf(file).length, 3);
});

test("a dead lock that others take over and release meanwhile leads to a lock of its own", async () => {
  const file = newFile();
  leaveLock(file, 100);
  const held = await takeOver(file, () => rmSync(`${file}.lock`));
  assert.equal(locksOf(file), [basename(`${file}.lock`)]);
  await held.check();
  await held.release();
  assert.equal(locksOf(file), []);
});

test("a lock is never there without saying whose it is", async () => {
  const modules = fileModules()!;
  const seen: string[] = [];
  const open: typeof modules.fileSystem.open = (path, flags) => {
    if (String(path).endsWith(".lock")) seen.push(readFileSync(String(path), "utf8"));
    return modules.fileSystem.open(path, flags);
  };
  const fileSystem = { ...modules.fileSystem, open };
  const held = await lockFile("test", resolveOnce(newFile()), { ...modules, fileSystem });
  assert.is(seen.length, 1);
  assert.is(JSON.parse(seen[0]!).pid, process.pid);
  await held.release();
});

test("who has lost the lock does not touch the other run's half-written file either", async () => {
  const file = newFile();
  const store = fileStore("test", file, true);
  await store.load();
  age(`${file}.lock`, 61);
  const next = await lock(file);
  writeFileSync(`${file}.temporary`, "the other run's");
  await rejected(store.save(new Uint8Array(9)), "locked", /has been taken over by another run/);
  assert.is(readFileSync(`${file}.temporary`, "utf8"), "the other run's");
  assert.not(existsSync(file));
  await store.close();
  await next.check();
  await next.release();
});

test("a process that stood still while its lock was taken over ends, and overwrites nothing", async () => {
  const file = newFile();
  // It tells when it is about to write a checkpoint, and waits there until it is told to go on.
  const child = fork(bundle("stopped-child"), [file], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  try {
    assert.is(await answer(child), "training");
    child.kill("SIGSTOP");
    age(`${file}.lock`, 61);
    const { resumedFrom, ...result } = await runAt(file);
    assert.equal(endOf({ resumedFrom, ...result }), whole);
    const after = [readFileSync(file), readFileSync(`${file}.previous`)];
    const end = answer(child);
    child.send("go on");
    child.kill("SIGCONT");
    assert.match(
      String(await end),
      /^locked: train: checkpoint: \S+ is no longer locked by this run: \S+\.lock is gone; this run ends and writes/,
    );
    assert.equal([readFileSync(file), readFileSync(`${file}.previous`)], after);
    assert.equal(locksOf(file), []);
  } finally {
    child.kill("SIGKILL");
  }
});

test("the same while the other run still goes on: that one has its lock to the end", async () => {
  const file = newFile();
  const held = await lock(file);
  age(`${file}.lock`, 61);
  const next = await lock(file);
  // One that wakes up touches its own file, not the other's.
  await rejected(
    held.check(),
    "locked",
    /has been taken over by another run, process \d+ on .* stood still for/,
  );
  await held.release();
  await next.check();
  await rejected(lock(file), "locked", /in use/);
  await next.release();
  assert.equal(locksOf(file), []);
});

test("a lock's file that is damaged, or a trap, is no obstacle for longer than a minute, and no door", async () => {
  const name = "a".repeat(32);
  const contents = ["", "{", "null", "[]", "7", `{"token":"../../${name}"}`, "x".repeat(100_000)];
  for (const content of contents) {
    const file = newFile();
    writeFileSync(`${file}.lock`, content);
    await rejected(lock(file), "locked", /a process on a host since a while/);
    age(`${file}.lock`, 61);
    await (await lock(file)).release();
    assert.equal(locksOf(file), [], content.slice(0, 20));
  }
  const file = newFile();
  writeFileSync(
    `${file}.lock`,
    JSON.stringify({ token: name, host: "\u001b[31mred\n".repeat(50), pid: "\u0007" }),
  );
  const error = await lock(file).catch((cause: Error) => cause);
  assert.not.match((error as Error).message, /\p{Cc}/u);
  assert.ok((error as Error).message.length < 600);

  age(`${file}.lock`, 61);
  writeFileSync(`${file}.lock.${name}`, JSON.stringify({ token: name }));
  await rejected(lock(file), "invalid_file", /\.lock is damaged: \S+ leads back to it$/);
  const inTheWay = newFile();
  mkdirSync(`${inTheWay}.lock`);
  await rejected(runAt(inTheWay), "invalid_file", /\.lock is no file, remove it$/);
  const leading = newFile();
  symlinkSync("nowhere", `${leading}.lock`);
  await rejected(runAt(leading), "invalid_file", /\.lock is no file, remove it$/);
});

test("a lock that is removed in mid-run ends the run before it writes again", async () => {
  const file = newFile();
  const run = runAt(file, {
    onProgress({ images }) {
      if (images === 15) rmSync(`${file}.lock`);
    },
  });
  await rejected(run, "locked", /is no longer locked by this run: \S+\.lock is gone/);
  assert.equal(endOf(await runAt(file)), whole);
  await setTimeout(0);
});

test.run();
