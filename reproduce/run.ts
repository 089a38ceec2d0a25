import { type ChildProcess, fork } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Kept, Settings } from "./element.ts";
import { elements, jobsOf } from "./elements.ts";
import { Store } from "./store.ts";
import type { Answer, Order } from "./worker.ts";

/** Where things go. */
export interface Folders {
  /** The pages, and the results in a folder within. */
  readonly pages: string;
  /** What only a killed run leaves behind. */
  readonly scratch: string;
}

interface Task {
  readonly element: string;
  readonly id: string;
  readonly seconds: number;
}

/**
 * Runs the jobs whose results are not there yet, some at a time, each in a process and on a core of its own. What a job
 * has found is kept as soon as it is done.
 *
 * @param names of elements
 * @param say called with lines about the progress
 * @returns the messages of jobs that failed
 */
export async function runJobs(
  names: readonly string[],
  settings: Settings,
  folders: Folders,
  { processes, signal, say }: { processes: number; signal: AbortSignal; say: (line: string) => void },
): Promise<string[]> {
  const stores = new Map(names.map((name) => [name, new Store(folders.pages, name, settings)]));
  const all = elements
    .filter(({ name }) => names.includes(name))
    .flatMap((element) =>
      jobsOf(element, settings).map(({ id, seconds }): Task => ({ element: element.name, id, seconds })),
    );
  const left = all.filter(({ element, id }) => !stores.get(element)!.has(id));
  const total = left.reduce((sum, { seconds }) => sum + seconds, 0);
  say(`${all.length - left.length} of ${all.length} jobs are done${rest()}`);

  /** What is to be done, and how long that takes: of a quick run it is not known before something of it is done. */
  function rest(): string {
    if (left.length === 0)
      return `: ${folders.pages}/results has them; to compute them anew give another --out`;
    const time = settings.quick ? "" : `: about ${showTime(total / processes)} (h:mm:ss)`;
    return `, ${left.length} to go${time}`;
  }

  const start = performance.now();
  const shares = new Map<Task, number>();
  const failures: string[] = [];
  let done = all.length - left.length;

  function fail(task: Task, message: string): void {
    failures.push(`${task.element}: ${task.id}: ${message}`);
    say(`failed: ${task.element}: ${task.id}: ${message.split("\n")[0]}`);
  }

  /** Whether it could be. */
  async function keep(task: Task, kept: Kept<unknown>): Promise<boolean> {
    try {
      await stores.get(task.element)!.add(task.id, kept);
      return true;
    } catch (error) {
      fail(task, String(error));
      return false;
    }
  }

  /** Takes jobs until there are none. */
  async function work(): Promise<void> {
    let worker = startWorker();
    const end = () => worker.child.kill("SIGKILL");
    signal.addEventListener("abort", end);
    for (let task = left.shift(); task && !signal.aborted; task = left.shift()) {
      const current = task;
      const { element, id } = current;
      if (!worker.isAlive()) worker = startWorker();
      const folder = join(folders.scratch, element, id.replaceAll(/[^\w-]+/g, "_"));
      const order = { element, id, settings, folder };
      const answer = await worker.run(order, {
        progress: (share) => shares.set(current, share),
        soFar: (kept) => void keep(current, kept),
      });
      if (answer.kind === "failed") {
        if (signal.aborted) break;
        fail(current, answer.message);
        continue;
      }
      const { kept } = answer;
      if (!(await keep(current, kept))) continue;
      // Only now: what it would go on from is not needed any more.
      rmSync(folder, { recursive: true, force: true });
      done++;
      shares.set(current, 1);
      const gone = (performance.now() - start) / 1000;
      const worked = [...shares].reduce((sum, [one, share]) => sum + share * one.seconds, 0);
      const secondsLeft = (gone / worked) * (total - worked);
      const time = `${showTime(gone)} gone, about ${showTime(secondsLeft)} left`;
      say(`${time}; ${done} of ${all.length} done: ${element}: ${id}, ${Math.round(kept.seconds)} s`);
    }
    signal.removeEventListener("abort", end);
    end();
  }
  await Promise.all(Array.from({ length: Math.min(processes, left.length) }, work));
  return failures;
}

type LastAnswer = Extract<Answer, { kind: "done" | "failed" }>;

function startWorker() {
  // Beside the script that runs, main.ts or what the tests have compiled it to.
  const path = process.argv[1]!.replace(/main(?=\.ts(\.js)?$)/, "worker");
  const child: ChildProcess = fork(path, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  let isAlive = true;
  const end = () => {
    isAlive = false;
  };
  child.once("exit", end);
  // It could not be started, or what it was sent did not arrive.
  child.on("error", end);
  return {
    child,
    isAlive: () => isAlive,
    /** Settles also when the process dies. */
    run(order: Order, on: { progress(share: number): void; soFar(kept: Kept<unknown>): void }) {
      return new Promise<LastAnswer>((resolve) => {
        const settle = (answer: LastAnswer) => {
          child.off("message", onMessage);
          child.off("exit", onExit);
          child.off("error", onError);
          resolve(answer);
        };
        const onMessage = (answer: Answer) => {
          if (answer.kind === "progress") on.progress(answer.share);
          else if (answer.kind === "soFar") on.soFar(answer.kept);
          else settle(answer);
        };
        const onExit = (code: number | null, cause: string | null) =>
          settle({ kind: "failed", message: `its process ended with ${cause ?? `exit code ${code}`}` });
        const onError = (error: Error) => settle({ kind: "failed", message: String(error) });
        child.on("message", onMessage);
        child.on("exit", onExit);
        child.on("error", onError);
        child.send(order);
      });
    },
  };
}

/** Seconds as h:mm:ss. */
function showTime(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}
