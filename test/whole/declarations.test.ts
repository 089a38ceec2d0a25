// run: alone
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { test } from "uvu";
import * as assert from "uvu/assert";

// What an editor opens and shows for a name of the package's: the declarations as they are published.

const names = {
  latentflow: [
    "encode",
    "decode",
    "lbfgs",
    "amd",
    "wasm",
    "loadDecoder",
    "createDecoder",
    "Decoder",
    "Status",
  ],
  "latentflow/train": ["train", "trainAutoencoder", "Dataset", "TrainOptions", "adam"],
  "latentflow/data": ["readDataset", "createDataset", "mnist", "Dataset"],
  "latentflow/graph": ["sequential", "conv", "groupNorm", "Layer", "pointwise"],
  "latentflow/onnx": ["loadOnnx", "toOnnx", "LoadOnnxOptions"],
  "latentflow/images": ["fromImageData", "toImageData", "maskFrom", "Fit"],
  "latentflow/images/png": ["decodePng", "encodePng"],
  "latentflow/measure": ["measure", "blur", "stack", "Operator"],
  "latentflow/webgpu": ["webgpu", "auto", "availableBackends"],
};

const root = fileURLToPath(new URL("../..", import.meta.url));
const user = join(root, "user.mts");
const program = Object.entries(names)
  .map(([entry, all]) => `export { ${all.join(", ")} } from "${entry}";\n`)
  .join("");

/** An editor's view of a file in the package's own folder, where the package knows itself by its name. */
const editor = ts.createLanguageService({
  getCompilationSettings: () => ({ module: ts.ModuleKind.Node16, noLib: true, types: [] }),
  getScriptFileNames: () => [user],
  getScriptVersion: () => "1",
  getScriptSnapshot: (path) => {
    const text = path === user ? program : ts.sys.readFile(path);
    return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
  },
  getCurrentDirectory: () => root,
  getDefaultLibFileName: ts.getDefaultLibFilePath,
  fileExists: (path) => path === user || ts.sys.fileExists(path),
  readFile: ts.sys.readFile,
});

for (const [entry, all] of Object.entries(names)) {
  for (const name of all) {
    test(`${name} of ${entry}: "go to definition" leads to a declaration of that name, with its docstring`, () => {
      const position = program.search(new RegExp(`\\b${name}\\b[^\\n]* from "${entry}";`));
      const definitions = editor.getDefinitionAtPosition(user, position) ?? [];
      assert.ok(definitions.length > 0);
      for (const [i, { fileName, textSpan }] of definitions.entries()) {
        assert.ok(fileName.startsWith(join(root, "build/lib/types/")), fileName);
        const text = ts.sys.readFile(fileName)!;
        assert.is(text.slice(textSpan.start, textSpan.start + textSpan.length), name);
        // Of a function's overloads the first has it.
        const before = text.slice(0, textSpan.start);
        if (i === 0)
          assert.match(before, /\*\/\n(export )?(declare )?(function|class|interface|type|const) $/);
      }
      assert.ok(editor.getQuickInfoAtPosition(user, position)!.documentation!.length > 0);
    });
  }
}

test.run();
