// Writes the lists of activations, of files of data and of statuses, and the tables of options, into pages of site/ and a
// docstring, and the help texts of options into src/cli/options/option-texts.ts:
//
//   node --import tsx scripts/document-lists.ts
//
// A test holds that it has been run since the last change.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ENCODE_FIELDS } from "../src/api/encode.ts";
import { ARRAY_FORMATS } from "../src/files/read.ts";
import { activations } from "../src/graph/activation.ts";
import { solversOfAnyFlow } from "../src/solver/solver.ts";
import { STATUSES } from "../src/solver/status.ts";
import { AUTOENCODER_FIELDS, TRAIN_FIELDS } from "../src/train/check-options.ts";
import { FIELDS, type OptionTable, optionRows, optionTexts } from "./option-tables.ts";
import { STATUS_TEXTS } from "./status-texts.ts";

const names = Object.keys(activations);
const formats = ARRAY_FORMATS.map(({ label }) => (label.startsWith(".") ? `\`${label}\`` : label));

const enumerated = (items: readonly string[], conjunction: string) =>
  `${items.slice(0, -1).join(", ")} ${conjunction} ${items.at(-1)}`;

const pathOf = (file: string) => fileURLToPath(new URL(`../${file}`, import.meta.url));

/** Pattern of the rows of the first table of options after a line of a guide. */
const rowsAfter = (line: string) =>
  new RegExp(`(?<=\\n${line}\\n[\\s\\S]*?\\n\\| option \\|.*\\n\\|-.*\\n)(?:\\|.*\\n)+`);

const optionsIn = (fields: object, without: object = {}) =>
  Object.keys(fields).filter((name) => !(name in without));

/** Tables of options in the guides. */
const TABLES: readonly (readonly [file: string, place: RegExp, table: OptionTable])[] = [
  [
    "site/guides/solvers.md",
    rowsAfter("## Options of encode"),
    { rows: [["encode", optionsIn(ENCODE_FIELDS)]], hasMore: true },
  ],
  ...(["lbfgs", "amd"] as const).map(
    (solver) =>
      [
        "site/guides/solvers.md",
        rowsAfter(`### Options of \`${solver}\``),
        { rows: [[solver, optionsIn(FIELDS[solver]!)]] },
      ] as const,
  ),
  [
    "site/guides/solvers.md",
    rowsAfter("## Follow a flow"),
    {
      rows: [
        ...solversOfAnyFlow(),
        ...["linearGrid", "logGrid", "gradientFlow", "nesterovFlow", "expDecay"],
      ].map((call) => [call, optionsIn(FIELDS[call]!)]),
      isOfCalls: true,
    },
  ],
  [
    "site/guides/training.md",
    rowsAfter("## Options of training"),
    {
      rows: [
        ["trainAutoencoder", ["epochs", ...optionsIn(AUTOENCODER_FIELDS, { epochs: true, mask: true })]],
      ],
      hasMore: true,
    },
  ],
  [
    "site/guides/training.md",
    rowsAfter("`train` has these as well:"),
    { rows: [["train", optionsIn(TRAIN_FIELDS, AUTOENCODER_FIELDS)]], hasMore: true },
  ],
];

/** Rows of the table of activations, from the docstring of `Activation`. */
function rowsOfActivations(): string {
  const docs = readFileSync(pathOf("src/graph/activation.ts"), "utf8");
  const rows = Object.entries(activations).map(([name, { parameter }]) => {
    const [, text] = new RegExp(`^ \\* - \`${name}\`: ([^]*?)\n \\*(?: -|/)`, "m").exec(docs) ?? [];
    if (text === undefined) throw new Error(`the docstring of Activation lacks ${name}`);
    const options = parameter ? `{ ${parameter.name} = ${parameter.default} }` : "";
    return `| \`${name}(${options})\` | ${text.replace(/\n \*\s+/g, " ").replaceAll("|", "\\|")} |\n`;
  });
  return rows.join("");
}

/** Rows of the table of statuses, in the order of their codes. */
const rowsOfStatuses = STATUSES.map((status) => {
  const { happened, advice } = STATUS_TEXTS[status];
  return `| \`"${status}"\` | ${happened} | ${advice && `${advice} `}|\n`;
}).join("");

/** Pattern of each list in its text, and the list as it has to be, or what makes it of the list that is there. */
const LISTS: readonly (readonly [file: string, place: RegExp, list: string | ((now: string) => string)])[] = [
  ...TABLES.map(([file, place, table]) => [file, place, (now: string) => optionRows(table, now)] as const),
  ["site/guides/own-decoders.md", /(?<=\n### Activations\n\n\|.*\n\|-.*\n)(?:\|.*\n)+/, rowsOfActivations()],
  ["site/guides/solvers.md", /(?<=\n\| status \|.*\n\|-.*\n)(?:\|.*\n)+/, rowsOfStatuses],
  [
    "site/reference/words.md",
    /(?<=\n\| \*\*status\*\* \| how a sample's search ended: ).*(?= \|)/,
    STATUSES.map((status) => `\`"${status}"\``).join(", "),
  ],
  [
    "site/start/pytorch.md",
    /(?<=The activation is the one between all layers:\n)[^.]*/,
    enumerated(
      names.map((name) => `\`${name}\``),
      "or",
    ),
  ],
  ["site/guides/training.md", /(?<=`readDataset` reads ).*?(?=, gzipped or not)/, enumerated(formats, "and")],
  [
    "src/train/read-dataset.ts",
    /(?<=\* Reads a data set from a file, ).*?(?=, gzipped or not)/,
    enumerated(
      ARRAY_FORMATS.map(({ label }) => label),
      "or",
    ),
  ],
  ["site/reference/command-line.md", /(?<=\nData are ).*?(?=, gzipped or not)/, enumerated(formats, "or")],
];

/** Texts with the lists as they have to be, by path. */
export function documentLists(): ReadonlyMap<string, string> {
  const texts = new Map([[pathOf("src/cli/options/option-texts.ts"), optionTexts()]]);
  for (const [file, place, list] of LISTS) {
    const path = pathOf(file);
    const text = texts.get(path) ?? readFileSync(path, "utf8");
    if (!place.test(text)) throw new Error(`${file} lacks ${place}`);
    texts.set(
      path,
      text.replace(place, (now) => (typeof list === "string" ? list : list(now))),
    );
  }
  return texts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of documentLists()) writeFileSync(path, text);
}
