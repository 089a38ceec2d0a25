import { makeProbe } from "../../api/verify.ts";
import { checkFlag, checkOptions } from "../../base/check.ts";
import type { Owned } from "../../base/owned.ts";
import { invalid } from "../../base/refuse.ts";
import { checkDecoder, type Decoder, probedOf } from "../../decoder/decoder.ts";
import { PROBE, writeProbe } from "../../decoder/probe.ts";
import { LATENT } from "../../graph/graph.ts";
import { LATENT_NAME, LOSS, POINTS, PRIOR, START, writePrior, writeStart } from "../metadata.ts";
import { writeGraph } from "./graph.ts";

/** Options of `toOnnx`. */
export interface ToOnnxOptions {
  /**
   * True keeps four latents and their outputs in the file, by which `loadOnnx` checks that it computes the same. The
   * file grows by 60 KB at most, besides fixed inputs. Default true.
   */
  probe?: boolean | undefined;
}

/** Most bytes of a protobuf message, 2 GiB. */
const MOST_BYTES = 2 ** 31 - 1;

/**
 * The decoder as the bytes of an ONNX file (operator set 17), which computes D(z): for runtimes such as ONNX Runtime, and
 * for `loadOnnx`.
 *
 * The input is called `z`, [batch, latentSize]; fixed inputs have their own names and [batch, …their shape], those with
 * `classes` as int64. The output is called `x` (`output` where a fixed input is called `x`), [batch, …outputShape], with
 * channels last, as `decode` has it. The batch is of any size, and so is the axis of points. The parameters are
 * initialisers in PyTorch's order, under the operations' names: `NAME.weight`, `NAME.bias`.
 *
 * Beside the graph the file says, in its metadata, which input is the latent (`latentflow.latent`),
 * which are of points (`latentflow.points`), what loss the decoder
 * has (`latentflow.loss`), what prior (`latentflow.prior`), where its flows begin (`latentflow.start`), and what it makes
 * of some latents (`latentflow.probe`).
 *
 * @throws LatentflowError `invalid_argument` when an argument is wrong, the file would have more than 2 GB, or the prior or
 *   the start is too large to be read; `disposed` when the decoder is; `unsupported` where the probe cannot be computed since the runtime lacks WebAssembly SIMD
 * @example
 * import { writeFile } from "node:fs/promises";
 * import { toOnnx } from "latentflow/onnx";
 *
 * await writeFile("decoder.onnx", await toOnnx(decoder));
 */
export async function toOnnx(decoder: Decoder, options: ToOnnxOptions = {}): Promise<Owned<Uint8Array>> {
  const where = "toOnnx";
  checkDecoder(where, decoder);
  checkOptions(where, options, { probe: true });
  const { probe: withProbe = true } = options;
  checkFlag(where, "probe", withProbe);
  checkFileSize(where, 4 * decoder.parameterCount);
  const metadata = new Map<string, string>([[LATENT_NAME, LATENT]]);
  const points = decoder.fixedInputs.filter(({ hasPoints }) => hasPoints).map(({ name }) => name);
  if (points.length > 0) metadata.set(POINTS, JSON.stringify(points));
  if (decoder.loss) metadata.set(LOSS, JSON.stringify(decoder.loss));
  if (decoder.prior) metadata.set(PRIOR, writePrior(where, decoder.prior));
  if (decoder.start) metadata.set(START, writeStart(where, decoder.start));
  const probe = withProbe ? await makeProbe(decoder) : undefined;
  // Outputs that are not finite prove nothing.
  const text = probe?.x.every(Number.isFinite) ? writeProbe(where, probe, probedOf(decoder)) : undefined;
  if (text !== undefined) metadata.set(PROBE, text);
  checkDecoder(where, decoder);
  const message = writeGraph(where, decoder, metadata);
  checkFileSize(where, message.byteLength);
  return message.toBytes();
}

/**
 * Refuses a file larger than readers of protobuf accept.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkFileSize(where: string, bytes: number): void {
  if (bytes <= MOST_BYTES) return;
  throw invalid(
    `${where}: the file would have ${bytes} bytes, and an ONNX file, a protobuf message, has at most ${MOST_BYTES}; ` +
      "keep the decoder as a safetensors file, by its toSafetensors(), which has no such limit",
  );
}
