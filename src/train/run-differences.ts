import { LatentflowError } from "../base/errors.ts";
import { show, showName } from "../base/show.ts";
import type { Leaf, RunDescription } from "./run-description.ts";

/** A setting in which two runs differ. */
export interface Difference {
  /** Name in a `RunDescription`: `solver.stepMax`, say. */
  readonly name: string;
  /** Value of the run that wrote the checkpoint, as messages show it. */
  readonly there: string;
  /** Value of the run that was asked for. */
  readonly here: string;
}

/** Number of differences that a message names; it counts the others. */
const SHOWN_DIFFERENCES = 5;

/** Error of code `other_run`: a checkpoint, or a part of results, was made by a run with other settings. */
export class OtherRunError extends LatentflowError {
  /**
   * @param problem the message before the differences: `checkpoint.resume is a checkpoint of another run`
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

  /** Writes the message with other words for each difference: a command line names its flags. */
  messageIn(say: (difference: Difference) => string): string {
    return messageOf(this.problem, this.differences.map(say), this.advice);
  }
}

function messageOf(problem: string, said: readonly string[], advice: string): string {
  const shown = said.slice(0, SHOWN_DIFFERENCES).join("; ");
  const more = said.length > SHOWN_DIFFERENCES ? `; and ${said.length - SHOWN_DIFFERENCES} more` : "";
  return `${problem}: ${shown}${more}. ${advice}`;
}

/** Describes a difference in words, with `called` in place of its name. */
export function showDifference(called: string, { there, here }: Omit<Difference, "name">): string {
  return `${called} is ${there} there and ${here} here`;
}

/** True if the run that was asked for has more epochs: its schedule is another one, so no run is made longer. */
export function asksForMoreEpochs(differences: readonly Difference[]): boolean {
  const epochs = differences.find(({ name }) => name === "epochs");
  return epochs !== undefined && Number(epochs.here) > Number(epochs.there);
}

/** Compares the descriptions of two runs; differences that follow from others are left out. */
export function differences(there: RunDescription, here: RunDescription): Difference[] {
  const all = [...new Set([...Object.keys(there), ...Object.keys(here)])];
  const names = all.filter((name) => there[name] !== here[name]);
  const firstOfDecoder = names.find((name) => /^decoder(\.operations\..*)?$/.test(name));
  const follows = (name: string) =>
    FOLLOWING.some(([other, following]) => names.includes(other) && following.test(name)) ||
    // The numbers of another decoder, and the settings of another solver.
    (firstOfDecoder !== undefined && firstOfDecoder !== name && name.startsWith("decoder.")) ||
    names.some((other) => other.endsWith(".name") && name !== other && name.startsWith(other.slice(0, -4)));
  return names
    .filter((name) => !follows(name))
    .map((name) => ({ name: showName(name), there: showLeaf(there[name]), here: showLeaf(here[name]) }));
}

/**
 * Differences that follow from another one: an autoencoder's decoder is the whole network, and has no solver; a new
 * decoder begins by the seed.
 */
const FOLLOWING: readonly (readonly [name: string, following: RegExp])[] = [
  ["autoencoder", /^(decoder|flow|solver|adjoint|warmStart|codes|codeOptimizer)(\.|$)/],
  ["codes", /^codeOptimizer\./],
  ["seed", /^decoder\.parameters$/],
  ["validationData.samples", /^validationData\.(size|checksum)$/],
];

function showLeaf(leaf: Leaf | undefined): string {
  // The layers of a decoder, `20 → 150 → 784`, are shown without quotes.
  if (/^[\d×]+( → [\d×]+)+$/.test(String(leaf))) return String(leaf);
  return leaf === undefined ? "absent" : show(leaf);
}

/**
 * Refuses a checkpoint of another run.
 *
 * @throws OtherRunError
 */
export function checkSameRun(where: string, there: RunDescription, here: RunDescription): void {
  const found = differences(there, here);
  if (found.length === 0) return;
  const longer = asksForMoreEpochs(found) ? ": to train longer, from the decoder that it ended with" : "";
  const advice = `Give what it was made from, or start a new run elsewhere${longer}`;
  throw new OtherRunError(`${where} is a checkpoint of another run`, found, advice);
}
