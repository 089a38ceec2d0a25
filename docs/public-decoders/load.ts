// Loads the files that the scripts of this folder write, and says of each what became of it:
//     node --import tsx docs/public-decoders/load.ts FILE …
// Of two samples that the decoder makes of random latents it then seeks the latents, from 0, for a minute at most.
import { basename } from "node:path";
import { describe } from "../../src/describe.ts";
import { amd, type Decoder, decode, encode, LatentflowError, lbfgs } from "../../src/index.ts";
import { type LoadOnnxOptions, loadOnnx } from "../../src/onnx/index.ts";

/** What a decoder needs to be told. */
interface Needs {
  readonly load?: LoadOnnxOptions;
  readonly points?: number;
  readonly fixed?: Record<string, Float32Array | number>;
  /** Of a large one: fewer samples and steps, and a solver without a preconditioner, which takes a pass a latent. */
  readonly samples?: number;
  readonly steps?: number;
  readonly solver?: typeof amd;
}

const POINTS = 256;
const ENCODE_SECONDS = 60;

const ray = { points: ["xyz", "directions"] };
const NEEDS: Record<string, Needs> = {
  deepsdf: {
    ...{ load: { points: "xyz" }, points: POINTS },
    fixed: { xyz: uniform(POINTS * 3, 1) },
  },
  pigan: {
    ...{ load: ray, points: POINTS },
    fixed: { xyz: uniform(POINTS * 3, 0.12), directions: directions(POINTS) },
  },
  nerf: {
    ...{ load: ray, points: POINTS },
    fixed: { xyz: uniform(POINTS * 3, 1), directions: directions(POINTS) },
  },
  siren: { load: { points: "xy" }, points: POINTS, fixed: { xy: uniform(POINTS * 2, 1) } },
  siren_hypernetwork: { load: { points: "xy" }, points: POINTS, fixed: { xy: uniform(POINTS * 2, 1) } },
  triposr_query: { load: { points: "xyz" }, points: POINTS, fixed: { xyz: uniform(POINTS * 3, 1) } },
  stylegan: { samples: 1, steps: 3 },
  stable_diffusion: { samples: 1, steps: 3, solver: amd },
  stable_diffusion_open: {
    load: { inputShapes: { latent_sample: [4, 8, 8] } },
    ...{ samples: 1, steps: 3, solver: amd },
  },
  scvi: {
    load: { latent: "z" },
    fixed: { library: 8, batch: Float32Array.from({ length: 10 }, (_, i) => +(i === 3)) },
  },
  scvi_index: { load: { latent: "z" }, fixed: { library: 8, batch_index: 3 } },
};

for (const file of process.argv.slice(2)) await report(file);

async function report(file: string): Promise<void> {
  const { load, ...needs } = NEEDS[basename(file, ".onnx")] ?? {};
  const name = basename(file);
  const start = performance.now();
  let decoder: Decoder;
  try {
    decoder = await loadOnnx(file, { loss: "mse", ...load });
  } catch (error) {
    return console.log(`${name}: refused after ${since(start)}: ${said(error)}`);
  }
  const { operations, parameters, multiplications } = describe(decoder);
  const verified = decoder.verified ? "verified" : `not verified: ${decoder.unverifiedReason}`;
  const counts = [`${operations.length} operations`, `${count(parameters)} parameters`];
  const cost = `${count(multiplications)} multiplications`;
  console.log(`${name}: loaded, ${verified}; ${counts.join(", ")}, ${cost}, ${since(start)}`);
  try {
    console.log(`  ${await encodeSome(decoder, needs)}`);
  } catch (error) {
    console.log(`  not encoded: ${said(error)}`);
  }
  decoder.dispose();
}

async function encodeSome(decoder: Decoder, needs: Omit<Needs, "load">): Promise<string> {
  const { samples = 2, steps: maxSteps = 20, solver = lbfgs, ...given } = needs;
  let start = performance.now();
  const y = await decode(decoder, normal(samples * decoder.latentSize), given);
  const decoded = since(start);
  start = performance.now();
  const before = await encode(decoder, y, { ...given, solver: solver({ maxSteps: 0 }) });
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ENCODE_SECONDS * 1000);
  const after = await encode(decoder, y, {
    ...{ ...given, solver: solver({ maxSteps }), signal: abort.signal, onAbort: "return" },
  });
  clearTimeout(timer);
  const losses = ({ loss }: { loss: Float32Array }) =>
    Array.from(loss, (one) => one.toPrecision(2)).join(", ");
  const steps = Array.from(after.stats.acceptedSteps).join(", ");
  const encoded = `losses ${losses(before)} at 0, ${losses(after)} after ${steps} steps of ${solver.name}`;
  return `decoded in ${decoded}; ${encoded}, ${since(start)}`;
}

function said(error: unknown): string {
  return error instanceof LatentflowError
    ? error.message
    : String(error instanceof Error ? error.stack : error);
}

function since(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

function count(number: number): string {
  return number.toLocaleString("en");
}

function uniform(length: number, bound: number): Float32Array {
  const next = random();
  return Float32Array.from({ length }, () => (2 * next() - 1) * bound);
}

function normal(length: number): Float32Array {
  const next = random();
  return Float32Array.from(
    { length },
    () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
}

function directions(points: number): Float32Array {
  const values = normal(points * 3);
  return values.map((value, i) => {
    const first = i - (i % 3);
    return value / Math.hypot(...values.subarray(first, first + 3));
  });
}

/** Numbers in [0, 1), the same each time. */
function random(): () => number {
  let state = 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
