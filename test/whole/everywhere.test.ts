// run: first
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Environment, NotTried } from "../everywhere/environment.ts";
import { environments } from "../everywhere/environments.ts";
import { runCommand } from "../everywhere/project.ts";
import { outcome, reportHere } from "../everywhere/report.ts";
import { type Row, runEnvironments } from "../everywhere/run.ts";
import { formatTable } from "../everywhere/table.ts";
import { until } from "../support/patience.ts";

// The environments that take seconds; `npm run test:everywhere` tries them all.

// Not in a hook: uvu keeps the error of a hook to itself.
const quick = environments.filter((environment) => environment.quick);
const rows = await runEnvironments(quick, { log: console.log, timeLimit: 1500 });

for (const { environment, works, threads, reason, error } of rows) {
  test(`it works in ${environment}`, () => {
    assert.is(works, "yes", error ?? reason);
    const isAlone = environment.endsWith("without headers");
    // Types run on none.
    assert.is(threads, environment.startsWith("TypeScript") ? undefined : isAlone ? 1 : 2, reason);
    if (isAlone)
      assert.match(reason!, /"Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder/);
  });
}

test("no two environments have the same name", () => {
  const names = environments.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
});

test("one bit that is another, and an environment does not work", async () => {
  const report = await reportHere();
  assert.equal(await outcome("1", `warm-up\nlatentflow: ${JSON.stringify(report)}\n`), {
    version: "1",
    threads: 1,
  });
  const withX = (x: readonly number[]) => JSON.stringify({ ...report, bits: { ...report.bits, x } });
  const { x } = report.bits;
  const message = /^other numbers than in Node: x\[5\] is 0\.\d+, expected 0\.\d+/;
  await rejected(outcome("1", withX(x.map((bits, i) => (i === 5 ? bits ^ 1 : bits)))), message);
  await rejected(outcome("1", withX(x.slice(1))), /other numbers/);
  await rejected(outcome("1", withX([...x, 0])), /other numbers .*97 numbers, expected 96/);
  await rejected(outcome("1", "nothing"), /^no report in what it printed:\nnothing/);
  await rejected(outcome("1", '{"error":"no memory"}'), /^the program failed: no memory/);
});

test("what throws does not work, what cannot be had is not tried, and the table says so", async () => {
  const environment = (name: string, run: Environment["run"]): Environment => ({ name, run });
  const made = await runEnvironments([
    environment("A", async () => ({ version: "1.2", threads: 2 })),
    environment("B", () => Promise.reject(new Error("tool ended with code 1\nBuilding\nError: a | b"))),
    environment("C", () => Promise.reject(new NotTried("there is none"))),
  ]);
  assert.is(
    formatTable(made),
    [
      "| environment | version | works | threads | reason |",
      "|---|---|---|---|---|",
      "| A | 1.2 | yes | 2 |  |",
      "| B |  | no |  | tool ended with code 1: Error: a \\| b |",
      "| C |  | not tried |  | there is none |",
    ].join("\n"),
  );
  assert.equal(
    made.map(({ error }: Row) => error),
    [undefined, "tool ended with code 1\nBuilding\nError: a | b", undefined],
  );
});

test("what takes too long is ended, with all that it has started", async () => {
  const pids: number[] = [];
  const start =
    'require("node:child_process").spawn(process.execPath, ["-e", "setInterval(Date, 1000)"]).pid';
  const program = `fs.writeFileSync("pids", process.pid + " " + ${start}); setInterval(Date, 1000);`;
  const hanging: Environment = {
    name: "hanging",
    async run(context) {
      const running = runCommand(context, "node", ["--eval", program]);
      const file = join(context.folder, "pids");
      while (!existsSync(file) || !readFileSync(file, "utf8")) await delay(20);
      pids.push(...readFileSync(file, "utf8").split(" ").map(Number));
      return { version: await running, threads: undefined };
    },
  };
  // The limit is over when both processes are there.
  const { setTimeout } = globalThis;
  const limited = (call: () => void, time?: number) =>
    time === 1234_000 ? void until(() => pids.length === 2).then(call) : setTimeout(call, time);
  Object.assign(globalThis, { setTimeout: limited });
  const [row] = await runEnvironments([hanging], { timeLimit: 1234 }).finally(() =>
    Object.assign(globalThis, { setTimeout }),
  );
  assert.is(row!.works, "no");
  assert.is(row!.reason, "it took longer than 1234 s");
  // The kernel takes a moment.
  for (const pid of pids) await until(() => !isRunning(pid), `process ${pid} is running`);
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function rejected(promise: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, Error);
  assert.match((error as Error).message, message);
}

test.run();
