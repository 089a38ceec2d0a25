// npm run bench: the core's figures on this machine, on the Node that runs this and on Node 24, both builds; convolutions,
// wider decoders, and the solvers beside each other. With --profile instead: where the time goes.
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { findNewerNode, relaxedSimdFlags } from "../test/support/runtimes.mjs";

console.log(`${cpus()[0]!.model.trim()}, ${cpus().length} cores. Nothing else should be running.`);
const runtimes = [process.execPath, ...(process.version.startsWith("v24.") ? [] : [findNewerNode()])];
if (process.argv.includes("--profile")) {
  for (const build of ["relaxed", "plain"]) run(runtimes.at(-1)!, "profile.ts", build);
  process.exit();
}
for (const node of runtimes) {
  for (const build of ["relaxed", "plain"]) {
    run(node, "core.ts", build);
    run(node, "training.ts", build);
    run(node, "threads.ts", build);
  }
  run(node, "first-result.ts");
}
for (const build of ["relaxed", "plain"]) run(runtimes.at(-1)!, "convolution.ts", build);
run(runtimes.at(-1)!, "widths.ts");
run(runtimes.at(-1)!, "latents.ts");
run(runtimes.at(-1)!, "lbfgs.ts");

function run(node: string, script: string, ...args: string[]): void {
  const file = fileURLToPath(new URL(script, import.meta.url));
  execFileSync(node, [...relaxedSimdFlags(node), "--import", "tsx", file, ...args], { stdio: "inherit" });
}
