// Writes the library's declarations into build/lib/types/, as tsc emits them, a file for each of src/. Every declaration
// keeps its name and its docstring, which editors show. Declarations that no public name needs are left out.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { entries, worker } from "./entries.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const src = join(root, "src");
const types = fileURLToPath(new URL("../build/lib/types", import.meta.url));
const sources = [...Object.values(entries), worker].map((file) => join(root, file));

const texts = emit();
/** The files read so far. @type {Map<string, ReturnType<typeof parse>>} */
const files = new Map();
/** Names to be written, by file. @type {Map<string, Set<string>>} */
const needed = new Map();

for (const source of sources) {
  const path = declarationsOf(source);
  needed.set(path, new Set());
  for (const name of read(path).exported) need(path, name);
}
for (const [path, names] of needed) {
  const file = join(types, relative(src, path));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, write(path, names));
}

/** The declarations of the entries and of all that they import: texts by paths. */
function emit() {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const declarations = { noEmit: false, declaration: true, emitDeclarationOnly: true };
  const program = ts.createProgram(sources, { ...options, ...declarations, allowJs: false, checkJs: false });
  /** @type {Map<string, string>} */
  const emitted = new Map();
  program.emit(undefined, (path, text) => emitted.set(path, text));
  return emitted;
}

/** @param {string} source */
function declarationsOf(source) {
  return source.replace(/\.ts$/, ".d.ts");
}

/** @param {string} path */
function read(path) {
  const file = files.get(path) ?? parse(path);
  files.set(path, file);
  return file;
}

/**
 * A declaration file: its statements, by the names that each declares, and the names that come from other files.
 *
 * @param {string} path
 */
function parse(path) {
  const text = texts.get(path);
  if (text === undefined) throw new Error(`declarations: a public name needs ${path}, which is not emitted`);
  const { statements } = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
  /** @type {Map<string, ts.Statement[]>} */
  const declared = new Map();
  /** @type {Map<string, { path: string, name: string }>} */
  const imported = new Map();
  /** @type {Set<string>} */
  const exported = new Set();
  for (const statement of statements) {
    for (const { name, propertyName } of bindingsOf(statement)) {
      const other = { path: target(path, statement), name: (propertyName ?? name).text };
      if (other.path !== path || other.name !== name.text) imported.set(name.text, other);
      if (ts.isExportDeclaration(statement)) exported.add(name.text);
    }
    for (const name of namesOf(statement)) {
      declared.set(name, [...(declared.get(name) ?? []), statement]);
      const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : [];
      if (modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) exported.add(name);
    }
  }
  return { statements, declared, imported, exported };
}

/**
 * The names that an import or an export list has.
 *
 * @param {ts.Statement} statement
 * @returns {readonly (ts.ImportSpecifier | ts.ExportSpecifier)[]}
 */
function bindingsOf(statement) {
  const isExport = ts.isExportDeclaration(statement);
  if (!isExport && !ts.isImportDeclaration(statement)) return [];
  const bindings = isExport ? statement.exportClause : statement.importClause?.namedBindings;
  if (bindings && (ts.isNamedImports(bindings) || ts.isNamedExports(bindings))) return bindings.elements;
  throw new Error(`declarations: ${statement.getSourceFile().fileName} imports a whole module; name what`);
}

/**
 * The names that a statement declares.
 *
 * @param {ts.Statement} statement
 */
function namesOf(statement) {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const { name } = /** @type {ts.DeclarationStatement} */ (statement);
  return name ? [name.text] : [];
}

/**
 * The file that an import, an export or an `import("./file.ts")` leads to; the file itself for an export without "from".
 *
 * @param {string} path of the file with it
 * @param {ts.Node} node
 */
function target(path, node) {
  const specifier = /(["'])(\.[^"']+)\1/.exec(node.getText())?.[2];
  return specifier === undefined ? path : declarationsOf(join(dirname(path), specifier));
}

/**
 * Adds a name and all that its declarations mention.
 *
 * @param {string} path
 * @param {string} name
 */
function need(path, name) {
  const names = needed.get(path) ?? new Set();
  if (names.has(name)) return;
  needed.set(path, names.add(name));
  const { declared, imported } = read(path);
  const other = imported.get(name);
  if (other) need(other.path, other.name);
  for (const statement of declared.get(name) ?? []) visit(statement);

  /** @param {ts.Node} node */
  function visit(node) {
    // A member of that name brings in a declaration too many, at worst.
    if (ts.isIdentifier(node) && (declared.has(node.text) || imported.has(node.text))) need(path, node.text);
    if (ts.isImportTypeNode(node) && node.qualifier) need(target(path, node), node.qualifier.getText());
    ts.forEachChild(node, visit);
  }
}

/**
 * A file's text, with some of its names only. Specifiers end in ".js", as users' compilers want them.
 *
 * @param {string} path
 * @param {ReadonlySet<string>} wanted
 */
function write(path, wanted) {
  const parts = read(path).statements.map((statement) => {
    if (namesOf(statement).some((name) => wanted.has(name))) return statement.getFullText().trimEnd();
    const kept = bindingsOf(statement).filter(({ name }) => wanted.has(name.text));
    const list = kept.map((binding) => binding.getText()).join(", ");
    return list && statement.getText().replace(/\{[^}]*\}/, `{ ${list} }`);
  });
  const text = parts.filter((part) => part !== "").join("\n");
  return `${text.replaceAll(/(["'])(\.[^"'\n]+)\.ts\1/g, "$1$2.js$1").trimStart() || "export {};"}\n`;
}
