// npm run soak:vectors -- --minutes 60 --seed 1
//
//   --minutes N   for so long (default: 60)
//   --seed N      the first case (default: 1)
//   --node N      the major version of Node (default: 24)
//   --narrow      with V8's flag, too, the kernels with tiles for 128-bit vectors, as in a program that sets the flag alone
//
// Runs random decoders in two processes of one Node, and compares the bits of all that they compute, with both builds. One
// process has V8's flag, by which V8 joins vectors to 256 bits, and the kernels with tiles for these. New processes take over
// now and then: what is inlined, and when functions are optimised, depends on what has run before.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isStartedWithRevectorize, REVECTORIZE } from "../src/cli/vectors.ts";
import { findNode } from "./support/runtimes.mjs";

/** Cases that a pair of processes computes. */
const CASES = 400;

/** Hashes of one case. */
type Hashes = Readonly<Record<string, string>>;

if (process.send) await answer();
else await soak();

/** The work of a child: the hashes of each case that it is asked for. */
async function answer(): Promise<void> {
  // Here, since the Node that starts the children may lack relaxed SIMD.
  const { hashCase, NARROW, WIDE } = await import("./support/bits-case.ts");
  const isWide = isStartedWithRevectorize() && !process.argv.includes("--narrow");
  const kernels = isWide ? WIDE : NARROW;
  process.on("message", async (seed: number) => process.send!(await hashCase(seed, kernels)));
}

async function soak(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "60" },
      seed: { type: "string", default: "1" },
      node: { type: "string", default: "24" },
      narrow: { type: "boolean", default: false },
    },
  });
  const node = await findNode(Number(values.node));
  const end = performance.now() + 60_000 * Number(values.minutes);
  let [cases, compared, wrong] = [0, 0, 0];
  for (let seed = Number(values.seed); performance.now() < end; ) {
    const args = values.narrow ? ["--narrow"] : [];
    const pair = [start(node, [REVECTORIZE], args), start(node, [], args)] as const;
    for (const last = seed + CASES; seed < last && performance.now() < end; seed++) {
      const [wide, narrow] = await Promise.all([ask(pair[0], seed), ask(pair[1], seed)]);
      const names = Object.keys({ ...narrow, ...wide });
      const other = names.filter((name) => narrow[name] !== wide[name]);
      for (const name of other) console.log(`seed ${seed}: other bits: ${name}`);
      if (names.length > 0) cases++;
      compared += names.length;
      wrong += other.length;
    }
    for (const child of pair) child.kill();
    console.log(`${cases} decoders, ${compared} results compared, ${wrong} of other bits`);
  }
  process.exitCode = wrong > 0 || compared === 0 ? 1 : 0;
}

function start(node: string, flags: readonly string[], args: readonly string[]): ChildProcess {
  const execArgv = [...flags, "--import", "tsx"];
  return fork(fileURLToPath(import.meta.url), args, { execPath: node, execArgv });
}

/** @throws Error if the child ends instead */
async function ask(child: ChildProcess, seed: number): Promise<Hashes> {
  const ended = new AbortController();
  const end = once(child, "exit", { signal: ended.signal }).then(([code, signal]) => {
    throw new Error(`seed ${seed}: the process ended with ${code ?? signal}`);
  });
  end.catch(() => {});
  child.send(seed);
  const [hashes] = await Promise.race([once(child, "message"), end]);
  ended.abort();
  return hashes as Hashes;
}
