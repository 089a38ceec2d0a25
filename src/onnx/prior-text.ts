import { invalid, invalidFile, show } from "../base/check.ts";
import { LatentflowError, markedMessage } from "../base/errors.ts";
import { normalisePrior } from "../terms/check-prior.ts";
import type { Prior } from "../terms/priors.ts";

// A decoder's prior in an ONNX file: metadata, `latentflow.prior`, as JSON.

export const PRIOR = "latentflow.prior";

/**
 * So many characters are read: a covariance of some 320 latents. Reading one takes time in proportion to its latents cubed,
 * at one go, and a metadata's text may be as large as a file.
 */
const MOST_CHARACTERS = 2 ** 21;

/** @throws LatentflowError `invalid_argument` when it is longer than what is read */
export function writePrior(where: string, prior: Prior): string {
  const text = JSON.stringify(prior);
  if (text.length <= MOST_CHARACTERS) return text;
  throw invalid(
    `${where}: the decoder's prior would take ${text.length} characters, more than the ${MOST_CHARACTERS} that are read; ` +
      "train it with a smaller one, of fewer components or with standard deviations",
  );
}

/** @throws LatentflowError `invalid_file` when the text is no prior's */
export function readPrior(text: string): Prior {
  if (text.length > MOST_CHARACTERS) {
    throw invalidFile(
      `the file's ${PRIOR} has ${text.length} characters, more than the ${MOST_CHARACTERS} that are read`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidFile(
      `the file's ${PRIOR} is ${show(text)}, expected JSON such as {"name":"gaussian","mean":0,"std":1}`,
    );
  }
  try {
    return normalisePrior("loadOnnx", value, { name: `the file's ${PRIOR}` });
  } catch (error) {
    throw error instanceof LatentflowError ? invalidFile(markedMessage(error)) : error;
  }
}
