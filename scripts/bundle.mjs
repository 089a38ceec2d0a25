// Bundles src/ into build/lib/: the library's entries, the workers' file, the file for CDNs and the program.
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsup";
import { entries, worker } from "./entries.mjs";
import { writeLicenses } from "./third-party-licenses.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const outDir = "build/lib";
const program = `${outDir}/cli.js`;

/** @typedef {NonNullable<import("tsup").Options["esbuildPlugins"]>[number]} Plugin */

/**
 * Metafiles of all bundles, for the licences.
 *
 * @type {import("esbuild").Metafile[]}
 */
const bundles = [];

/** @type {Plugin} */
const collect = {
  name: "collect",
  setup(esbuild) {
    esbuild.initialOptions.metafile = true;
    esbuild.onEnd(({ metafile }) => {
      if (metafile) bundles.push(metafile);
    });
  },
};

/**
 * Runs tsup without a configuration file, and keeps what was bundled for the licences. scripts/declarations.mjs writes the
 * declarations.
 *
 * @param {import("tsup").Options} options
 */
const bundle = ({ esbuildPlugins = [], ...options }) =>
  build({
    config: false,
    silent: true,
    format: "esm",
    outDir,
    splitting: false,
    ...options,
    esbuildPlugins: [...esbuildPlugins, collect],
  });

/**
 * The library's files run as they are in Node, in a browser and in any bundler.
 *
 * @type {import("tsup").Options}
 */
const portable = {
  platform: "neutral",
  target: "es2022",
  // The published package has no dependencies, but for an optional peer, for WebGPU.
  noExternal: [/^(?!onnxruntime-web)/],
};

/**
 * For files that no bundler of a user's minifies. An uncaught error prints the line that threw: none may be long.
 *
 * @type {import("tsup").Options}
 */
const minified = {
  minify: true,
  esbuildOptions(options) {
    options.lineLimit = 160;
  },
};

/**
 * A worker is given its kernels compiled: the binaries, and what unpacks them, would only make its file larger.
 *
 * @type {Plugin}
 */
const withoutBinaries = {
  name: "without-binaries",
  setup({ onLoad }) {
    const contents =
      'export const compileKernels = () => Promise.reject(new Error("no kernels in a worker"));';
    onLoad({ filter: /kernels[\\/]load\.ts$/ }, () => ({ contents, loader: "ts" }));
  },
};

/**
 * Puts all code into one file: imports on first use become static ones, since esbuild would wrap each module in a function.
 *
 * @type {Plugin}
 */
const inOneFile = {
  name: "in-one-file",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      let imports = "";
      const source = readFileSync(path, "utf8").replace(/await import\(("\.[^"]+")\)/g, (_, from) => {
        const name = `part${imports.length}`;
        imports += `import * as ${name} from ${from};\n`;
        return name;
      });
      return { contents: imports + source, loader: "ts" };
    });
  },
};

/**
 * Leaves alone what matching files import and `isBundled` denies.
 *
 * @param {RegExp} importers paths with "/"
 * @param {(specifier: string) => boolean} isBundled
 * @returns {Plugin}
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

/**
 * Joins string literals that esbuild's `lineLimit` has continued on the next line by a backslash. Rollup indents such
 * lines where it wraps a module, as Vite 6 and 7 do with the worker, and the tab becomes a part of the string. The structs of
 * the kernels, whose fields are short strings, then have no break left, so that each gets a line.
 *
 * @param {string} file
 */
function joinStrings(file) {
  const joined = readFileSync(file, "utf8").replace(/(?<!\\)((?:\\\\)*)\\\n/g, "$1");
  writeFileSync(file, joined.replace(/\}\),(?=\w+=new \w+\(\{)/g, "}),\n"));
}

const isPackage = (/** @type {string} */ specifier) => !specifier.startsWith(".");

// Code that several entries use is in chunks, so that there is one copy of it: also of what the program uses. The library
// is not minified: a stack leads to code that can be read, and users' bundlers minify.
await bundle({
  ...portable,
  entry: { ...entries, cli: "src/cli/main.ts" },
  splitting: true,
  esbuildPlugins: [keepImports(/\/src\/cli\//, (specifier) => !isPackage(specifier))],
});
// One file that imports no other, so that it can be copied, served and started anywhere. worker-file.ts looks for its name.
await bundle({
  ...portable,
  ...minified,
  entry: { "latentflow-worker": worker },
  esbuildPlugins: [withoutBinaries, inOneFile],
});
// For pages that import from a CDN; the workers' file lies beside it.
await bundle({
  ...portable,
  ...minified,
  entry: { "latentflow.min": entries.index },
  esbuildPlugins: [inOneFile],
});
// The program, as the first step has left it, with the packages that it uses: beside the library's files, which it imports.
await bundle({
  ...minified,
  entry: { cli: program },
  platform: "node",
  target: "node20.19",
  noExternal: [/./],
  removeNodeProtocol: false,
  // For the stack of a defect.
  keepNames: true,
  // Some of these packages are CommonJS and call require("node:…"), which an ES module has to be given.
  banner: {
    js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
  },
  esbuildPlugins: [keepImports(/\/build\/lib\/cli\.js$/, isPackage)],
  esbuildOptions(options) {
    options.lineLimit = 160;
    options.allowOverwrite = true;
  },
});
joinStrings(`${outDir}/latentflow-worker.js`);
chmodSync(program, 0o755);
writeLicenses(join(outDir, "THIRD_PARTY_LICENSES.txt"), bundles);
