import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "puppeteer-core";
import { launchChromium, launchFirefox } from "../support/browsers.ts";
import { type FileServer, ISOLATING, serve } from "../support/serve.ts";
import type { Environment } from "./environment.ts";
import { openPage } from "./page.ts";
import { makeProject } from "./project.ts";
import { outcome } from "./report.ts";

/** The package's one file, for pages that bundle nothing. */
const LIBRARY = "/node_modules/latentflow/build/lib/latentflow.min.js";
/** What a page has to allow that allows as little as it can. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; img-src data:";

/** What a page of projects/browser is tried for. */
interface Case {
  readonly name: string;
  readonly page: string;
  readonly contentSecurityPolicy?: string;
  /** True if the page is not cross-origin isolated, and so runs on one thread. */
  readonly isAlone?: true;
  /** Where the library comes from; default the page's own server, by its address. */
  readonly library?: "import map" | "other origin";
  readonly quick?: true;
}

const CASES: readonly Case[] = [
  {
    name: "page without headers",
    page: "import-map.html",
    isAlone: true,
    library: "import map",
    quick: true,
  },
  { name: "page, a decoder in ONNX", page: "onnx.html", library: "import map", quick: true },
  { name: "module worker", page: "worker.html" },
  { name: "service worker", page: "service-worker.html" },
  { name: "iframe, the outer page's data", page: "iframe.html" },
  { name: "strict policy", page: "direct.html", contentSecurityPolicy: POLICY },
  { name: "isolated page", page: "isolated.html" },
  { name: "library of another origin", page: "direct.html", library: "other origin" },
];

export const environments: readonly Environment[] = [
  ...CASES.map((tried) => environment("Chromium", launchChromium, tried)),
  ...CASES.map((tried) => environment("Firefox", launchFirefox, tried)),
];

function environment(browser: string, launch: () => Promise<Browser>, tried: Case): Environment {
  return {
    name: `${browser}, ${tried.name}`,
    ...(tried.quick && { quick: true }),
    async run(context) {
      const { folder } = context;
      await makeProject(context, "browser");
      const servers: FileServer[] = [];
      try {
        const server = await serve(folder, tried.contentSecurityPolicy, tried.isAlone ? {} : ISOLATING);
        servers.push(server);
        if (tried.library === "other origin") {
          const other = await serve(folder, undefined, { "Access-Control-Allow-Origin": "*" });
          servers.push(other);
          importFrom(folder, other.address + LIBRARY);
        } else if (tried.library !== "import map") {
          importFrom(folder, LIBRARY);
        }
        const { version, report } = await openPage(context, `${server.address}/${tried.page}`, launch);
        return await outcome(version, report);
      } finally {
        for (const server of servers) server.close();
      }
    },
  };
}

/** Has the program import the library by its address, as where there is neither bundler nor import map. */
function importFrom(folder: string, address: string): void {
  const file = join(folder, "program.js");
  writeFileSync(file, readFileSync(file, "utf8").replace('from "latentflow"', `from "${address}"`));
}
