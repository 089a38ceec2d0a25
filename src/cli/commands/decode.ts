import type { Command } from "commander";
import { showLengths } from "../../files/array.ts";
import { toNpy } from "../../files/npy.ts";
import { type Decoder, decode } from "../../index.ts";
import { exitCodesHelp } from "../exit-codes.ts";
import { stdinHelp } from "../input/data-source.ts";
import {
  addDecoderOptions,
  type DecoderFlags,
  decoderHelp,
  limitsOf,
  readDecoder,
} from "../input/decoder-file.ts";
import {
  addFixedOptions,
  type FixedFlags,
  type FixedInputs,
  fixedOptions,
  openFixed,
  readFixedOf,
} from "../input/fixed-inputs.ts";
import type { DataLimits } from "../input/open-data.ts";
import { readCodes } from "../input/starts.ts";
import { interruptSignal, unlessInterrupted } from "../interrupt.ts";
import { addFlags, flag, type OptionsOf } from "../options/flag-table.ts";
import { parseCount } from "../options/parse.ts";
import { addRunningOptions, backendOf, type RunningOptions } from "../options/running.ts";
import { drawGrid, type Tile, tonesBy } from "../output/grid.ts";
import { decoderFigure, fixedFigures } from "../output/input-figures.ts";
import {
  makeFolder,
  type Output,
  type OutputFile,
  replacedHelp,
  writeOutputs,
} from "../output/output-files.ts";
import { isImage, row } from "../output/picture-source.ts";
import { print } from "../output/print.ts";
import { type Figure, figure, formatCount, formatReport } from "../output/report.ts";
import { kernelsFigure } from "../output/result-figures.ts";

const DECODE_FLAGS = {
  decoder: flag("<file>", decoderHelp, { required: true }),
  latents: flag(
    "<file>",
    "file of latents, floats, [latents, latent size]: latents.npy, results.parquet#latent, or samples.npy, all draws of each sample",
    { required: true, gives: ["z"] },
  ),
  out: flag("<dir>", "folder for the results, made if it is missing", { required: true }),
  limit: flag("<n>", "decode the first n latents (default: all)", { parse: parseCount }),
};

interface DecodeJob extends DecoderFlags, FixedFlags, RunningOptions, OptionsOf<typeof DECODE_FLAGS> {}

/** Adds `latentflow decode` to the program. */
export function addDecodeCommand(program: Command): void {
  const command = program
    .command("decode")
    .summary("decode a file of latents")
    .description(
      "Computes for each latent z of FILE the decoder's D(z), and writes to DIR:\n" +
        "  decoded.npy          latents × the shape of a sample, float32\n" +
        "  decoded.png          the first of these samples (of images)\n" +
        replacedHelp,
    );
  addFlags(command, DECODE_FLAGS, "What and where:");
  addFixedOptions(command, "latents");
  addDecoderOptions(command);
  addRunningOptions(command).addHelpText(
    "after",
    `
${stdinHelp}
${exitCodesHelp("nothing is written")}
Example:
  $ latentflow decode --decoder D.safetensors --out decoded \\
      --latents codes/latents.npy`,
  );
  command.action(runDecode);
}

async function runDecode(options: DecodeJob): Promise<void> {
  const signal = interruptSignal();
  const done = await unlessInterrupted(signal, decodeFile(options, signal), "stopped; nothing is written");
  if (!done) return;
  const { decoder, fixed, latents, decoded, seconds } = done;
  const outputs = await writeDecodeOutputs(options.out, fixed, decoded);
  const { outputShape } = fixed.decoder;
  const { count, total } = latents;
  const figures: Figure[] = [
    decoderFigure(options.decoder, decoder, fixed.decoder),
    figure("latents", `${formatCount(count)} of ${formatCount(total)}, ${decoder.latentSize} values each`, {
      latents: { file: options.latents, count: total },
    }),
    ...fixedFigures(fixed),
    figure("samples", `${showLengths(outputShape)} values each`, { samples: count, seconds }),
    kernelsFigure(),
  ];
  print(formatReport(figures, outputs, options.json));
}

async function decodeFile(options: DecodeJob, signal: AbortSignal) {
  const decoder = await readDecoder(options, signal);
  const limits = limitsOf(options, signal);
  const sources = await openFixed(decoder, options.fixed, limits);
  const latents = await readLatents(options, decoder, limits);
  const fixed = await readFixedOf(latents, decoder, sources, options.points);
  await makeFolder(options.out, decodeOutputs, options);
  const start = performance.now();
  const decoded = await decode(decoder, latents.z, {
    ...fixedOptions(fixed),
    backend: backendOf(options),
    signal,
  });
  return { decoder, fixed, latents, decoded, seconds: (performance.now() - start) / 1000 };
}

async function readLatents({ latents: file, limit }: DecodeJob, decoder: Decoder, limits: DataLimits) {
  const { latentSize } = decoder;
  const { values, count: total } = await readCodes("--latents", file, latentSize, limits, 3, limit);
  const count = Math.min(total, limit ?? total);
  return { z: values.subarray(0, count * latentSize), count, total };
}

/** Maximum number of images in a row of `decoded.png`. */
const imagesPerRow = 10;
const rowsAtMost = 10;

const decodeOutputs = ["decoded.npy", "decoded.png"];

async function writeDecodeOutputs(
  folder: string,
  { decoder, points }: FixedInputs,
  decoded: Float32Array,
): Promise<Output[]> {
  const { outputShape, outputSize } = decoder;
  const shape = [decoded.length / outputSize, ...outputShape];
  const files: OutputFile[] = [
    {
      name: "decoded.npy",
      bytes: toNpy(decoded, shape),
      content: `what the latents stand for: ${showLengths(shape)}, float32`,
    },
  ];
  // An output of points × channels is not drawn as an image.
  if (points === undefined && isImage(decoder) && decoded.length > 0) {
    const shown = Math.min(shape[0]!, imagesPerRow * rowsAtMost);
    const picture = drawGrid(rowsOfTiles(decoded.subarray(0, shown * outputSize), outputSize), decoder);
    files.push({ name: "decoded.png", bytes: picture, content: `the first ${shown} as images` });
  }
  return writeOutputs(folder, files, decodeOutputs.slice(files.length));
}

/**
 * Arranges images row by row, `imagesPerRow` in each; the smallest value is drawn black, the largest white. The last row
 * is filled up with white tiles.
 */
function rowsOfTiles(images: Float32Array, size: number): Tile[][] {
  const count = images.length / size;
  const columns = Math.min(count, imagesPerRow);
  const tiles = tonesBy([images]).tones(
    Array.from({ length: count }, (_, index) => row(images, index, size)),
  );
  while (tiles.length % columns > 0) tiles.push(new Float32Array(size).fill(1));
  return Array.from({ length: tiles.length / columns }, (_, i) =>
    tiles.slice(i * columns, (i + 1) * columns),
  );
}
