import { type Command, Help } from "commander";

// Shortened help: `--help` of a command with many options lists the most used ones, `--help all` lists every one.

/** Options that `--help` lists, by command. Commands that are not here list all their options. */
const EVERYDAY: Readonly<Record<string, readonly string[]>> = {
  encode:
    words(`decoder data out limit weights fit mask maskHides reconstructions samples part parts fixed loss prior
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

/** True if a command line requests the full help: `--help all`. */
export function asksForAll(args: readonly string[]): boolean {
  return args.some((arg, i) => (arg === "--help" || arg === "-h") && args[i + 1] === "all");
}

/** Returns the flag with which a command lists all its options. */
export function helpFlag(command: Command): string {
  return command.name() in EVERYDAY ? "--help all" : "--help";
}

/** Limits the help of a command with many options to those in EVERYDAY. */
export function shortenHelp(command: Command): void {
  const everyday = EVERYDAY[command.name()];
  if (!everyday) return;
  // `visibleOptions` is shortened for the text alone: Commander looks among them for what a misspelt flag may mean, too.
  command.configureHelp({
    formatHelp(_, helper) {
      const options = helper
        .visibleOptions(command)
        .filter((option) => everyday.includes(option.attributeName()));
      return Help.prototype.formatHelp(command, Object.assign(helper, { visibleOptions: () => options }));
    },
  });
}

/**
 * Adds text below the options in a command's help.
 *
 * @param notes left out if the help is shortened to the most used options
 * @param examples always shown, last
 */
export function addNotes(command: Command, notes: string, examples: string): void {
  command.addHelpText("after", () => {
    const isShort = command.configureHelp().formatHelp !== undefined;
    const head = isShort
      ? `\nlatentflow ${command.name()} ${helpFlag(command)} lists all ${command.options.length} options, and has the exit codes.\n`
      : notes;
    return `${head}\nExamples:\n${examples}`;
  });
}
