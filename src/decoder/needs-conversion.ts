import { LatentflowError } from "../base/errors.ts";
import { option } from "../base/message.ts";
import { show } from "../base/show.ts";

/** Maximum number of prefixes that a message suggests. */
const MOST_PREFIXES = 3;

/**
 * Makes the error for a safetensors file that does not tell how its tensors are applied. Its message contains the line of
 * Python that converts the decoder.
 *
 * @param prefixes prefixes of tensor names, one of which may select the decoder; empty if there is no choice
 * @param latentSize latent size for the line of Python; undefined if the file does not determine it
 */
export function needsConversion(
  where: string,
  problem: string,
  prefixes: readonly string[],
  latentSize: number | undefined,
): LatentflowError {
  const choices = prefixes
    .slice(0, MOST_PREFIXES)
    .map((text, i) => option("prefix", text, `${i === 0 ? "the option prefix: " : ""}${show(text)}`));
  const part =
    choices.length > 0 ? `; give ${choices.join(" or ")} if only a part of the tensors is the decoder's` : "";
  return new LatentflowError(
    "needs_conversion",
    `${where}: the file has no definition, and is no plain stack of linear layers: ${problem}${part}. Convert the decoder to ` +
      "ONNX in Python, with python/latentflow_export.py of this package: " +
      `from latentflow_export import export; export(decoder, "decoder.onnx", latent=${latentSize ?? "LATENT_SIZE"})`,
  );
}
