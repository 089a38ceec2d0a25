import { readFileSync } from "node:fs";
import ts from "typescript";

/**
 * What a built file holds that not every runtime and bundler takes, one line each: modules of others that it
 * loads, * `import.meta`, `await` outside of functions.
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
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    return node.moduleSpecifier && !isOwnFile(node.moduleSpecifier) ? "import" : undefined;
  }
  if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) return "import.meta";
  const isAwait = ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier);
  if (isAwait && !inFunction) return "top-level await";
  if (!ts.isCallExpression(node)) return undefined;
  if (node.expression.kind === ts.SyntaxKind.ImportKeyword) return "import()";
  const isRequire = ts.isIdentifier(node.expression) && node.expression.text === "require";
  return isRequire && !node.arguments.every(isOwnFile) ? "require" : undefined;
}

function isOwnFile(path: ts.Expression): boolean {
  return ts.isStringLiteralLike(path) && path.text.startsWith("./");
}

/** The names that a declaration file exports as values, not as types only. */
export function exportedValues(file: string): string[] {
  // Names alone are asked for: without TypeScript's own declarations, which take a second and more to read.
  const program = ts.createProgram([file], { module: ts.ModuleKind.Node16, noLib: true, types: [] });
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
  const isValue = (symbol: ts.Symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return (target.flags & ts.SymbolFlags.Value) !== 0;
  };
  return checker
    .getExportsOfModule(module)
    .filter(isValue)
    .map(({ name }) => name);
}
