import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packPackage } from "../support/installed-package.ts";
import { findNode } from "../support/runtimes.mjs";
import { type Context, type Environment, NotTried } from "./environment.ts";

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
  /** In seconds, for each environment; default 300. */
  readonly timeLimit?: number;
}

const AT_ONCE = 2;
/** In seconds: what an environment has to end what it has started. */
const GRACE = 10;

/** Packs the package as it is built, and tries it in every environment given. Rows come in the same order. */
export async function runEnvironments(
  environments: readonly Environment[],
  { log = () => {}, keep = false, timeLimit = 300 }: RunOptions = {},
): Promise<Row[]> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "latentflow-everywhere-")));
  const remove = () => rmSync(root, { recursive: true, force: true, maxRetries: 3 });
  // Told to end, it does: what it has started is ended, and its folder removed, as the process exits.
  const end = () => process.exit(1);
  process.once("SIGINT", end).once("SIGTERM", end);
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
        const row = await runOne(environment, { folder, tarball, log, timeLimit });
        rows[index] = row;
        log(`${row.environment}: ${said(row)} (${row.seconds.toFixed(1)} s)`);
        if (!keep) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return rows;
  } finally {
    process.off("SIGINT", end).off("SIGTERM", end);
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

type Call = Pick<Context, "folder" | "tarball" | "log"> & { readonly timeLimit: number };

async function runOne(environment: Environment, { folder, tarball, log, timeLimit }: Call): Promise<Row> {
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
    const {
      version,
      threads,
      reason = "",
    } = await limited(timeLimit, controller, async () => {
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
async function limited<T>(seconds: number, controller: AbortController, work: () => Promise<T>): Promise<T> {
  const timers: NodeJS.Timeout[] = [];
  const givenUp = new Promise<never>((_, reject) => {
    const abort = () => {
      controller.abort();
      timers.push(setTimeout(reject, GRACE * 1000));
    };
    timers.push(setTimeout(abort, seconds * 1000));
  });
  try {
    return await Promise.race([work(), givenUp]);
  } catch (error) {
    // What was ended fails in some way of its own.
    throw controller.signal.aborted ? new Error(`it took longer than ${seconds} s`) : error;
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

const MOST_CHARACTERS = 240;

/** The line of an error that says the most: the first, and the first below that speaks of an error. */
function shortened(message: string): string {
  const [first = "", ...rest] = message.split("\n").map((line) => line.trim());
  const cause = rest.find((line) => /error|fail|cannot|unable/i.test(line));
  const line = cause === undefined ? first : `${first}: ${cause}`;
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS - 1)}…` : line;
}
