/** Message about a decoder's file, and the Python code that converts the decoder. */
export interface Advice {
  /** The message without the Python code, which is shown below it. */
  readonly text: string;
  /** Python code that exports the decoder as ONNX; undefined if it would not help. */
  readonly python: string | undefined;
}

const IMPORT = "from latentflow_export import export";
/** Matches the Python code in the message of a `needs_conversion` error. */
const LINES = /: from latentflow_export import export; (export\([^)]*\))/;
/** Matches the message about a PyTorch file given as a decoder, with any extension: .pt, .pth, .ckpt. */
const OF_PYTORCH = /\bit is a (PyTorch file|pickle), expected\b/;

/** Returns the Python code that helps with a failure, judged by its message. */
export function adviceOn(message: string): Advice {
  const call = LINES.exec(message)?.[1];
  if (call) return { text: message.replace(LINES, "."), python: `${IMPORT}\n${call}` };
  if (!OF_PYTORCH.test(message)) return { text: message, python: undefined };
  return {
    text: `${message}. Export the decoder in Python, where it was trained; LATENT_SIZE is the length of a code.`,
    python: `${IMPORT}\nexport(decoder, "decoder.onnx", latent=LATENT_SIZE)`,
  };
}
