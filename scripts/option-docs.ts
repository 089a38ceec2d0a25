// Docstrings of the options of the library's functions, read from src/ by TypeScript's parser: what scripts/option-tables.ts
// writes tables and help texts from.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** What the first paragraph of an option's docstring says. */
export interface OptionDoc {
  /** Meaning of the option, in Markdown, without its default. */
  readonly text: string;
  /** Default, in Markdown, as `10, or `stepInit` if that is larger`; undefined if none is said. */
  readonly standard: string | undefined;
}

/** Folders of the functions in `FIELDS`; subfolders are not read. */
const FOLDERS = ["api", "backend", "solver", "terms", "train"];

type Declaration = ts.InterfaceDeclaration | ts.TypeAliasDeclaration;

/** Interfaces and type aliases of each file by name, and every exported function's overloads by its name. */
const types = new Map<ts.SourceFile, Map<string, Declaration>>();
const functions = new Map<string, ts.FunctionDeclaration[]>();

for (const folder of FOLDERS) {
  const path = fileURLToPath(new URL(`../src/${folder}/`, import.meta.url));
  for (const file of readdirSync(path).filter((name) => name.endsWith(".ts"))) {
    const text = readFileSync(`${path}${file}`, "utf8");
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    const own = new Map<string, Declaration>();
    types.set(source, own);
    for (const node of source.statements) {
      if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) own.set(node.name.text, node);
      if (ts.isFunctionDeclaration(node) && node.name) {
        functions.set(node.name.text, [...(functions.get(node.name.text) ?? []), node]);
      }
    }
  }
}

/** Docstrings of the options of a function of the library, by option, in the order of their interface. */
export function docsOf(call: string): ReadonlyMap<string, OptionDoc> {
  const docs = new Map<string, OptionDoc>();
  for (const { parameters } of functions.get(call) ?? []) {
    const options = parameters.find(({ name }) => name.getText() === "options")?.type;
    for (const member of options ? membersOf(options) : []) {
      const doc = docOf(member);
      if (doc && !docs.has(member.name.getText())) docs.set(member.name.getText(), doc);
    }
  }
  return docs;
}

/** All members of a type, also those of the types that it is made of; of several with one name the one to be used is first. */
function membersOf(type: ts.Node): ts.PropertySignature[] {
  if (ts.isTypeLiteralNode(type)) return type.members.filter(ts.isPropertySignature);
  if (ts.isUnionTypeNode(type) || ts.isIntersectionTypeNode(type)) return type.types.flatMap(membersOf);
  if (ts.isParenthesizedTypeNode(type)) return membersOf(type.type);
  if (ts.isInterfaceDeclaration(type)) {
    const bases = type.heritageClauses?.flatMap((clause) => clause.types) ?? [];
    return [...type.members.filter(ts.isPropertySignature), ...bases.flatMap(membersOf)];
  }
  if (ts.isTypeAliasDeclaration(type)) return membersOf(type.type);
  if (!ts.isTypeReferenceNode(type) && !ts.isExpressionWithTypeArguments(type)) return [];
  const name = (ts.isTypeReferenceNode(type) ? type.typeName : type.expression).getText();
  // Pick and Omit: what they leave out has no field.
  const [first] = ["Pick", "Omit"].includes(name) ? (type.typeArguments ?? []) : [];
  const declared = first ?? declarationOf(name, type.getSourceFile());
  return declared ? membersOf(declared) : [];
}

/** Declaration of a type: that of the file which says its name, or of another file. */
function declarationOf(name: string, file: ts.SourceFile): Declaration | undefined {
  return [types.get(file), ...types.values()].map((own) => own?.get(name)).find((each) => each !== undefined);
}

/** Sentence of a docstring that says the default. */
const STANDARD = / ?(?:No default|Default):? (.*?)\.(?= |$)/;
/** Word of a docstring that is the default. */
const STANDARD_WORD = /(`[^`]+`) \(the default\)/;

function docOf(member: ts.PropertySignature): OptionDoc | undefined {
  const [comment] = ts.getJSDocCommentsAndTags(member);
  if (!comment) return undefined;
  const [paragraph = ""] = (ts.getTextOfJSDocComment(comment.comment) ?? "").split("\n\n");
  const text = paragraph.replace(/\s+/g, " ").trim();
  return {
    text: text.replace(STANDARD, "").replace(STANDARD_WORD, "$1"),
    standard: STANDARD.exec(text)?.[1] ?? STANDARD_WORD.exec(text)?.[1],
  };
}
