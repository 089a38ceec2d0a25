// Texts about the library's options, made of their docstrings and of the tables of their checks and defaults (`…_FIELDS`): the
// rows of the guides' tables, and src/cli/options/option-texts.ts. scripts/document-lists.ts writes both.
import { ENCODE_FIELDS } from "../src/api/encode.ts";
import { SAMPLE_CODES_FIELDS } from "../src/api/sample-codes.ts";
import { OPTIMIZERS } from "../src/backend/optimizer.ts";
import type { Field } from "../src/base/options.ts";
import { isSetting } from "../src/cli/options/library-flags.ts";
import { kebabCase } from "../src/cli/options/parse.ts";
import { EXP_DECAY_FIELDS, GRADIENT_FLOW_FIELDS, NESTEROV_FLOW_FIELDS } from "../src/solver/flow.ts";
import { LINEAR_GRID_FIELDS, LOG_GRID_FIELDS } from "../src/solver/grid.ts";
import { SOLVER_FIELDS } from "../src/solver/solver.ts";
import { FIT_GAUSSIAN_FIELDS, FIT_MIXTURE_FIELDS } from "../src/terms/fit-priors.ts";
import { SHIFT_FIELDS } from "../src/train/augment.ts";
import { AUTOENCODER_FIELDS, TRAIN_FIELDS } from "../src/train/check-options.ts";
import { CHECKPOINT_FIELDS } from "../src/train/checkpoint-options.ts";
import { EVALUATE_FIELDS } from "../src/train/evaluate-options.ts";
import { SCHEDULES } from "../src/train/schedule.ts";
import { VALIDATION_FIELDS } from "../src/train/validation.ts";
import { docsOf } from "./option-docs.ts";

type Fields = Readonly<Record<string, Field<unknown>>>;

/**
 * Checks and defaults of the options of each function that has a table in a guide or flags of the program. The options
 * `validation` and `checkpoint` of `train` are those of the functions that check them.
 */
export const FIELDS: Readonly<Record<string, Fields>> = {
  encode: ENCODE_FIELDS,
  evaluate: EVALUATE_FIELDS,
  train: TRAIN_FIELDS,
  trainAutoencoder: AUTOENCODER_FIELDS,
  sampleCodes: SAMPLE_CODES_FIELDS,
  shift: SHIFT_FIELDS,
  checkValidation: VALIDATION_FIELDS,
  checkCheckpoint: CHECKPOINT_FIELDS,
  fitGaussian: FIT_GAUSSIAN_FIELDS,
  fitGaussianMixture: FIT_MIXTURE_FIELDS,
  ...SOLVER_FIELDS,
  linearGrid: LINEAR_GRID_FIELDS,
  logGrid: LOG_GRID_FIELDS,
  gradientFlow: GRADIENT_FLOW_FIELDS,
  nesterovFlow: NESTEROV_FLOW_FIELDS,
  expDecay: EXP_DECAY_FIELDS,
  ...fieldsIn(OPTIMIZERS),
  ...fieldsIn(SCHEDULES),
};

function fieldsIn(table: Readonly<Record<string, { readonly fields: Fields }>>): Record<string, Fields> {
  return Object.fromEntries(Object.entries(table).map(([name, { fields }]) => [name, fields]));
}

/** Options that no flag sets: the program aborts by itself, a decay is a part of `--alpha`, and of fits the defaults are taken. */
const WITHOUT_FLAG = [
  ...["encode.onAbort", "expDecay.rate", "fitGaussian.latentSize"],
  ...["latentSize", "maxIterations", "tolerance", "varianceFloor"].map(
    (name) => `fitGaussianMixture.${name}`,
  ),
];

/** Options whose flag has the text of another function's option. */
const WITHOUT_TEXT = [
  ...["evaluate", "train"].flatMap((call) => [`${call}.flow`, `${call}.solver`]),
  ...Object.keys(AUTOENCODER_FIELDS)
    .filter((name) => name in TRAIN_FIELDS)
    .map((name) => `trainAutoencoder.${name}`),
  ...["fitGaussianMixture.covariance", "fitGaussianMixture.weight", "sampleCodes.count"],
];

/** Options whose value is an object that a flag names, such as `--solver amd`. */
const NAMED = ["flow", "solver", "adjoint", "optimizer", "schedule"];

/** True if a flag of the program can set an option: also α, a number or a decay. */
function isFlag(field: Field<unknown>): boolean {
  return isSetting(field) || typeof field.standard === "number";
}

/** Forms of the library's values on the command line, where these are other ones. */
const SPELLINGS: readonly (readonly [written: string, onCommandLine: string])[] = [
  ["`expDecay(…)`", "decay:RATE for exp(-RATE t/t1)"],
];

