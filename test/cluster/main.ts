// Runs the scripts of examples/cluster/ as batch systems do, on this machine: each round encodes some samples by an array
// of Slurm and by GNU parallel, of whose tasks half are killed by SIGKILL at random moments and started again. What is
// merged has to be what one process writes, byte for byte.
//
//   npm run test:cluster                    20 rounds
//   npm run test:cluster -- --rounds 3 --seed 7
//   npm run test:cluster -- Slurm           by one of them alone
//
// Slurm is started for it, by root, from Debian's slurm-wlm and munge, which are installed where they are missing, as is
// parallel. The last line is "N passed, N failed"; it ends with 1 where one failed.
import { Command } from "commander";
import { createRandom } from "../../src/base/random.ts";
import { parseCount } from "../../src/cli/options/parse.ts";
import { findOrInstall } from "../support/debian.ts";
import { byParallel } from "./parallel.ts";
import { Run } from "./run.ts";
import { bySlurm, find, Slurm } from "./slurm.ts";

interface Options {
  readonly rounds: number;
  readonly seed: number;
  readonly keep?: true;
}

/** In milliseconds. A round takes some 20 s. */
const TIME_LIMIT = 300_000;

const program = new Command("test:cluster")
  .argument("[system]", "Slurm or parallel (default: both)")
  .option("--rounds <n>", "how many rounds", parseCount, 20)
  .option("--seed <n>", "of the first round; each has the next one", Number, 1)
  .option("--keep", "leave the folders of rounds that failed where they are")
  .parse();
const { rounds, seed, keep } = program.opts<Options>();
const [only] = program.args;
const isChosen = (name: string) => only === undefined || name.toLowerCase().includes(only.toLowerCase());
if (!isChosen("Slurm") && !isChosen("parallel")) program.error(`there is Slurm and parallel, not ${only}`);
if (!Number.isSafeInteger(seed) || seed < 0) program.error("--seed: expected a whole number >= 0");

if (isChosen("parallel")) findOrInstall("parallel", () => find("parallel"));
const slurm = isChosen("Slurm") ? await Slurm.start() : undefined;
// The round at work fails, and all is cleaned up.
const interruption = new AbortController();
let code = 0;
for (const [signal, number] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
  process.once(signal, () => {
    code = number;
    interruption.abort(new Error(`ended by ${signal}`));
  });
}
process.on("exit", () => slurm?.killAll());

let [passed, failed] = [0, 0];
try {
  for (let round = 0; round < rounds && code === 0; round++) {
    const of = seed + round;
    if (slurm) await runRound("Slurm", of, (run, signal) => bySlurm(slurm, run, createRandom(of), signal));
    if (isChosen("parallel") && code === 0) {
      await runRound("parallel", of, (run, signal) => byParallel(run, createRandom(of), signal));
    }
  }
} finally {
  await slurm?.stop();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = code || (failed > 0 ? 1 : 0);

async function runRound(
  name: string,
  of: number,
  encode: (run: Run, signal: AbortSignal) => Promise<string>,
): Promise<void> {
  const run = new Run(of);
  const start = performance.now();
  const say = (what: string) =>
    console.log(`${name}, seed ${of}: ${what} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  let isKept = false;
  try {
    const killed = await encode(run, AbortSignal.any([AbortSignal.timeout(TIME_LIMIT), interruption.signal]));
    await run.compare();
    say(`${killed}; the bytes are those of one process`);
    passed++;
  } catch (error) {
    isKept = keep ?? false;
    say(`FAILED: ${error instanceof Error ? error.message : error}${isKept ? `\n${run.folder}` : ""}`);
    failed++;
    await run.stop();
  } finally {
    if (!isKept) run.dispose();
  }
}
