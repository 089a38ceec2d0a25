import { LatentflowError } from "../base/errors.ts";
import { option } from "../base/message.ts";
import { show } from "../base/show.ts";

/** Most prefixes that a message suggests. */
const MOST_PREFIXES = 3;

/**
 * Makes the error for a safetensors file that does not say how its tensors are applied: with what was found, and the line of
 * Python that converts the decoder.
 *
 * @param prefixes beginnings of tensors' names, one of which may be the decoder's; none if all names begin alike
 * @param latentSize latent size for the line of Python, undefined where the file leaves it open
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
