// Writes the operators that loadOnnx reads, from src/onnx/read/operators/table.ts, to site/reference/onnx-operators.md and to
// python/latentflow_export.py:
//
//   node --import tsx scripts/document-onnx-operators.ts
//
// A test holds that it has been run since the last change.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { OPERATORS, type OperatorName, operatorOf } from "../src/onnx/read/operators/table.ts";

const pathOf = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const table = pathOf("src/onnx/read/operators/table.ts");
const page = pathOf("site/reference/onnx-operators.md");
const exporter = pathOf("python/latentflow_export.py");
const begin = "<!-- From here on written by scripts/document-onnx-operators.ts. -->";

const names = (Object.keys(OPERATORS) as OperatorName[]).sort();
const ofInputs = names.filter((name) => operatorOf(name)?.read);
const ofConstants = names.filter((name) => !operatorOf(name)?.read);
const ofPixels = names.filter((name) => operatorOf(name)?.ofPixels);

/** Comments of the table's operators, by their names, without "Refused: " and the full stop. */
function refusals(): Map<string, string> {
  const source = ts.createSourceFile(table, readFileSync(table, "utf8"), ts.ScriptTarget.Latest, true);
  const found = new Map<string, string>();
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node)) {
      const [comment] = ts.getJSDocCommentsAndTags(node);
      const text = comment && ts.getTextOfJSDocComment(comment.comment)?.replace(/\s+/g, " ");
      if (text !== undefined) found.set(node.name.getText(), text.replace(/^Refused: (.*)\.$/, "$1"));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The page with its generated part renewed. */
export function documentOnnxOperators(): string {
  const text = readFileSync(page, "utf8");
  const refused = refusals();
  const tableOf = (some: readonly OperatorName[]) => {
    const rows = some.map((name) => `| ${name} | ${refused.get(name) ?? ""} |`);
    return `| operator | refused |\n|---|---|\n${rows.join("\n").replaceAll("|  |", "| |")}`;
  };
  const parts = [
    "## Operators of computed values",
    tableOf(ofInputs),
    "## Operators of constants alone",
    "These are computed when the file is loaded, from constants and shapes. They are refused where an input is computed.\n" +
      "Integers of up to 32 bits wrap round at their width; results beyond 2^53 are refused.",
    tableOf(ofConstants),
  ];
  return `${text.slice(0, text.indexOf(begin))}${begin}\n\n${parts.join("\n\n")}\n`;
}

/** The exporter with its lists of operators, and its table of their constant inputs, renewed. */
export function listOperators(): string {
  const constants = names.flatMap((name) => {
    const inputs = operatorOf(name)?.constants?.map((input) => `${input},`);
    return inputs ? [`    "${name}": (${inputs.join(" ").replace(/(?<= .*),$/, "")}),\n`] : [];
  });
  const lists = {
    OPERATORS: ofInputs,
    OPERATORS_OF_CONSTANTS: ofConstants,
    OPERATORS_OF_PIXELS: ofPixels,
  };
  return Object.entries(lists).reduce(
    (text, [list, some]) =>
      text.replace(new RegExp(`(?<=^${list} = frozenset\\(\\n    """\\n).*?(?=\\n    """)`, "ms"), () => {
        const lines: string[] = [];
        for (const name of some) {
          const longer = `${lines.at(-1)} ${name}`;
          if (lines.length > 0 && longer.length <= LINE) lines[lines.length - 1] = longer;
          else lines.push(`    ${name}`);
        }
        return lines.join("\n");
      }),
    readFileSync(exporter, "utf8").replace(/(?<=^CONSTANT_INPUTS\b[^\n]* = \{\n).*?(?=^\})/ms, () =>
      constants.join(""),
    ),
  );
}

/** Longest line of the exporter, in characters. */
const LINE = 118;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(page, documentOnnxOperators());
  writeFileSync(exporter, listOperators());
}
