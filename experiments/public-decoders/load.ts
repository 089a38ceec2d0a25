// Loads the files that the scripts of this folder write, and prints a table of what became of each:
//     node --import tsx experiments/public-decoders/load.ts FILE …
// Outputs are compared with ONNX Runtime's and gradients with PyTorch's. Then the latents of the samples are sought, from
// 0, for a minute at most.
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { describe } from "../../src/api/describe.ts";
import { amd, type Decoder, decode, encode, LatentflowError, lbfgs } from "../../src/index.ts";
import { type LoadOnnxOptions, loadOnnx } from "../../src/onnx/index.ts";
import { type Check, gradientsOf, largestDeviation, readCheck } from "./check.ts";

/** Options that a decoder is loaded and encoded with, beside the standard ones. */
interface Needs {
  readonly load?: LoadOnnxOptions;
  /** For large decoders: few steps, of the paper's solver. */
  readonly steps?: number;
  readonly solver?: typeof amd;
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
  scvi: { load: { latent: "z" } },
  scvi_index: { load: { latent: "z" } },
  stable_diffusion_open: { load: { inputShapes: { latent_sample: [4, 8, 8] } }, ...large },
  stylegan: large,
  stable_diffusion: large,
  triposr_backbone: large,
  dac: large,
  hifigan: large,
  biggan: large,
  stylegan2: large,
  mae: large,
  slot_attention: large,
  realnvp: large,
  consingan: large,
  progan_opset9: large,
  progan_opset11: large,
};

const HEADS = [
  ...["file", "loads", "operations", "parameters", "multiplications"],
  ...["from ONNX Runtime", "from PyTorch's gradient", "PyTorch's float32 from it"],
  ...["losses at 0", "after steps", "seconds"],
];
console.log(`| ${HEADS.join(" | ")} |\n|${"---|".repeat(HEADS.length)}`);
for (const file of process.argv.slice(2)) {
  const row = await report(file);
  console.log(`| ${[...row, ...Array<string>(HEADS.length - row.length).fill("")].join(" | ")} |`);
}

async function report(file: string): Promise<string[]> {
  const name = basename(file, ".onnx");
  const { load, ...needs } = NEEDS[name] ?? {};
  const start = performance.now();
  let decoder: Decoder;
  try {
    decoder = await loadOnnx(file, { loss: "mse", ...load });
  } catch (error) {
    return [name, `refused: ${said(error)}`];
  }
  const { operations, parameters, multiplications } = describe(decoder);
  const row = [name, decoder.verified ? "verified" : "no probe"];
  row.push(...[operations.length, parameters, multiplications].map((count) => count.toLocaleString("en")));
  const path = file.replace(/\.onnx$/, ".check.npz");
  if (!existsSync(path)) return row;
  try {
    const check = await readCheck(path, decoder);
    const x = await decode(decoder, check.z, given(check));
    row.push(shown(largestDeviation(x, check.x)));
    row.push(shown(largestDeviation(await gradientsOf(decoder, check), check.gradient)));
    row.push(shown(largestDeviation(check.rounded, check.gradient)));
    row.push(...(await losses(decoder, check, needs)));
    row.push(((performance.now() - start) / 1000).toFixed(0));
  } catch (error) {
    row.push(said(error));
  }
  decoder.dispose();
  return row;
}

/** The losses at 0 and after some steps, of the outputs as data. */
async function losses(decoder: Decoder, check: Check, needs: Omit<Needs, "load">): Promise<string[]> {
  const { steps: maxSteps = 20, solver = lbfgs } = needs;
  const before = await encode(decoder, check.x, { ...given(check), solver: solver({ maxSteps: 0 }) });
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ENCODE_SECONDS * 1000);
  const after = await encode(decoder, check.x, {
    ...given(check),
    solver: solver({ maxSteps }),
    signal: abort.signal,
    onAbort: "return",
  });
  clearTimeout(timer);
  const each = ({ loss }: { loss: Float32Array }) => Array.from(loss, shown).join(", ");
  const steps = Array.from(after.stats.acceptedSteps).join(", ");
  return [each(before), `${each(after)} after ${steps} of ${solver.name}`];
}

function given({ fixed, points }: Check) {
  return points === undefined ? { fixed } : { fixed, points };
}

function said(error: unknown): string {
  return error instanceof LatentflowError
    ? error.message.replace(/^loadOnnx\(".*?"\): /, "")
    : String(error instanceof Error ? error.stack : error);
}

function shown(number: number): string {
  return number >= 0.001 ? number.toPrecision(2) : number.toExponential(1);
}
