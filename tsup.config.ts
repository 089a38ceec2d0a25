import { defineConfig } from "tsup";
import { thirdPartyLicenses } from "./scripts/third-party-licenses.ts";

const licenses = thirdPartyLicenses("build/lib/THIRD_PARTY_LICENSES.txt");

export default defineConfig([
  {
    // The library: files that run as they are in Node, in a browser and in any bundler. What its entries share is
    // in a file of its own, so that a solver made by one is known to the others. Minified to stay within its size;
    // not with keepNames, whose calls keep bundlers from leaving out what nobody uses.
    entry: {
      index: "src/index.ts",
      train: "src/train/index.ts",
      webgpu: "src/backend/webgpu/index.ts",
      // Its name is looked for, see worker-file.ts.
      "latentflow-worker": "src/backend/wasm/pool/latentflow-worker.ts",
    },
    splitting: true,
    outDir: "build/lib",
    // scripts/build-commonjs.mjs makes the CommonJS.
    format: ["esm"],
    platform: "neutral",
    target: "es2022",
    dts: true,
    minify: true,
    sourcemap: true,
    // The published package has no dependencies, but for a peer that whoever wants WebGPU installs.
    noExternal: [/^(?!onnxruntime-web)/],
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
