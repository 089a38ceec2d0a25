import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Context, Environment, Outcome } from "./environment.ts";
import { makeProject, placeProgram, runCommand, versionOf } from "./project.ts";
import { outcome } from "./report.ts";

export const environments: readonly Environment[] = [
  {
    name: "node:test",
    quick: true,
    async run(context) {
      await makeProject(context, "node-test");
      await runCommand(context, "node", ["--test"]);
      return written(
        context,
        (await runCommand(context, "node", ["--print", "process.versions.node"])).trim(),
      );
    },
  },
  {
    name: "Vitest, node",
    node: 22,
    async run(context) {
      await makeProject(context, "vitest", ["vitest@5"]);
      await runCommand(context, "vitest", ["run"]);
      return written(context, versionOf(context, "vitest"));
    },
  },
  {
    name: "Vitest, jsdom",
    node: 24,
    async run(context) {
      await makeProject(context, "vitest", ["vitest@5", "jsdom@31"]);
      await runCommand(context, "vitest", ["run", "--environment", "jsdom"]);
      return written(context, versionOf(context, "vitest"));
    },
  },
  {
    name: "Jest, node",
    async run(context) {
      await makeProject(context, "jest", ["jest@30"]);
      return jest(context, "node");
    },
  },
  {
    name: "Jest, jsdom",
    async run(context) {
      await makeProject(context, "jest", ["jest@30", "jest-environment-jsdom@30"]);
      return jest(context, "jsdom");
    },
  },
  {
    name: "Jest, CommonJS",
    async run(context) {
      const plugins = ["dynamic-import", "modules-commonjs"].map(
        (name) => `@babel/plugin-transform-${name}@7`,
      );
      await makeProject(context, "jest-commonjs", ["jest@30", ...plugins]);
      placeProgram(context.folder, "cjs");
      await runCommand(context, "jest", []);
      return written(context, versionOf(context, "jest"));
    },
  },
];

async function jest(context: Context, environment: "node" | "jsdom"): Promise<Outcome> {
  await runCommand(context, "npm", ["test", "--", "--env", environment]);
  return written(context, versionOf(context, "jest"));
}

/** What the project's test has written: the runners' own output is made for people. */
function written({ folder }: Context, version: string): Promise<Outcome> {
  return outcome(version, readFileSync(join(folder, "report.json"), "utf8"));
}
