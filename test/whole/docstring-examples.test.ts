// run: alone
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as graphEntry from "../../src/graph/index.ts";
import { createDecoder } from "../../src/index.ts";

// What docstrings show is what the package takes: every public function has an example, the examples compile, and those of
// layers make definitions whose shapes fit.

const root = fileURLToPath(new URL("../..", import.meta.url));
const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile).config,
  ts.sys,
  root,
);
const host = ts.createCompilerHost(options);
const layers = join(root, "src/graph/index.ts");
const entries = [
  ...[
    "src/index.ts",
    "src/train/index.ts",
    "src/train/data.ts",
    "src/onnx/index.ts",
    "src/images/index.ts",
    "src/images/png.ts",
    "src/measure/index.ts",
    "src/backend/webgpu/index.ts",
  ].map((file) => join(root, file)),
  layers,
];

/** What examples are about. */
const GIVEN = `
declare const decoder: Decoder;
declare const y: Float32Array, z: Float32Array, weights: Float32Array, trainingSamples: Float32Array;
declare const images: Dataset, test: Dataset;
declare const run: AutoencoderResult;
declare const batches: AsyncIterable<Float32Array>;
declare function save(z: Float32Array): Promise<void>;
`;

interface PublicFunction {
  readonly name: string;
  readonly entry: string;
  readonly examples: readonly string[];
}

/** The public names, each with the first entry that has it. */
const entryOf = new Map<string, string>();
const functions: PublicFunction[] = [];
const library = ts.createProgram(entries, options, host);
const checker = library.getTypeChecker();
for (const entry of entries) {
  const module = checker.getSymbolAtLocation(library.getSourceFile(entry)!)!;
  for (const symbol of checker.getExportsOfModule(module)) {
    const { name } = symbol;
    const own = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    if (!entryOf.has(name)) entryOf.set(name, entry);
    if (!(own.flags & ts.SymbolFlags.Function)) continue;
    const examples = own
      .getJsDocTags(checker)
      .filter((tag) => tag.name === "example")
      .map((tag) => ts.displayPartsToString(tag.text));
    functions.push({ name, entry, examples });
  }
}

/** An example as a module, with what it needs of the package. */
function asModule({ entry }: PublicFunction, example: string): string {
  const isImport = (line: string) => line.startsWith("import ");
  const lines = example.split("\n");
  const code = lines.filter((line) => !isImport(line)).join("\n");
  const words = new Set([...`${GIVEN}${code}`.matchAll(/\w+/g)].map(([word]) => word));
  const own = new Set(functions.filter((each) => each.entry === entry).map(({ name }) => name));
  const imports = [...words].flatMap((word) => {
    const from = own.has(word) ? entry : entryOf.get(word);
    return from ? `import { ${word} } from "${from}";` : [];
  });
  const others = lines.filter((line) => isImport(line) && !line.includes('"latentflow'));
  const body = `export async function example() {\n${code}\n}\n`;
  return [...others, ...imports, GIVEN, body].join("\n");
}

test("every public function has an example", () => {
  const without = functions.filter(({ examples }) => examples.length === 0);
  assert.equal(
    without.map(({ name }) => name),
    [],
  );
});

test("the examples of layers make definitions whose shapes fit", () => {
  const names = { ...graphEntry, createDecoder };
  const ofLayers = functions.filter(({ entry }) => entry === layers);
  assert.ok(ofLayers.length > 40);
  for (const { examples } of ofLayers) {
    for (const example of examples) {
      // Throws where a layer does not fit what it reads.
      new Function(...Object.keys(names), example)(...Object.values(names));
    }
  }
});

test("the examples of docstrings have no errors of types", () => {
  const modules = new Map(
    functions.flatMap((each) =>
      each.examples.map(
        (example, i) => [join(root, `${each.name}-${i}.ts`), asModule(each, example)] as const,
      ),
    ),
  );
  assert.ok(modules.size > 50);
  const program = ts.createProgram(
    [...modules.keys()],
    { ...options, noUnusedLocals: false, verbatimModuleSyntax: false, isolatedModules: false },
    {
      ...host,
      fileExists: (path) => modules.has(path) || host.fileExists(path),
      getSourceFile(path, languageVersion) {
        const text = modules.get(path);
        if (text !== undefined) return ts.createSourceFile(path, text, languageVersion);
        return library.getSourceFile(path) ?? host.getSourceFile(path, languageVersion);
      },
    },
  );
  const errors = [...modules.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)!;
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
    );
  });
  assert.equal(errors, []);
});

test.run();
