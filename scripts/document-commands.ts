// Writes the part of site/reference/command-line.md that says what commands and flags there are, as --help has them:
//
//   node --import tsx scripts/document-commands.ts
//
// A test holds that it has been run since the last change.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command, Option } from "commander";
import { createProgram } from "../src/cli/program.ts";

const file = fileURLToPath(new URL("../site/reference/command-line.md", import.meta.url));
const begin = "<!-- From here on written by scripts/document-commands.ts. -->";

/** The document, with what is generated as it has to be. */
export function documentCommands(): string {
  const text = readFileSync(file, "utf8");
  const commands = createProgram().commands.map(documentCommand);
  return `${text.slice(0, text.indexOf(begin))}${begin}\n\n${commands.join("\n\n")}\n`;
}

function documentCommand(command: Command): string {
  const groups = new Map<string, Option[]>();
  for (const option of command.options) {
    const group = option.helpGroupHeading ?? "";
    groups.set(group, [...(groups.get(group) ?? []), option]);
  }
  const tables = [...groups].map(([group, options]) => {
    const rows = options.map(
      (option) => `| \`${option.flags}\` | ${cell(command.createHelp().optionDescription(option))} |`,
    );
    return `${group}\n\n| flag | meaning |\n|---|---|\n${rows.join("\n")}`;
  });
  const values = command.registeredArguments.map((each) => {
    const name = each.required ? `<${each.name()}>` : `[${each.name()}]`;
    return `| \`${name}\` | ${cell(each.description)} |`;
  });
  if (values.length > 0) tables.unshift(`| argument | meaning |\n|---|---|\n${values.join("\n")}`);
  const summary = command.summary();
  return `## latentflow ${command.name()}\n\n${summary[0]!.toUpperCase()}${summary.slice(1)}.\n\n\`\`\`text\n${command.description()}\n\`\`\`\n\n${tables.join("\n\n")}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("*", "\\*");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(file, documentCommands());
