import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../../src/train/checkpoint-format.ts";
import type { FileCheckpoints } from "../../src/train/checkpoint-options.ts";
import { fileStore } from "../../src/train/file-store.ts";
import { quickFolder } from "../support/program.ts";
import { rejected } from "../support/refusal.ts";
import { endOf, runSmall } from "../support/small-run.ts";

const folder = mkdtempSync(join(quickFolder(), "latentflow-checkpoint-"));
test.after(() => rmSync(folder, { recursive: true }));

const whole = endOf(await runSmall());
let files = 0;

/** A path at which there is nothing yet. */
const newFile = () => join(folder, `run-${++files}.checkpoint`);

const checkpointed = (checkpoint: FileCheckpoints) => runSmall({ checkpoint });

/** A run that was aborted after the update up to image 32; returns its file. */
async function aborted(): Promise<string> {
  const file = newFile();
  const controller = new AbortController();
  const reason = new Error("enough");
  await runSmall({
    signal: controller.signal,
    checkpoint: { file, everySeconds: 0 },
    onProgress: ({ images }) => {
      if (images === 32) controller.abort(reason);
    },
  }).then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );
  return file;
}

const imagesIn = (file: string) => readCheckpoint(readFileSync(file)).state.images;

function damage(file: string, change: (bytes: Uint8Array) => Uint8Array): void {
  writeFileSync(file, change(Uint8Array.from(readFileSync(file))));
}

const flip = (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 50 ? byte ^ 4 : byte));
const cut = (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1);

test("the last checkpoint and the one before are kept, no more", async () => {
  const file = newFile();
  const result = await checkpointed({ file, everySeconds: 0 });
  assert.equal(endOf(result), whole);
  assert.is(result.resumedFrom, undefined);
  assert.is(imagesIn(file), 51);
  assert.is(imagesIn(`${file}.previous`), 49);
  assert.not(existsSync(`${file}.temporary`));
});

test("after its renamings the folder is brought to the disk, each time", async () => {
  const fileSystem = process.getBuiltinModule("node:fs/promises");
  const { open, rename } = fileSystem;
  const did: string[] = [];
  fileSystem.rename = async (from, to) => {
    await rename(from, to);
    did.push("rename");
  };
  fileSystem.open = async (path, ...how) => {
    const handle = await open(path, ...how);
    if (path !== folder) return handle;
    const own = { sync: handle.sync.bind(handle), close: handle.close.bind(handle) };
    for (const name of ["sync", "close"] as const) {
      handle[name] = async () => {
        await own[name]();
        did.push(name);
      };
    }
    return handle;
  };
  try {
    const store = fileStore(newFile(), false);
    await store.load();
    for (let i = 0; i < 2; i++) await store.save(new Uint8Array(9));
    await store.close();
  } finally {
    Object.assign(fileSystem, { open, rename });
  }
  assert.equal(did, ["rename", "sync", "close", "rename", "rename", "sync", "close"]);
});

test("a change of the working folder moves no checkpoint", async () => {
  const before = process.cwd();
  const elsewhere = mkdtempSync(join(folder, "elsewhere-"));
  process.chdir(folder);
  try {
    const run = runSmall({ checkpoint: { file: "relative.checkpoint", everySeconds: 0 } });
    process.chdir(elsewhere);
    assert.equal(endOf(await run), whole);
    assert.is(imagesIn(join(folder, "relative.checkpoint")), 51);
    assert.equal(readdirSync(elsewhere), []);
    assert.not(existsSync(join(folder, "relative.checkpoint.lock")));
    process.chdir(folder);
    await rejected(
      runSmall({ checkpoint: { file: "relative.checkpoint" } }),
      "invalid_argument",
      /checkpoint: relative\.checkpoint is there already/,
    );
  } finally {
    process.chdir(before);
  }
});

test("a checkpoint that is moved away in mid-run is written again", async () => {
  const file = newFile();
  const result = await runSmall({
    checkpoint: { file, everySeconds: 0 },
    onProgress: ({ images }) => {
      if (images === 32) renameSync(file, `${file}.moved`);
    },
  });
  assert.equal(endOf(result), whole);
  assert.is(imagesIn(file), 51);
});

test("a name that is too long is refused, and no lock stays", async () => {
  const file = join(folder, "n".repeat(251));
  await rejected(checkpointed({ file }), "invalid_file", /the name is too long$/);
  assert.not(existsSync(`${file}.lock`));
});

test("a pipe is no checkpoint, and is not waited for", async () => {
  const file = newFile();
  execFileSync("mkfifo", [file]);
  await rejected(
    checkpointed({ file, resume: true }),
    "invalid_file",
    /it is a named pipe, expected a file$/,
  );
  assert.not(existsSync(`${file}.lock`));
});

test("with the default there is one at the end of a short run", async () => {
  const file = newFile();
  await checkpointed({ file });
  assert.is(imagesIn(file), 51);
  assert.not(existsSync(`${file}.previous`));
});

test("after an abort it goes on from the last update", async () => {
  const file = await aborted();
  assert.is(imagesIn(file), 32);
  const result = await checkpointed({ file, resume: true });
  assert.equal(result.resumedFrom, { images: 32, from: file, refused: undefined });
  assert.equal(endOf(result), whole);
});

