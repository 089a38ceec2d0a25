import { renameSync } from "node:fs";
import { join } from "node:path";
import { ISOLATING, serve } from "../support/serve.ts";
import type { Context, Environment, Outcome } from "./environment.ts";
import { reportOfPage } from "./page.ts";
import { freePort, makeProject, runCommand, versionOf, withServer } from "./project.ts";
import { outcome } from "./report.ts";

export const environments: readonly Environment[] = [
  next("Next, client component", "next-client", reportOfPage),
  next("Next, client component, webpack", "next-client", reportOfPage, ["--webpack"]),
  next("Next, server component", "next-server-component", reportOfPage),
  {
    name: "Next, route handler, standalone",
    node: 22,
    async run(context) {
      const version = await buildNext(context, "next-route-handler");
      return alone(context, version, ".next/standalone/server.js", "HOSTNAME", async (address) => {
        const response = await fetch(`${address}encode`, { signal: context.signal });
        return response.text();
      });
    },
  },
  {
    name: "Nuxt, page",
    node: 24,
    async run(context) {
      const version = await buildNuxt(context, "nuxt-page");
      return alone(context, version, ".output/server/index.mjs", "HOST", (address) =>
        reportOfPage(context, address),
      );
    },
  },
  {
    name: "Nuxt, server route",
    node: 24,
    async run(context) {
      const version = await buildNuxt(context, "nuxt-server");
      return alone(context, version, ".output/server/index.mjs", "HOST", async (address) => {
        const response = await fetch(`${address}api/encode`, { signal: context.signal });
        return response.text();
      });
    },
  },
  astro("Astro, page", "astro-page"),
  astro("Astro, when the site is built", "astro-server"),
];

/** Builds the site; returns Next's version. */
async function buildNext(
  context: Context,
  project: string,
  options: readonly string[] = [],
): Promise<string> {
  await makeProject(context, project, ["next@16", "react@19", "react-dom@19"]);
  context.log("builds");
  await runCommand(context, "next", ["build", ...options]);
  return versionOf(context, "next");
}

/** Builds the site; returns Nuxt's version. */
async function buildNuxt(context: Context, project: string): Promise<string> {
  await makeProject(context, project, ["nuxt@4", "vue@3"]);
  context.log("builds");
  await runCommand(context, "nuxt", ["build"]);
  return versionOf(context, "nuxt");
}

/** A page that `next start` serves. */
function next(
  name: string,
  project: string,
  ask: (context: Context, address: string) => Promise<string>,
  options: readonly string[] = [],
): Environment {
  return {
    name,
    node: 22,
    async run(context) {
      const version = await buildNext(context, project, options);
      const port = `${await freePort()}`;
      const address = `http://127.0.0.1:${port}/`;
      const command = ["next", "start", "--hostname", "127.0.0.1", "--port", port] as const;
      return withServer(context, { command, address }, async () =>
        outcome(version, await ask(context, address)),
      );
    },
  };
}

/**
 * What a server tells that was built to be taken elsewhere: what was installed to build it is out of its sight.
 *
 * @param file the server's
 * @param host the name of the variable that says where it listens
 */
async function alone(
  context: Context,
  version: string,
  file: string,
  host: string,
  ask: (address: string) => Promise<string>,
): Promise<Outcome> {
  renameSync(join(context.folder, "node_modules"), join(context.folder, "installed"));
  const port = `${await freePort()}`;
  const address = `http://127.0.0.1:${port}/`;
  const env = { [host]: "127.0.0.1", PORT: port };
  return withServer(context, { command: ["node", file], address, env }, async () =>
    outcome(version, await ask(address)),
  );
}

/** A site of files alone: what runs on the server ran when it was built. */
function astro(name: string, project: string): Environment {
  return {
    name,
    node: 22,
    async run(context) {
      await makeProject(context, project, ["astro@7"]);
      context.log("builds");
      await runCommand(context, "astro", ["build"]);
      const server = await serve(
        join(context.folder, "dist"),
        "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'",
        ISOLATING,
      );
      try {
        const report = await reportOfPage(context, `${server.address}/`);
        return await outcome(versionOf(context, "astro"), report);
      } finally {
        server.close();
      }
    },
  };
}
