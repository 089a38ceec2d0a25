// run: first
// Tests src/cli/commands/run-encoding.ts, src/cli/output/encode-figures.ts, src/cli/output/result-figures.ts.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BundledProgram } from "../../support/bundled-program.ts";
import { until } from "../../support/patience.ts";
import { endOf, Workplace } from "../../support/program.ts";
import { runHere } from "../../support/run-here.ts";

// Runs of `latentflow train` that are stopped, killed, or two at once.

const workplace = new Workplace();
const program = new BundledProgram(workplace.folder);
test.after(() => {
  program.killAll();
  workplace.dispose();
});
const values = Float32Array.from({ length: 72 }, (_, i) => Math.sin(i) ** 2);
const data = workplace.writeFloats(values, [12, 3, 2]);

function newRun(epochs: number, ...more: string[]) {
  const out = workplace.newPath();
  const args = ["train", "--data", data, "--out", out, "--layers", "2,5,6", "--plain", "--threads", "1"];
  return { out, args: [...args, "--epochs", `${epochs}`, "--quiet", ...more] };
}

/** The checksums of what a run has written in the end. */
const sumOf = (out: string) =>
  ["decoder.safetensors", "history.csv"].map((name) =>
    createHash("sha256")
      .update(readFileSync(join(out, name)))
      .digest("hex"),
  );

/** Waits until the run has written so many bytes of its log. */
async function logged(out: string, bytes: number): Promise<void> {
  const log = join(out, "log.jsonl");
  await until(() => existsSync(log) && readFileSync(log).length >= bytes, "the log");
}

test("SIGTERM ends a run as Ctrl-C does, with 143; its lock is given back", async () => {
  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    const { out, args } = newRun(100_000);
    const child = program.start(args);
    const end = endOf(child);
    await logged(out, 5000);
    assert.ok(existsSync(join(out, "checkpoint.safetensors.lock")));
    child.kill(signal);
    const { exit, stdout, stderr } = await end;
    assert.is(exit, code, stderr);
    assert.is(stdout, "");
    const again = signal === "SIGINT" ? "Ctrl-C" : "SIGTERM";
    assert.match(
      stderr,
      new RegExp(`^latentflow: stopping; ${again} again quits at once\nlatentflow: stopped after \\d+ `),
    );
    assert.equal(readdirSync(out).sort(), ["checkpoint.safetensors", "log.jsonl"]);
  }
});

test("SIGTERM while samples are encoded: nothing is written, exit code 143", async () => {
  const { out } = newRun(1);
  const trained = newRun(1);
  assert.is((await runHere(...trained.args)).exit, 0);
  const decoder = join(trained.out, "decoder.safetensors");
  const endless = ["--solver", "rk4", "--t1", "1000", "--slices", "1000000", "--threads", "1"];
  const few = ["--batch-size", "2", "--json"];
  const child = program.start([
    "encode",
    "--decoder",
    decoder,
    "--data",
    data,
    "--out",
    out,
    ...endless,
    ...few,
  ]);
  const end = endOf(child);
  await once(child.stderr!, "data");
  await setTimeout(200);
  child.kill("SIGTERM");
  const { exit, stdout, stderr } = await end;
  assert.is(exit, 143, stderr);
  assert.is(stdout, "");
  assert.match(
    stderr,
    /\nlatentflow: stopped; nothing is written: all samples are one part\. With --parts 10, say, what is done is kept\n/,
  );
  assert.not(existsSync(out));
});

test("SIGTERM while nothing comes into stdin: the wait ends", async () => {
  const trained = newRun(1);
  assert.is((await runHere(...trained.args)).exit, 0);
  const decoder = readFileSync(join(trained.out, "decoder.safetensors"));
  // Asked for it, the program takes signals; given it, it reads stdin.
  const server = createServer((_, response) => response.end(decoder));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/decoder.safetensors`;
  const out = workplace.newPath();
  const child = program.start(["encode", "--decoder", url, "--data", "-", "--out", out], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const end = endOf(child);
  await once(server, "request");
  await setTimeout(1000);
  child.kill("SIGTERM");
  const stopped = await Promise.race([end, setTimeout(20_000, undefined, { ref: false })]);
  child.kill("SIGKILL");
  server.closeAllConnections();
  server.close();
  assert.is(stopped?.exit, 143);
  assert.match(stopped!.stderr, /\nlatentflow: stopped before the first sample; nothing is written\n$/);
  assert.not(existsSync(out));
});

test("a second run at the same folder is refused by name and spoils nothing", async () => {
  const { out, args } = newRun(500);
  const alone = newRun(500);
  assert.is((await runHere(...alone.args)).exit, 0);
  const first = program.start(args);
  const end = endOf(first);
  for (const [more, bytes] of [
    [["--resume"], 2000],
    [[], 4000],
  ] as const) {
    await logged(out, bytes);
    // Else it might end before the second one has begun.
    first.kill("SIGSTOP");
    // Before it has a checkpoint the lock speaks, then either.
    const second = await endOf(program.start([...args, ...more]));
    assert.is(second.exit, 1);
    assert.match(
      second.stderr,
      new RegExp(
        `^latentflow: \\S+\\.lock is there: another run \\(pid ${first.pid} on .* since .*\\) uses .*give another --out`,
      ),
    );
    first.kill("SIGCONT");
  }
  const { exit, stderr } = await end;
  assert.is(exit, 0, stderr);
  assert.equal(sumOf(out), sumOf(alone.out));
  assert.not(readdirSync(out).some((name) => name.includes("lock")));
});

test("killed at random moments, again and again, --resume comes to the same bytes", async () => {
  const kills = Number(process.env.LATENTFLOW_KILLS ?? 5);
  const long = ["--warm-start", "--optimizer", "adam", "--checkpoint-seconds", "0.01"];
  const whole = newRun(200, ...long);
  const start = performance.now();
  assert.is((await endOf(program.start(whole.args))).exit, 0);
  const time = performance.now() - start;
  const { out, args } = newRun(200, ...long);
  let killed = 0;
  for (let attempt = 0; killed < kills; attempt++) {
    const child = program.start([...args, "--resume"]);
    const end = endOf(child);
    // From before its first line to its end.
    await Promise.race([end, setTimeout(Math.random() * time * 1.2)]);
    child.kill("SIGKILL");
    const { exit, stderr } = await end;
    if (exit === "SIGKILL") killed++;
    else {
      assert.is(exit, 0, stderr);
      assert.equal(sumOf(out), sumOf(whole.out));
      rmSync(out, { recursive: true });
    }
    assert.ok(attempt < 4 * kills + 200, "it cannot be killed");
  }
  const { exit, stderr } = await runHere(...args, "--resume");
  assert.is(exit, 0, stderr);
  assert.equal(sumOf(out), sumOf(whole.out));
  const names = [
    "checkpoint.safetensors",
    "checkpoint.safetensors.previous",
    "codes.npy",
    "decoder.safetensors",
    "history.csv",
  ];
  const left = readdirSync(out).filter((name) => !/\.[0-9a-f]{12}\.temporary$/.test(name));
  assert.equal(left.sort(), [...names, "log.jsonl"]);
});

test.run();
