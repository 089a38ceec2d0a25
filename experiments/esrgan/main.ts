// npm run esrgan [-- --scale 4] [--picture FILE.png] [--seed 0] [--max-steps 1000] [--out FOLDER]
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { table } from "../../reproduce/page.ts";
import { parseCount, parseSeed } from "../../src/cli/options/parse.ts";
import { drawGrid } from "../../src/cli/output/grid.ts";
import { SCALES, type Scale } from "./decoder.ts";
import { type Fill, fillHalf } from "./fill.ts";
import { install, modelPackage } from "./install.ts";
import { withLabels } from "./labels.ts";
import { enlarge, middle, type Picture, readPicture } from "./picture.ts";

interface Options {
  readonly scale: string;
  readonly picture?: string;
  readonly seed: number;
  readonly maxSteps: number;
  readonly out: string;
}

/** Differences are drawn so many times as large. */
const DIFFERENCE = 4;
const LABELS = ["the picture", "what was given of it", "filled", `${DIFFERENCE} times the difference`];

const program = new Command("esrgan")
  .description(
    "Takes half the pixels from a picture and seeks the small one that ESRGAN, slim, of npm's @upscalerjs/esrgan-slim, makes " +
      "the other half of. Installs the model on the first use.",
  )
  .addOption(
    new Option("--scale <n>", "how many times as high and wide the model makes a picture")
      .choices(SCALES.map(String))
      .default("4"),
  )
  .option("--picture <file>", "a PNG of 8 bits in colour (default: the one in the model's package)")
  .option("--seed <n>", "of the choice of pixels", parseSeed, 0)
  .option("--max-steps <n>", "of lbfgs", parseCount, 1000)
  .option("--out <folder>", "where the picture goes", join("out", "esrgan"));

async function main({ picture: file, scale: times, seed, maxSteps, out }: Options): Promise<void> {
  install();
  const scale = Number(times) as Scale;
  const whole = readPicture(file ?? `${modelPackage}assets/fixture.png`);
  const picture = middle(whole, whole.height - (whole.height % scale), whole.width - (whole.width % scale));
  const { height, width, values: original } = picture;
  const small = `${height / scale} × ${width / scale}`;
  console.log(`z ${small} × 3, y ${height} × ${width} × 3, half of its pixels given`);
  const { status, steps, seconds, plain, way, known, values } = await fillHalf(picture, scale, {
    seed,
    maxSteps,
  });
  console.log(`lbfgs: ${status} after ${steps} steps, ${seconds.toFixed(0)} s`);
  console.log(tableOf([...plain, ...way]));
  const withGaps = original.map((value, i) => (known[Math.floor(i / 3)] ? value : Number.NaN));
  const difference = values.map((value, i) => DIFFERENCE * Math.abs(value - original[i]!));
  mkdirSync(out, { recursive: true });
  const path = join(out, `x${scale}.png`);
  writeFileSync(path, withLabels(draw(picture, [original, withGaps, values, difference]), LABELS));
  console.log(`${path}: ${LABELS.join(", ")}`);
}

function tableOf(fills: readonly Fill[]): string {
  const rows = fills.map(({ name, loss, psnrKnown, psnrMissing }) => [
    ...[name, loss?.toExponential(3) ?? "", psnrKnown?.toFixed(2) ?? "", psnrMissing.toFixed(2)],
  ]);
  return table(["", "loss", "PSNR of known pixels, dB", "PSNR of missing pixels, dB"], rows);
}

function draw(picture: Picture, tiles: readonly Float32Array[]): Uint8Array {
  const large = tiles.map((values) => enlarge({ ...picture, values }, 2));
  const { height, width } = large[0]!;
  return drawGrid([large.map(({ values }) => values)], { outputShape: [height, width, 3] });
}

await main(program.parse().opts<Options>());
