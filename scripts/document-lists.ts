// Writes the lists of activations and of files of data into pages of site/:
//
//   node --import tsx scripts/document-lists.ts
//
// A test holds that it has been run since the last change.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ARRAY_FORMATS } from "../src/files/read.ts";
import { activations } from "../src/graph/activation.ts";

const names = Object.keys(activations);
const formats = ARRAY_FORMATS.map(({ label }) => (label.startsWith(".") ? `\`${label}\`` : label));

const enumerated = (items: readonly string[], conjunction: string) =>
  `${items.slice(0, -1).join(", ")} ${conjunction} ${items.at(-1)}`;

/** Pattern of each list in its text, and the list as it has to be. */
const LISTS: readonly (readonly [file: string, place: RegExp, list: string])[] = [
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
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    const text = texts.get(path) ?? readFileSync(path, "utf8");
    if (!place.test(text)) throw new Error(`${file} lacks ${place}`);
    texts.set(path, text.replace(place, list));
  }
  return texts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of documentLists()) writeFileSync(path, text);
}
