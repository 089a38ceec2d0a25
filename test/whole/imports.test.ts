// run: alone
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";

// A folder of src/ imports itself and folders below it: "Where things live" in CONTRIBUTING.md has the same order.

const root = fileURLToPath(new URL("../../src/", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

/** The folders of src/, each above those that it imports; `index` is src/index.ts, the list of public names. */
const FOLDERS = {
  cli: [
    "index",
    "train",
    "onnx",
    "images",
    "api",
    "backend",
    "solver",
    "kernels",
    "decoder",
    "terms",
    "graph",
    "files",
    "base",
  ],
  index: ["api", "backend", "solver", "decoder", "terms", "graph", "base"],
  train: ["api", "adjoint", "backend", "solver", "decoder", "terms", "graph", "files", "base"],
  onnx: ["api", "decoder", "terms", "graph", "onnx-format", "files", "base"],
  images: ["files", "base"],
  api: ["measure", "backend", "solver", "decoder", "terms", "graph", "files", "base"],
  measure: ["decoder", "terms", "graph", "base"],
  adjoint: ["solver", "terms", "base"],
  backend: ["solver", "kernels", "decoder", "terms", "graph", "onnx-format", "base"],
  solver: ["kernels", "base"],
  kernels: ["terms", "graph", "base"],
  decoder: ["terms", "graph", "files", "base"],
  terms: ["graph", "base"],
  "onnx-format": ["graph", "base"],
  graph: ["base"],
  files: ["base"],
  base: [],
} as const satisfies Record<string, readonly string[]>;

type Folder = keyof typeof FOLDERS;
const names = Object.keys(FOLDERS) as Folder[];

function folderOf(file: string): Folder {
  const name = file.includes("/") ? file.slice(0, file.indexOf("/")) : "index";
  const folder = names.find((each) => each === name);
  assert.ok(folder, `${file} is in one of the folders listed in this test`);
  return folder!;
}

/** The files that a file imports, for values or for types. */
function importsOf(file: string): string[] {
  const source = readFileSync(join(root, file), "utf8");
  return [...source.matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)].map(([, path]) =>
    relative(root, join(root, dirname(file), path!)),
  );
}

test("no file imports itself by way of others, not even for types", () => {
  const done = new Set<string>();
  function visit(file: string, way: readonly string[]): void {
    const from = way.indexOf(file);
    assert.is(from, -1, `a circle: ${[...way.slice(from), file].join(" → ")}`);
    if (done.has(file)) return;
    for (const imported of importsOf(file)) {
      if (!imported.startsWith("../")) visit(imported, [...way, file]);
    }
    done.add(file);
  }
  for (const file of files) visit(file, []);
});

test("src/ has one loose file", () => {
  assert.equal(
    files.filter((file) => !file.includes("/")),
    ["index.ts"],
  );
});

test("imports point down", () => {
  const used = new Set<string>();
  for (const file of files) {
    const folder = folderOf(file);
    const allowed: readonly string[] = FOLDERS[folder];
    for (const target of importsOf(file)) {
      if (target.startsWith("../build/")) {
        assert.match(file, /^kernels\/(load|instance|layout)\.ts$/, `${file} imports from build/`);
      } else if (!target.startsWith("../")) {
        const other = folderOf(target);
        used.add(`${folder} → ${other}`);
        assert.ok(
          other === folder || allowed.includes(other),
          `${file} (${folder}) imports ${target} (${other})`,
        );
      }
    }
  }
  for (const [place, folder] of names.entries()) {
    for (const other of FOLDERS[folder]) {
      assert.ok(names.indexOf(other) > place, `${folder} is listed above ${other}, which it may import`);
      assert.ok(used.has(`${folder} → ${other}`), `${folder} may import ${other}, and a file of it does`);
    }
  }
});

/** Lines from which on a file has a test of its own name, or is named in a test. */
const LINES_TESTED = 60;

test("every source file of 60 lines or more has its namesake in test/, or is named in a test", () => {
  const project = dirname(root);
  const read = (file: string) => readFileSync(join(project, file), "utf8");
  const list = (folder: string) =>
    readdirSync(join(project, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `${folder}/${file.replaceAll("\\", "/")}`);
  const tests = list("test").filter((file) => file.endsWith(".test.ts"));
  const texts = tests.map(read).join("\n");
  const missing = [...list("src"), ...list("assembly")].filter((file) => {
    const isLong = read(file).split("\n").length >= LINES_TESTED;
    const namesake = `test/${file.replace(/^src\//, "").replace(/\.ts$/, ".test.ts")}`;
    return isLong && !tests.includes(namesake) && !texts.includes(file);
  });
  assert.equal(missing, [], "a test of this name, or a test whose text names them");
});

test("every file and folder that CONTRIBUTING names is there", () => {
  const project = dirname(root);
  const text = readFileSync(join(project, "CONTRIBUTING.md"), "utf8");
  const named = [
    ...text.matchAll(/`((?:src|assembly|test|scripts|experiments|reproduce|bench|site)\/[\w./-]+)`/g),
  ].map(([, path]) => path!);
  assert.ok(named.length > 50);
  assert.equal(
    named.filter((path) => !existsSync(join(project, path))),
    [],
  );
});

test("Node's modules are asked for in one place", () => {
  const asking = files.filter((file) => readFileSync(join(root, file), "utf8").includes("getBuiltinModule"));
  assert.equal(asking, ["base/builtin-module.ts"]);
});

test("a program that only encodes has nothing of what reads, makes and writes decoders", async () => {
  const { metafile } = await build({
    stdin: { contents: 'import { encode } from "./src/index.ts"; encode();', resolveDir: dirname(root) },
    absWorkingDir: dirname(root),
    bundle: true,
    format: "esm",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const [output] = Object.values(metafile.outputs);
  const bundled = Object.entries(output!.inputs).flatMap(([file, { bytesInOutput }]) =>
    bytesInOutput > 0 ? file : [],
  );
  assert.ok(bundled.includes("src/graph/operations.ts"));
  const surplus =
    /^src\/(graph\/(read-definition|readers|settings|normalise-activation|layers)|decoder\/(probe|metadata|output)|files\/safetensors)\.ts$/;
  assert.equal(
    bundled.filter((file) => surplus.test(file)),
    [],
  );
});

test.run();
