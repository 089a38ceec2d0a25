import { defineConfig } from "tsup";
import { thirdPartyLicenses } from "./scripts/third-party-licenses.ts";

const licenses = thirdPartyLicenses("build/lib/THIRD_PARTY_LICENSES.txt");

export default defineConfig([
  {
    // The library: one file that runs as it is in Node, in a browser and in any bundler. Minified to stay within
    // its size; with its names, which stand in stack traces.
    entry: { index: "src/index.ts" },
    outDir: "build/lib",
    format: ["esm", "cjs"],
    platform: "neutral",
    target: "es2022",
    dts: true,
    minify: true,
    keepNames: true,
    sourcemap: true,
    // The published package has no dependencies.
    noExternal: [/./],
    esbuildPlugins: [licenses],
  },
  {
    entry: { cli: "src/cli/main.ts" },
    outDir: "build/lib",
    format: ["esm"],
    platform: "node",
    target: "node20",
    noExternal: [/./],
    // Some of what the CLI uses is CommonJS and calls require("node:…"), which an ES module has to be given.
    banner: {
      js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
    },
    removeNodeProtocol: false,
    esbuildPlugins: [licenses],
  },
]);
