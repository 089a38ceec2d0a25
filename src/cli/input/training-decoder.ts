import { about } from "../../base/calling.ts";
import { LatentflowError } from "../../base/errors.ts";
import { invalid, invalidFile, refusedFile } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import { showLengths } from "../../files/array.ts";
import { readSource } from "../../files/source.ts";
import type { GraphDefinition } from "../../graph/index.ts";
import { readDefinition } from "../../graph/read-definition.ts";
import type { PictureDecoder } from "../../images/index.ts";
import {
  binaryCrossEntropy,
  createDecoder,
  type Decoder,
  loadDecoder,
  type StandardLoss,
} from "../../index.ts";
import type { Dataset } from "../../train/index.ts";
import { kebabCase } from "../options/parse.ts";
import type { TrainingJob } from "../options/training-job.ts";
import { limitsOf, lossOf, readDecoder, readDecoderAndLoss, readingFlags } from "./decoder-file.ts";
import { showFile } from "./files.ts";

/**
 * Makes the decoder to train: loaded from a file, or new from `--layers` or `--architecture`.
 *
 * @param samples samples to train on
 */
export async function makeDecoder(
  job: TrainingJob,
  samples: Dataset,
  signal: AbortSignal,
): Promise<{ decoder: Decoder; loss: StandardLoss }> {
  const { shape, size } = samples;
  const { decoder: file, architecture, layers, activation, outputActivation, outputShape, seed } = job;
  if (file !== undefined) {
    const { decoder, loss } = await readDecoderAndLoss({ ...job, decoder: file }, signal);
    // Decoder files often lack the shape of a sample, which `--shift` needs.
    const isFlat = decoder.outputShape.length === 1 && decoder.outputSize === size;
    const hasPoints = decoder.fixedInputs.some((input) => input.hasPoints);
    if (!isFlat || shape.length === 1 || hasPoints || outputShape) return { decoder, loss };
    const { maxBytes } = limitsOf(job);
    return { decoder: await loadDecoder(decoder.toSafetensors(), { outputShape: shape, maxBytes }), loss };
  }
  const flag = architecture === undefined ? "--layers" : "--architecture";
  refuseGiven(job, readingFlags, `says how a file is read; leave it out with ${flag}, or give --decoder`);
  const standard = job.standardise ? "squaredError" : "binaryCrossEntropy";
  const loss = lossOf({ loss: standard, ...job }) ?? binaryCrossEntropy();
  if (architecture !== undefined) {
    const said = "is given with --architecture, whose file says it; leave it out";
    refuseGiven(job, ["activation", "outputActivation", "outputShape"], said);
    const definition = await readArchitecture(architecture, job, signal);
    return { decoder: createDecoder(definition, { loss, seed }), loss };
  }
  if (layers!.at(-1) !== size) {
    throw invalid(
      `--layers ends with ${layers!.at(-1)}, expected ${size} (a sample of --${job.dataset === undefined ? "data" : "dataset"} has ${showLengths(shape)} values)`,
    );
  }
  if (isList(activation)) {
    throw invalid("--activation names several, expected one for all layers of --layers");
  }
  const decoder = createDecoder({
    layers: layers!,
    outputShape: outputShape ?? shape,
    loss,
    seed,
    activation,
    outputActivation,
  });
  return { decoder, loss };
}

/**
 * Returns the shape of a sample, which pictures are scaled to: that of the decoder, or `--output-shape`; undefined if
 * only `--layers` is given.
 */
export async function shapeOfDecoder(
  job: TrainingJob,
  signal: AbortSignal,
): Promise<PictureDecoder | undefined> {
  const { decoder: file, architecture, outputShape } = job;
  if (file !== undefined) return readDecoder({ ...job, decoder: file }, signal);
  if (architecture !== undefined) return createDecoder(await readArchitecture(architecture, job, signal));
  return outputShape && { outputShape };
}

function refuseGiven(job: TrainingJob, names: readonly (keyof TrainingJob)[], problem: string): void {
  const name = names.find((each) => job[each] !== undefined);
  if (name !== undefined) throw invalid(`--${kebabCase(name)} ${problem}`);
}

/**
 * Reads a decoder's definition from a JSON file.
 *
 * @throws LatentflowError if the file cannot be read, or is not a valid definition
 */
async function readArchitecture(
  path: string,
  job: TrainingJob,
  signal: AbortSignal,
): Promise<GraphDefinition> {
  const at = showFile("--architecture", path);
  const bytes = await about(at, () => readSource(path, limitsOf(job, signal)));
  let definition: GraphDefinition;
  try {
    definition = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const message = `${at}: it is no JSON, expected a decoder's definition, as createDecoder takes it`;
    throw invalidFile(message, cause);
  }
  if (typeof definition !== "object" || definition === null || Array.isArray(definition)) {
    throw invalidFile(`${at}: it holds ${show(definition)}, expected a definition`);
  }
  try {
    about(at, () => readDefinition(definition));
  } catch (error) {
    throw error instanceof LatentflowError ? refusedFile(error) : error;
  }
  return definition;
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
