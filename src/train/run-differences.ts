import { show, showName } from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import type { OperationKind } from "../graph/operations.ts";
import type { Leaf, RunDescription } from "./run-description.ts";

/** Where two runs are not made from the same. */
export interface Difference {
  /** As in a `RunDescription`: `solver.stepMax`, say. */
  readonly name: string;
  /** The value of the run that is there, as messages show it. */
  readonly there: string;
  /** The value of the run that was asked for. */
  readonly here: string;
}

/** Differences beyond so many are only counted. */
const SHOWN_DIFFERENCES = 5;

/**
 * Refuses to go on from what is of another run, or to join it to this one. Whoever has names of its own for what runs are
 * made from, a command line its flags, says the differences in those.
 */
export class OtherRunError extends LatentflowError {
  /**
   * @param problem what has been found, without the differences: `checkpoint.resume is a checkpoint of another run`
   * @param differences at least one
   * @param advice what to do, a sentence without its full stop
   */
  constructor(
    readonly problem: string,
    readonly differences: readonly Difference[],
    readonly advice: string,
  ) {
    const said = differences.map((difference) => showDifference(difference.name, difference));
    super("other_run", messageOf(problem, said, advice));
  }

  /** The message, with each difference in the words of `say`. */
  messageIn(say: (difference: Difference) => string): string {
    return messageOf(this.problem, this.differences.map(say), this.advice);
  }
}

function messageOf(problem: string, said: readonly string[], advice: string): string {
  const shown = said.slice(0, SHOWN_DIFFERENCES).join("; ");
  const more = said.length > SHOWN_DIFFERENCES ? `; and ${said.length - SHOWN_DIFFERENCES} more` : "";
  return `${problem}: ${shown}${more}. ${advice}`;
}

/** A difference in words, by a name for what differs. */
export function showDifference(called: string, { there, here }: Omit<Difference, "name">): string {
  return `${called} is ${there} there and ${here} here`;
}

/** Is the run that was asked for the longer one? How fast a run learns may depend on its epochs, so none can be made longer. */
export function asksForMoreEpochs(differences: readonly Difference[]): boolean {
  const epochs = differences.find(({ name }) => name === "epochs");
  return epochs !== undefined && Number(epochs.here) > Number(epochs.there);
}

/** What is not the same in two descriptions. */
export function differences(there: RunDescription, here: RunDescription): Difference[] {
  return differingNames(there, here).map((name) => differenceIn(name, there, here));
}

/** The same of runs. Another decoder is one difference, its sizes if those differ: nearly all of its numbers do. */
export function runDifferences(there: RunDescription, here: RunDescription): Difference[] {
  const names = differingNames(there, here);
  const structural = names.find((name) => /^decoder\.(latentSize|operations)\b/.test(name));
  if (structural === undefined) return names.map((name) => differenceIn(name, there, here));
  const sizes = { name: "decoder", there: sizesIn(there), here: sizesIn(here) };
  const ofDecoder = sizes.there === sizes.here ? differenceIn(structural, there, here) : sizes;
  return names
    .filter((name) => name === structural || !name.startsWith("decoder."))
    .map((name) => (name === structural ? ofDecoder : differenceIn(name, there, here)));
}

/** What follows from a difference goes without saying: an autoencoder's decoder is the whole network, and has no solver; a new decoder begins by the seed. */
const FOLLOWING: readonly (readonly [name: string, following: RegExp])[] = [
  ["autoencoder", /^(decoder|flow|solver|adjoint|warmStart|codes|codeOptimizer)(\.|$)/],
  ["codes", /^codeOptimizer\./],
  ["seed", /^decoder\.parameters$/],
  ["validationData.samples", /^validationData\.(size|checksum)$/],
];

function differingNames(there: RunDescription, here: RunDescription): string[] {
  const all = [...new Set([...Object.keys(there), ...Object.keys(here)])];
  const names = all.filter((name) => there[name] !== here[name]);
  const follows = (name: string) =>
    FOLLOWING.some(([other, following]) => names.includes(other) && following.test(name)) ||
    // The settings of another solver, say.
    names.some(
      (other) => /\.name$/.test(other) && name !== other && name.startsWith(other.slice(0, -"name".length)),
    );
  return names.filter((name) => !follows(name));
}

function differenceIn(name: string, there: RunDescription, here: RunDescription): Difference {
  return { name: showName(name), there: showLeaf(there[name]), here: showLeaf(here[name]) };
}

/** The sizes of a decoder's layers from latent to output: `20 → 150 → 784`, `20 → 7×7×32 → 28×28×1`. */
function sizesIn(run: RunDescription): string {
  const sizes = [run["decoder.latentSize"]];
  for (let i = 0; `decoder.operations.${i}.kind` in run; i++) {
    const at = `decoder.operations.${i}`;
    if (!SIZED.has(run[`${at}.kind`])) continue;
    const lengths: (Leaf | undefined)[] = [];
    for (let axis = 0; `${at}.shape.${axis}` in run; axis++) lengths.push(run[`${at}.shape.${axis}`]);
    sizes.push(lengths.join("×"));
  }
  return sizes.join(" → ");
}

/** The kinds of operation that people count as layers. */
const SIZED: ReadonlySet<unknown> = new Set<OperationKind>(["dense", "conv", "convTranspose"]);

function showLeaf(leaf: Leaf | undefined): string {
  return leaf === undefined ? "absent" : show(leaf);
}
