// Writes the losses, the priors, and the modes of ONNX that are read, as src/ has them, to the tables of
// python/latentflow_export.py:
//
//   node --import tsx scripts/document-exporter.ts
//
// A test holds that it has been run since the last change.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { RESIZE_MODES } from "../src/graph/kinds/resize.ts";
import { PAD_MODES } from "../src/onnx-format/kinds/resampling.ts";
import { lossFileNames, namedLoss } from "../src/terms/losses.ts";
import { PRIORS } from "../src/terms/priors.ts";

const exporter = fileURLToPath(new URL("../python/latentflow_export.py", import.meta.url));

/** The exporter, with the tables as they have to be. */
export function listKinds(): string {
  const losses = lossFileNames().map((name) => `    "${name}": "${namedLoss(name)!.name}",\n`);
  const priors = Object.entries(PRIORS).map(([kind, { axes }]) => {
    const fields = Object.entries(axes).map(([name, of]) => `"${name}": "${of}"`);
    return `    "${kind}": {${fields.join(", ")}},\n`;
  });
  const modes = Object.entries({ Pad: Object.values(PAD_MODES), Resize: RESIZE_MODES }).map(
    ([operator, names]) => `    "${operator}": {"mode": (${names.map((name) => `"${name}"`).join(", ")})},\n`,
  );
  const table = (name: string) => new RegExp(`(?<=^${name}\\b[^\\n]* = \\{\\n).*?(?=^\\})`, "ms");
  return readFileSync(exporter, "utf8")
    .replace(table("LOSSES"), () => losses.join(""))
    .replace(table("PRIORS"), () => priors.join(""))
    .replace(table("CHOICES"), () => modes.join(""));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(exporter, listKinds());
