// run: alone
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runFile } from "../support/run-file.mjs";

// In the project's folder, so that the files find uvu.
const folder = mkdtempSync("build/runner-test-");
test.after(() => rmSync(folder, { recursive: true }));

/** Runs a test file with this text after the import of uvu. */
function run(text: string, longestSilence = 30) {
  const file = join(folder, "file.mjs");
  writeFileSync(file, `import { test } from "uvu";\n${text}\n`);
  return runFile([process.execPath, file], longestSilence);
}

test("a file whose tests pass has passed", async () => {
  const result = await run(`test("a", () => {}); test("b", () => {}); test.run();`);
  assert.equal([result.passed, result.failed, result.problem], [2, 0, ""]);
});

test("failed tests are counted and what they printed is kept", async () => {
  const result = await run(`
    test("good", () => {});
    test("bad", () => { throw new Error("no such luck"); });
    test("worse", () => { throw new Error("again"); });
    test.run();`);
  assert.equal([result.passed, result.failed, result.problem], [1, 2, "2 of 3 tests failed"]);
  assert.match(result.output, "no such luck");
});

test("a file that forgets test.run() has failed", async () => {
  const result = await run(`test("a", () => {});`);
  assert.equal([result.passed, result.failed], [0, 1]);
  assert.match(result.problem, "test.run()");
});

test("a file without a test has failed", async () => {
  const result = await run("test.run();");
  assert.equal([result.failed, result.problem], [1, "ran no test"]);
});

test("a file with a skipped test has failed", async () => {
  const result = await run(`test("a", () => {}); test.skip("b", () => {}); test.run();`);
  assert.equal([result.passed, result.failed, result.problem], [1, 1, "skipped 1 tests"]);
});

test("a file whose before hook throws has failed, though uvu exits with 0", async () => {
  const result = await run(`test.before(() => { throw new Error(); }); test("a", () => {}); test.run();`);
  assert.equal([result.passed, result.failed], [0, 1]);
});

test("a file that crashes has failed", async () => {
  assert.match((await run(`test("a", () => process.exit(0)); test.run();`)).problem, "code 1");
  assert.match(
    (await run(`test.after(() => process.exit(3)); test("a", () => {}); test.run();`)).problem,
    "code 3",
  );
  assert.match((await runFile(["./no-such-program"], 30)).problem, "ENOENT");
});

test("a silent file is ended with what it started", async () => {
  // The child keeps the output open: if it lived on, so would this run.
  const result = await run(
    `import { spawn } from "node:child_process";
    test("a", () => new Promise(() => spawn("sleep", ["60"], { stdio: "inherit" })));
    test.run();`,
    1,
  );
  assert.equal([result.failed, result.problem], [1, "printed nothing for 1 s"]);
  assert.ok(result.seconds < 30);
});

test("a file that prints may take longer than the silence that is allowed", async () => {
  const wait = "() => new Promise((resolve) => setTimeout(resolve, 800))";
  const result = await run(`for (let i = 0; i < 4; i++) test(String(i), ${wait}); test.run();`, 2);
  assert.equal([result.passed, result.problem], [4, ""]);
  assert.ok(result.seconds > 2);
});

test("it is told to end first, so that it can end what is in a group of its own, as a browser is", async () => {
  const result = await run(
    `import { spawn } from "node:child_process";
    test("a", () => new Promise(() => {
      const child = spawn("sleep", ["60"], { stdio: "inherit", detached: true });
      process.on("SIGTERM", () => child.kill());
    }));
    test.run();`,
    3,
  );
  assert.is(result.problem, "printed nothing for 3 s");
  assert.ok(result.seconds < 30);
});

test("a pattern that matches no file is refused", () => {
  const runner = spawnSync(process.execPath, ["test/run.mjs", "runner", "no-such-file"], {
    encoding: "utf8",
  });
  assert.is(runner.status, 1);
  assert.match(runner.stderr, "no test file matches no-such-file");
  assert.not.match(runner.stdout, "passed");
});

/** A copy of the runner in a folder of its own, with these files. */
function copyRunner(files: Readonly<Record<string, string>>): string {
  const own = mkdtempSync(join(folder, "copy-"));
  cpSync("test/run.mjs", join(own, "run.mjs"));
  cpSync("test/support", join(own, "support"), { recursive: true, filter: (file) => !file.endsWith(".ts") });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(own, name)), { recursive: true });
    const [, run = "", code = ""] = /^(\/\/ run: .*\n)?(.*)$/s.exec(text) ?? [];
    writeFileSync(join(own, name), `${run}import { test } from "uvu";\n${code}\n`);
  }
  return join(own, "run.mjs");
}

