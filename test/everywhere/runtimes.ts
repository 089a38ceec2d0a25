import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Context, type Environment, NotTried } from "./environment.ts";
import { freePort, makeProject, runCommand, versionOf, withServer } from "./project.ts";
import { outcome } from "./report.ts";

export const environments: readonly Environment[] = [
  {
    name: "Bun",
    quick: true,
    async run(context) {
      const bun = await installBinary(context, "bin/bun", {
        "linux-x64": "@oven/bun-linux-x64",
        "linux-arm64": "@oven/bun-linux-aarch64",
        "darwin-x64": "@oven/bun-darwin-x64",
        "darwin-arm64": "@oven/bun-darwin-aarch64",
      });
      const version = await runCommand(context, bun, ["--version"]);
      return outcome(version.trim(), await runCommand(context, bun, ["main.js"]));
    },
  },
  {
    name: "Deno",
    quick: true,
    async run(context) {
      const deno = await installBinary(context, "deno", {
        "linux-x64": "@deno/linux-x64-glibc",
        "linux-arm64": "@deno/linux-arm64-glibc",
        "darwin-x64": "@deno/darwin-x64",
        "darwin-arm64": "@deno/darwin-arm64",
      });
      const version = /^deno (\S+)/.exec(await runCommand(context, deno, ["--version"]))?.[1] ?? "";
      const rights = ["--allow-read", "--allow-env", "--allow-sys"];
      return outcome(version, await runCommand(context, deno, ["run", ...rights, "main.js"]));
    },
  },
  {
    name: "Cloudflare Workers (workerd)",
    node: 22,
    async run(context) {
      await makeProject(context, "workerd", ["wrangler@4"]);
      const port = await freePort();
      const address = `http://127.0.0.1:${port}/`;
      const command = ["wrangler", "dev", "--ip", "127.0.0.1", "--port", `${port}`, "--local"] as const;
      const version = `workerd ${versionOf(context, "workerd")}, wrangler ${versionOf(context, "wrangler")}`;
      return withServer(context, { command, address }, async () => {
        const response = await fetch(address, { signal: context.signal });
        return outcome(version, await response.text());
      });
    },
  },
];

/** Makes the project with a runtime whose binary is in the npm package of this platform; returns the binary's path. */
async function installBinary(
  context: Context,
  path: string,
  packages: Readonly<Record<string, string>>,
): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const name = packages[platform];
  if (!name) throw new NotTried(`its npm package for ${platform} is not known here`);
  await makeProject(context, "modules", [name]);
  const binary = join(context.folder, "node_modules", name, path);
  if (!existsSync(binary)) throw new NotTried(`${name} has no file ${path}`);
  return binary;
}
