// run: first
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeFolder, removeEmptyFolders, writeOutputs } from "../../../src/cli/output/output-files.ts";
import { readNpy } from "../../../src/files/npy.ts";
import { createDecoder } from "../../../src/index.ts";
import { readCheckpoint } from "../../../src/train/checkpoint-format.ts";
import { BundledProgram } from "../../support/bundled-program.ts";
import { endOf, Workplace } from "../../support/program.ts";
import { runHere } from "../../support/run-here.ts";

// What the program leaves on the disk, whatever happens to it.

const workplace = new Workplace();
test.after(() => workplace.dispose());
chmodSync(workplace.folder, 0o755);
const program = new BundledProgram(workplace.folder);
const hangHalfWay = fileURLToPath(new URL("../../support/hang-half-way.mjs", import.meta.url));

// Outputs of more than 4 kB each; samples are images of 4 × 4.
const samples = 400;
const values = Float32Array.from({ length: samples * 16 }, (_, i) => Math.sin(i) ** 2);
const data = workplace.writeFloats(values, [samples, 4, 4]);
const latents = workplace.writeFloats(values.subarray(0, samples * 6), [samples, 6]);
const decoder = `${workplace.newPath()}.safetensors`;
writeFileSync(
  decoder,
  createDecoder({ layers: [6, 40, 16], seed: 1, loss: "bce", outputShape: [4, 4] }).toSafetensors(),
);

const quick = ["--max-steps", "3", "--threads", "1", "--plain"];
/** Each command that writes, without --out, and the files of more than 4 kB that it writes. */
const commands: readonly { readonly args: readonly string[]; readonly large: readonly string[] }[] = [
  {
    args: ["encode", "--decoder", decoder, "--data", data, "--reconstructions", ...quick],
    large: ["latents.npy", "results.csv", "reconstructions.npy", "reconstructions.png", "steps.png"],
  },
  {
    args: ["decode", "--decoder", decoder, "--latents", latents, "--threads", "1"],
    large: ["decoded.npy"],
  },
  { args: ["evaluate", "--decoder", decoder, "--data", data, ...quick], large: ["results.csv"] },
  {
    args: ["train", "--layers", "6,40,16", "--data", data, "--checkpoint-seconds", "0.2", ...quick],
    large: ["decoder.safetensors", "history.csv", "checkpoint.safetensors"],
  },
];
const filesIn = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "base64")]));

/** Whether a file that is there is whole. */
function checkWhole(folder: string): void {
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    const lines = () => bytes.toString().split("\n");
    if (name.endsWith(".npy")) readNpy(bytes);
    else if (name.endsWith(".png"))
      assert.is(bytes.toString("latin1", bytes.length - 8, bytes.length - 4), "IEND");
    else if (name.endsWith(".csv")) {
      assert.is(lines().at(-1), "");
      const columns = new Set(
        lines()
          .slice(0, -1)
          .map((line) => line.split(",").length),
      );
      assert.is(columns.size, 1, name);
    } else if (name === "log.jsonl") {
      assert.is(lines().at(-1), "");
      for (const line of lines().slice(0, -1)) JSON.parse(line);
    } else if (/^checkpoint\.safetensors(\.previous)?$/.test(name)) readCheckpoint(bytes);
    else if (name.endsWith(".safetensors")) {
      const header = Number(bytes.readBigUInt64LE(0));
      const end = /.*"data_offsets":\[\d+,(\d+)\]/.exec(bytes.toString("latin1", 8, 8 + header))![1];
      assert.is(bytes.length, 8 + header + Number(end), name);
    } else assert.unreachable(`${name} is left`);
  }
}