test("the last line has the counts and the exit code says whether any test failed", () => {
  const files = {
    "good.test.ts": 'test("a", () => {}); test.run();',
    "folder/bad.test.ts": 'test("a", () => {});',
  };
  const copy = copyRunner(files);
  const all = spawnSync(process.execPath, [copy], { encoding: "utf8" });
  assert.match(all.stdout, /\n1 passed, 1 failed\n$/);
  assert.match(all.stdout, /^1 of 2: .*\n(?:.*\n)*2 of 2: /m);
  assert.is(all.status, 1);
  const one = spawnSync(process.execPath, [copy, "good"], { encoding: "utf8" });
  assert.match(one.stdout, /\n1 passed, 0 failed\n$/);
  assert.is(one.status, 0);
});

test("files of one folder share a process, in which each has its own tests", () => {
  const copy = copyRunner({
    "folder/a.test.ts": 'globalThis.shared = 1; test("a", () => {}); test("b", () => {}); test.run();',
    "folder/b.test.ts": 'test("c", () => { if (globalThis.shared !== 1) throw new Error(); }); test.run();',
    "folder/c.test.ts": '// run: slow\ntest("d", () => {}); test.run();',
    "folder/alone.test.ts":
      '// run: alone\ntest("e", () => { if ("shared" in globalThis) throw new Error(); }); test.run();',
  });
  const all = spawnSync(process.execPath, [copy], { encoding: "utf8" });
  assert.match(all.stdout, /^\d of 2: passed folder \(3 files\) on Node .*: 4 tests/m);
  assert.match(all.stdout, /^\d of 2: passed folder\/alone\.test\.ts on Node .*: 1 tests/m);
  assert.match(all.stdout, /\n5 passed, 0 failed\n$/);
  const quick = spawnSync(process.execPath, [copy, "--quick"], { encoding: "utf8" });
  assert.match(
    quick.stdout,
    /^1 of 1: passed folder \(2 files\) on Node .*: 3 tests.*\n3 passed, 0 failed\n$/,
  );
});

test("a file that forgets test.run() fails its folder, by its name", () => {
  const copy = copyRunner({
    "folder/a.test.ts": 'test("a", () => {}); test.run();',
    "folder/b.test.ts": 'test("b", () => {});',
  });
  const { status, stdout } = spawnSync(process.execPath, [copy], { encoding: "utf8" });
  assert.is(status, 1);
  assert.match(stdout, /folder\/b\.test\.ts has no tests to run: is test\.run\(\) missing\?/);
  assert.match(stdout, /\n0 passed, 1 failed\n$/);
});

test("a file without a test fails its folder", () => {
  const copy = copyRunner({
    "folder/a.test.ts": 'test("a", () => {}); test.run();',
    "folder/b.test.ts": "test.run();",
  });
  const { status, stdout } = spawnSync(process.execPath, [copy], { encoding: "utf8" });
  assert.is(status, 1);
  assert.match(stdout, "a file of this process has no tests");
});

test("a test is compiled again when it or the JSON it imports is another, whatever its time", () => {
  const name = "folder/a.test.ts";
  const text = (passes: boolean, end: string) =>
    `import data from "./data.json" with { type: "json" };${end}test("a", () => { if (data !== 1 || ${!passes}) throw new Error(); }); test.run();`;
  const copy = copyRunner({ [name]: text(true, "") });
  const data = join(dirname(copy), "folder/data.json");
  const statusOf = () => spawnSync(process.execPath, [copy], { encoding: "utf8" }).status;
  writeFileSync(data, "1");
  assert.is(statusOf(), 0);
  writeFileSync(data, "22");
  assert.is(statusOf(), 1);
  writeFileSync(data, "1");
  assert.is(statusOf(), 0);
  const file = join(dirname(copy), name);
  writeFileSync(file, `import { test } from "uvu";\n${text(false, ";")}\n`);
  utimesSync(file, 1e9, 1e9);
  assert.is(statusOf(), 1);
});

test("a first line that says something unknown of the run is refused", () => {
  const copy = copyRunner({ "good.test.ts": 'test("a", () => {}); test.run();' });
  writeFileSync(join(dirname(copy), "slow.test.ts"), "// run: both, slowly\n");
  const { status, stdout, stderr } = spawnSync(process.execPath, [copy, "good"], { encoding: "utf8" });
  assert.is(status, 1);
  assert.match(
    stderr,
    'slow.test.ts: its first line says "slowly" of its run, expected both, newer-node, wide, slow, alone, first',
  );
  assert.is(stdout, "");
});

test.run();
