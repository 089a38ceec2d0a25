// Writes the lists of activations, of files of data and of statuses, and the table of the options of `encode`, into pages of
// site/:
//
//   node --import tsx scripts/document-lists.ts
//
// A test holds that it has been run since the last change.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { ENCODE_FIELDS } from "../src/api/encode.ts";
import { ARRAY_FORMATS } from "../src/files/read.ts";
import { activations } from "../src/graph/activation.ts";
import { STATUSES } from "../src/solver/status.ts";
import { STATUS_TEXTS } from "../src/solver/status-texts.ts";

const names = Object.keys(activations);
const formats = ARRAY_FORMATS.map(({ label }) => (label.startsWith(".") ? `\`${label}\`` : label));

const enumerated = (items: readonly string[], conjunction: string) =>
  `${items.slice(0, -1).join(", ")} ${conjunction} ${items.at(-1)}`;

const pathOf = (file: string) => fileURLToPath(new URL(`../${file}`, import.meta.url));

/** First paragraphs of the docstrings of interfaces' members, by name. */
function docstringsIn(...files: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (node: ts.Node): void => {
    const [comment] = ts.isPropertySignature(node) ? ts.getJSDocCommentsAndTags(node) : [];
    const name = (node as Partial<ts.PropertySignature>).name?.getText();
    if (comment && name !== undefined && !found.has(name)) {
      const text = ts.getTextOfJSDocComment(comment.comment) ?? "";
      found.set(name, text.split("\n\n")[0]!.replace(/\s+/g, " "));
    }
    ts.forEachChild(node, visit);
  };
  for (const file of files) {
    visit(ts.createSourceFile(file, readFileSync(pathOf(file), "utf8"), ts.ScriptTarget.Latest, true));
  }
  return found;
}

/** Rows of the table of the options of `encode`, from their docstrings. The last column, of links, is kept as it is. */
function rowsOfOptions(table: string): string {
  const docs = docstringsIn("src/api/flow-and-solver.ts", "src/api/encode.ts");
  const links = new Map(
    Array.from(table.matchAll(/^\| `(\w+)` \|.*\| (.*?) ?\|$/gm), ([, name, more]) => [name, more]),
  );
  const rows = Object.keys(ENCODE_FIELDS).map((name) => {
    const text = docs.get(name) ?? "";
    const sentence = / ?(?:No default|Default):? (.*?)\.(?= |$)/;
    const standard = sentence.exec(text)?.[1] ?? /(`[^`]+`) \(the default\)/.exec(text)?.[1] ?? "none";
    const cells = [`\`${name}\``, standard, text.replace(sentence, ""), links.get(name) ?? ""];
    return `| ${cells.join(" | ")} |\n`.replaceAll("  ", " ");
  });
  return rows.join("");
}

/** Rows of the table of statuses, in the order of their codes. */
const rowsOfStatuses = STATUSES.map((status) => {
  const { happened, advice } = STATUS_TEXTS[status];
  return `| \`"${status}"\` | ${happened} | ${advice && `${advice} `}|\n`;
}).join("");

/** Pattern of each list in its text, and the list as it has to be, or what makes it of the list that is there. */
const LISTS: readonly (readonly [file: string, place: RegExp, list: string | ((now: string) => string)])[] = [
  [
    "site/guides/solvers.md",
    /(?<=## Options of encode\n[\s\S]*?\n\| option \|.*\n\|-.*\n)(?:\|.*\n)+/,
    rowsOfOptions,
  ],
  ["site/guides/solvers.md", /(?<=\n\| status \|.*\n\|-.*\n)(?:\|.*\n)+/, rowsOfStatuses],
  [
    "site/reference/words.md",
    /(?<=\n\| \*\*status\*\* \| how a sample's search ended: ).*(?= \|)/,
    STATUSES.map((status) => `\`"${status}"\``).join(", "),
  ],
  [
    "site/start/pytorch.md",
    /(?<=The activation is the one between all layers:\n)[^.]*/,
    enumerated(
      names.map((name) => `\`${name}\``),
      "or",
    ),
  ],
  ["site/guides/training.md", /(?<=`readDataset` reads ).*?(?=, gzipped or not)/, enumerated(formats, "and")],
  ["site/reference/command-line.md", /(?<=\nData are ).*?(?=, gzipped or not)/, enumerated(formats, "or")],
];

/** Texts with the lists as they have to be, by path. */
export function documentLists(): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [file, place, list] of LISTS) {
    const path = pathOf(file);
    const text = texts.get(path) ?? readFileSync(path, "utf8");
    if (!place.test(text)) throw new Error(`${file} lacks ${place}`);
    texts.set(
      path,
      text.replace(place, (now) => (typeof list === "string" ? list : list(now))),
    );
  }
  return texts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of documentLists()) writeFileSync(path, text);
}
