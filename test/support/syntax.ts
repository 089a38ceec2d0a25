import { readFileSync } from "node:fs";
import ts from "typescript";

/**
 * What a built file holds that not every runtime and bundler takes, one line each: modules it loads,
 * `import.meta`, `await` outside of functions.
 */
export function unportableSyntax(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ESNext, true);
  const found: string[] = [];

  function visit(node: ts.Node, inFunction: boolean): void {
    const problem = describe(node, inFunction);
    if (problem) found.push(`${problem}: ${node.getText().slice(0, 60)}`);
    ts.forEachChild(node, (child) => visit(child, inFunction || ts.isFunctionLike(node)));
  }
  visit(source, false);
  return found;
}

function describe(node: ts.Node, inFunction: boolean): string | undefined {
  if (ts.isImportDeclaration(node)) return "import";
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) return "import";
  if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) return "import.meta";
  const isAwait = ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier);
  if (isAwait && !inFunction) return "top-level await";
  if (!ts.isCallExpression(node)) return undefined;
  if (node.expression.kind === ts.SyntaxKind.ImportKeyword) return "import()";
  return ts.isIdentifier(node.expression) && node.expression.text === "require" ? "require" : undefined;
}
