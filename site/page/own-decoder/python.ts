/** Message about a file of a decoder, and what converts the decoder. */
export interface Advice {
  /** The message without the lines of Python, which are shown below it. */
  readonly text: string;
  /** Lines of Python that write the decoder as ONNX; undefined if they are no help. */
  readonly python: string | undefined;
}

const IMPORT = "from latentflow_export import export";
/** The lines in the message of an error `needs_conversion`. */
const LINES = /: from latentflow_export import export; (export\([^)]*\))/;
/** Message about a file of PyTorch's that was given as a decoder, whatever its name: .pt, .pth, .ckpt. */
const OF_PYTORCH = /\bit is a (PyTorch file|pickle), expected\b/;

/** Finds the lines of Python that help with the failure that a message tells of. */
export function adviceOn(message: string): Advice {
  const call = LINES.exec(message)?.[1];
  if (call) return { text: message.replace(LINES, "."), python: `${IMPORT}\n${call}` };
  if (!OF_PYTORCH.test(message)) return { text: message, python: undefined };
  return {
    text: `${message}. Export the decoder in Python, where it was trained; LATENT_SIZE is the length of a code.`,
    python: `${IMPORT}\nexport(decoder, "decoder.onnx", latent=LATENT_SIZE)`,
  };
}
