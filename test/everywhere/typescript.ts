import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context, Environment } from "./environment.ts";
import { makeProject, runCommand, versionOf } from "./project.ts";

const consumer = fileURLToPath(new URL("../package/types/consumer.ts", import.meta.url));

/** Which of them a version of TypeScript knows is in `resolutionsOf`. */
type Resolution = "bundler" | "node16" | "node10";

const minors = Array.from({ length: 10 }, (_, minor) => `5.${minor}`);

export const environments: readonly Environment[] = [...minors, "6", "7"].map((version) => ({
  name: `TypeScript ${version}`,
  quick: version === "7",
  async run(context) {
    await makeProject(context, undefined, [`typescript@${version}`]);
    const resolutions = resolutionsOf(version);
    for (const resolution of resolutions) await checkTypes(context, resolution);
    return {
      version: versionOf(context, "typescript"),
      threads: undefined,
      reason: `types under ${resolutions.join(", ")}`,
    };
  },
}));

function resolutionsOf(version: string): readonly Resolution[] {
  // TypeScript 7 has no node10 any more.
  return version === "7" ? ["bundler", "node16"] : ["bundler", "node16", "node10"];
}

/** Compiles what a user writes, skipping nothing. */
async function checkTypes(context: Context, moduleResolution: Resolution): Promise<void> {
  const { folder } = context;
  const extensions = moduleResolution === "node16" ? ["mts", "cts"] : ["ts"];
  const files = extensions.map((extension) => `consumer.${extension}`);
  for (const file of files) cpSync(consumer, join(folder, file));
  const [name, major] = [
    versionOf(context, "typescript"),
    Number.parseInt(versionOf(context, "typescript"), 10),
  ];
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    target: "es2022",
    lib: ["es2022", "dom"],
    types: [],
    module: { bundler: "es2022", node16: "node16", node10: "commonjs" }[moduleResolution],
    moduleResolution,
    noEmit: true,
    ...(moduleResolution === "node10" && major >= 6 && { ignoreDeprecations: "6.0" }),
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  context.log(`${name}: types under ${moduleResolution}`);
  await runCommand(context, "tsc", ["--project", "tsconfig.json"]);
}
