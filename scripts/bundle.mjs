// Bundles src/ into build/lib/: the library's entries, the workers' file, the file for CDNs and the program.
import { chmodSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { writeLicenses } from "./third-party-licenses.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const outdir = "build/lib";
const program = `${outdir}/cli.js`;

/** @type {import("esbuild").BuildOptions & { metafile: true }} */
const common = {
  bundle: true,
  format: "esm",
  mainFields: ["module", "main"],
  metafile: true,
  logLevel: "warning",
};

/**
 * The library's files run as they are in Node, in a browser and in any bundler.
 *
 * @type {typeof common}
 */
const portable = {
  ...common,
  outdir,
  platform: "neutral",
  target: "es2022",
  // An optional peer dependency, for WebGPU.
  external: ["onnxruntime-web"],
};

/** For files that no bundler of a user's minifies. An uncaught error prints the line that threw: none may be long. */
const minified = { minify: true, lineLimit: 160 };

/**
 * A worker is given its kernels compiled: the binaries, and what unpacks them, would only make its file larger.
 *
 * @type {import("esbuild").Plugin}
 */
const withoutBinaries = {
  name: "without-binaries",
  setup({ onLoad }) {
    const contents =
      'export const compileKernels = () => Promise.reject(new Error("no kernels in a worker"));';
    onLoad({ filter: /wasm[\\/]load\.ts$/ }, () => ({ contents, loader: "ts" }));
  },
};

/**
 * Leaves alone what matching files import and `isBundled` denies.
 *
 * @param {RegExp} importers paths with "/"
 * @param {(specifier: string) => boolean} isBundled
 * @returns {import("esbuild").Plugin}
 */
function keepImports(importers, isBundled) {
  return {
    name: "keep-imports",
    setup({ onResolve }) {
      onResolve({ filter: /./ }, ({ path, importer }) =>
        importers.test(importer.replaceAll(sep, "/")) && !isBundled(path)
          ? { path, external: true }
          : undefined,
      );
    },
  };
}

const isPackage = (/** @type {string} */ specifier) => !specifier.startsWith(".");

const bundles = [
  // Code that several entries use is in chunks, so that there is one copy of it: also of what the program uses. The
  // library is not minified: a stack leads to code that can be read, and users' bundlers minify.
  await build({
    ...portable,
    entryPoints: {
      index: "src/index.ts",
      train: "src/train/index.ts",
      webgpu: "src/backend/webgpu/index.ts",
      graph: "src/graph/index.ts",
      onnx: "src/onnx/index.ts",
      cli: "src/cli/main.ts",
    },
    splitting: true,
    plugins: [keepImports(/\/src\/cli\//, (specifier) => !isPackage(specifier))],
  }),
  // One file that imports no other, so that it can be copied, served and started anywhere. worker-file.ts looks for its
  // name.
  await build({
    ...portable,
    ...minified,
    entryPoints: { "latentflow-worker": "src/backend/wasm/threads/latentflow-worker.ts" },
    plugins: [withoutBinaries],
  }),
  // For pages that import from a CDN; the workers' file lies beside it.
  await build({ ...portable, ...minified, entryPoints: { "latentflow.min": "src/index.ts" } }),
  // The program, as the first step has left it, with the packages that it uses: beside the library's files, which it
  // imports.
  await build({
    ...common,
    ...minified,
    entryPoints: [program],
    outfile: program,
    allowOverwrite: true,
    platform: "node",
    target: "node20.19",
    // For the stack of a defect.
    keepNames: true,
    // Some of these packages are CommonJS and call require("node:…"), which an ES module has to be given.
    banner: {
      js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
    },
    plugins: [keepImports(/\/build\/lib\/cli\.js$/, isPackage)],
  }),
];
chmodSync(program, 0o755);
writeLicenses(
  join(dirname(program), "THIRD_PARTY_LICENSES.txt"),
  bundles.map(({ metafile }) => metafile),
);
