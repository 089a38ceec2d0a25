// Lists docstrings of src/ and assembly/ that may not stand alone, and exported names without one:
//
//   node scripts/suspect-docstrings.mjs                 counts by folder
//   node scripts/suspect-docstrings.mjs src/train       each suspect of a folder
//   node scripts/suspect-docstrings.mjs --draw 10 [7]   ten docstrings of each folder, drawn at random (seed 7), to be read
//
// A suspect need not be wrong, and one that is none may be: reading is the measure. Nothing fails by it.
import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import ts from "typescript";

/** First words that name nothing: the sentence needs the line before it, or the code below. */
const EMPTY_OPENINGS = /^(?:What|How|Of|Whether|Those|That|Whose|The same|It|One of|Where|As|And|Also)\b/;

/**
 * A docstring, or an exported name that has none.
 * @typedef {{ place: string, folder: string, name: string, text: string | undefined, isExported: boolean }} Entry
 */

/** @returns {Entry[]} */
function entriesOf(/** @type {string} */ file) {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  /** @type {Entry[]} */
  const entries = [];
  const visit = (/** @type {ts.Node} */ node) => {
    const [doc] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
    const isExported =
      ts.canHaveModifiers(node) &&
      ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) &&
      !isImplementation(node);
    if ((doc && doc.parent === node) || isExported) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      const text = doc && ts.getTextOfJSDocComment(doc.comment)?.replaceAll(/\s+/g, " ");
      const name = nameOf(node);
      entries.push({
        place: `${file}:${line + 1}`,
        folder: folderOf(file),
        name,
        text,
        isExported: isExported ?? false,
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return entries;
}

/** True for the implementation of an overloaded function, which callers do not see. */
function isImplementation(/** @type {ts.Node} */ node) {
  if (!ts.isFunctionDeclaration(node) || !node.body) return false;
  const siblings = node.getSourceFile().statements;
  const before = siblings[siblings.indexOf(node) - 1];
  return before && ts.isFunctionDeclaration(before) && !before.body && nameOf(before) === nameOf(node);
}

function nameOf(/** @type {ts.Node} */ node) {
  const declared = ts.isVariableStatement(node) ? node.declarationList.declarations[0] : node;
  const name = declared && "name" in declared ? /** @type {ts.Node} */ (declared.name) : undefined;
  return name?.getText() ?? "";
}

/** The folder as people speak of it: assembly, src/train, src/backend/wasm. */
function folderOf(/** @type {string} */ file) {
  const [first, second, third] = dirname(file).split("/");
  if (first === "assembly") return "assembly";
  return [first, second, second === "backend" || second === "cli" || second === "onnx" ? third : ""]
    .filter(Boolean)
    .join("/");
}

/** Repeatable numbers in [0, 1). */
function randomFrom(/** @type {number} */ seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const files = ["assembly", "src"].flatMap((root) =>
  readdirSync(root, { recursive: true, encoding: "utf8" }).map(
    (name) => `${root}/${name.replaceAll("\\", "/")}`,
  ),
);
const entries = files
  .filter((name) => name.endsWith(".ts"))
  .sort()
  .flatMap(entriesOf);
/** @type {Map<string, Entry[]>} */
const folders = new Map();
for (const entry of entries) folders.set(entry.folder, [...(folders.get(entry.folder) ?? []), entry]);
const isSuspect = (/** @type {Entry} */ { text }) => text !== undefined && EMPTY_OPENINGS.test(text);
const isMissing = (/** @type {Entry} */ { text, isExported }) => text === undefined && isExported;
const show = (/** @type {Entry} */ { place, name, text }) => `${place} ${name}: ${text ?? "no docstring"}`;

const [first, ...rest] = process.argv.slice(2);
if (first === "--draw") {
  const random = randomFrom(Number(rest[1] ?? 1));
  for (const [folder, all] of folders) {
    const left = all.filter(({ text }) => text !== undefined);
    console.log(`\n${folder}`);
    for (let i = 0; i < Number(rest[0] ?? 10) && left.length > 0; i++) {
      for (const drawn of left.splice(Math.floor(random() * left.length), 1)) console.log(show(drawn));
    }
  }
} else if (first !== undefined) {
  for (const entry of entries) {
    if (entry.place.startsWith(first) && (isSuspect(entry) || isMissing(entry))) console.log(show(entry));
  }
} else {
  for (const [folder, all] of folders) {
    const docstrings = all.filter(({ text }) => text !== undefined).length;
    console.log(
      `${folder}: ${docstrings} docstrings, ${all.filter(isSuspect).length} suspects; ${all.filter(isMissing).length} exported without`,
    );
  }
}