for (const { args, large } of commands) {
  const [verb] = args;

  test(`${verb}: a disk that is full leaves no half file, and what was there stays`, async () => {
    const out = workplace.newPath();
    mkdirSync(out);
    if (verb !== "train") {
      const first = await runHere(...args, "--out", out, "--limit", "7");
      assert.is(first.exit, 0, first.stderr);
    }
    const before = filesIn(out);
    // No file may have more than 4 kB (a shell's block has 512 bytes, some have 1024).
    const child = program.startInShell('ulimit -f 8; exec "$@"', [...args, "--out", out, "--quiet"]);
    const { exit, stdout, stderr } = await endOf(child);
    assert.is(exit, 1, stderr);
    assert.is(stdout, "");
    assert.match(stderr, /^latentflow: cannot write \S+: it would be larger than a file may be here\n$/);
    if (verb !== "train") assert.equal(filesIn(out), before);
    checkWhole(out);
    const again = await runHere(...args, "--out", out, "--quiet", ...(verb === "train" ? ["--resume"] : []));
    assert.is(again.exit, 0, again.stderr);
    checkWhole(out);
    for (const name of large) assert.ok(existsSync(join(out, name)), name);
  });

  for (const name of large) {
    test(`${verb}: killed in the middle of ${name}, no half file has its name`, async () => {
      const out = workplace.newPath();
      mkdirSync(out);
      // An earlier file of the name.
      const isCheckpoint = name.startsWith("checkpoint");
      if (!isCheckpoint) writeFileSync(join(out, name), "as it was");
      const child = program.start([...args, "--out", out, "--quiet"], {
        env: { ...process.env, HANG_AT: name, NODE_OPTIONS: `--import ${hangHalfWay}` },
      });
      const closed = once(child, "close");
      // Warnings about the training may come before.
      let said = "";
      await new Promise<void>((resolve) => {
        child.stderr!.on("data", (piece) => {
          said += piece;
          if (said.endsWith("half\n")) resolve();
        });
        closed.then(() => resolve());
      });
      assert.match(said, /^(latentflow: warning: .*\n)?half\n$/);
      child.kill("SIGKILL");
      await closed;
      // An earlier run's pictures go as soon as there are new numbers.
      if (isCheckpoint || name.endsWith(".png")) assert.not(existsSync(join(out, name)));
      else assert.is(readFileSync(join(out, name), "utf8"), "as it was");
      const again = verb === "train" ? ["--resume"] : [];
      const { exit, stderr } = await runHere(...args, "--out", out, "--quiet", ...again);
      assert.is(exit, 0, stderr);
      for (const left of readdirSync(out)) {
        if (/\.temporary$/.test(left)) rmSync(join(out, left));
      }
      checkWhole(out);
    });
  }
}

test("on a real disk that is full, at whatever file it is: no half file, one line, exit code 1", async () => {
  const disk = workplace.newPath();
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=96k", "tmpfs", disk], { stdio: "ignore" });
  } catch {
    // Only root may, and not in every container. The tests above do without.
    return;
  }
  try {
    for (const { args } of commands) {
      const ends = new Set<unknown>();
      for (const ballast of [8, 24, 40, 56, 72, 80, 88]) {
        for (const name of readdirSync(disk)) rmSync(join(disk, name), { recursive: true });
        writeFileSync(join(disk, "ballast"), new Uint8Array(ballast * 1024));
        const out = join(disk, "out");
        const { exit, stderr } = await runHere(...args, "--out", out, "--quiet");
        ends.add(exit);
        if (exit !== 0) {
          assert.is(exit, 1, stderr);
          assert.match(
            stderr,
            /^latentflow: .*: the disk is full(; what is written before it is whole: .+)?\n$/,
          );
        }
        if (existsSync(out)) checkWhole(out);
      }
      assert.ok(ends.has(1), args[0]);
    }
  } finally {
    execFileSync("umount", [disk]);
  }
});

const [encode] = commands.map(({ args }) => args);
const encodeTo = (out: string) => runHere(...encode!, "--out", out, "--limit", "5");

// Root may write everywhere; and what node it is, only root may see.
const notRoot = process.getuid!() !== 0;
const becomeNobody = "--import data:text/javascript,process.setgid(65534);process.setuid(65534)";
const asNobody = { env: { ...process.env, NODE_OPTIONS: becomeNobody } };

