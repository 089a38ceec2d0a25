// run: alone
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compiledPath, compileModules } from "../support/compile.mjs";
import { PATIENCE, timed, until } from "../support/patience.ts";
import { runFile } from "../support/run-file.mjs";
import { findTestFiles } from "../support/test-files.mjs";
import { GROUPS, hashGroups } from "../support/unchanged.mjs";

// In the project's folder, so that the files find uvu.
const folder = mkdtempSync("build/runner-test-");
test.after(() => rmSync(folder, { recursive: true }));

/** Runs a test file with this text after the import of uvu. */
function run(text: string, longestSilence = PATIENCE / 1000) {
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
  assert.match((await runFile(["./no-such-program"], PATIENCE / 1000)).problem, "ENOENT");
});

/** Runs a shell's words in place of a test file: a shell starts at once, so that its silences are its own. */
const runWords = (words: string, longestSilence: number) => runFile(["sh", "-c", words], longestSilence);
// Side by side, since they wait. What two of them start keeps the output open: if it lived on, so would the run.
const [silent, talking, told] = await Promise.all([
  run(
    `import { spawn } from "node:child_process";
    test("a", () => new Promise(() => spawn("sleep", ["600"], { stdio: "inherit" })));
    test.run();`,
    1,
  ),
  runWords(
    `for i in 1 2 3 4 5; do sleep 2; echo "$i"; done; printf '  Total: 5\\n  Passed: 5\\n  Skipped: 0\\n'`,
    9,
  ),
  runWords(`setsid sleep 600 & child=$!; trap 'kill "$child"' TERM; wait`, 10),
]);

test("a silent file is ended with what it started", () => {
  assert.equal([silent.failed, silent.problem], [1, "printed nothing for 1 s"]);
  assert.ok(silent.seconds < 300);
});

test("a file that prints may take longer than the silence that is allowed", () => {
  assert.equal([talking.passed, talking.problem], [5, ""]);
  assert.ok(talking.seconds > 9);
});

test("it is told to end first, so that it can end what is in a group of its own, as a browser is", () => {
  assert.is(told.problem, "printed nothing for 10 s");
  assert.ok(told.seconds < 300);
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
function copyRunner(
  files: Readonly<Record<string, string>>,
  own = mkdtempSync(join(folder, "copy-")),
): string {
  cpSync("test/run.mjs", join(own, "run.mjs"));
  cpSync("test/support", join(own, "support"), { recursive: true, filter: (file) => !file.endsWith(".ts") });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(own, name)), { recursive: true });
    const [, run = "", code = ""] = /^(\/\/ run: .*\n)?(.*)$/s.exec(text) ?? [];
    writeFileSync(join(own, name), `${run}import { test } from "uvu";\n${code}\n`);
  }
  return join(own, "run.mjs");
}

const passing = (name: string) => `test("${name}", () => {});`;
const copy = copyRunner({
  "good.test.ts": `${passing("a")} test.run();`,
  "shared/a.test.ts": `globalThis.shared = 1; ${passing("a")} ${passing("b")} test.run();`,
  "shared/b.test.ts": 'test("c", () => { if (globalThis.shared !== 1) throw new Error(); }); test.run();',
  "shared/c.test.ts": `// run: slow\n${passing("d")} test.run();`,
  "shared/alone.test.ts":
    '// run: alone\ntest("e", () => { if ("shared" in globalThis) throw new Error(); }); test.run();',
  "forgetful/a.test.ts": `${passing("a")} test.run();`,
  "forgetful/b.test.ts": passing("b"),
  "empty/a.test.ts": `${passing("a")} test.run();`,
  "empty/b.test.ts": "test.run();",
});
const runRunner = (runner: string, ...args: string[]) =>
  spawnSync(process.execPath, [runner, ...args], { encoding: "utf8" });
const runCopy = (...args: string[]) => runRunner(copy, ...args);
const all = runCopy();

test("the last line has the counts and the exit code says whether any test failed", () => {
  assert.match(all.stdout, /\n6 passed, 2 failed\n$/);
  assert.match(all.stdout, /^[123] of 9: .*\n(?:.*\n)*9 of 9: /m);
  assert.is(all.status, 1);
  const one = runCopy("good");
  assert.match(one.stdout, /\n1 passed, 0 failed\n$/);
  assert.is(one.status, 0);
});

test("files of one folder share a process, in which each has its own tests", () => {
  assert.match(all.stdout, /^\d of 9: passed shared \(3 files\) on Node .*: 4 tests/m);
  assert.match(all.stdout, /^\d of 9: passed shared\/alone\.test\.ts on Node .*: 1 tests/m);
  const quick = runCopy("--quick");
  assert.match(quick.stdout, /^\d of 7: passed shared \(2 files\) on Node .*: 3 tests/m);
  assert.not.match(quick.stdout, "alone");
});

test("the files that took longest are named, those that share a process too", () => {
  const [, named = ""] = /^slowest: (.*)$/m.exec(all.stdout) ?? [];
  assert.is(named.split(", ").length, 5);
  assert.match(all.stdout, /^ {2}Took: \d+\.\d s empty\/a\.test\.ts$/m);
  assert.match(named, /\w+\/\w+\.test\.ts on Node v[\d.]+(?: --\S+)* \(\d+\.\d s\)/);
});

test("how long each took is kept, for the order of the next run", () => {
  const times = JSON.parse(readFileSync(join(folder, "build/test/times.json"), "utf8"));
  const names = Object.keys(times).map((name) => name.replace(/ on Node .*/, ""));
  for (const name of ["shared (3 files)", "shared/alone.test.ts", "good.test.ts (1 files)"]) {
    assert.ok(names.includes(name), `${name} among ${names.join(", ")}`);
  }
});

