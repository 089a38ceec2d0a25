import { Command, CommanderError } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { messageOf } from "../base/realms.ts";
import { escapeText } from "../base/show.ts";
import { LatentflowError } from "../index.ts";
import { addDecodeCommand } from "./commands/decode.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addDescribeCommand } from "./commands/describe.ts";
import { addEncodeCommand } from "./commands/encode.ts";
import { addEvaluateCommand } from "./commands/evaluate.ts";
import { addFillCommand } from "./commands/fill.ts";
import { addMergeCommand } from "./commands/merge.ts";
import { addTrainCommand } from "./commands/train.ts";
import { exitCodes } from "./exit-codes.ts";
import { asksForAll, helpFlag, shortenHelp } from "./help.ts";
import { closeFiles } from "./input/array-files/open-file.ts";
import { isStdin } from "./input/files.ts";
import { dataOptions, givenFiles, networkOptions } from "./options/input-options.ts";
import { inFlags } from "./options/message-in-flags.ts";
import { kebabCase } from "./options/parse.ts";
import { checkRequired, type RunningOptions, refuseRepeated, wrongUsage } from "./options/running.ts";
import { removeEmptyFolders } from "./output/output-files.ts";
import { note, say } from "./output/print.ts";
import { chooseVectors } from "./vectors.ts";

/** Environment variable that adds the stack trace to internal errors. */
const debugVariable = "LATENTFLOW_DEBUG";

/**
 * Makes the command-line program `latentflow`, with its commands and their options.
 *
 * @param help options listed in the help of commands that have many: all, or the most used
 */
export function createProgram(help: "all" | "everyday" = "all"): Command {
  const program = new Command("latentflow")
    .description("Encodes data with a decoder alone: gradient flow encoding in SIMD WebAssembly.")
    .version(packageJson.version)
    .configureOutput({
      writeErr: note,
      outputError(message, write) {
        // The message may quote the command line, and commander's own messages contain line breaks.
        const lines = message.split("\n").map((line) => escapeText(line, Number.POSITIVE_INFINITY));
        write(lines.join("\n").replace(/^error: /, "latentflow: "));
      },
    })
    .showHelpAfterError("(latentflow --help lists the commands)")
    .addHelpText(
      "after",
      `
Start with: latentflow demo. For a command's options: latentflow encode --help

With ${debugVariable}=1 in the environment an error that is a defect comes with
its stack.`,
    )
    .exitOverride()
    .hook("preAction", async (_, command) => {
      checkRequired(command);
      refuseEmpty(command);
      checkStdin(command);
      const { vectors, plain, part } = command.opts<RunningOptions & { readonly part?: unknown }>();
      // A single part is computed by the plain build.
      if (vectors !== undefined) await chooseVectors(vectors, plain === true || part !== undefined);
    });
  addDemoCommand(program);
  addEncodeCommand(program);
  addMergeCommand(program);
  addDecodeCommand(program);
  addDescribeCommand(program);
  addTrainCommand(program);
  addEvaluateCommand(program);
  addFillCommand(program);
  for (const command of program.commands) {
    refuseRepeated(command);
    command.showHelpAfterError(`(latentflow ${command.name()} ${helpFlag(command)} lists the options)`);
    if (help === "everyday") shortenHelp(command);
  }
  return program;
}

/** Exits with an error of usage if an option or argument is an empty string, as results from an unset shell variable. */
function refuseEmpty(command: Command): void {
  const given = Object.entries(command.opts<Readonly<Record<string, unknown>>>());
  const [name] =
    given.find(([, value]) => value === "" || (Array.isArray(value) && value.includes(""))) ?? [];
  if (name !== undefined) wrongUsage(command, `--${kebabCase(name)} is empty`);
  const place = command.args.indexOf("");
  if (place < 0) return;
  const { registeredArguments } = command;
  const argument = registeredArguments[Math.min(place, registeredArguments.length - 1)];
  if (argument) wrongUsage(command, `${argument.name().toUpperCase()} is empty`);
}

/**
 * Exits with an error of usage if `-`, stdin, is given for a network, or for more than one file of data, as it can only
 * be read once.
 */
function checkStdin(command: Command): void {
  const given = command.opts<Readonly<Record<string, unknown>>>();
  const network = networkOptions.find((name) => isStdin(given[name]));
  if (network)
    wrongUsage(command, `--${network} cannot be -, stdin, which is for data; give a file or a URL`);
  const [first, second] = givenFiles(given, dataOptions)
    .filter(({ path }) => isStdin(path))
    .map(({ flag }) => flag);
  if (second === undefined) return;
  const both = first === second ? `${first} is -, stdin, twice` : `${first} and ${second} are both -, stdin`;
  wrongUsage(command, `${both}; give one of them as a file`);
}

/**
 * Runs the program with the given arguments. Failures print a line on stderr. Returns the exit code; undefined on
 * success.
 */
export async function runProgram(args: readonly string[]): Promise<number | undefined> {
  const program = createProgram(asksForAll(args) ? "all" : "everyday");
  let running = program;
  program.hook("preAction", (_, command) => {
    running = command;
  });
  try {
    await program.parseAsync(unknownCommand(args, program) ?? args, { from: "user" });
    return undefined;
  } catch (error) {
    // commander has printed the message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    if (error instanceof LatentflowError) say(inFlags(error, running));
    else sayDefect(error);
    return exitCodes.failed;
  } finally {
    await closeFiles();
    await removeEmptyFolders();
  }
}

/**
 * Returns the name of an unknown command as the only argument, since commander would answer `NAME --help` with the
 * program's help instead of an error. Undefined if the command exists.
 */
function unknownCommand(args: readonly string[], program: Command): [string] | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith("-"));
  const name = first === "help" ? second : first;
  const known = ["help", ...program.commands.map((command) => command.name())];
  return name === undefined || known.includes(name) ? undefined : [name];
}

/** Prints an internal error as a line on stderr, or its stack trace if LATENTFLOW_DEBUG is set. */
export function sayDefect(error: unknown): void {
  if (process.env[debugVariable] && error instanceof Error) note(`${error.stack}\n`);
  else {
    const name = error instanceof Error ? `${error.name}: ` : "";
    say(`internal error: ${name}${messageOf(error)} (${debugVariable}=1 shows where)`);
  }
}
