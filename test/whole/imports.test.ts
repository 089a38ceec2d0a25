// run: once
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";

// Imports point down: see "Where things live" in CONTRIBUTING.md.

const root = fileURLToPath(new URL("../../src/", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

/** The rooms by what they may import, most dependent first. A room may import itself. */
const ROOMS: [room: string, pattern: RegExp, mayImport: string[]][] = [
  // Of the kernels: which of their builds has computed a part. Of the verbs and the solvers: the checks of encode, so that a
  // wrong value is named by its place in all data and not in its unit.
  [
    "cli",
    /^cli\//,
    ["public", "train", "onnx", "data", "verbs", "solver", "kernels", "decoder", "terms", "graph", "basics"],
  ],
  [
    "public",
    /^(index|train\/index)\.ts$/,
    ["train", "verbs", "adjoint", "backend", "solver", "decoder", "data", "terms", "graph", "basics"],
  ],
  [
    "train",
    /^train\/(?!index)/,
    ["verbs", "adjoint", "backend", "data", "solver", "decoder", "terms", "graph", "basics"],
  ],
  ["onnx", /^onnx\//, ["verbs", "decoder", "terms", "graph", "basics"]],
  [
    "verbs",
    // What loads a decoder runs it, to compare it with the file's probe.
    /^(encode|encode-stream|decode|describe|flow-and-solver|problem|verify|decoder\/load)\.ts$/,
    ["backend", "solver", "decoder", "terms", "graph", "basics"],
  ],
  ["adjoint", /^adjoint\//, ["solver", "terms", "basics"]],
  [
    "backend",
    /^backend\/(?!wasm\/(arena|idle-instances|instance|layout|load|struct)\.ts)/,
    ["solver", "kernels", "decoder", "terms", "graph", "basics"],
  ],
  ["solver", /^(solver\/.*|control)\.ts$/, ["kernels", "basics"]],
  // The compiled kernels and their memory, whoever calls them: backends, and the solvers whose steps are in there.
  [
    "kernels",
    /^backend\/wasm\/(arena|idle-instances|instance|layout|load|struct)\.ts$/,
    ["graph", "terms", "basics"],
  ],
  ["decoder", /^decoder\/(?!load\.ts)/, ["terms", "graph", "basics"]],
  ["data", /^data\//, ["basics"]],
  // What an objective is a sum of, and what its data pass through.
  ["terms", /^terms\//, ["graph", "basics"]],
  ["graph", /^graph\//, ["basics"]],
  [
    "basics",
    /^(axis-order|brand|builtin-module|check|checksum|durable-file|elementary-functions|errors|file-kind|float32|flow|objective|on-abort|onnx-messages|optimizer|owned|plain-value|schedule|platform|protobuf|random|read-ahead|result|source|turns|values)\.ts$/,
    [],
  ],
];

function roomOf(file: string): string {
  const rooms = ROOMS.filter(([, pattern]) => pattern.test(file));
  assert.is(rooms.length, 1, `${file} is in one of the rooms listed in this test`);
  return rooms[0]![0];
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

test("imports point down", () => {
  assert.ok(files.length > 30);
  for (const file of files) {
    const room = roomOf(file);
    const allowed = ROOMS.find(([name]) => name === room)![2];
    for (const target of importsOf(file)) {
      if (target.startsWith("../../build/")) {
        assert.match(file, /^backend\/wasm\/(load|instance)\.ts$/, `${file} imports from build/`);
      } else if (!target.startsWith("../")) {
        const targetRoom = roomOf(target);
        const ok = targetRoom === room || allowed.includes(targetRoom);
        assert.ok(ok, `${file} (${room}) imports ${target} (${targetRoom})`);
      }
    }
  }
});

test("Node's modules are asked for in one place", () => {
  const asking = files.filter((file) => readFileSync(join(root, file), "utf8").includes("getBuiltinModule"));
  assert.equal(asking, ["builtin-module.ts"]);
});

test("a program that only encodes has nothing of what reads, makes and writes decoders", async () => {
  const { metafile } = await build({
    stdin: { contents: 'import { encode } from "./src/index.ts"; encode();', resolveDir: dirname(root) },
    absWorkingDir: dirname(root),
    ...{ bundle: true, format: "esm", write: false, metafile: true, logLevel: "silent" },
  });
  const [output] = Object.values(metafile.outputs);
  const bundled = Object.entries(output!.inputs).flatMap(([file, { bytesInOutput }]) =>
    bytesInOutput > 0 ? file : [],
  );
  assert.ok(bundled.includes("src/graph/operations.ts"));
  const surplus =
    /^src\/(graph\/(read-definition|readers|settings|activation|layers)|decoder\/(probe|metadata|safetensors|output))\.ts$/;
  assert.equal(
    bundled.filter((file) => surplus.test(file)),
    [],
  );
});

test.run();
