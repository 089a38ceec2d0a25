// Compiles the tests and all that they import from TypeScript, once for all processes of a run: with a compiler in each
// (tsx) they would start a second later on Node 20.
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const OUT = "build/test";
/** Folders whose modules are compiled, besides that of the tests. */
const FOLDERS = [
  "src",
  "bench",
  "examples/typefaces",
  "experiments",
  "reproduce",
  "scripts",
  "site/.vitepress",
  "site/page",
  "site/threads-page",
  "site/typeface-page",
  "build/wasm",
];
/** Folders within these that are projects of their own, or have node_modules. */
const FOREIGN = /\/(node_modules|package|projects|examples|fixtures)\//;

/**
 * Path of a module's compiled file.
 * @param {string} root of the repository
 * @param {string} file its path from there
 */
export const compiledPath = (root, file) => join(root, OUT, `${file}.js`);

/**
 * Compiles each module into build/test/, at its path there, with a source map, unless it was compiled from files of the same
 * times and sizes, in the same folder, by this compiler. `import.meta.url` stays the source's, so that files beside it are found.
 *
 * @param {string} root of the repository
 * @param {string} tests the tests' folder
 */
export async function compileModules(root, tests) {
  const files = [tests, ...FOLDERS].flatMap((folder) => modulesIn(root, folder));
  const place = join(root, OUT, "compiled.json");
  const compiler = `${root} ${stampOf(fileURLToPath(import.meta.url))}`;
  /** @type {{ compiler: string, inputs: Record<string, Record<string, string>> }} */
  const last = existsSync(place) ? JSON.parse(readFileSync(place, "utf8")) : { compiler, inputs: {} };
  const inputs = last.compiler === compiler ? last.inputs : {};
  const isOld = (/** @type {string} */ file) =>
    !inputs[file] ||
    !existsSync(compiledPath(root, file)) ||
    Object.entries(inputs[file]).some(([path, stamp]) => stampOf(join(root, path)) !== stamp);
  const old = files.filter(isOld);
  for (const file of modulesIn(root, OUT, /\.js$/)) {
    const source = file.slice(OUT.length + 1, -".js".length);
    if (!files.includes(source)) rmSync(join(root, file));
  }
  if (old.length === 0) return;
  const { build } = await import("esbuild");
  const { metafile } = await build({
    entryPoints: old.map((file) => ({ in: join(root, file), out: file })),
    absWorkingDir: root,
    outdir: join(root, OUT),
    bundle: true,
    metafile: true,
    treeShaking: false,
    packages: "external",
    // Of tsconfig.json's paths none: modules of the site import the package as it is built.
    tsconfigRaw: {},
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "warning",
    plugins: [{ name: "module by module", setup: moduleByModule }],
  });
  // A module's inputs are itself and the .json files that it imports.
  for (const { entryPoint, inputs: read } of Object.values(metafile.outputs)) {
    const stamps = Object.keys(read).map((path) => [path, stampOf(join(root, path))]);
    inputs[/** @type {string} */ (entryPoint)] = Object.fromEntries(stamps);
  }
  writeFileSync(place, JSON.stringify({ compiler, inputs }));
}

/** @param {import("esbuild").PluginBuild} build */
async function moduleByModule({ onResolve, onLoad }) {
  const { transform } = await import("esbuild");
  onResolve({ filter: /^\./ }, ({ path }) => {
    if (path.endsWith(".json")) return undefined;
    return { path: /\.(ts|mjs)$/.test(path) ? `${path}.js` : path, external: true };
  });
  onLoad({ filter: /\.(ts|mjs)$/ }, async ({ path }) => {
    const { code } = await transform(await readFile(path, "utf8"), {
      loader: "ts",
      target: "node20",
      sourcefile: path,
      sourcemap: "inline",
      sourcesContent: false,
      define: { "import.meta.url": JSON.stringify(pathToFileURL(path).href) },
    });
    return { contents: code, loader: "js" };
  });
}

/**
 * @param {string} root
 * @param {string} folder none, where it is not there
 */
function modulesIn(root, folder, names = /(?<!\.d)\.(ts|mjs)$/) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((file) => names.test(file) && (folder === OUT || !FOREIGN.test(file)));
}

/**
 * Time and size of a file.
 * @param {string} file
 */
const stampOf = (file) => {
  const stat = statSync(file, { throwIfNoEntry: false });
  return `${stat?.mtimeMs} ${stat?.size}`;
};
