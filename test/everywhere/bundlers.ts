import { join } from "node:path";
import { ISOLATING, serve } from "../support/serve.ts";
import type { Environment, NodeMajor } from "./environment.ts";
import { reportOfPage } from "./page.ts";
import { freePort, makeProject, runCommand, versionOf, withServer } from "./project.ts";
import { outcome } from "./report.ts";

/** What a page has to allow that allows as little as it can. */
const STRICT = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:";

export const environments: readonly Environment[] = [
  bundler("Vite 7, page", "vite", ["vite@7"], ["vite", "build"], { site: "dist", node: 22 }),
  bundler("Vite, page", "vite", ["vite@8"], ["vite", "build"], { site: "dist", node: 22 }),
  {
    name: "Vite, development server",
    node: 22,
    async run(context) {
      await makeProject(context, "vite", ["vite@8"]);
      const port = await freePort();
      const address = `http://127.0.0.1:${port}/`;
      const command = ["vite", "--host", "127.0.0.1", "--port", `${port}`, "--strictPort"] as const;
      return withServer(context, { command, address }, async () =>
        outcome(versionOf(context, "vite"), await reportOfPage(context, address)),
      );
    },
  },
  bundler("webpack, page", "webpack", ["webpack@5", "webpack-cli@7"], ["webpack"]),
  bundler("Rspack, page", "rspack", ["@rspack/core@2", "@rspack/cli@2"], ["rspack", "build"], { node: 22 }),
  bundler("Rollup, page", "rollup", ["rollup@4", "@rollup/plugin-node-resolve@16"], ["rollup", "--config"]),
  bundler("esbuild, page", "esbuild", ["esbuild@0.28"], ["node", "build.js"], { quick: true }),
  bundler("Parcel, page", "parcel", ["parcel@2"], ["parcel", "build", "index.html"], {
    site: "dist",
    // It writes an import map into the page.
    policy: "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'",
  }),
];

interface BundlerOptions {
  readonly node?: NodeMajor;
  /** The folder that the site is in; default the project's. */
  readonly site?: string;
  /** The page's Content-Security-Policy; default the strictest. */
  readonly policy?: string;
  readonly quick?: boolean;
}

/** A page that is bundled, served by a plain server of files, and opened. */
function bundler(
  name: string,
  project: string,
  packages: readonly [string, ...string[]],
  [program, ...args]: readonly [string, ...string[]],
  { node = 20, site = ".", policy = STRICT, quick = false }: BundlerOptions = {},
): Environment {
  return {
    name,
    node,
    quick,
    async run(context) {
      await makeProject(context, project, packages);
      context.log("builds");
      await runCommand(context, program, args);
      const server = await serve(join(context.folder, site), policy, ISOLATING);
      try {
        const report = await reportOfPage(context, `${server.address}/`);
        return await outcome(versionOf(context, nameOf(packages[0])), report);
      } finally {
        server.close();
      }
    },
  };
}

/** "@rspack/core" of "@rspack/core@2". */
function nameOf(specifier: string): string {
  return specifier.slice(0, specifier.lastIndexOf("@"));
}
