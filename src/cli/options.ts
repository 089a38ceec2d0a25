import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type ActivationLike,
  type ActivationName,
  activations,
  normaliseActivation,
} from "../decoder/activation.ts";
import { type AmdOptions, amd, LatentflowError, type StandardLoss } from "../index.ts";

/** What both commands understand, as commander hands it over. */
export interface RunOptions extends Required<AmdOptions> {
  readonly decoder: string;
  readonly out: string;
  readonly limit?: number;
  readonly loss?: StandardLoss["name"];
  readonly reduction?: StandardLoss["reduction"];
  readonly batchSize?: number;
  readonly plain?: true;
  readonly json?: true;
  readonly quiet?: true;
}

type NumberOption = Exclude<keyof AmdOptions, "growFrom">;

/** The solver's options that are numbers: what their value is, and what they do. */
const solverNumbers: Readonly<Record<NumberOption, readonly [value: string, text: string]>> = {
  t1: ["time", "end of the flow"],
  stepInit: ["time", "first step, and the least that a step is tried with"],
  stepMax: ["time", "largest step"],
  increaseFactor: ["factor", "growth from one step to the next, >= 1"],
  decreaseFactor: ["factor", "a step that fails is multiplied by it, < 1"],
  slope: ["share", "how much a step must lower the loss, as a share of step * |gradient|^2"],
  maxBacktracks: ["n", "failures of one step until the sample has stalled"],
  maxSteps: ["n", "accepted steps per sample"],
  tolerance: ["loss", "converged when the recent losses fall by less than this a step; 0: never"],
  window: ["n", "how many accepted losses are recent"],
  settle: ["share", "no convergence before this share of t1"],
};

/** Adds the options of `RunOptions` that mean the same to every command: the last five groups of its help. */
export function addRunOptions(command: Command): Command {
  command
    .optionsGroup("Output and running:")
    .option("--json", "print one JSON document on stdout instead of the table")
    .option("--quiet", "show no progress on stderr")
    .option(
      "--batch-size <n>",
      "at most so many samples in memory at once; the result is the same",
      parseCount,
    )
    .option("--plain", "use WASM without relaxed SIMD: slower, and the same result on every machine")
    .optionsGroup("StandardLoss (default: the one the decoder's file names):")
    .addOption(new Option("--loss <name>", "what is made small").choices(["crossEntropy", "squaredError"]))
    .addOption(
      new Option("--reduction <name>", "a sample's loss: mean or sum over its values").choices([
        "mean",
        "sum",
      ]),
    )
    .optionsGroup("Solver (AMD; times are those of the flow, without unit):");
  const standard = amd();
  for (const [name, [value, text]] of Object.entries(solverNumbers)) {
    command.option(`--${kebabCase(name)} <${value}>`, text, parseNumber, standard[name as NumberOption]);
  }
  return command.addOption(
    new Option("--grow-from <step>", "a step grows from the last one accepted, or the last one tried first")
      .choices(["accepted", "trial"])
      .default(standard.growFrom),
  );
}

/** The solver's options among all options; a value out of range is wrong usage. */
export function amdOptionsOf(command: Command, options: Required<AmdOptions>): Required<AmdOptions> {
  const names = [...Object.keys(solverNumbers), "growFrom"] as (keyof AmdOptions)[];
  const chosen = Object.fromEntries(
    names.map((name) => [name, options[name]]),
  ) as unknown as Required<AmdOptions>;
  try {
    amd(chosen);
  } catch (error) {
    if (error instanceof LatentflowError) command.error(`error: ${error.message}`, { exitCode: 2 });
    throw error;
  }
  return chosen;
}

/** An activation on the command line: `elu`, or with its parameter `leakyRelu:0.2`. */
export function parseActivation(text: string): ActivationLike {
  const [name = "", parameter] = text.split(":", 2);
  if (parameter === undefined) return checkActivation({ name });
  const traits = Object.hasOwn(activations, name) ? activations[name as ActivationName] : undefined;
  return checkActivation({ name, [traits?.parameter?.name ?? "parameter"]: parseNumber(parameter) });
}

function checkActivation(value: object): ActivationLike {
  try {
    return normaliseActivation("", "", value);
  } catch {
    const names = Object.keys(activations).join(", ");
    throw new InvalidArgumentError(
      `Expected one of ${names}; elu:0.5 sets elu's alpha (> 0), leakyRelu:0.2 leakyRelu's slope (>= 0).`,
    );
  }
}

/** A positive whole number. */
export function parseCount(text: string): number {
  const count = parseNumber(text);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError("Expected a whole number >= 1.");
  return count;
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || Number.isNaN(number)) throw new InvalidArgumentError("Expected a number.");
  return number;
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
