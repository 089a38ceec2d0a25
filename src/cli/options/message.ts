import type { ExpDecay, Flow, Grid, Solver, StandardLoss } from "../../index.ts";
import type { Adjoint, Optimizer, Schedule, Shift } from "../../train/index.ts";

// The library's messages begin with the function that was called, then what of an option's value is meant, then the
// option: "train: validation: everyImages is 0, expected …". Where the program calls the library, people have given
// flags.

/** The functions that the program calls. */
const verbs = [
  "encode",
  "decode",
  "evaluate",
  "train",
  "trainAutoencoder",
  "encodeWith",
  "createDecoder",
  "wasm",
];

/** The makers of what it passes to them, of all kinds; the values do not matter. */
const MAKERS: { readonly [Name in ValueName]: true } = {
  ...{ lbfgs: true, amd: true, euler: true, rk4: true, dormandPrince: true, logGrid: true, linearGrid: true },
  ...{ gradientFlow: true, nesterovFlow: true, expDecay: true },
  ...{ rmsprop: true, adam: true, sgd: true, constant: true, linear: true, cosine: true },
  ...{ approximate: true, full: true, direct: true, shift: true },
  ...{ binaryCrossEntropy: true, squaredError: true },
};

/** Values that have their maker's name. */
type ValueName = (
  | Solver
  | Flow
  | Grid
  | Optimizer
  | Schedule
  | Adjoint
  | StandardLoss
  | ExpDecay
  | Shift
)["name"];

const functions = new Set([...verbs, ...Object.keys(MAKERS)]);

const loaders = new Set(["loadDecoder", "loadOnnx"]);

const scopes = ["validation", "checkpoint", "encoder"] as const;

/** A message of the library, taken apart. */
export interface MessageParts {
  /** The function that was called. */
  readonly from: string;
  /** Of `loadDecoder` and `loadOnnx`: the file, as the message shows it. */
  readonly file: string | undefined;
  readonly scope: (typeof scopes)[number] | undefined;
  /** The first word after that, which may be an option's name. */
  readonly word: string;
  /** What follows the word. */
  readonly rest: string;
}

/** Takes a message apart; undefined when it is none of a function of the library. */
export function splitMessage(message: string): MessageParts | undefined {
  const [start, name, file] = /^(\w+)(?:\(("(?:[^"\\]|\\.)*")\))?: /.exec(message) ?? [];
  if (start === undefined || !(functions.has(name!) || loaders.has(name!))) return undefined;
  let text = message.slice(start.length);
  const scope = scopes.find((each) => text.startsWith(`${each}: `));
  if (scope) text = text.slice(scope.length + 2);
  const [word] = /^[\w.]*/.exec(text)!;
  return { from: name!, file, scope, word, rest: text.slice(word.length) };
}
