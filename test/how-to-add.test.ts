import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { test } from "uvu";
import * as assert from "uvu/assert";

// "How to add" in CONTRIBUTING.md: a dummy of each kind is added, in memory, and the compiler has to name the places
// that have to know it, all of which the text says.

const root = fileURLToPath(new URL("..", import.meta.url));
const { options, fileNames } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile).config,
  ts.sys,
  root,
);
/** The library, and the reference that the tests compare it with. */
const files = fileNames.filter((name) => /\/src\/|\/test\/support\/reference\.ts$/.test(name));
const host = ts.createIncrementalCompilerHost(options);
const sources = new Map<string, ts.SourceFile | undefined>();
let program: ts.Program | undefined;

/** The files that do not compile once `file` has `after` in place of `before`. */
function filesNamed(file: string, before: string, after: string): string[] {
  const path = join(root, file);
  const text = readFileSync(path, "utf8");
  assert.ok(text.includes(before), `${file} has ${before}`);
  const changed = text.replaceAll(before, after);
  program = ts.createProgram(
    files,
    options,
    {
      ...host,
      getSourceFile(name, languageVersion) {
        if (relative(path, name) === "") return ts.createSourceFile(name, changed, languageVersion);
        if (!sources.has(name)) sources.set(name, host.getSourceFile(name, languageVersion));
        return sources.get(name);
      },
    },
    program,
  );
  const named = ts.getPreEmitDiagnostics(program).flatMap(({ file: at }) => at?.fileName ?? []);
  return [...new Set(named)].map((name) => relative(root, name).replaceAll("\\", "/")).sort();
}

const contributing = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");

/** What the text says of one kind. */
function bullet(kind: string): string {
  const start = contributing.indexOf(`- **${kind}**`);
  assert.ok(start >= 0, kind);
  return contributing.slice(start, contributing.indexOf("\n- **", start + 1));
}

for (const { kind, file, before, after, named } of [
  {
    ...{ kind: "An activation", file: "src/graph/activation.ts" },
    ...{ before: '{ readonly name: "relu" | ', after: '{ readonly name: "dummy" | "relu" | ' },
    named: [
      "src/backend/wasm/kernel-operations.ts",
      "src/backend/wasm/layout.ts",
      "src/backend/webgpu/activation.ts",
      "src/graph/activation.ts",
      "src/onnx/write/activations.ts",
      "test/support/reference.ts",
    ],
  },
  {
    ...{ kind: "A loss", file: "src/terms/terms.ts" },
    ...{
      before: "  readonly squaredError: object;",
      after: "  readonly squaredError: object;\n  readonly dummy: object;",
    },
    named: [
      "src/backend/wasm/layout.ts",
      "src/backend/webgpu/losses.ts",
      "src/cli/decoder-file.ts",
      "src/terms/terms.ts",
      "test/support/reference.ts",
    ],
  },
  {
    ...{ kind: "An operation", file: "src/graph/operations.ts" },
    ...{
      before: "  readonly reshape: object;",
      after: "  readonly reshape: object;\n  readonly dummy: object;",
    },
    named: [
      "src/backend/wasm/lower.ts",
      "src/backend/webgpu/operations.ts",
      "src/graph/definition.ts",
      "src/graph/operations.ts",
      "src/graph/readers.ts",
      "src/onnx/write/operations.ts",
    ],
  },
  {
    ...{ kind: "An optimizer", file: "src/optimizer.ts" },
    ...{
      before: "export type Optimizer = Rmsprop | Adam | Sgd;",
      after:
        'export type Optimizer = Rmsprop | Adam | Sgd | (Omit<Sgd, "name"> & { readonly name: "dummy" });',
    },
    named: ["src/backend/wasm/apply-optimizer.ts", "src/optimizer.ts", "src/train/code-updates.ts"],
  },
  {
    ...{ kind: "A prior", file: "src/terms/priors.ts" },
    ...{
      before: "export interface PriorKinds {",
      after: "export interface PriorKinds {\n  readonly dummy: object;",
    },
    named: ["src/cli/prior.ts", "src/terms/check-prior.ts", "src/terms/prior-components.ts"],
  },
  {
    ...{ kind: "A solver", file: "src/serialize.ts" },
    ...{ before: '  | ("linearGrid" | "logGrid")', after: '  | ("linearGrid" | "logGrid" | "dummy")' },
    named: ["src/backend/wasm/threads/latentflow-worker.ts"],
  },
]) {
  test(`${kind}: the compiler names the places, and the text says them`, () => {
    assert.equal(filesNamed(file, before, after), named);
    const text =
      bullet(kind) +
      contributing.slice(contributing.indexOf("## How to add"), contributing.indexOf("- **An activation**"));
    for (const place of named) {
      // As a path, or by its last part after another path of the same folder.
      const isSaid = [place, place.replace(/^src\//, ""), place.split("/").at(-1)!].some((name) =>
        text.includes(name),
      );
      assert.ok(isSaid, `${place} is not in the text: ${text}`);
    }
  });
}

test.run();
