// Writes the list of activations into site/start/pytorch.md:
//
//   node --import tsx scripts/document-activations.ts
//
// A test holds that it has been run since the last change.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { activations } from "../src/graph/activation.ts";

const names = Object.keys(activations);

/** Pattern of the list in each text, and the list as it has to be. */
const LISTS: Readonly<Record<string, readonly [place: RegExp, list: string]>> = {
  "site/start/pytorch.md": [
    /(?<=The activation is the one between all layers:\n)[^.]*/,
    `\`${names.slice(0, -1).join("`, `")}\` or \`${names.at(-1)}\``,
  ],
};

/** Texts with the lists as they have to be, by path. */
export function listActivations(): ReadonlyMap<string, string> {
  const entries = Object.entries(LISTS).map(([file, [place, list]]): [string, string] => {
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    const text = readFileSync(path, "utf8");
    if (!place.test(text)) throw new Error(`${file} has no list of activations`);
    return [path, text.replace(place, list)];
  });
  return new Map(entries);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of listActivations()) writeFileSync(path, text);
}
