// Runs a TypeScript program on the newer of the two Nodes that we test on, which has WebGPU through Dawn:
//
//   node bench/on-newer-node.mjs bench/backends.ts --sizes 1,16
import { spawnSync } from "node:child_process";
import { findNewerNode, newerNode } from "../test/support/runtimes.mjs";

const node = process.version.startsWith(`v${newerNode}.`) ? process.execPath : findNewerNode();
const { status } = spawnSync(node, ["--import", "tsx", ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status ?? 1;