test("that a file cannot be written is found before the work", async () => {
  const inTheWay = workplace.newPath();
  mkdirSync(join(inTheWay, "results.csv"), { recursive: true });
  const onFolder = await encodeTo(inTheWay);
  assert.is(onFolder.exit, 1);
  assert.match(
    onFolder.stderr,
    /^latentflow: cannot write \S+results\.csv: it is a folder, expected a file\n$/,
  );

  // merge removes an earlier run's pictures.
  const merged = workplace.newPath();
  assert.is((await runHere(...encode!, "--out", merged, "--part", "0/1")).exit, 0);
  mkdirSync(join(merged, "steps.png"));
  const onPicture = await runHere("merge", merged, "--quiet");
  assert.is(onPicture.exit, 1);
  assert.match(
    onPicture.stderr,
    /^latentflow: cannot write \S+steps\.png: it is a folder, expected a file\n$/,
  );

  const lost = workplace.newPath();
  mkdirSync(lost);
  symlinkSync("/nowhere/latents.npy", join(lost, "latents.npy"));
  const onLink = await encodeTo(lost);
  assert.is(onLink.exit, 1);
  assert.is(onLink.stderr, "latentflow: cannot write into /nowhere: there is no such file or folder\n");

  const readOnly = workplace.newPath();
  mkdirSync(readOnly);
  chmodSync(readOnly, 0o555);
  const user = notRoot ? {} : asNobody;
  for (const { args } of commands) {
    const { exit, stderr } = await endOf(program.start([...args, "--out", readOnly], user));
    assert.is(exit, 1);
    assert.match(stderr, /^latentflow: cannot write into \S+: permission denied\n$/);
  }
  assert.equal(readdirSync(readOnly), []);

  // A link into it.
  const linked = workplace.newPath();
  mkdirSync(linked, { mode: 0o777 });
  chmodSync(linked, 0o777);
  symlinkSync(join(readOnly, "results.csv"), join(linked, "results.csv"));
  const into = await endOf(program.start([...encode!, "--out", linked], user));
  assert.is(into.exit, 1);
  assert.is(into.stderr, `latentflow: cannot write into ${readOnly}: permission denied\n`);
});

test("what may not be removed, or replaced, stays, and the reason is said", async () => {
  // It takes two users, whom root alone can be. The runner refuses a test that is skipped.
  if (notRoot) return;
  const out = workplace.newPath();
  mkdirSync(out);
  writeFileSync(join(out, "results.parquet"), "as it was", { mode: 0o666 });
  chmodSync(join(out, "results.parquet"), 0o666);
  // Everybody may write there, and remove what is his own.
  chmodSync(out, 0o1777);
  const { exit, stderr } = await endOf(program.start([...encode!, "--out", out, "--quiet"], asNobody));
  assert.is(exit, 1);
  assert.is(stderr, `latentflow: cannot write ${join(out, "results.parquet")}: permission denied\n`);
  assert.equal(readdirSync(out), ["results.parquet"]);
});

test("a folder that cannot be made is an error at once", async () => {
  const file = workplace.newPath();
  writeFileSync(file, "");
  const link = workplace.newPath();
  symlinkSync("../nowhere", link);
  for (const [out, reason] of [
    [link, /there is no such file or folder/],
    [`${file}/below`, /it is a file, expected a folder|a part of the path is a file/],
    [file, /it is a file, expected a folder/],
  ] as const) {
    const { exit, stderr } = await encodeTo(out);
    assert.is(exit, 1, stderr);
    assert.match(stderr, /^latentflow: cannot make the folder \S+: .*\n$/);
    assert.match(stderr, reason);
  }
});

test("a folder that another process has removed meanwhile is made again", async () => {
  const out = join(workplace.newPath(), "of", "its", "own");
  await makeFolder(out, ["a.txt"], {});
  await removeEmptyFolders();
  assert.not(existsSync(dirname(out)));
  await writeOutputs(out, [{ name: "a.txt", bytes: "what has taken an hour", content: "" }]);
  assert.equal(readdirSync(out), ["a.txt"]);
});

test("what a killed process has left of a file is removed an hour later, with the next of its name", async () => {
  const folder = workplace.newPath();
  mkdirSync(folder);
  const names = {
    old: "latents.npy.0123456789ab.temporary",
    young: "latents.npy.ba9876543210.temporary",
    other: "other.npy.0123456789ab.temporary",
    longer: "latents.npy.gz.0123456789ab.temporary",
    own: "latents.npy.temporary",
  };
  const [now, hours] = [Date.now() / 1000, 7200];
  for (const name of Object.values(names)) {
    writeFileSync(join(folder, name), "");
    utimesSync(join(folder, name), now - hours, name === names.young ? now : now - hours);
  }
  await writeOutputs(folder, [{ name: "latents.npy", bytes: "1", content: "" }]);
  const { old: _, ...stay } = names;
  assert.equal(readdirSync(folder).sort(), [...Object.values(stay), "latents.npy"].sort());
});

test("in a folder that has been removed the program works, by paths that begin with /", async () => {
  const [here, out] = [workplace.newPath(), workplace.newPath()];
  mkdirSync(here);
  const inRemoved = `cd ${here} && rmdir ${here} && exec "$@"`;
  const task = [...encode!, "--out", out, "--quiet", "--part", "0/1"];
  for (const args of [task, ["merge", out, "--quiet"]]) {
    mkdirSync(here, { recursive: true });
    const { exit, stderr } = await endOf(program.startInShell(inRemoved, args));
    assert.is(exit, 0, stderr);
  }
  mkdirSync(here, { recursive: true });
  const relative = await endOf(program.startInShell(inRemoved, [...encode!, "--out", "below"]));
  assert.is(relative.exit, 1);
  assert.is(relative.stderr, "latentflow: cannot make the folder below: there is no such file or folder\n");
});

