import type { Environment, NodeMajor } from "./environment.ts";
import { makeProject, placeProgram, runCommand } from "./project.ts";
import { outcome } from "./report.ts";

export const environments: readonly Environment[] = ([20, 22, 24, 26] as const).flatMap((node) => [
  withModules(node),
  withRequire(node),
]);

function withModules(node: NodeMajor): Environment {
  return {
    name: `Node ${node}, ES modules`,
    node,
    quick: true,
    async run(context) {
      await makeProject(context, "modules");
      return outcome(await nodeVersion(context), await runCommand(context, "node", ["main.js"]));
    },
  };
}

function withRequire(node: NodeMajor): Environment {
  return {
    name: `Node ${node}, CommonJS`,
    node,
    quick: true,
    async run(context) {
      await makeProject(context, "require");
      placeProgram(context.folder, "cjs");
      return outcome(await nodeVersion(context), await runCommand(context, "node", ["main.cjs"]));
    },
  };
}

async function nodeVersion(context: Parameters<Environment["run"]>[0]): Promise<string> {
  return (await runCommand(context, "node", ["--print", "process.versions.node"])).trim();
}
