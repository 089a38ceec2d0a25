/** Message about a decoder's file, and the Python code that converts the decoder. */
export interface Advice {
  /** The message without the Python code, which is shown below it. */
  readonly text: string;
  /** Python code that exports the decoder as ONNX; undefined if it would not help. */
  readonly python: string | undefined;
}

const IMPORT = "from latentflow_export import export";
/** Matches the Python code in the message of a `needs_conversion` error, or about a PyTorch file given as a decoder. */
const LINES = /: from latentflow_export import export; (export\([^)]*\))/;

/** Returns the Python code that helps with a failure, judged by its message. */
export function adviceOn(message: string): Advice {
  const call = LINES.exec(message)?.[1];
  if (call) return { text: message.replace(LINES, "."), python: `${IMPORT}\n${call}` };
  return { text: message, python: undefined };
}
