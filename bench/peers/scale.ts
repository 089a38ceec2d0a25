import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { benchKernels } from "../kernels.ts";
import { bestOf, compilePeak } from "../peak.ts";

/** A point of the table: what is varied, and what came out. */
export interface ScaleFigure {
  readonly varied: "width" | "latent size" | "samples";
  readonly value: number;
  readonly weights: number;
  readonly seconds: number;
  /** One sample through the decoder, forward or back, all else that encode does shared out. */
  readonly microsecondsPerPass: number;
  /** Of the build that encode uses here, the better one of before and after. */
  readonly shareOfPeak: number;
  /** The memory of the WASM instance. */
  readonly wasmBytes: number;
  /** How much larger the process had become: packed weights, WASM memory, staging and results; not the data. */
  readonly grownBytes: number;
  readonly dataBytes: number;
}

interface Sizes {
  readonly widths: readonly number[];
  readonly latentSizes: readonly number[];
  readonly samples: readonly number[];
}

export const SIZES: Sizes = {
  widths: [1, 2, 4, 8],
  latentSizes: [2, 8, 32, 128],
  samples: [100, 1000, 10_000, 100_000],
};

/** The smallest ones, to see that it works. */
export const QUICK_SIZES: Sizes = { widths: [1, 2], latentSizes: [2, 32], samples: [100, 1000] };

const HIDDEN = [150, 300, 600];
const OUTPUTS = 784;
const LATENT_SIZE = 20;
/** Samples where they are not what is varied: more than are resident at once. */
const SAMPLES = 192;
const STEPS = 5;
/** The time per sample is what is looked at there: few steps are enough. */
const STEPS_OF_MANY = 2;

/** Time and memory of encode on one thread as the decoder, the latent and the number of samples grow. */
export async function measureScale({ widths, latentSizes, samples }: Sizes): Promise<ScaleFigure[]> {
  const { build } = await benchKernels();
  const peak = await compilePeak(build === "relaxed" ? "relaxed" : "plain");
  const point = (layers: readonly number[], count: number, steps: number) => {
    const before = bestOf(peak);
    const { gigaflops, ...figure } = run(layers, count, steps);
    return { ...figure, shareOfPeak: gigaflops / Math.max(before, bestOf(peak)) };
  };
  const layers = (latentSize: number, width: number) => [
    latentSize,
    ...HIDDEN.map((size) => size * width),
    OUTPUTS,
  ];
  return [
    ...widths.map((value) => ({
      varied: "width" as const,
      value,
      ...point(layers(LATENT_SIZE, value), SAMPLES, STEPS),
    })),
    ...latentSizes.map((value) => ({
      varied: "latent size" as const,
      value,
      ...point(layers(value, 1), SAMPLES, STEPS),
    })),
    ...samples.map((value) => ({
      varied: "samples" as const,
      value,
      ...point(layers(LATENT_SIZE, 1), value, STEPS_OF_MANY),
    })),
  ];
}

interface Point extends Omit<ScaleFigure, "varied" | "value" | "shareOfPeak"> {
  readonly gigaflops: number;
}

function run(layers: readonly number[], samples: number, steps: number): Point {
  const script = fileURLToPath(new URL("scale-point.ts", import.meta.url));
  const args = [...process.execArgv, "--expose-gc", script, layers.join(), String(samples), String(steps)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}
