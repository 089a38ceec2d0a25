// Loads the files that the scripts of this folder write, and prints a table of what became of each:
//     node --import tsx docs/public-decoders/load.ts FILE …
// Outputs are compared with ONNX Runtime's and gradients with PyTorch's, which are in NAME.check.npz. Of two samples that
// the decoder makes of random latents it then seeks the latents, from 0, for a minute at most.
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { readArray } from "../../src/data/read.ts";
import { checkFixed } from "../../src/decoder/fixed.ts";
import { atPoints } from "../../src/decoder/points.ts";
import { describe } from "../../src/describe.ts";
import {
  amd,
  type Decoder,
  decode,
  encode,
  LatentflowError,
  lbfgs,
  squaredError,
  wasm,
} from "../../src/index.ts";
import { type LoadOnnxOptions, loadOnnx } from "../../src/onnx/index.ts";

/** Options that a decoder is loaded and encoded with, beside the standard ones. */
interface Needs {
  readonly load?: LoadOnnxOptions;
  /** For large decoders: few steps, of a solver without a preconditioner, which takes a pass for each latent. */
  readonly samples?: number;
  readonly steps?: number;
  readonly solver?: typeof amd;
}

/** Samples with the outputs and the gradients that are expected, from NAME.check.npz. */
interface Check {
  readonly z: Float32Array;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly gradient: Float32Array;
  /** The gradient by PyTorch in float32. */
  readonly rounded: Float32Array;
  readonly samples: number;
  readonly fixed: Readonly<Record<string, Float32Array>>;
  readonly points: number | undefined;
}

const ENCODE_SECONDS = 60;

const large = { steps: 3, solver: amd };
const NEEDS: Readonly<Record<string, Needs>> = {
  deepsdf: { load: { points: "xyz" } },
  pigan: { load: { points: ["xyz", "directions"] } },
  nerf: { load: { points: ["xyz", "directions"] } },
  siren: { load: { points: "xy" } },
  siren_hypernetwork: { load: { points: "xy" } },
  triposr_query: { load: { points: "xyz" } },
  cvxnet: { load: { points: "xyz" } },
  cryodrgn: { load: { points: "k" } },
  shape2vecset: { load: { points: "xyz" }, ...large },
  stylegan: { samples: 1, steps: 3 },
  stable_diffusion: { samples: 1, ...large },
  stable_diffusion_open: { samples: 1, ...large },
  scvi: { load: { latent: "z" } },
  scvi_index: { load: { latent: "z" } },
  ...{ mae: large, slot_attention: large, realnvp: large, dac: large, consingan: large },
};

const HEADS = [
  ...["file", "loads", "operations", "parameters", "multiplications"],
  ...["from ONNX Runtime", "from PyTorch's gradient (its float32)", "losses at 0, after steps", "seconds"],
];
console.log(`| ${HEADS.join(" | ")} |\n|${HEADS.map(() => "---|").join("")}`);
for (const file of process.argv.slice(2)) console.log(`| ${(await report(file)).join(" | ")} |`);

async function report(file: string): Promise<string[]> {
  const name = basename(file, ".onnx");
  const { load, ...needs } = NEEDS[name] ?? {};
  let start = performance.now();
  let decoder: Decoder;
  try {
    decoder = await loadOnnx(file, { loss: "mse", ...load });
  } catch (error) {
    return [name, `refused: ${said(error)}`, ...Array<string>(HEADS.length - 2).fill("")];
  }
  const seconds = [since(start)];
  const { operations, parameters, multiplications } = describe(decoder);
  const counts = [operations.length, parameters, multiplications].map((number) =>
    number.toLocaleString("en"),
  );
  const row = [name, decoder.verified ? "verified" : "without a probe", ...counts];
  const path = file.replace(/\.onnx$/, ".check.npz");
  if (!existsSync(path)) return [...row, "", "", "", seconds.join(", ")];
  const check = await readCheck(path, decoder);
  try {
    start = performance.now();
    row.push(await deviation(decoder, check));
    seconds.push(since(start));
    start = performance.now();
    row.push(await gradientDeviation(decoder, check));
    seconds.push(since(start));
    start = performance.now();
    row.push(await losses(decoder, check, needs));
    seconds.push(since(start));
  } catch (error) {
    while (row.length < 8) row.push(said(error));
  }
  decoder.dispose();
  return [...row, seconds.join(", ")];
}