/** Text of src/cli/options/option-texts.ts. */
export function optionTexts(): string {
  const calls = Object.entries(FIELDS).flatMap(([call, fields]) => {
    const lines = Object.entries(fields).flatMap(([option, field]) => {
      if ([...WITHOUT_FLAG, ...WITHOUT_TEXT].includes(`${call}.${option}`)) return [];
      if (!isFlag(field) && !NAMED.includes(option)) return [];
      const value = JSON.stringify(helpOf(call, option));
      const line = `    ${option}: ${value},\n`;
      // As the formatter breaks lines: never after a short key.
      return line.length <= 111 || option.length < 5 ? line : `    ${option}:\n      ${value},\n`;
    });
    return lines.length === 0 ? [] : `  ${call}: {\n${lines.join("")}  },\n`;
  });
  return (
    "// Written by scripts/document-lists.ts from the docstrings of the options: edit these, and run it.\n\n" +
    "/** Help text of each option of the library that a flag of the program sets, by function and option. */\n" +
    "export const OPTION_TEXTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {\n" +
    `${calls.join("")}};\n`
  );
}

/** Text of an option for the help: its docstring with flags in place of the library's options, in one clause after another. */
function helpOf(call: string, option: string): string {
  const doc = docsOf(call).get(option) ?? { text: "", standard: undefined };
  const { standard } = doc;
  // The values to choose from follow in the help.
  const text = NAMED.includes(option) ? doc.text.replace(/, such as `[^`]*`/, "") : doc.text;
  const clauses = text.replace(/\.$/, "").split(/\. (?=[A-Z`])/);
  const said = clauses.map((clause) => {
    const action = clause.replace(/^True to /, "");
    return /^[A-Z](?![A-Z\d-])/.test(action) ? action[0]!.toLowerCase() + action.slice(1) : action;
  });
  // A default that is a value is shown by the program, for each solver, say, its own.
  const field = FIELDS[call]![option]!;
  const isShown = field.standard !== undefined || NAMED.includes(option) || standard === undefined;
  return inFlags(call, option, said.join("; ") + (isShown ? "" : ` (default: ${standard})`));
}

/** Replaces other options of the function by their flags, and values by their names on the command line. */
function inFlags(call: string, option: string, text: string): string {
  const { [option]: _, ...fields } = FIELDS[call]!;
  const flagOf = (name: string) => `--${kebabCase(name)}`;
  return SPELLINGS.reduce((all, [written, spelt]) => all.replaceAll(written, spelt), text)
    .replace(/`(\w+)`/g, (all, name) => (fields[name] && isFlag(fields[name]) ? flagOf(name) : all))
    .replace(/`(\w+)\([^`]*\)`/g, "$1")
    .replace(/`"([^`]*)"`/g, "$1")
    .replaceAll("`", "");
}

/** Rows of a table of options in a guide, | option | default | meaning |, by functions and their options. */
export interface OptionTable {
  /** Names of each function's options. */
  readonly rows: readonly (readonly [call: string, options: readonly string[]])[];
  /** True if options stand with their function, as `rk4({ rule })`; those of several functions that are the same share a row. */
  readonly isOfCalls?: boolean;
  /** True if there is a fourth column, for links and the like, which is kept as it is. */
  readonly hasMore?: boolean;
}

/**
 * Returns the rows of a table of options.
 *
 * @param now the rows that are there, from which the last column is taken
 */
export function optionRows({ rows, isOfCalls = false, hasMore = false }: OptionTable, now: string): string {
  const kept = new Map(
    Array.from(
      now.matchAll(/^\| (`.*?`) \|.*\| ?(.*?) ?\|$/gm),
      ([, label, more]) => [label!, more!] as const,
    ),
  );
  const labels = new Map<string, string[]>();
  for (const [call, options] of rows) {
    for (const option of options) {
      const { text = "", standard } = docsOf(call).get(option) ?? {};
      const isRequired = !("standard" in FIELDS[call]![option]!);
      // Sources stand in the docstring.
      const said = standard?.replace(/ \(arXiv [\d.]+\)/, "") ?? (isRequired ? "required" : "none");
      const meaning = `${said} | ${text}`;
      const label = isOfCalls ? `\`${call}({ ${option} })\`` : `\`${option}\``;
      labels.set(meaning, [...(labels.get(meaning) ?? []), label]);
    }
  }
  return [...labels]
    .map(([meaning, each]) => {
      const label = each.join(", ");
      const more = hasMore ? ` ${kept.get(label) ?? ""} |`.replace("  |", " |") : "";
      return `| ${label} | ${meaning} |${more}\n`;
    })
    .join("");
}
