// npm run bench:peers [-- --quick] [-- --write]: latentflow against what one could use instead. Installs the peers on
// the first use and runs on Node 24, where relaxed SIMD needs no flag. --write: into docs/.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findNewerNode, relaxedSimdFlags } from "../../test/support/runtimes.mjs";

const folder = fileURLToPath(new URL(".", import.meta.url));
if (!existsSync(`${folder}node_modules`)) {
  execFileSync("npm", ["ci", "--ignore-scripts"], { cwd: folder, stdio: "inherit" });
}
const node = process.version.startsWith("v24.") ? process.execPath : findNewerNode();
run("run.ts", process.argv.slice(2));
run(
  "convolution.ts",
  process.argv.slice(2).filter((option) => option !== "--write"),
);

function run(script: string, options: readonly string[]): void {
  const args = [...relaxedSimdFlags(node), "--import", "tsx", folder + script, ...options];
  execFileSync(node, args, { stdio: "inherit" });
}
