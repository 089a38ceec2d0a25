import { about } from "../base/calling.ts";
import { LatentflowError } from "../base/errors.ts";
import { subject, words } from "../base/message.ts";
import { invalidFile, refused, refusedFile } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { formatStart, formatStarts, remakeStart, remakeStarts } from "../decoder/start.ts";
import { LATENT } from "../graph/graph.ts";
import { normalisePrior } from "../terms/check-prior.ts";
import { normaliseLoss, type StandardLoss } from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";

// Metadata of an ONNX file, written by toOnnx and read by loadOnnx as JSON: what belongs to a decoder besides its graph.

/** Metadata key of the name of the latent input, stored as plain text. */
export const LATENT_NAME = "latentflow.latent";
/** Metadata key of the names of inputs with an axis of points (coordinates at which the decoder is evaluated), stored as JSON. */
const POINTS = "latentflow.points";
/** Metadata key of the decoder's loss. */
const LOSS = "latentflow.loss";
/** Metadata key of the decoder's prior. */
export const PRIOR = "latentflow.prior";
/** Metadata key of the decoder's start vector z₀. */
const START = "latentflow.start";
/** Metadata key of the decoder's codes for several starts. */
const STARTS = "latentflow.starts";

/**
 * Maximum length of each metadata text that is parsed, in characters, which bounds memory and time: a text may be as
 * large as the file. A prior of this length has a covariance of some 320 latents, whose inversion takes cubic time; a
 * start vector, some 100,000 latents.
 */
const MOST_CHARACTERS = {
  [POINTS]: 2 ** 16,
  [LOSS]: 2 ** 21,
  [PRIOR]: 2 ** 21,
  [START]: 2 ** 21,
  [STARTS]: 2 ** 21,
} as const;

type Key = keyof typeof MOST_CHARACTERS;
type Metadata = ReadonlyMap<string, string>;

function checkedText(key: Key, what: string, text: string, cure: string): string {
  const most = MOST_CHARACTERS[key];
  if (text.length <= most) return text;
  const name = words`the decoder's ${subject(`decoder.${what}`, what)}`;
  const expected = `at most the ${most} that are read`;
  throw refused(name, "would take", `${text.length} characters`, expected, `; ${cure}`);
}

/**
 * Formats the metadata that describe a decoder, except its probe (a few latents with their outputs).
 *
 * @throws LatentflowError `invalid_argument` if the prior, the start vector or the starts are longer than readers accept
 */
export function writeMetadata(decoder: Decoder): Map<string, string> {
  const { fixedInputs, loss, prior, start, starts, latentSize } = decoder;
  const metadata = new Map<string, string>([[LATENT_NAME, LATENT]]);
  const points = fixedInputs.filter(({ hasPoints }) => hasPoints).map(({ name }) => name);
  if (points.length > 0) metadata.set(POINTS, JSON.stringify(points));
  if (loss) {
    const cure = "load the decoder with a loss without a scale, and give the loss to each call";
    metadata.set(LOSS, checkedText(LOSS, "loss", JSON.stringify(loss), cure));
  }
  if (prior) {
    const cure = "train it with a smaller one, of fewer components or with standard deviations";
    metadata.set(PRIOR, checkedText(PRIOR, "prior", JSON.stringify(prior), cure));
  }
  if (start) {
    const cure = "load the decoder with a start of zeros, and give the start as z0";
    metadata.set(START, checkedText(START, "start", formatStart(start), cure));
  }
  if (starts) {
    const cure = "load the decoder with fewer starts";
    metadata.set(STARTS, checkedText(STARTS, "starts", formatStarts(starts, latentSize), cure));
  }
  return metadata;
}

/**
 * Parses a metadata text as JSON and returns what `read` makes of the parsed value; undefined if the file has no such text.
 *
 * @param example valid text, for messages
 * @throws LatentflowError `invalid_file`, also for errors of `read`
 */
function readJson<T>(
  metadata: Metadata,
  key: Key,
  example: string,
  read: (value: unknown) => T,
): T | undefined {
  const text = metadata.get(key);
  if (text === undefined) return undefined;
  if (text.length > MOST_CHARACTERS[key]) {
    throw invalidFile(
      `the file's ${key} has ${text.length} characters, more than the ${MOST_CHARACTERS[key]} that are read`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidFile(`the file's ${key} is ${show(text)}, expected JSON such as ${example}`);
  }
  try {
    return read(value);
  } catch (error) {
    throw error instanceof LatentflowError ? refusedFile(error) : error;
  }
}

/** Reads the names of the inputs with an axis of points from the metadata; [] if there are none. */
export function readPoints(metadata: Metadata): readonly string[] {
  return (
    readJson(metadata, POINTS, '["xyz"]', (names) => {
      if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names as string[];
      throw invalidFile(
        `the file's ${POINTS} is ${show(metadata.get(POINTS))}, expected a JSON array of names`,
      );
    }) ?? []
  );
}

/** Reads the decoder's loss from the metadata; undefined if the file has none. */
export function readLoss(metadata: Metadata): StandardLoss | undefined {
  return readJson(metadata, LOSS, '{"name":"squaredError"}', (value) =>
    about(`the file's ${LOSS}`, () => normaliseLoss(value as StandardLoss)),
  );
}

/**
 * Reads the decoder's prior from the metadata; undefined if the file has none.
 *
 * @throws LatentflowError `invalid_file` if the text is not a valid prior
 */
export function readPrior(metadata: Metadata): Prior | undefined {
  return readJson(metadata, PRIOR, '{"name":"gaussian","mean":0,"std":1}', (value) =>
    normalisePrior(value, { name: `the file's ${PRIOR}` }),
  );
}

/**
 * Reads the decoder's start vector z₀ from the metadata; undefined if the file has none.
 *
 * @throws LatentflowError `invalid_file` if the text is not a start vector of `latentSize` numbers
 */
export function readStart(metadata: Metadata, latentSize: number): Float32Array | undefined {
  return readJson(metadata, START, "[0.5,-1.25]", (value) =>
    remakeStart(value, latentSize, `the file's ${START}`),
  );
}

/**
 * Reads the decoder's codes for several starts from the metadata; undefined if the file has none.
 *
 * @throws LatentflowError `invalid_file` if the text is not an array of codes of `latentSize` numbers each
 */
export function readStarts(metadata: Metadata, latentSize: number): Float32Array | undefined {
  return readJson(metadata, STARTS, "[[0.5,-1.25],[0,1]]", (value) =>
    remakeStarts(value, latentSize, `the file's ${STARTS}`),
  );
}
