import { makeProbe } from "../../api/verify.ts";
import { calling } from "../../base/calling.ts";
import { checkFlag, checkOptions } from "../../base/check.ts";
import { subject } from "../../base/message.ts";
import type { Owned } from "../../base/owned.ts";
import { refused } from "../../base/refuse.ts";
import { checkDecoder, type Decoder, probedOf } from "../../decoder/decoder.ts";
import { PROBE, writeProbe } from "../../decoder/probe-text.ts";
import { writeMetadata } from "../metadata.ts";
import { writeGraph } from "./graph.ts";

/** Options of `toOnnx`. */
export interface ToOnnxOptions {
  /**
   * True, the default, stores a probe in the file: four latents and their outputs, with which `loadOnnx` verifies its
   * results. The file grows by 60 KB at most, plus the fixed inputs.
   */
  probe?: boolean | undefined;
}

/** Maximum number of bytes of a protobuf message, 2 GiB - 1. */
const MOST_BYTES = 2 ** 31 - 1;

/**
 * Returns the decoder as the bytes of an ONNX file (opset 17) that computes D(z), for runtimes such as ONNX Runtime and
 * for `loadOnnx`.
 *
 * The input is named `z`, [batch, latentSize]; fixed inputs have their own names and [batch, …their shape], those with
 * `classes` as int64. The output is named `x` (`output` if a fixed input is named `x`), [batch, …outputShape], with
 * channels last, as in `decode`. The batch may have any size, and so may the axis of points. Parameters are initialisers
 * in PyTorch's order, named after the operations: `NAME.weight`, `NAME.bias`.
 *
 * The file's metadata contain the name of the latent input (`latentflow.latent`), those of inputs with an axis of points
 * (`latentflow.points`), and the decoder's loss (`latentflow.loss`), prior (`latentflow.prior`), start vector
 * (`latentflow.start`), codes for several starts (`latentflow.starts`) and probe (`latentflow.probe`, a few latents with their outputs, by which a reader checks the
 * decoder), if it has them.
 *
 * @throws LatentflowError `invalid_argument` if an argument is not valid, the file would exceed 2 GiB, or the prior or
 *   the start is too large to be read; `disposed` if the decoder is; `unsupported` if the probe cannot be computed, as
 *   the runtime lacks WebAssembly SIMD
 * @example
 * import { writeFile } from "node:fs/promises";
 * import { toOnnx } from "latentflow/onnx";
 *
 * await writeFile("decoder.onnx", await toOnnx(decoder));
 */
export async function toOnnx(decoder: Decoder, options: ToOnnxOptions = {}): Promise<Owned<Uint8Array>> {
  return calling("toOnnx", async () => {
    checkDecoder(decoder);
    checkOptions(options, { probe: true });
    const { probe: withProbe = true } = options;
    checkFlag("probe", withProbe);
    checkFileSize(4 * decoder.parameterCount);
    const metadata = writeMetadata(decoder);
    const probe = withProbe ? await makeProbe(decoder) : undefined;
    // Outputs that are not finite verify nothing.
    const text = probe?.x.every(Number.isFinite) ? writeProbe(probe, probedOf(decoder)) : undefined;
    if (text !== undefined) metadata.set(PROBE, text);
    checkDecoder(decoder);
    const message = writeGraph(decoder, metadata);
    checkFileSize(message.byteLength);
    return message.toBytes();
  });
}

/**
 * Refuses a file that is larger than protobuf readers accept.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkFileSize(bytes: number): void {
  if (bytes <= MOST_BYTES) return;
  throw refused(
    subject("decoder", "the file"),
    "would have",
    `${bytes} bytes`,
    `at most ${MOST_BYTES} in an ONNX file, a protobuf message`,
    "; keep the decoder as a safetensors file, by its toSafetensors(), which has no such limit",
  );
}
