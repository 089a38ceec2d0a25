import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packPackage } from "../support/installed-package.ts";
import { findNode } from "../support/runtimes.mjs";
import { type Environment, NotTried } from "./environment.ts";

/** What became of an environment: a row of the table. */
export interface Row {
  readonly environment: string;
  readonly version: string;
  readonly works: "yes" | "no" | "not tried";
  readonly threads: number | undefined;
  /** Why it was one thread, why it does not work in a line, or why it was not tried. */
  readonly reason: string;
  /** Where it does not work: all that is known of it. */
  readonly error?: string;
  readonly seconds: number;
}

export interface RunOptions {
  /** Called with lines about how far it is. */
  readonly log?: (line: string) => void;
  /** Leaves the projects' folders where they are, and says where. */
  readonly keep?: boolean;
}

const AT_ONCE = 2;
/** In seconds, for each environment. */
const TIME_LIMIT = 300;
/** In seconds: what an environment has to end what it has started. */
const GRACE = 10;

/** Packs the package as it is built, and tries it in every environment given. Rows come in the same order. */
export async function runEnvironments(
  environments: readonly Environment[],
  { log = () => {}, keep = false }: RunOptions = {},
): Promise<Row[]> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "latentflow-everywhere-")));
  const remove = () => rmSync(root, { recursive: true, force: true, maxRetries: 3 });
  if (!keep) process.once("exit", remove);
  try {
    const tarball = packPackage(join(root, "packed"));
    const rows: Row[] = [];
    const waiting = [...environments.entries()];
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const [index, environment] = next;
        const folder = join(root, `${index}`);
        mkdirSync(folder);
        if (keep) log(`${environment.name}: in ${folder}`);
        const row = await runOne(environment, folder, tarball, log);
        rows[index] = row;
        log(`${row.environment}: ${said(row)} (${row.seconds.toFixed(1)} s)`);
        if (!keep) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return rows;
  } finally {
    if (!keep) {
      process.off("exit", remove);
      remove();
    }
  }
}

function said({ works, threads, reason, error }: Row): string {
  if (works === "yes") return `works${threads === undefined ? "" : ` on ${threads}`}`;
  return `${works === "no" ? "does not work" : works}: ${error ?? reason}`;
}

async function runOne(
  environment: Environment,
  folder: string,
  tarball: string,
  log: (line: string) => void,
): Promise<Row> {
  const { name, node = 20 } = environment;
  const started = performance.now();
  const controller = new AbortController();
  const { signal } = controller;
  const row = (result: Omit<Row, "environment" | "seconds">): Row => ({
    environment: name,
    ...result,
    seconds: (performance.now() - started) / 1000,
  });
  try {
    const { version, threads, reason = "" } = await limited(controller, async () => {
      const context = { folder, tarball, node: await findNode(node), signal };
      return environment.run({ ...context, log: (line) => log(`${name}: ${line}`) });
    });
    return row({ version, works: "yes", threads, reason });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const nothing = { version: "", threads: undefined, reason: shortened(message) };
    return error instanceof NotTried
      ? row({ ...nothing, works: "not tried" })
      : row({ ...nothing, works: "no", error: message });
  }
}

/** Ends work that takes longer than the limit, and does not wait for long until it has ended. */
async function limited<T>(controller: AbortController, work: () => Promise<T>): Promise<T> {
  const timers: NodeJS.Timeout[] = [];
  const after = (seconds: number) =>
    new Promise<void>((resolve) => timers.push(setTimeout(resolve, seconds * 1000)));
  const working = work();
  const tooLong = after(TIME_LIMIT).then(async () => {
    controller.abort();
    await Promise.race([working.catch(() => {}), after(GRACE)]);
    throw new Error(`it took longer than ${TIME_LIMIT} s`);
  });
  try {
    return await Promise.race([working, tooLong]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

const MOST_CHARACTERS = 160;

function shortened(message: string): string {
  const line = message.split("\n").find((text) => text.trim()) ?? "";
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS - 1)}…` : line;
}
