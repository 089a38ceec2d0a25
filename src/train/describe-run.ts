import { version } from "../../package.json";
import type { Dataset } from "../api/dataset.ts";
import { within } from "../base/calling.ts";
import { checksum, showChecksum } from "../base/checksum.ts";
import { attached } from "../base/realms.ts";
import { bytesIn } from "../base/values.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { FixedValues } from "../decoder/fixed.ts";
import { stepsOf } from "../graph/graph.ts";
import type { Operation, OperationKind } from "../graph/operations.ts";
import type { Control } from "../solver/base.ts";
import { isCustom, type Loss } from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";
import type { CheckedTrainOptions } from "./check-options.ts";
import { leaves, type RunDescription } from "./run-description.ts";
import { pieces } from "./samples.ts";
import type { Validation } from "./validation.ts";

/** Kinds of operation that count as layers in the short description of a decoder. */
const LAYERS: ReadonlySet<OperationKind> = new Set(["dense", "conv", "convTranspose"]);

/**
 * Describes everything that a run's result depends on. Values such as solvers are described by their names and numbers; the
 * package version stands for the code of their functions.
 *
 * @param build name of the kernels' build, with a checksum of its code (`Trainer.build`)
 */
export async function describeRun(
  options: CheckedTrainOptions,
  build: string,
  control: Control,
): Promise<RunDescription> {
  const { isAutoencoder, pair, adjoint, loss, prior, codeOptimizer, validation, ...others } = options;
  // A new option is described with the rest unless it is taken out here: because it is described below, or changes no result.
  const { decoder, dataset, weights, fixed, missing, hasMissing, checkpoint, ...more } = others;
  const { backend, signal, onEvent, onProgress, ...settings } = more;
  const { start, latentSize } = decoder;
  // Names are omitted, since they change no result.
  const operations = stepsOf(decoder).map(({ operation, inputs }) => {
    const { name, inputs: names, weight, bias, ...described } = operation as Operation<"dense">;
    return { ...described, reads: inputs };
  });
  const layers = decoder.operations.filter(({ kind }) => LAYERS.has(kind));
  return Object.fromEntries(
    leaves({
      version,
      build,
      // `20 → 150 → 784`, `20 → 7×7×32 → 28×28×1`
      decoder: [latentSize, ...layers.map(({ shape }) => shape.join("×"))].join(" → "),
      "decoder.operations": operations,
      "decoder.parameters": checksumOf(decoder.parameters),
      "decoder.start": start && checksumOf(start),
      data: await describeData(dataset, control),
      autoencoder: isAutoencoder,
      // No flow is followed in the training of an autoencoder.
      ...(!isAutoencoder && { ...pair, adjoint }),
      loss: describeLoss(loss),
      ...settings,
      ...(prior && { prior: describePrior(prior) }),
      ...(options.codes === "kept" && { codeOptimizer }),
      ...(validation && { validation: { everyImages: validation.everyImages } }),
      weights: weights && (await describeValues("weights", weights, control)),
      fixed: await describeFixed(decoder, fixed, control),
      ...(validation && (await within("validation", () => describeValidation(decoder, validation, control)))),
    }),
  );
}

/**
 * Describes a loss: its scale by a checksum; a custom one also by a checksum of its functions' source text, which the package
 * version does not cover.
 */
function describeLoss(loss: Loss): unknown {
  if (!isCustom(loss)) {
    return { ...loss, ...(loss.scale && { scale: checksumOfText(JSON.stringify(loss.scale)) }) };
  }
  const functions = Object.entries({ ...loss }).filter(([, value]) => typeof value === "function");
  return {
    ...loss,
    source: checksumOfText(functions.map(([name, value]) => `${name}: ${value}`).join("\n")),
  };
}

/** Describes a prior: its numbers, up to a million in a mixture, by a checksum. */
export function describePrior({ name, weight, ...numbers }: Prior) {
  return { name, weight, numbers: checksumOfText(JSON.stringify(numbers)) };
}

async function describeValidation(
  decoder: Decoder,
  { dataset, weights, fixed }: Validation,
  control: Control,
) {
  return {
    validationData: await describeData(dataset, control),
    validationWeights: weights && (await describeValues("weights", weights, control)),
    validationFixed: await describeFixed(decoder, fixed, control),
  };
}

/** Describes the values of fixed inputs by checksums, by the name of the input. */
async function describeFixed({ fixedInputs }: Decoder, fixed: FixedValues, control: Control) {
  const pairs: [name: string, description: string][] = [];
  for (const [i, values] of fixed.entries()) {
    const { name } = fixedInputs[i]!;
    pairs.push([name, await describeValues(`fixed.${name}`, values, control)]);
  }
  return Object.fromEntries(pairs);
}

/** Number of values whose checksum is computed between two pauses for the event loop. */
const VALUES_AT_ONCE = 2 ** 20;

/**
 * Describes values, possibly many, by their checksum.
 *
 * @param name argument or option that has the values, for messages
 */
export async function describeValues(name: string, values: Float32Array, control: Control): Promise<string> {
  let sum = 0;
  for (let first = 0; first < values.length; first += VALUES_AT_ONCE) {
    sum = checksum(bytesIn(values.subarray(first, first + VALUES_AT_ONCE)), sum);
    await control.pause();
  }
  // Throws if the values were transferred meanwhile: then only a part was read.
  attached(name, values);
  return showChecksum(sum);
}

async function describeData(data: Dataset, control: Control) {
  let sum = 0;
  for (const indices of pieces(data)) {
    sum = checksum(bytesIn(data.rows(indices)), sum);
    await control.pause();
  }
  return { samples: data.count, size: data.size, checksum: showChecksum(sum) };
}

function checksumOf(values: Float32Array): string {
  return showChecksum(checksum(bytesIn(values)));
}

function checksumOfText(text: string): string {
  return showChecksum(checksum(new TextEncoder().encode(text)));
}
