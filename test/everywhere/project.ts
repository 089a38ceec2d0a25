import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import type { Context } from "./environment.ts";

const sources = fileURLToPath(new URL("projects", import.meta.url));

/**
 * Fills the environment's folder with the files of projects/NAME and the program, and installs the package and others
 * there.
 *
 * @param name the folder's in projects/; undefined for one without files of its own
 * @param packages as npm takes them, "vite@8"
 */
export async function makeProject(
  context: Context,
  name: string | undefined,
  packages: readonly string[] = [],
): Promise<void> {
  const { folder, tarball } = context;
  if (name) cpSync(join(sources, name), folder, { recursive: true });
  const file = join(folder, "package.json");
  if (!existsSync(file)) writeFileSync(file, JSON.stringify({ private: true, type: "module" }));
  placeProgram(folder);
  context.log(`installs ${["the package", ...packages].join(", ")}`);
  if (packages.length > 0) return install(context, [tarball, ...packages]);
  const modules = "node_modules";
  cpSync(join(await installedAlone(context), modules), join(folder, modules), { recursive: true });
}

async function install(context: Context, packages: readonly string[]): Promise<void> {
  // Without the packages' scripts: they would download what comes with the packages for most platforms anyway.
  const options = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", "--loglevel=error"];
  await runCommand(context, "npm", ["install", ...options, ...packages]);
}

/** Folders in which the package alone is installed, by its tarball. */
const alone = new Map<string, Promise<string>>();

/** A folder with the package alone, installed once for all projects that want no other: npm takes a second each time. */
function installedAlone(context: Context): Promise<string> {
  const { tarball } = context;
  const before = alone.get(tarball);
  if (before) return before;
  const folder = join(dirname(tarball), "installed");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
  const installing = install({ ...context, folder }, [tarball]).then(() => folder);
  alone.set(tarball, installing);
  // An installation ends with the time of the environment that wanted it first.
  installing.catch(() => alone.delete(tarball));
  return installing;
}

/**
 * Writes the program that all environments run into a folder.
 *
 * @param format "cjs" for program.cjs, which requires the package
 */
export function placeProgram(folder: string, format: "esm" | "cjs" = "esm"): void {
  const program = readFileSync(join(sources, "program.js"), "utf8");
  mkdirSync(folder, { recursive: true });
  if (format === "esm") writeFileSync(join(folder, "program.js"), program);
  else writeFileSync(join(folder, "program.cjs"), transformSync(program, { format }).code);
}

/** The version of a package that is installed in the project. */
export function versionOf({ folder }: Pick<Context, "folder">, name: string): string {
  return JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8")).version;
}

interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the project's folder. */
  readonly cwd?: string;
}

/**
 * Runs a program in the project on the environment's Node; the installed ones are found by their names.
 *
 * @returns what it printed, standard error after standard output
 * @throws Error with what it printed, when it ends with anything but 0
 */
export async function runCommand(
  context: Context,
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const command = start(context, program, args, options);
  const reason = await command.ended;
  if (reason) throw new Error(`${[program, ...args].join(" ")} ${reason}\n${tail(command.output())}`);
  return command.output();
}

/** A tool's own server, by its command and by the address that it then serves. */
export interface Server {
  readonly command: readonly [string, ...string[]];
  /** "http://127.0.0.1:4000/" */
  readonly address: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts a server in the project, waits until it answers, asks it, and stops it.
 *
 * @throws Error with what it has printed, where it ends before or where `ask` throws
 */
export async function withServer<T>(
  context: Context,
  { command: [program, ...args], address, env = {} }: Server,
  ask: () => Promise<T>,
): Promise<T> {
  const server = start(context, program, args, { env });
  let end: string | undefined;
  server.ended.then((reason) => {
    end = reason ?? "has ended";
  });
  try {
    while (!(await answers(address, context.signal))) {
      if (end !== undefined) throw new Error(`${[program, ...args].join(" ")} ${end}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return await ask();
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${tail(server.output())}`);
  } finally {
    server.stop();
    await server.ended;
  }
}

/** Whether there is any answer, of whatever status. */
async function answers(address: string, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  try {
    await (await fetch(address, { signal })).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

function start(
  { folder, node, signal }: Context,
  program: string,
  args: readonly string[],
  { env, cwd = folder }: CommandOptions,
) {
  signal.throwIfAborted();
  const path = [join(folder, "node_modules/.bin"), dirname(node), process.env.PATH ?? ""].join(delimiter);
  const child = spawn(program === "node" ? node : program, args, {
    cwd,
    // A group of its own, so that what it starts goes with it.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...ownEnvironment(), PATH: path, ...env },
  });
  const stop = () => stopGroup(child);
  signal.addEventListener("abort", stop);
  process.on("exit", stop);
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
    });
  }
  const ended = new Promise<string | undefined>((resolve) => {
    child.on("error", (error) => resolve(`could not be started: ${error.message}`));
    child.on("close", (code, name) =>
      resolve(code === 0 ? undefined : `ended with ${name ?? `code ${code}`}`),
    );
  });
  ended.then(() => {
    signal.removeEventListener("abort", stop);
    process.off("exit", stop);
  });
  return { ended, stop, output: () => [printed.stdout, printed.stderr].filter(Boolean).join("\n") };
}

/** This process's environment without what npm and tsx have said about this project. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|command|execpath)|NODE_(ENV|OPTIONS|PATH)$|INIT_CWD$)/i.test(name),
  );
  const quiet = ["NEXT", "NUXT", "ASTRO"].map((name) => [`${name}_TELEMETRY_DISABLED`, "1"]);
  return { ...Object.fromEntries([...kept, ...quiet]), CI: "1", NO_COLOR: "1", DO_NOT_TRACK: "1" };
}

function stopGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It had just ended.
  }
}

const MOST_LINES = 40;

function tail(text: string): string {
  return text.trim().split("\n").slice(-MOST_LINES).join("\n");
}