async function readCheck(path: string, decoder: Decoder): Promise<Check> {
  const bytes = new Uint8Array(readFileSync(path));
  const read = (array: string) => readArray(bytes, { array, maxBytes: 2 ** 31 });
  const [z, x, y, gradient, rounded] = await Promise.all(["z", "x", "y", "gradient", "rounded"].map(read));
  const fixed: Record<string, Float32Array> = {};
  let points: number | undefined;
  for (const { name, hasPoints } of decoder.fixedInputs) {
    const { data, shape } = await read(`fixed.${name}`);
    fixed[name] = Float32Array.from(data);
    if (hasPoints) points = shape.at(-2);
  }
  const values = [z!, x!, y!, gradient!, rounded!].map((each) => Float32Array.from(each.data));
  return {
    ...{ z: values[0]!, x: values[1]!, y: values[2]!, gradient: values[3]!, rounded: values[4]! },
    ...{ samples: z!.shape[0]!, fixed, points },
  };
}

/** The largest deviation from ONNX Runtime's outputs, as a share of the largest of these. */
async function deviation(decoder: Decoder, { z, x, fixed, points }: Check): Promise<string> {
  const given = points === undefined ? { fixed } : { fixed, points };
  return relative(await decode(decoder, z, given), x);
}

/** The largest deviation from PyTorch's gradients in float64, as a share of the largest of these; and PyTorch's own in float32. */
async function gradientDeviation(decoder: Decoder, check: Check): Promise<string> {
  const bound = atPoints("load.ts", decoder, check.points);
  const session = await wasm().open(bound);
  const problem = {
    ...{ decoder: bound, loss: squaredError(), targets: check.y, sampleCount: check.samples },
    ...{ weights: undefined, prior: undefined, batchSize: undefined },
    fixed: checkFixed("load.ts", bound, check.fixed, check.samples),
  };
  const d = bound.latentSize;
  const gradients = new Float64Array(check.z.length);
  const row = Int32Array.of(0);
  for (let sample = 0; sample < check.samples; sample++) {
    const objective = session.objective(problem, sample, 1);
    await objective.value(row, Float64Array.from(check.z.subarray(sample * d, (sample + 1) * d)));
    gradients.set(await objective.gradient(row), sample * d);
    objective.dispose();
  }
  return `${relative(gradients, check.gradient)} (${relative(check.rounded, check.gradient)})`;
}

function relative(found: ArrayLike<number>, expected: Float32Array): string {
  if (found.length !== expected.length) return `${found.length} numbers in place of ${expected.length}`;
  let [difference, largest] = [0, 0];
  expected.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(found[i]! - value));
    largest = Math.max(largest, Math.abs(value));
    if (Number.isNaN(found[i])) difference = Number.NaN;
  });
  return (difference / largest).toExponential(1);
}

/** The losses at 0 and after some steps, of samples that the decoder makes of random latents. */
async function losses(decoder: Decoder, check: Check, needs: Omit<Needs, "load">): Promise<string> {
  const { samples = check.samples, steps: maxSteps = 20, solver = lbfgs } = needs;
  const given =
    check.points === undefined ? { fixed: check.fixed } : { fixed: check.fixed, points: check.points };
  const y = check.x.subarray(0, (check.x.length / check.samples) * samples);
  const fixed = Object.fromEntries(
    decoder.fixedInputs.map(({ name, hasPoints }) => {
      const values = check.fixed[name]!;
      return [name, hasPoints ? values : values.subarray(0, (values.length / check.samples) * samples)];
    }),
  );
  const before = await encode(decoder, y, { ...given, fixed, solver: solver({ maxSteps: 0 }) });
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ENCODE_SECONDS * 1000);
  const after = await encode(decoder, y, {
    ...{ ...given, fixed, solver: solver({ maxSteps }), signal: abort.signal, onAbort: "return" },
  });
  clearTimeout(timer);
  const shown = ({ loss }: { loss: Float32Array }) =>
    Array.from(loss, (one) => one.toPrecision(2)).join(", ");
  const steps = Array.from(after.stats.acceptedSteps).join(", ");
  return `${shown(before)}; ${shown(after)} after ${steps} of ${solver.name}`;
}

function said(error: unknown): string {
  return error instanceof LatentflowError
    ? error.message.replace(/^loadOnnx\(".*?"\): /, "")
    : String(error instanceof Error ? error.stack : error);
}

function since(start: number): string {
  return ((performance.now() - start) / 1000).toFixed(1);
}
