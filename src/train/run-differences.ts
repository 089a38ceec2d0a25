import { LatentflowError } from "../base/errors.ts";
import { advised, type Words, words } from "../base/message.ts";
import { show, showName } from "../base/show.ts";
import type { Leaf, RunDescription } from "./run-description.ts";

/** Setting in which two runs differ. */
export interface Difference {
  /** Name in a `RunDescription`, such as `solver.stepMax`. */
  readonly name: string;
  /** Value in the run that wrote the checkpoint, formatted for messages. */
  readonly there: string;
  /** Value in the run that is to continue from the checkpoint, formatted for messages. */
  readonly here: string;
}

/** Words for two runs that differ. */
type Where = readonly [there: string, here: string];

/** Words for the run that was, and the run that is to be. */
const RUNS: Where = ["there", "here"];

/** Maximum number of differing settings that an `other_run` error's message lists; further ones are only counted. */
const SHOWN_DIFFERENCES = 5;

/** Error of code `other_run`: a checkpoint, or a file of partial results, was made by a run with other settings. */
export class OtherRunError extends LatentflowError {
  /**
   * @param problem beginning of the message: `checkpoint.resume is a checkpoint of another run`
   * @param differences settings that differ, at least one
   * @param cure what to do, a sentence without its full stop
   * @param where words for the two runs, the one with the values `there` first
   */
  constructor(
    readonly problem: string,
    readonly differences: readonly Difference[],
    readonly cure: string,
    readonly where: Where = RUNS,
  ) {
    const said = differences.map((difference) => showDifference(difference.name, difference, where));
    super("other_run", otherRun(problem, said, cure));
  }

  /**
   * Returns the error's words with each difference described by `say`: the command line describes settings by its flags.
   *
   * @param cure what to do. Default: the error's own
   */
  wordsIn(say: (difference: Difference) => string, cure = this.cure): Words {
    return otherRun(this.problem, this.differences.map(say), cure);
  }
}

function otherRun(problem: string, said: readonly string[], cure: string): Words {
  const shown = said.slice(0, SHOWN_DIFFERENCES).join("; ");
  const more = said.length > SHOWN_DIFFERENCES ? `; and ${said.length - SHOWN_DIFFERENCES} more` : "";
  return words`${problem}: ${shown}${more}. ${advised(cure)}`;
}

/** Describes a difference in words; `called` is the name of the setting, with `is` or another verb. */
export function showDifference(
  called: string,
  { there, here }: Omit<Difference, "name">,
  [first, second]: Where = RUNS,
  verb = "is",
): string {
  return `${called} ${verb} ${there} ${first} and ${here} ${second}`;
}

/**
 * True if the new run has more epochs than the run of the checkpoint. The new run cannot continue from the checkpoint: the two
 * schedules differ from the first update on.
 */
export function asksForMoreEpochs(differences: readonly Difference[]): boolean {
  const epochs = differences.find(({ name }) => name === "epochs");
  return epochs !== undefined && Number(epochs.here) > Number(epochs.there);
}

/**
 * Returns the settings in which two runs differ, without differences that only follow from others.
 *
 * @param there description in the checkpoint
 * @param here description of the new run
 */
export function differences(there: RunDescription, here: RunDescription): Difference[] {
  const all = [...new Set([...Object.keys(there), ...Object.keys(here)])];
  const names = all.filter((name) => there[name] !== here[name]);
  const firstOfDecoder = names.find((name) => /^decoder(\.operations\..*)?$/.test(name));
  const follows = (name: string) =>
    FOLLOWING.some(([other, following]) => names.includes(other) && following.test(name)) ||
    // Numbers of another decoder, and settings of a value of another kind, such as a solver.
    (firstOfDecoder !== undefined && firstOfDecoder !== name && name.startsWith("decoder.")) ||
    names.some((other) => other.endsWith(".name") && name !== other && name.startsWith(other.slice(0, -4)));
  return names
    .filter((name) => !follows(name))
    .map((name) => ({ name: showName(name), there: showLeaf(there[name]), here: showLeaf(here[name]) }));
}

/**
 * Names of settings, each with a pattern for the names of settings that differ only because the named one does: an
 * autoencoder's decoder is the whole network, and an autoencoder has no solver; the seed determines the parameters of a new
 * decoder.
 */
const FOLLOWING: readonly (readonly [name: string, following: RegExp])[] = [
  ["autoencoder", /^(decoder|flow|solver|adjoint|warmStart|codes|codeOptimizer)(\.|$)/],
  ["codes", /^codeOptimizer\./],
  ["seed", /^decoder\.parameters$/],
  ["data.samples", /^data\.(size|checksum)$/],
  // The operation at the end is the one that the loss needs.
  ["loss.name", /^decoder\.operations\./],
  ["validationData.samples", /^validationData\.(size|checksum)$/],
];

function showLeaf(leaf: Leaf | undefined): string {
  // The layers of a decoder, `20 → 150 → 784`, are shown without quotes.
  if (/^[\d×]+( → [\d×]+)+$/.test(String(leaf))) return String(leaf);
  return leaf === undefined ? "absent" : show(leaf);
}

/**
 * Throws if two descriptions differ: the checkpoint is of another run.
 *
 * @param name name of the checkpoint, for messages
 * @param there description in the checkpoint
 * @param here description of the new run
 * @throws OtherRunError
 */
export function checkSameRun(name: string, there: RunDescription, here: RunDescription): void {
  const found = differences(there, here);
  if (found.length === 0) return;
  const longer = asksForMoreEpochs(found) ? ": to train longer, from the decoder that it ended with" : "";
  const advice = `Give what it was made from, or start a new run elsewhere${longer}`;
  throw new OtherRunError(`${name} is a checkpoint of another run`, found, advice);
}
