// run: first
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { transformSync } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import packageJson from "../../package.json" with { type: "json" };
import { type Bundle, bundlers, quickWebpack } from "../support/bundlers.ts";
import { encodeDemoDigits } from "../support/demo-digits.ts";
import { installPackage } from "../support/installed-package.ts";
import { exportedValues, unportableSyntax } from "../support/syntax.ts";

// The oldest TypeScript that the declarations are meant for.
const user = installPackage(["node", "types"], ["typescript@5.4", "@types/node@20"]);
test.after(() => user.dispose());

const library = join(user.folder, "node_modules/latentflow/build/lib");

/** The output of a program run in the user's project, or an error with what it printed. */
function run(program: string, args: readonly string[], folder = user.folder): string {
  const { status, error, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw error ?? new Error(`${program} ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

/** Type-checks files of the user's project with their TypeScript, skipping nothing but TypeScript's own declarations. */
function checkTypes(files: readonly string[], compilerOptions: object): void {
  const config = "tsconfig.json";
  const strict = { strict: true, exactOptionalPropertyTypes: true, target: "es2022" };
  const checked = { skipLibCheck: false, skipDefaultLibCheck: true };
  const json = { compilerOptions: { ...strict, ...checked, ...compilerOptions }, files };
  writeFileSync(join(user.folder, config), JSON.stringify(json));
  run(process.execPath, ["node_modules/typescript/bin/tsc", "--project", config]);
}

/** Copies the TypeScript source to a name whose extension says what kind of module it is. */
function consumer(extension: string): string {
  const name = `consumer-copy.${extension}`;
  writeFileSync(join(user.folder, name), readFileSync(join(user.folder, "types/consumer.ts")));
  return name;
}

for (const file of ["esm.mjs", "cjs.cjs"]) {
  test(`encode() in ${file} gives what the source gives, and training works`, async () => {
    const result = JSON.parse(run(process.execPath, [`node/${file}`]));
    const { meanLoss } = await encodeDemoDigits();
    assert.ok(Math.abs(result.meanLoss - meanLoss) < 1e-4, `${result.meanLoss}, from the source ${meanLoss}`);
    assert.equal(result.statuses, { converged: 16 });
    const { updates, codes, meanLoss: trainedLoss } = result.training;
    assert.equal({ updates, codes }, { updates: 4, codes: 16 * 20 });
    assert.ok(trainedLoss > 0 && trainedLoss < 0.2, `${trainedLoss} after training`);
  });
}

test("require and import give one package, and a decoder of a second copy is one for it, under a name to be seen", () => {
  const modules = join(user.folder, "node_modules");
  cpSync(join(modules, "latentflow"), join(modules, "second-latentflow"), { recursive: true });
  assert.equal(JSON.parse(run(process.execPath, ["node/copies.cjs"])), {
    isSame: true,
    status: ["max_steps"],
    updates: 1,
    code: "disposed",
    name: "GraphDecoder",
  });
});

for (const [declarations, module] of [
  ["index.d.ts", "index.js"],
  ["train/index.d.ts", "train.js"],
  ["train/data.d.ts", "data.js"],
  ["graph/index.d.ts", "graph.js"],
  ["onnx/index.d.ts", "onnx.js"],
  ["images/index.d.ts", "images.js"],
  ["images/png.d.ts", "images-png.js"],
  ["measure/index.d.ts", "measure.js"],
  ["backend/webgpu/index.d.ts", "webgpu.js"],
] as const) {
  test(`what ${declarations} exports as a value is there in ${module}`, async () => {
    const exports = await import(pathToFileURL(join(library, module)).href);
    assert.equal(exportedValues(join(library, "types", declarations)).sort(), Object.keys(exports).sort());
  });
}

// With the DOM's types and with Node's: the declarations must not ask for names that only one of them has. They are the
// same files under every resolution, so that one environment is enough for the two older ones.
const DOM = { lib: ["es2022", "dom"], types: [] };
const NODE = { lib: ["es2022"], types: ["node"] };

for (const { resolution, module, extension, name, environment } of [
  { resolution: "node16", module: "node16", extension: "mts", name: "the DOM's types", environment: DOM },
  { resolution: "node10", module: "commonjs", extension: "ts", name: "Node's types", environment: NODE },
] as const) {
  test(`types under ${resolution} resolution, with ${name}, and the compiled module runs`, () => {
    checkTypes([consumer(extension)], {
      ...environment,
      module,
      moduleResolution: resolution,
      outDir: "out",
    });
    const file = `out/consumer-copy.${extension.replace("t", "j")}`;
    assert.equal(JSON.parse(run(process.execPath, [file])), {
      samples: 3,
      build: "plain",
      outputs: 12,
      steps: 20,
      status: "converged",
      code: "disposed",
      training: { updates: 2, samples: 3, validations: 3, codes: 6 },
    });
  });
}

for (const [name, environment, own] of [
  ["the DOM's types", DOM, "types/page.ts"],
  ["Node's types", NODE, "types/server.ts"],
] as const) {
  test(`types under bundler resolution, with ${name}`, () => {
    const options = { ...environment, module: "es2022", moduleResolution: "bundler", noEmit: true };
    checkTypes([consumer("ts"), own], options);
  });
}

test("types with neither the DOM's types nor Node's", () => {
  const options = { lib: ["es2022"], types: [], module: "es2022", moduleResolution: "bundler", noEmit: true };
  checkTypes(["types/bare.ts"], options);
});

test("the least version of Node is one that requires ES modules, and README says so", () => {
  assert.is(packageJson.engines.node, ">=20.19");
  const readme = readFileSync("README.md", "utf8");
  assert.equal(readme.match(/Node 2\d\.\d.*?or later/g), ["Node 20.19 or later"]);
});

test("npx latentflow is the command line program", () => {
  assert.is(run("npx", ["latentflow", "--version"]).trim(), packageJson.version);
});

test("the demo works with the digits inside the package", () => {
  const report = JSON.parse(
    run("npx", ["latentflow", "demo", "--json", "--limit", "16", "--threads", "2", "--out", "demo-out"]),
  );
  assert.is(report.threads, 2);
  assert.is(report.data.file, join(user.folder, "node_modules/latentflow/demo/mnist-test-300.idx.gz"));
  assert.equal(report.statuses, { converged: 16 });
  for (const file of report.files) assert.ok(existsSync(join(user.folder, file)), file);
});

test("publint and arethetypeswrong find nothing", () => {
  run("node_modules/.bin/publint", ["run", user.tarball, "--strict"], ".");
  // The kernels are for runtimes that import WebAssembly, which no require() does.
  const kernels = ["plain", "relaxed", "plain-wide", "relaxed-wide"].map((name) => `wasm/${name}.wasm`);
  // That require() is given ES modules is meant.
  const meant = ["--ignore-rules", "cjs-resolves-to-esm", "--exclude-entrypoints", ...kernels];
  run("node_modules/.bin/attw", [user.tarball, ...meant], ".");
});

test("the package has no dependencies and holds its licences", () => {
  const json = JSON.parse(readFileSync(join(user.folder, "node_modules/latentflow/package.json"), "utf8"));
  for (const kind of ["dependencies", "optionalDependencies"]) assert.not(kind in json, kind);
  assert.equal(Object.keys(json.peerDependencies), ["onnxruntime-web"]);
  assert.equal(json.peerDependenciesMeta, { "onnxruntime-web": { optional: true } });
  assert.not(existsSync(join(user.folder, "node_modules/onnxruntime-web")));
  assert.match(readFileSync(join(user.folder, "node_modules/latentflow/LICENSE"), "utf8"), "MIT");
  const others = readFileSync(join(library, "THIRD_PARTY_LICENSES.txt"), "utf8");
  assert.match(others, "assemblyscript");
  assert.match(others, "commander");
});

test("the library runs anywhere: it loads its own files only, no import.meta, no top-level await", () => {
  const files = readdirSync(library).filter((file) => /\.js$/.test(file) && file !== "cli.js");
  assert.ok(files.includes("latentflow-worker.js") && files.includes("latentflow.min.js"));
  for (const file of files) {
    // The one thing that is not ours, of which index.js and train.js load nothing: see the next test.
    const onnxruntime = /^webgpu\./.test(file) ? ['import(): import("onnxruntime-web/webgpu")'] : [];
    // Files of its own that it loads on first use, but for those that are one file.
    const loadsOwn = !file.startsWith("latentflow");
    const found = unportableSyntax(join(library, file)).filter((syntax) => {
      const [, own] =
        /^import\(\): import\("\.\/((?:compile-hints|objectives|shared-session)-\w+\.js)"\)$/.exec(syntax) ??
        [];
      return !(loadsOwn && own !== undefined && files.includes(own));
    });
    assert.equal(found, onnxruntime, file);
  }
  // The program is for Node, and shows that such syntax is found.
  assert.ok(unportableSyntax(join(library, "cli.js")).length > 0);
});

test("Node's globals are asked for as properties of globalThis: a bare name has Parcel look for a polyfill", () => {
  // esbuild renames what is not declared in the file, and nothing else.
  const define = { process: "bareProcess", Buffer: "bareBuffer", global: "bareGlobal" };
  const bareNames = (code: string) =>
    transformSync(code, { define }).code.match(/bare(Process|Buffer|Global)/g);
  assert.equal(bareNames("const a = process.argv; globalThis.process; { const process = a; process; }"), [
    "bareProcess",
  ]);
  const files = readdirSync(library).filter((file) => /\.js$/.test(file) && file !== "cli.js");
  for (const file of files) assert.is(bareNames(readFileSync(join(library, file), "utf8")), null, file);
});

for (const [name, bundle] of Object.entries({ ...bundlers, webpack: quickWebpack })) {
  test(`of WebGPU nothing is in what ${name} makes of a program that does not ask for it`, async () => {
    const program = 'import * as all from "latentflow"; import * as train from "latentflow/train";';
    const { text, warnings } = await bundleOf(bundle, `${program} globalThis.kept = [all, train];`);
    assert.equal(warnings, []);
    assert.match(text, "converged");
    // Without the kernels in base64 and the hashes in the names of chunks, which hold any three letters. Files of ONNX are
    // named where one is refused.
    assert.not.match(text.replace(/[\w+/]{1000,}|chunk-\w+/g, ""), /onnxruntime-web|gpu/i);
  });

  test(`${name} bundles a program that asks for WebGPU without its peer, too`, async () => {
    const program = 'import { webgpu } from "latentflow/webgpu"; console.log(webgpu().name);';
    assert.match((await bundleOf(bundle, program)).text, "onnxruntime-web/webgpu");
  });
}

/** A user's program as a bundler makes one file of it. */
async function bundleOf(bundle: Bundle, program: string) {
  writeFileSync(join(user.folder, "program.js"), program);
  const outDir = join(user.folder, "bundled");
  rmSync(outDir, { recursive: true, force: true });
  const { warnings } = await bundle(user.folder, "./program.js", outDir);
  const files = readdirSync(outDir, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js"),
  );
  return { warnings, text: files.map((file) => readFileSync(join(outDir, file), "utf8")).join("\n") };
}

test("without onnxruntime-web the error says what to install, but only where there is a GPU for it", () => {
  const program = `
    import { createDecoder, encode } from "latentflow";
    import { availableBackends, webgpu } from "latentflow/webgpu";
    const decoder = createDecoder({ layers: [2, 3], loss: "mse" });
    const attempt = async () => {
      const { code, message } = await encode(decoder, new Float32Array(3), { backend: webgpu() }).catch((error) => error);
      return { code, message, reason: (await availableBackends())[0].reason };
    };
    const without = await attempt();
    const gpu = { requestAdapter: async () => ({ info: { vendor: "some" }, limits: {} }) };
    Object.defineProperty(globalThis, "navigator", { value: { gpu } });
    console.log(JSON.stringify([without, await attempt()]));`;
  writeFileSync(join(user.folder, "no-peer.mjs"), program);
  const ends = JSON.parse(run(process.execPath, ["no-peer.mjs"]));
  for (const [i, expected] of [/^this runtime has no WebGPU/, /npm install onnxruntime-web/].entries()) {
    const { code, message, reason } = ends[i];
    assert.is(code, "unsupported");
    assert.match(reason, expected);
    assert.is(message, `webgpu: ${reason}`);
  }
});

test("the library is within its size", () => {
  assert.match(execFileSync(process.execPath, ["scripts/check-size.mjs"], { encoding: "utf8" }), "gzipped");
});

test.run();