test("without resume nothing is overwritten; with it a run may also start anew", async () => {
  const file = await aborted();
  await rejected(
    checkpointed({ file }),
    "invalid_argument",
    /^train: checkpoint: \S+\.checkpoint is there already; go on from it with resume: true, give another file, or/,
  );
  assert.is(imagesIn(file), 32);
  rmSync(file);
  await rejected(checkpointed({ file, resume: false }), "invalid_argument", /\.previous is there already/);
  const anew = await checkpointed({ file: newFile(), resume: true });
  assert.is(anew.resumedFrom, undefined);
  assert.equal(endOf(anew), whole);
});

for (const [name, change, problem] of [
  ["a flipped byte", flip, "the checkpoint is damaged: its checksum is"],
  ["a truncated", cut, "not a valid safetensors file"],
  ["an empty", (bytes: Uint8Array) => bytes.subarray(0, 0), "not a valid safetensors file: it has 0 bytes"],
] as const) {
  test(`${name} checkpoint is refused by name, and the one before is used`, async () => {
    const file = await aborted();
    damage(file, change);
    const controller = new AbortController();
    await runSmall({
      checkpoint: { file, resume: true, everySeconds: 0 },
      signal: controller.signal,
      onProgress: () => controller.abort(),
    }).catch(() => {});
    // The damaged one has not taken the place of the one before.
    assert.is(imagesIn(file), 32);
    assert.is(imagesIn(`${file}.previous`), 27);

    damage(file, change);
    const result = await checkpointed({ file, resume: true });
    const { images, from, refused } = result.resumedFrom!;
    assert.equal([images, from], [27, `${file}.previous`]);
    assert.ok(refused!.startsWith(`${file}: ${problem}`), refused);
    assert.equal(endOf(result), whole);
  });
}

test("a missing checkpoint beside the one before is that of a run killed between two renamings", async () => {
  const file = await aborted();
  rmSync(file);
  const result = await checkpointed({ file, resume: true });
  assert.equal(result.resumedFrom, {
    images: 27,
    from: `${file}.previous`,
    refused: `${file}: there is no such file`,
  });
  assert.equal(endOf(result), whole);
});

test("where both are bad the error names both, and they stay as they are", async () => {
  const file = await aborted();
  const previous = `${file}.previous`;
  damage(file, flip);
  damage(previous, cut);
  const before = [readFileSync(file), readFileSync(previous)];
  const error = await checkpointed({ file, resume: true }).catch((reason: Error) => reason);
  assert.instance(error, Error);
  const { message } = error as Error;
  assert.match(message, /^train: checkpoint: there is no checkpoint to go on from: /);
  assert.ok(message.includes(`${file}: the checkpoint is damaged`), message);
  assert.ok(message.includes(`; ${previous}: not a valid safetensors file`), message);
  assert.equal([readFileSync(file), readFileSync(previous)], before);

  rmSync(previous);
  const alone = checkpointed({ file, resume: true });
  await rejected(alone, "invalid_file", /is damaged: .*; \S+\.previous: there is no such file$/);
});

test("another run's checkpoint is not passed over for the one before", async () => {
  const file = await aborted();
  const run = runSmall({ seed: 8, checkpoint: { file, resume: true } });
  await rejected(run, "other_run", /^train: \S+\.checkpoint is a checkpoint of another run: seed is 7 there/);
  assert.is(imagesIn(file), 32);
});

test("a stale temporary file does not disturb", async () => {
  const file = await aborted();
  writeFileSync(`${file}.temporary`, "half a checkp");
  assert.equal(endOf(await checkpointed({ file, resume: true })), whole);
  assert.not(existsSync(`${file}.temporary`));
});

test("where nothing can be written is said before any work", async () => {
  const onProgress = () => assert.unreachable("work was done");
  const tryAt = (file: string) => runSmall({ checkpoint: { file }, onProgress });
  const missing = join(folder, "missing", "run");
  await rejected(
    tryAt(missing),
    "not_found",
    /^train: checkpoint: cannot write \S+: its folder does not exist; make it first$/,
  );
  const aFolder = newFile();
  mkdirSync(aFolder);
  await rejected(
    tryAt(aFolder),
    "invalid_argument",
    /^train: checkpoint: file is the folder \S+, expected the path of a file$/,
  );
  const onFolder = runSmall({ checkpoint: { file: aFolder, resume: true }, onProgress });
  await rejected(onFolder, "invalid_file", /^train: checkpoint: cannot read \S+: it is a folder/);
});

test("a disk that fails later ends the run, and what was kept stays", async () => {
  const file = newFile();
  const run = runSmall({
    checkpoint: { file, everySeconds: 0 },
    onProgress: ({ images }) => {
      if (images === 15) mkdirSync(`${file}.temporary`);
    },
  });
  await rejected(run, "invalid_file", /^train: checkpoint: cannot write \S+\.checkpoint: it is a folder/);
  assert.is(imagesIn(file), 10);
  rmSync(`${file}.temporary`, { recursive: true });
  assert.equal(endOf(await checkpointed({ file, resume: true })), whole);
});

test.run();