test("a file that forgets test.run() fails its folder, by its name", () => {
  assert.match(all.stdout, /^\d of 9: FAILED forgetful \(2 files\)/m);
  assert.match(all.stdout, /forgetful\/b\.test\.ts has no tests to run: is test\.run\(\) missing\?/);
});

test("a file without a test fails its folder", () => {
  assert.match(all.stdout, /^\d of 9: FAILED empty \(2 files\)/m);
  assert.match(all.stdout, "a file of this process has no tests");
});

test("tests of a tool are left out once all have passed, until the tool, a test of it or Node is another", () => {
  const root = mkdtempSync(join(folder, "tools-"));
  const write = (file: string, text: string) => writeFileSync(join(root, file), text);
  const files = {
    "a.test.ts": `${passing("a")} test.run();`,
    "bench/b.test.ts": `${passing("b")} test.run();`,
  };
  const runner = copyRunner(files, join(root, "test"));
  const runs = (...args: string[]) => runRunner(runner, ...args).stdout;
  /** Of the two tests, how many ran. */
  const ran = (...args: string[]) => Number(/^(\d) passed/m.exec(runs(...args))![1]);
  mkdirSync(join(root, "bench"));
  write("bench/rig.ts", "1");
  write(".gitignore", "build/\n");
  assert.equal([ran(), ran()], [2, 2], "without git");
  spawnSync("git", ["init", "--quiet", root]);
  write("test/a.test.ts", "throw new Error()");
  ran();
  write("test/a.test.ts", `import { test } from "uvu"; ${files["a.test.ts"]}`);
  assert.equal([ran(), ran("--all")], [2, 2], "one had failed");
  assert.match(
    runs(),
    /^not run, unchanged since all tests passed: bench \(1 files\); --all runs them\n1 of 1: /,
  );
  assert.is(ran("bench"), 1, "asked for by name");
  write("bench/rig.ts", "2");
  assert.equal([ran(), ran()], [2, 1], "the tool is another");
  rmSync(join(root, "bench/rig.ts"));
  assert.is(ran(), 2, "a file of the tool is gone");
  write("test/bench/b.test.ts", `import { test } from "uvu"; ${passing("b")} ${passing("c")} test.run();`);
  assert.is(ran(), 3, "the test is another");
  const { version } = process;
  const hash = hashGroups(root).bench;
  Object.defineProperty(process, "version", { value: "v0.0.0" });
  assert.is.not(hashGroups(root).bench, hash, "Node is another");
  Object.defineProperty(process, "version", { value: version });
});

test("a group of tests has the tools that they import among what it tests", () => {
  for (const [group, { tests, of }] of Object.entries(GROUPS)) {
    const files = findTestFiles("test").filter(({ name }) => tests.some((start) => name.startsWith(start)));
    assert.ok(files.length > 0, group);
    for (const path of of) assert.ok(existsSync(path) || existsSync(`${path}.md`), `${group}: ${path}`);
    for (const { name } of files) {
      const text = readFileSync(join("test", name), "utf8");
      const imports = [...text.matchAll(/ from "(\.[^"]+)"/g)].map(([, path]) =>
        join("test", dirname(name), path!),
      );
      const tools = imports.filter((path) => !/^(src\/|test\/|package\.json)/.test(path));
      for (const tool of tools)
        assert.ok(
          of.some((path) => tool.startsWith(path)),
          `${name} imports ${tool}`,
        );
    }
  }
});

test("a module is compiled again when it or the JSON it imports is another, whatever its time", async () => {
  const own = resolve(mkdtempSync(join(folder, "compiled-")));
  const write = (name: string, text: string) => writeFileSync(join(own, "test", name), text);
  const module = (value: string) =>
    `import data from "./data.json" with { type: "json" };\nexport const value = ${value};\n`;
  let count = 0;
  const compiled = async () => {
    await compileModules(own, "test");
    const { value } = await import(`${pathToFileURL(compiledPath(own, "test/a.ts"))}?${count++}`);
    return value;
  };
  mkdirSync(join(own, "test"));
  write("a.ts", module("data"));
  write("data.json", "1");
  assert.is(await compiled(), 1);
  write("data.json", "22");
  assert.is(await compiled(), 22);
  write("data.json", "1");
  assert.is(await compiled(), 1);
  write("a.ts", module("-data"));
  utimesSync(join(own, "test/a.ts"), 1e9, 1e9);
  assert.is(await compiled(), -1);
});

test("a first line that says something unknown of the run is refused", () => {
  const file = join(dirname(copy), "slow.test.ts");
  writeFileSync(file, "// run: both, slowly\n");
  const { status, stdout, stderr } = runCopy("good");
  rmSync(file);
  assert.is(status, 1);
  assert.match(
    stderr,
    'slow.test.ts: its first line says "slowly" of its run, expected both, newer-node, revectorize, slow, alone, first',
  );
  assert.is(stdout, "");
});

test("what a test waits for is so when it goes on, however late, and work is timed in seconds of the processor", async () => {
  let looks = 0;
  const end = performance.now() + 200;
  await until(() => ++looks > 20 && performance.now() > end);
  assert.ok(looks > 20 && performance.now() > end);
  const [value, busy] = await timed(async () => {
    // Waiting takes no time of the processor.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const start = process.cpuUsage();
    let { user, system } = { user: 0, system: 0 };
    while (user + system < 100_000) ({ user, system } = process.cpuUsage(start));
    return user + system;
  });
  assert.type(value, "number");
  assert.ok(busy > 0.1 && busy < 0.9, `${busy} s`);
});

test.run();