test("what is refused leaves no folder that was not there", async () => {
  const write = (value: number, shape: readonly number[]) =>
    workplace.writeFloats(new Float32Array(shape.reduce((a, b) => a * b)).fill(value), shape);
  const large = ["--data", write(2, [5, 4, 4])];
  const narrow = ["--data", write(0.5, [5, 4])];
  const weights = ["--data", data, "--weights", write(0, [16])];
  const none = write(0, [0, 4, 4]);
  const code = write(Number.NaN, [3, 6]);
  const newDecoder = ["--layers", "6,40,16"];
  const torn = workplace.newPath();
  const task = ["--decoder", decoder, "--data", data, "--out", torn, "--part", "0/1", ...quick];
  assert.is((await runHere("encode", ...task)).exit, 0);
  const part = join(torn, "parts", "part-00000000.safetensors");
  writeFileSync(part, readFileSync(part).subarray(0, -1));
  for (const [message, ...args] of [
    [/expected \[0, 1\] for --loss bce/, "encode", "--decoder", decoder, ...large],
    [/expected \[0, 1\] for --loss bce/, "encode", "--decoder", decoder, ...large, "--parts", "2"],
    [/expected \[0, 1\] for --loss bce/, "evaluate", "--decoder", decoder, ...large],
    [/expected \[0, 1\] for --loss bce/, "train", ...newDecoder, ...large],
    [/its samples are 4,/, "encode", "--decoder", decoder, ...narrow],
    [/--layers ends with 16, expected 4/, "train", ...newDecoder, ...narrow],
    [/its samples are 4,/, "train", "--decoder", decoder, ...narrow],
    [/its samples are 4,/, "evaluate", "--decoder", decoder, ...narrow],
    [/all --weights .* are 0/, "encode", "--decoder", decoder, ...weights],
    [/all --weights .* are 0/, "train", ...newDecoder, ...weights],
    [/there are no samples/, "encode", "--decoder", decoder, "--data", none, "--part", "0/1"],
    [/NaN at sample 0, element 0/, "decode", "--decoder", decoder, "--latents", code],
    [/part-00000000\.safetensors: /, "merge", torn],
  ] as [RegExp, ...string[]][]) {
    const parent = workplace.newPath();
    const there = workplace.newPath();
    mkdirSync(there);
    for (const out of [join(parent, "deep", "out"), there]) {
      const { exit, stderr } = await runHere(...args, "--quiet", "--out", out);
      assert.is(exit, 1, stderr);
      assert.match(stderr, message);
    }
    assert.not(existsSync(parent), `${args}`);
    assert.equal(readdirSync(there), [], "of others it stays");
  }
});

test("nothing is written over a file that is read, by whatever name", async () => {
  const out = workplace.newPath();
  mkdirSync(out);
  for (const [name, flag, from] of [
    ["latents.npy", "--data", data],
    // An earlier run's would be removed.
    ["reconstructions.png", "--data", data],
    ["results.csv", "--decoder", decoder],
  ] as const) {
    const [place, other] = [join(out, name), workplace.newPath()];
    writeFileSync(place, readFileSync(from));
    symlinkSync(place, other);
    const files = { "--data": data, "--decoder": decoder, [flag]: other };
    // Over what a task reads, merge would write.
    for (const part of [[], ["--part", "0/1"]]) {
      const { exit, stderr } = await runHere(
        ...["encode", ...Object.entries(files).flat(), "--out", out, ...quick, ...part],
      );
      assert.is(exit, 1);
      assert.is(
        stderr,
        `latentflow: --out ${out}: ${name} would be written over the file of ${flag}; give another folder\n`,
      );
      assert.equal(readdirSync(out), [name]);
      assert.equal(readFileSync(place), readFileSync(from));
    }
    rmSync(place);
  }
});

