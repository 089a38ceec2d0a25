import { defineConfig, type Options } from "tsup";
import { thirdPartyLicenses } from "./scripts/third-party-licenses.ts";

const licenses = thirdPartyLicenses("build/lib/THIRD_PARTY_LICENSES.txt");

/** The library's files run as they are in Node, in a browser and in any bundler. */
const portable: Options = {
  outDir: "build/lib",
  // scripts/build-commonjs.mjs makes the CommonJS.
  format: ["esm"],
  platform: "neutral",
  target: "es2022",
  // The published package has no dependencies, but for a peer that whoever wants WebGPU installs.
  noExternal: [/^(?!onnxruntime-web)/],
  esbuildPlugins: [licenses],
};

/** A worker is given its kernels compiled: the binaries, and what unpacks them, would only make its file larger. */
const withoutBinaries: NonNullable<Options["esbuildPlugins"]>[number] = {
  name: "without-binaries",
  setup(build) {
    const contents =
      'export const compileKernels = () => Promise.reject(new Error("no kernels in a worker"));';
    build.onLoad({ filter: /wasm[\\/]load\.ts$/ }, () => ({ contents, loader: "ts" }));
  },
};

/** For files that no bundler of a user's minifies. An uncaught error prints the line that threw: none may be long. */
const minified: Options = {
  minify: true,
  esbuildOptions(options) {
    options.lineLimit = 160;
  },
};

// The library itself is not minified: a stack leads to code that can be read, and users' bundlers minify.
export default defineConfig([
  {
    // What the entries share is in a file of its own, so that a solver made by one is known to the others.
    ...portable,
    entry: {
      ...{ index: "src/index.ts", train: "src/train/index.ts", webgpu: "src/backend/webgpu/index.ts" },
      ...{ graph: "src/graph/index.ts", onnx: "src/onnx/index.ts" },
    },
    splitting: true,
    dts: {
      entry: {
        index: "src/index.ts",
        train: "src/train/index.ts",
        webgpu: "src/backend/webgpu/index.ts",
        graph: "src/graph/index.ts",
        onnx: "src/onnx/index.ts",
        "latentflow-worker": "src/backend/wasm/threads/latentflow-worker.ts",
      },
    },
  },
  {
    // One file that imports no other, so that it can be copied, served and started anywhere. Its name is looked for,
    // see worker-file.ts.
    ...portable,
    ...minified,
    esbuildPlugins: [licenses, withoutBinaries],
    entry: { "latentflow-worker": "src/backend/wasm/threads/latentflow-worker.ts" },
    splitting: false,
  },
  {
    // For pages that import from a CDN; the worker's file lies beside it.
    ...portable,
    ...minified,
    entry: { "latentflow.min": "src/index.ts" },
    splitting: false,
  },
  {
    entry: { cli: "src/cli/main.ts" },
    outDir: "build/lib",
    format: ["esm"],
    platform: "node",
    target: "node20",
    noExternal: [/./],
    ...minified,
    // For the stack of a defect.
    keepNames: true,
    // Some of what the CLI uses is CommonJS and calls require("node:…"), which an ES module has to be given.
    banner: {
      js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
    },
    removeNodeProtocol: false,
    esbuildPlugins: [licenses],
  },
]);
