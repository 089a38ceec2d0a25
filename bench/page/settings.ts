import { DECODER_NAMES, type DecoderName } from "./decoders.ts";

/** The solvers that can be measured; the first is the library's default. */
export const ALL_SOLVERS = ["lbfgs", "amd"] as const;

export type SolverName = (typeof ALL_SOLVERS)[number];

/** What is measured. */
export interface Settings {
  /** Batch sizes, ascending. */
  readonly sizes: readonly number[];
  /** In the order of DECODER_NAMES. */
  readonly decoders: readonly DecoderName[];
  /** In the order of ALL_SOLVERS; the chart is of the first. */
  readonly solvers: readonly SolverName[];
  /** Accepted steps of a solver at most; its own stop comes before the default. */
  readonly steps: number;
  /** Each call is measured so often, in turns with the other backends'; the median counts. */
  readonly rounds: number;
  /** A call that would take longer than so many seconds is left out. */
  readonly limit: number;
}

export const ALL_SIZES = [1, 4, 16, 64, 256, 1024, 4096];

/** AMD's own default, before which both solvers stop. */
export const DEFAULT_STEPS = 10_000;

const DEFAULTS: Settings = {
  sizes: ALL_SIZES,
  decoders: DECODER_NAMES,
  solvers: ALL_SOLVERS,
  steps: DEFAULT_STEPS,
  rounds: 3,
  limit: 60,
};

/** The MNIST test file has so many digits. */
const MOST_DIGITS = 10_000;

/**
 * What is measured unless somebody says otherwise. On an adapter that is software a few small sizes will do: they say
 * nothing of a GPU, and the large ones take minutes.
 */
export function defaultSettings(adapterIsSoftware: boolean): Settings {
  return adapterIsSoftware ? { ...DEFAULTS, sizes: [1, 4, 16], decoders: ["mlp"] } : DEFAULTS;
}

/** Settings that somebody has given, as lists or numbers in text; those not given are undefined. */
export type GivenSettings = { readonly [Name in keyof Settings]?: string | undefined };

/**
 * The defaults with what somebody has given.
 *
 * @throws Error on what is not a list of whole numbers in range, or of solvers or decoders, or not a number
 */
export function readSettings(given: GivenSettings, defaults: Settings): Settings {
  const names = <Name extends string>(
    name: "solvers" | "decoders",
    all: readonly Name[],
    usual: readonly Name[],
  ) => (given[name] === undefined ? usual : readNames(name, given[name], all));
  const whole = (name: "steps" | "rounds" | "limit", most: number) =>
    given[name] === undefined ? defaults[name] : readWhole(name, given[name], most);
  return {
    sizes: given.sizes === undefined ? defaults.sizes : readList("sizes", given.sizes, MOST_DIGITS),
    decoders: names("decoders", DECODER_NAMES, defaults.decoders),
    solvers: names("solvers", ALL_SOLVERS, defaults.solvers),
    steps: whole("steps", 1e6),
    rounds: whole("rounds", 100),
    limit: whole("limit", 1e5),
  };
}

function readList(name: string, text: string, most: number): number[] {
  const values = new Set(text.split(",").map((part) => readWhole(name, part, most)));
  return [...values].sort((a, b) => a - b);
}

function readNames<Name extends string>(name: string, text: string, all: readonly Name[]): Name[] {
  const names = text.split(",");
  const unknown = names.some((each) => !all.some((known) => known === each));
  if (unknown) throw new Error(`${name} is "${text}", expected some of ${all.join(", ")}`);
  return all.filter((each) => names.includes(each));
}

function readWhole(name: string, text: string, most: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < 1 || value > most) {
    throw new Error(`${name} is "${text}", expected whole numbers from 1 to ${most}`);
  }
  return value;
}