test("a missing parent is made; a link stays a link, a mode a mode; a pipe is refused", async () => {
  const out = join(workplace.newPath(), "of", "its", "own");
  assert.is((await encodeTo(out)).exit, 0);
  const elsewhere = workplace.newPath();
  mkdirSync(elsewhere);
  const [codes, decodings] = [join(out, "latents.npy"), join(out, "reconstructions.npy")];
  const bytes = readFileSync(codes);
  for (const file of [codes, decodings]) rmSync(file);
  // To what is there, and to what is not.
  writeFileSync(join(elsewhere, "kept.npy"), "as it was", { mode: 0o640 });
  symlinkSync(join(elsewhere, "kept.npy"), codes);
  symlinkSync("../../../new.npy", decodings);
  const { exit, stderr } = await encodeTo(out);
  assert.is(exit, 0, stderr);
  assert.is(readlinkSync(codes), join(elsewhere, "kept.npy"));
  assert.equal(readFileSync(join(elsewhere, "kept.npy")), bytes);
  assert.is(statSync(join(elsewhere, "kept.npy")).mode & 0o777, 0o640);
  assert.is(readlinkSync(decodings), "../../../new.npy");
  assert.equal(readNpy(readFileSync(decodings)).shape, [5, 4, 4]);
  rmSync(codes);
  execFileSync("mkfifo", [codes]);
  const onPipe = await encodeTo(out);
  assert.is(onPipe.exit, 1);
  assert.is(onPipe.stderr, `latentflow: cannot write ${codes}: it is a named pipe, expected a file\n`);
});

test("a reader that goes away, of stdout or of stderr, is no error: all is written", async () => {
  for (const stream of ["stdout", "stderr"] as const) {
    const out = workplace.newPath();
    const child = program.start([...encode!, "--out", out, "--limit", "5"]);
    child[stream]!.destroy();
    const other = stream === "stdout" ? child.stderr! : child.stdout!;
    const [said, [code]] = await Promise.all([text(other), once(child, "close")]);
    assert.is(code, 0);
    assert.match(said, stream === "stdout" ? /^encoding 5 samples\n$/ : /statuses/);
    checkWhole(out);
  }
  const piped = program.startInShell('"$@" | head -1', [
    ...encode!,
    "--out",
    workplace.newPath(),
    "--limit",
    "5",
    "--quiet",
  ]);
  const { stdout, stderr } = await endOf(piped);
  assert.is(stdout.split("\n").length, 2);
  assert.is(stderr, "");
});

test("output that cannot be written for another reason is one, in a line", async () => {
  for (const args of [
    [...encode!, "--out", workplace.newPath(), "--limit", "5", "--quiet"],
    ["--help"],
    ["--version"],
  ]) {
    const { exit, stderr } = await endOf(program.startInShell('"$@" > /dev/full', args));
    assert.is(exit, 1);
    assert.is(stderr, "latentflow: cannot write to stdout: the disk is full\n");
  }
  const onStderr = program.startInShell('"$@" 2> /dev/full', [
    ...encode!,
    "--out",
    workplace.newPath(),
    "--limit",
    "5",
  ]);
  const { exit, stdout } = await endOf(onStderr);
  assert.is(exit, 0);
  assert.match(stdout, /statuses/);
});

test("stdout and stderr, together and apart, hold whole lines; stdout one document with --json", async () => {
  const args = [...encode!, "--out", workplace.newPath(), "--limit", "5", "--json"];
  const { stdout } = await endOf(program.startInShell('"$@" 2>/dev/null | cat', args));
  assert.is(JSON.parse(stdout).samples, 5);
  const together = await endOf(program.startInShell('"$@" 2>&1 | cat', args));
  const [first, ...rest] = together.stdout.split("\n");
  assert.is(first, "encoding 5 samples");
  assert.is(JSON.parse(rest.join("\n")).samples, 5);
});

test("an error that nobody has thought of is a line, with its stack if asked for", async () => {
  // Not before the program listens.
  const throwing =
    "data:text/javascript,setInterval(()=>{if(process.listenerCount('uncaughtException')>0)" +
    "throw%20new%20TypeError('an%5Cnodd%5Cx1bthing')},100)";
  const args = ["encode", "--decoder", decoder, "--data", "-", "--out", workplace.newPath()];
  for (const debug of ["", "1"]) {
    const env = { ...process.env, NODE_OPTIONS: `--import ${throwing}`, LATENTFLOW_DEBUG: debug };
    const child = program.start(args, { env, stdio: ["pipe", "pipe", "pipe"] });
    const { exit, stderr } = await endOf(child);
    assert.is(exit, 1);
    if (debug) assert.match(stderr, /^TypeError: an\nodd.*\n\s+at /s);
    else {
      assert.is(
        stderr,
        "latentflow: internal error: TypeError: an\\nodd\\u001bthing (LATENTFLOW_DEBUG=1 shows where)\n",
      );
    }
  }
});

test.run();
