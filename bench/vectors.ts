// npm run bench:vectors -- --node 24 --runs 6 --seconds 10
//
// What 256-bit vectors make of plain SIMD, by V8's flag and the build with tiles for them: arithmetic vector instructions in the
// innermost loops of each function, whether V8 makes the same code in each run, and the gain of each kernel over the plain
// build. Times are the least of many short runs, in processes with and without the flag by turns, so that another program on
// the machine changes them little.
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { REVECTORIZE } from "../src/cli/vectors.ts";
import { findNode } from "../test/support/runtimes.mjs";
import { type OptimisedCode, optimisedCodes } from "./machine-code.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    node: { type: "string", default: "24" },
    runs: { type: "string", default: "6" },
    seconds: { type: "string", default: "10" },
  },
});
const node = await findNode(Number(values.node));
const folder = mkdtempSync(join(tmpdir(), "latentflow-vectors-"));
try {
  const { file, names } = compileNamed(join(folder, "named.wasm"));
  reportInstructions(file, names);
  reportRuns(names, Number(values.runs));
} finally {
  rmSync(folder, { recursive: true });
}

/** Compiles the build for 256-bit vectors with the names of its functions, which the one that is published lacks. */
function compileNamed(file: string): { file: string; names: string[] } {
  run(process.execPath, [
    "node_modules/assemblyscript/bin/asc.js",
    "--target",
    "plain-wide",
    "--debug",
    "-o",
    file,
  ]);
  const module = new WebAssembly.Module(readFileSync(file));
  return { file, names: readNames(new Uint8Array(WebAssembly.Module.customSections(module, "name")[0]!)) };
}

/** Instructions of all functions, optimised one by one as they are compiled. */
function reportInstructions(file: string, names: readonly string[]): void {
  const optimise = ["--no-liftoff", "--no-wasm-lazy-compilation", "--print-wasm-code"];
  const print = run(node, [REVECTORIZE, ...optimise, "bench/compile-module.mjs", file]);
  const codes = [...optimisedCodes(print)].filter(({ wide, narrow }) => wide + narrow > 0);
  console.log(`Node ${values.node}: vector instructions in innermost loops`);
  console.log("256 bits   128 bits   function");
  const lines = codes.map((code) => ({ ...code, name: nameOf(code, names) }));
  lines.sort((a, b) => b.wide - a.wide || a.name.localeCompare(b.name));
  for (const { wide, narrow, name } of lines) {
    console.log(`${String(wide).padStart(8)}   ${String(narrow).padStart(8)}   ${name}`);
  }
}

/** Machine code and times of several runs, in which V8 optimises what turns out to be hot. */
function reportRuns(names: readonly string[], count: number): void {
  const versions = new Map<string, Set<string>>();
  const least = { wide: new Map<string, number>(), narrow: new Map<string, number>() };
  for (let i = 0; i < count; i++) {
    // With one task for compiling, prints do not mix.
    const flags = ["--print-wasm-code", "--wasm-num-compilation-tasks=1"];
    const print = timedRun([REVECTORIZE, ...flags], least.wide);
    const latest = new Map([...optimisedCodes(print)].map((code) => [nameOf(code, names), code]));
    for (const [name, { wide, text }] of latest) {
      if (wide > 0) versions.set(name, (versions.get(name) ?? new Set()).add(text));
    }
    timedRun(flags, least.narrow);
  }
  console.log(`\nmachine codes of a function with 256-bit loops in ${count} runs`);
  for (const [name, texts] of versions) console.log(`${String(texts.size).padStart(8)}   ${name}`);
  console.log("\n128 bits, µs   256 bits, µs   gain   kernel");
  for (const [name, narrow] of least.narrow) {
    const wide = least.wide.get(name)!;
    const cells = [(1000 * narrow).toFixed(2).padStart(12), (1000 * wide).toFixed(2).padStart(12)];
    console.log(`${cells.join("   ")}   ${(narrow / wide).toFixed(2)}   ${name}`);
  }
}

/** Runs the child; returns what V8 printed, and keeps the least times. */
function timedRun(flags: readonly string[], least: Map<string, number>): string {
  const print = run(node, [...flags, "--import", "tsx", "bench/vectors-child.ts", values.seconds]);
  const times: Record<string, number> = JSON.parse(/^\{.*\}$/m.exec(print)?.[0] ?? "{}");
  for (const [name, time] of Object.entries(times)) least.set(name, Math.min(time, least.get(name) ?? time));
  return print;
}

function nameOf({ index }: OptimisedCode, names: readonly string[]): string {
  return (names[index] ?? `function ${index}`).replace("assembly/", "");
}

/** Runs a program; returns what it printed. By a file: a pipe that Node has opened drops what V8 prints too fast. */
function run(command: string, args: readonly string[]): string {
  const file = join(folder, "print.txt");
  const descriptor = openSync(file, "w");
  const { stderr, status } = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", descriptor, "pipe"],
  });
  closeSync(descriptor);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: exit code ${status}\n${stderr}`);
  return readFileSync(file, "utf8");
}

/** Names of functions by index, of a section "name" (WebAssembly's core specification, appendix "Name Section"). */
function readNames(section: Uint8Array): string[] {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = section[at++]!;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const names: string[] = [];
  while (at < section.length) {
    const kind = section[at++]!;
    const end = number() + at;
    // Subsection 1 is of functions.
    for (let count = kind === 1 ? number() : 0; count > 0; count--) {
      const index = number();
      const length = number();
      names[index] = new TextDecoder().decode(section.subarray(at, at + length));
      at += length;
    }
    at = end;
  }
  return names;
}
