import { table } from "../../reproduce/page.ts";
import { type Family, PARTS } from "./families.ts";

/** The page that credits every family, by the part of the split that it is in. */
export function creditsPage(families: readonly Family[]): string {
  const parts = PARTS.map((part) => {
    const own = families.filter((family) => family.part === part);
    const rows = own.map(({ name, author, package: npm, version }) => [name, author, `${npm} ${version}`]);
    return `## ${part[0]!.toUpperCase()}${part.slice(1)}: ${own.length} families\n\n${table(["family", "by", "package"], rows)}\n`;
  });
  return `# Families of the typefaces

[A typeface from three letters](typefaces.md) is computed from these ${families.length} families, all under the
[SIL Open Font License 1.1](https://openfontlicense.org). Their authors have nothing to do with what was computed. The list is
\`examples/typefaces/families.json\`; \`npm run typefaces -- credits\` writes this page of it.

${parts.join("\n")}`;
}
