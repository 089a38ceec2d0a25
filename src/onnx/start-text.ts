import { invalid, invalidFile, show } from "../base/check.ts";
import { LatentflowError, markedMessage } from "../base/errors.ts";
import { formatStart, remakeStart } from "../decoder/start.ts";

// A decoder's own start in an ONNX file: metadata, `latentflow.start`, as JSON.

export const START = "latentflow.start";

/** So many characters are read: some 100,000 latents. A metadata's text may be as large as a file. */
const MOST_CHARACTERS = 2 ** 21;

/** @throws LatentflowError `invalid_argument` when it is longer than what is read */
export function writeStart(where: string, start: Float32Array): string {
  const text = formatStart(start);
  if (text.length <= MOST_CHARACTERS) return text;
  throw invalid(
    `${where}: the decoder's start would take ${text.length} characters, more than the ${MOST_CHARACTERS} that are read; ` +
      "load the decoder with a start of zeros, and give the start as z0",
  );
}

/** @throws LatentflowError `invalid_file` when the text is no start, or one for latents of another size */
export function readStart(text: string, latentSize: number): Float32Array | undefined {
  if (text.length > MOST_CHARACTERS) {
    throw invalidFile(
      `the file's ${START} has ${text.length} characters, more than the ${MOST_CHARACTERS} that are read`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidFile(`the file's ${START} is ${show(text)}, expected JSON such as [0.5,-1.25]`);
  }
  try {
    return remakeStart("loadOnnx", value, latentSize, `the file's ${START}`);
  } catch (error) {
    throw error instanceof LatentflowError ? invalidFile(markedMessage(error)) : error;
  }
}
