// run: alone
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { documentCommands } from "../../scripts/document-commands.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { createProgram } from "../../src/cli/program.ts";

const text = readFileSync(new URL("../../site/reference/command-line.md", import.meta.url), "utf8");

test("site/reference/command-line.md has the commands and flags of --help (node --import tsx scripts/document-commands.ts)", () => {
  assert.is(text, documentCommands());
});

test("each command's help and the document have the same exit codes", () => {
  const documented = [...text.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));
  assert.equal(
    documented,
    Object.values(exitCodes).sort((a, b) => a - b),
  );
  for (const command of createProgram().commands) {
    const [, codes = ""] = /^Exit codes: (.*?:)/ms.exec(helpOf(command)) ?? [];
    const numbers = [...codes.matchAll(/\d+/g)].map(Number);
    assert.equal(numbers, documented, command.name());
  }
});

/** The help as a terminal of 80 columns shows it. */
function helpOf(command: Command): string {
  let help = "";
  command.configureOutput({ writeOut: (part) => (help += part), getOutHelpWidth: () => 80 }).outputHelp();
  return help;
}

test("no line of any help is longer than 80 characters, and no list of a description is wrapped", () => {
  const program = createProgram();
  for (const command of [program, ...program.commands]) {
    for (const line of [...command.description().split("\n"), ...helpOf(command).split("\n")]) {
      assert.ok(line.length <= 80, `${command.name()}: ${line}`);
    }
    // As it was written: commander has broken none of its lines.
    assert.ok(helpOf(command).includes(`\n\n${command.description()}\n\n`), command.name());
  }
});

test("each command's help names the files that it writes", () => {
  for (const [name, files] of Object.entries({
    merge: [
      ...["latents.npy", "results.csv", "reconstructions.npy", "samples.npy", "sample-weights.npy"],
      ...["results.parquet", "reconstructions.png", "steps.png", "samples.png"],
    ],
    encode: [
      ...["latents.npy", "results.csv", "reconstructions.npy", "samples.npy", "sample-weights.npy"],
      ...["reconstructions.png", "steps.png", "samples.png"],
    ],
    demo: ["latents.npy", "results.csv", "reconstructions.png", "steps.png"],
    decode: ["decoded.npy", "decoded.png"],
    evaluate: ["results.csv"],
    train: [
      "decoder.safetensors",
      "encoder.safetensors",
      "history.csv",
      "validation.csv",
      "log.jsonl",
      "checkpoint.safetensors",
    ],
  })) {
    const description = createProgram()
      .commands.find((command) => command.name() === name)!
      .description();
    for (const file of files) assert.ok(description.includes(file), `${name}: ${file}`);
    // Of several names, those that a run does not write are removed.
    const fate = files.length > 1 ? /are replaced; those that .* are\s+removed/s : /is replaced/;
    assert.match(description, fate, name);
  }
});

test.run();
