// npm run bench:peers [-- --quick] [-- --write]: latentflow against what one could use instead. Installs the peers on
// the first use and runs on Node 24, where relaxed SIMD needs no flag. --write: into site/performance/. --ahead: its last part alone,
// trained decoders beside PyTorch's solvers, which needs no peer to be installed; its options are in ahead/run.ts.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { REVECTORIZE } from "../../src/cli/vectors.ts";
import { findNewerNode, relaxedSimdFlags } from "../../test/support/runtimes.mjs";
import { findTorch } from "./find-torch.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const options = process.argv.slice(2).filter((option) => option !== "--ahead");
const node = process.version.startsWith("v24.") ? process.execPath : findNewerNode();
const isAheadAlone = options.length < process.argv.length - 2;
const hasTorch = isAheadAlone || findTorch() !== undefined;
if (!isAheadAlone) {
  if (!existsSync(`${folder}node_modules`)) {
    execFileSync("npm", ["ci", "--ignore-scripts"], { cwd: folder, stdio: "inherit" });
  }
  run("run.ts", options);
  run(
    "convolution.ts",
    options.filter((option) => option !== "--write"),
  );
  if (!hasTorch) {
    console.error(
      "No Python with PyTorch was found: the comparisons with it are left out. Set PYTHON to a Python that has it.",
    );
  } else {
    const rounds = options.includes("--quick") ? ["--rounds", "1"] : [];
    run("beside-pytorch.ts", rounds);
    run("beside-pytorch.ts", rounds, [REVECTORIZE]);
  }
}
if (hasTorch) run("ahead/run.ts", options);

/** @param flags Node's, beside those that relaxed SIMD needs */
function run(script: string, options: readonly string[], flags: readonly string[] = []): void {
  const args = [...relaxedSimdFlags(node), ...flags, "--import", "tsx", folder + script, ...options];
  execFileSync(node, args, { stdio: "inherit" });
}
