import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { documentCommands } from "../scripts/document-commands.ts";
import { exitCodes } from "../src/cli/exit-codes.ts";
import { createProgram } from "../src/cli/program.ts";

const text = readFileSync(new URL("../docs/command-line.md", import.meta.url), "utf8");

test("docs/command-line.md has the commands and flags of --help (node --import tsx scripts/document-commands.ts)", () => {
  assert.is(text, documentCommands());
});

test("each command's help and the document have the same exit codes", () => {
  const documented = [...text.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));
  assert.equal(
    documented,
    Object.values(exitCodes).sort((a, b) => a - b),
  );
  for (const command of createProgram().commands) {
    const help: string[] = [];
    command.configureOutput({ writeOut: (part) => help.push(part) }).outputHelp();
    const [, codes = ""] = /^Exit codes: (.*?:)/ms.exec(help.join("")) ?? [];
    const numbers = [...codes.matchAll(/\d+/g)].map(Number);
    assert.equal(numbers, documented, command.name());
  }
});

test("each command's help names the files that it writes", () => {
  for (const [name, files] of Object.entries({
    encode: ["latents.npy", "results.csv", "reconstructions.npy", "reconstructions.png", "steps.png"],
    demo: ["latents.npy", "results.csv", "reconstructions.png", "steps.png"],
    decode: ["decoded.npy", "decoded.png"],
    evaluate: ["results.csv"],
    train: [
      "decoder.safetensors",
      "encoder.safetensors",
      "mean-code.npy",
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
  }
});

test.run();
