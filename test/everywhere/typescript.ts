import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context, Environment } from "./environment.ts";
import { makeProject, runCommand, versionOf } from "./project.ts";

const consumer = fileURLToPath(new URL("../package/types/consumer.ts", import.meta.url));

/** Which of them a version of TypeScript knows is in `resolutionsOf`. */
type Resolution = "bundler" | "node16" | "nodenext" | "node10";

/** A user's file and the kind of module that it becomes: under node16 TypeScript lets no CommonJS require ES modules. */
const SETTINGS: Readonly<Record<Resolution, { readonly file: string; readonly module: string }>> = {
  bundler: { file: "consumer.ts", module: "es2022" },
  node16: { file: "consumer.mts", module: "node16" },
  nodenext: { file: "consumer.cts", module: "nodenext" },
  node10: { file: "consumer.ts", module: "commonjs" },
};

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
  const letsRequireModules = !minors.slice(0, 8).includes(version);
  return [
    ...(["bundler", "node16"] as const),
    ...(letsRequireModules ? (["nodenext"] as const) : []),
    // TypeScript 7 has no node10 any more.
    ...(version === "7" ? [] : (["node10"] as const)),
  ];
}

/** Compiles what a user writes, skipping nothing. */
async function checkTypes(context: Context, moduleResolution: Resolution): Promise<void> {
  const { folder } = context;
  const { file, module } = SETTINGS[moduleResolution];
  cpSync(consumer, join(folder, file));
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
    module,
    moduleResolution,
    noEmit: true,
    ...(moduleResolution === "node10" && major >= 6 && { ignoreDeprecations: "6.0" }),
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
  context.log(`${name}: types under ${moduleResolution}`);
  await runCommand(context, "tsc", ["--project", "tsconfig.json"]);
}
