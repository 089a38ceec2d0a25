import { join } from "node:path";
import type { Command } from "commander";
import { showLocation, showPath } from "../../base/check.ts";
import type { LatentflowError } from "../../base/errors.ts";
import {
  asksForMoreEpochs,
  type Difference,
  OtherRunError,
  showDifference,
} from "../../train/run-differences.ts";
import { showFile } from "../input/files.ts";
import { dataOptions, decoderOptions } from "./input-options.ts";
import { splitMessage } from "./message.ts";
import { kebabCase } from "./parse.ts";
import { choices } from "./training-options.ts";

/**
 * What the library calls the values that flags give, and the options of the commands that give them. An option that
 * has the library's own name is not listed.
 */
const options: Readonly<Record<string, string>> = {
  y: "data",
  z: "latents",
  "validation.y": "validate",
  "validation.data": "validate",
  "validation.weights": "validateWeights",
  "validation.everyImages": "validateEvery",
  "checkpoint.everySeconds": "checkpointSeconds",
  pixels: "shift",
  "loadOnnx.points": "pointsInput",
  "loadOnnx.output": "outputName",
  inputShapes: "inputShape",
  "loss.name": "loss",
  "loss.reduction": "reduction",
  // As a checkpoint describes its run.
  "augment.pixels": "shift",
  "augment.name": "shift",
  "data.samples": "data",
  "data.size": "data",
  "data.checksum": "data",
  "validationData.samples": "validate",
  "validationData.size": "validate",
  "validationData.checksum": "validate",
  "codeOptimizer.learningRate": "codeLearningRate",
  validationWeights: "validateWeights",
  validationFixed: "validateFixed",
  "prior.name": "prior",
  "prior.weight": "priorWeight",
  "prior.numbers": "prior",
  hasReconstructions: "reconstructions",
  ...Object.fromEntries(
    choices.flatMap((choice) => [
      [`${choice.name}.name`, choice.name],
      ...Object.entries(choice.options).map(([name, { as = name }]) => [`${choice.name}.${name}`, as]),
    ]),
  ),
};

/**
 * The library's advice, word for word, and what it comes to for a command that has the option. Whoever changes a text of
 * the library that stands here changes it here, too: a test looks for each of them in the sources.
 */
export const phrases: readonly (readonly [option: string, said: string, meant: string])[] = [
  ["data", "there are no samples", "there are no samples in --data"],
  ["loss", "for binaryCrossEntropy; scale the data", "for --loss bce; scale the data"],
  ["loss", "binaryCrossEntropy needs a decoder", "--loss bce needs a decoder"],
  ["loss", "use squaredError()", "use --loss mse"],
  ["loss", 'give { loss: "bce" } or { loss: "mse" }', "give --loss bce or --loss mse"],
  [
    "outputActivation",
    'load or create it with { outputActivation: "sigmoid" }',
    "give --output-activation sigmoid",
  ],
  // Of a command without --loss: it is the file's.
  ["outputActivation", "binaryCrossEntropy needs a decoder", "the file's loss bce needs a decoder"],
  ["outputActivation", ", else use squaredError()", ""],
  ["encoder", "the encoder goes", "--encoder goes"],
  ["activation", 'give the option activation: "elu", say', "give --activation elu, say"],
  ["prefix", "give the option prefix: ", "give --prefix "],
  ["outputActivation", 'give outputActivation: "', 'give --output-activation "'],
  ["outputActivation", "give another outputActivation", "give another --output-activation"],
  ["outputActivation", "(outputActivation)", "(--output-activation)"],
  // Of ONNX files.
  ["latent", "by the option latent", "by --latent"],
  ["outputName", "by the option output", "by --output-name"],
  ["pointsInput", "give the option points,", "give --points-input,"],
  ["inputShape", "give the option inputShapes with", "give --input-shape with"],
  ["layout", 'give layout: "channelsLast"', "give --layout channelsLast"],
  ["outputShape", "give the decoder an outputShape like [28, 28]", "give --output-shape 28,28, say"],
  ...[
    ...["prefix", "activation", "outputActivation", "outputShape"],
    ...["loss", "latent", "layout"],
  ].flatMap((name) => {
    const flag = `--${kebabCase(name)}`;
    return [
      [name, `the option ${name} overrides`, `${flag} overrides`],
      [name, `leave the option ${name} out`, `leave ${flag} out`],
    ] as const;
  }),
  ["weights", "give weights that are 0 there", "give --weights that are 0 there"],
  ["weights", "all weights", "all --weights"],
  ["batchSize", "a smaller batchSize", "a smaller --batch-size"],
  ["datasetFolder", "as { folder }", "by --dataset-folder"],
  ["maxBytes", "than maxBytes,", "than --max-bytes,"],
  ["maxBytes", "give maxBytes: ", "give --max-bytes "],
  ["maxBytes", "a larger maxBytes", "a larger --max-bytes"],
  ["threads", "wasm({ threads: 1 }) does without", "--threads 1 does without"],
  [
    "resume",
    "go on from it with resume: true, give another file,",
    "go on from it with --resume, give another --out,",
  ],
  ["decoder", "with train and resume: true", "with latentflow train --resume"],
  ["out", "or give another file", "or give another --out"],
  ["priorCovariance", 'give covariance: "diagonal"', "give --prior-covariance diagonal"],
  ["priorShrinkage", "or a shrinkage (0.1, say)", "or --prior-shrinkage 0.1, say"],
  ["priorComponents", "fewer components", "a smaller --prior-components"],
  [
    "priorStd",
    "make a prior with gaussian() or gaussianMixture() and a standard deviation of your choice there",
    "give --prior-mean and --prior-std of your choice in place of --prior-from",
  ],
];

