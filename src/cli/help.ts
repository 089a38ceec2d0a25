import type { Command } from "commander";

// The help of a command with a hundred flags: `--help` lists the everyday ones, `--help all` every one.

/** Options that `--help` lists, by command: only of commands that have too many to list them all. */
const EVERYDAY: Readonly<Record<string, readonly string[]>> = {
  encode:
    words(`decoder data out limit weights fit mask maskHides reconstructions samples shard fixed loss prior
    solver json quiet threads help`),
  train:
    words(`data dataset fit mask layers architecture decoder out resume validate fixed outputShape loss prior
    batchSize epochs autoencoder optimizer learningRate schedule solver json quiet threads help`),
  evaluate:
    words(`decoder data dataset limit encoder weights mask out fixed loss prior solver tolerance maxSteps
    json quiet threads help`),
};

function words(text: string): readonly string[] {
  return text.split(/\s+/);
}

/** True if a command line asks for the whole help: `--help all`. */
export function asksForAll(args: readonly string[]): boolean {
  return args.some((arg, i) => (arg === "--help" || arg === "-h") && args[i + 1] === "all");
}

/** Flag of a command that lists all its options. */
export function helpFlag(command: Command): string {
  return command.name() in EVERYDAY ? "--help all" : "--help";
}

/** Makes the help of a command with many options list only those of EVERYDAY. */
export function shortenHelp(command: Command): void {
  const everyday = EVERYDAY[command.name()];
  if (!everyday) return;
  const help = command.createHelp();
  command.configureHelp({
    visibleOptions: () =>
      help.visibleOptions(command).filter((option) => everyday.includes(option.attributeName())),
  });
}

/**
 * Adds text below the options in a command's help: `notes`, and examples.
 *
 * @param notes left out where the options are the everyday ones
 */
export function addNotes(command: Command, notes: string, examples: string): void {
  command.addHelpText("after", () => {
    const isShort = command.configureHelp().visibleOptions !== undefined;
    const head = isShort
      ? `\nlatentflow ${command.name()} ${helpFlag(command)} lists all ${command.options.length} options, and has the exit codes.\n`
      : notes;
    return `${head}\nExamples:\n${examples}`;
  });
}