/** An error's message as one of this command: with its flags for the library's names. */
export function inFlags(error: LatentflowError, command: Command): string {
  const given = command.opts<Readonly<Record<string, unknown>>>();
  const flagOf = (name: string) => {
    // Of fixed inputs, whose names differ, what comes before the dot.
    const [first] = name.split(".") as [string];
    const known = options[name] ?? options[first] ?? first;
    // Either names the samples.
    const option = known === "data" && given.dataset !== undefined ? "dataset" : known;
    return command.options.some((each) => each.attributeName() === option)
      ? `--${kebabCase(option)}`
      : undefined;
  };
  if (!(error instanceof OtherRunError)) return messageInFlags(error.message, flagOf, given);
  const message = error.messageIn((difference) => inFlag(difference, flagOf, given));
  return messageInFlags(message, flagOf, given) + moreEpochs(error.differences, given);
}

/** The flag of this command for a name of the library's, if there is one. */
type FlagOf = (name: string) => string | undefined;

function messageInFlags(message: string, flagOf: FlagOf, given: Readonly<Record<string, unknown>>): string {
  const parts = splitMessage(message);
  // A reader of files has been told the flag.
  if (!parts) return /^--[a-z]/.test(message) ? inPhrases(message, flagOf) : message;
  const { from, file, scope, word, rest } = parts;
  const own = `${from}.${word}`;
  const name = scope ? `${scope}.${word}` : own in options ? own : word;
  const flag = rest.startsWith(" ") ? flagOf(name) : undefined;
  let text = flag ? flag + rest : word + rest;
  // Of a number in a file.
  if (flag && / is \S+ at /.test(rest)) text = withFile(flag, given) + rest.replace(" is ", " has ");
  if (file && !flag) {
    const network = ["decoder", "encoder"].find((option) => showLocation(String(given[option])) === file);
    text = `${network ? showFile(`--${network}`, String(given[network])) : file}: ${text}`;
  }
  if (scope !== "validation") return inPhrases(text, flagOf);
  const said = inPhrases(text, (option) => flagOf(ofValidation[option] ?? option));
  return /--validate\b/.test(said) ? said : `--validate: ${said}`;
}

/** What gives for validation samples what these options give for those that are trained on. */
const ofValidation: Readonly<Record<string, string>> = { data: "validate", weights: "validateWeights" };

/** A flag with its file, or with how many there are, whose samples are counted together. */
function withFile(flag: string, given: Readonly<Record<string, unknown>>): string {
  const option = dataOptions.find((name) => `--${kebabCase(name)}` === flag);
  if (!option) return flag;
  const paths = [given[option]].flat().map(String);
  return paths.length === 1 ? showFile(flag, paths[0]!) : `${flag} (${paths.length} files)`;
}

/** A difference between runs, by the flag that has made it. */
function inFlag(difference: Difference, flagOf: FlagOf, given: Readonly<Record<string, unknown>>): string {
  const { name } = difference;
  if (/^decoder(\.|$)/.test(name)) return inDecoderFlag(difference, given);
  const flag = flagOf(name);
  const [, input] = /^fixed\.(.+)$/.exec(name) ?? [];
  return showDifference(flag && input ? `${flag} ${input}` : (flag ?? name), difference);
}

/** A difference in the decoder, by the flag that has given it. */
function inDecoderFlag(difference: Difference, given: Readonly<Record<string, unknown>>): string {
  const flag = decoderOptions.find((name) => given[name] !== undefined);
  const called = difference.name.replace(/^decoder/, `--${flag}`).replace(/^(--\w+)\./, "$1: ");
  const text = showDifference(called, difference);
  // Layers of numbers alone, as the flag has them.
  return flag === "layers" && !text.includes("×") ? text.replaceAll(" → ", ",") : text;
}

/** What to do for more epochs, by the program's flags. */
function moreEpochs(
  differences: readonly Difference[],
  { out, architecture }: Readonly<Record<string, unknown>>,
): string {
  if (!asksForMoreEpochs(differences)) return "";
  const decoder = showPath(join(String(out), "decoder.safetensors"));
  return (
    `. To train on from what came of it, give --decoder ${decoder} in place of ` +
    `${architecture === undefined ? "--layers" : "--architecture"}, another --out, and as --epochs those that are to follow`
  );
}

/** Advice of `loadOnnx` that names the inputs whose lengths a file leaves open. */
const OPEN_SHAPES = /give the option inputShapes: \{ (.+?) \},/;

/** Shapes of an object's text, one flag for each input. */
function shapesInFlags(_: string, shapes: string): string {
  const each = shapes.matchAll(/("(?:[^"\\]|\\.)*"|[\w$]+): \[([^\]]*)\]/g);
  const flags = Array.from(
    each,
    ([, name, lengths]) => `--input-shape ${name}=${lengths!.replaceAll(", ", ",")}`,
  );
  return `give ${flags.join(" ")},`;
}

function inPhrases(message: string, flagOf: FlagOf): string {
  let text = flagOf("inputShape") ? message.replace(OPEN_SHAPES, shapesInFlags) : message;
  for (const [option, said, meant] of phrases) {
    const name = flagOf(option);
    if (name) text = text.replaceAll(said, meant.replace(`--${kebabCase(option)}`, name));
  }
  return text;
}
