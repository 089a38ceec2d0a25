import { createHash } from "node:crypto";
import packageJson from "../../../package.json" with { type: "json" };
import { invalid, invalidFile } from "../../base/refuse.ts";
import { bytesIn } from "../../base/values.ts";
import { elementCount } from "../../files/array.ts";
import { compileKernels } from "../../kernels/load.ts";
import { leaves, type RunDescription } from "../../train/run-description.ts";
import { type Difference, differences } from "../../train/run-differences.ts";
import type { EncodingInput } from "../input/encoding-input.ts";
import type { Job } from "../options/job.ts";
import { FIGURE_BYTES } from "./part.ts";
import type { ResultsPlan } from "./results-format.ts";
import { type Cut, MOST_UNITS, unitCount } from "./shard-units.ts";

// The manifest of a folder of parts describes the run: all that its results depend on, and what merging needs. The number of
// shards is left out, since a run may be continued with another number.

/** Format of manifests and parts. Other formats are refused. */
const FORMAT = "latentflow parts 2";

/** Manifest of a run, manifest.json. */
export interface Manifest extends Cut, ResultsPlan {
  readonly format: typeof FORMAT;
  /** Column of identifiers in the files of samples; "file" for names of pictures. */
  readonly idColumn: string | null;
  /** Build of the kernels and checksum of its binary: `plain 1a2b3c4d`. */
  readonly build: string;
  /** Values that results depend on, by dotted names. */
  readonly run: RunDescription;
}

/** Most bytes of a part: half of the 2 GiB that Node reads as a whole, the rest being for identifiers. */
const MOST_PART_BYTES = 2 ** 30;

/**
 * Refuses a size of units that would make too many parts, or too large ones.
 *
 * @throws LatentflowError `invalid_argument`
 */
function checkUnit(manifest: Manifest): void {
  const { samples, unit, latentSize, sampleShape, hasReconstructions, codesPerSample } = manifest;
  const least = Math.ceil(samples / MOST_UNITS);
  if (unit < least) {
    throw invalid(
      `--unit ${unit}: ${samples} samples would be ${unitCount({ samples, unit })} units, expected at most ` +
        `${MOST_UNITS}; give --unit ${least} or more`,
    );
  }
  const values = latentSize + (hasReconstructions ? elementCount(sampleShape) : 0);
  // A drawn code has a weight, a float64.
  const bytes = 4 * values + FIGURE_BYTES + codesPerSample * (4 * latentSize + 8);
  const most = Math.max(1, Math.floor(MOST_PART_BYTES / bytes));
  if (Math.min(unit, samples) <= most) return;
  throw invalid(
    `--unit ${unit}: the results of so many samples are a file of more than 1 GiB; give --unit ${most} or less`,
  );
}

/** Entry of the manifest's `run` for one option: its key, and its value for a job. */
type Description = (job: Job, input: EncodingInput) => unknown;

/** Place of an option in the manifest other than `run`: the name of a field. */
type Field = Exclude<keyof Manifest, "format" | "run">;

/**
 * For each option of a job, the place in the manifest by which runs that differ in it are told apart: its own entry of
 * `run`, the entry of another option, or a field. Null if no result depends on the option; a wrong null would mix parts of
 * different runs. Entries of `run` have this order, and another order changes the manifest's sum: folders of parts that
 * were begun before would be refused.
 */
export const MANIFEST_OF_OPTIONS = {
  decoder: (_, { decoder }) =>
    sha256(
      JSON.stringify(decoder.definition),
      bytesIn(decoder.parameters),
      ...(decoder.start ? [bytesIn(decoder.start)] : []),
    ),
  prefix: "decoder",
  activation: "decoder",
  outputActivation: "decoder",
  outputShape: "decoder",
  latent: "decoder",
  outputName: "decoder",
  pointsInput: "decoder",
  inputShape: "decoder",
  layout: "decoder",
  data: (_, { samples }) => samples.array.fingerprint(),
  limit: "samples",
  unit: "unit",
  idColumn: "idColumn",
  reconstructions: "hasReconstructions",
  samples: "codesPerSample",
  samplesSeed: ({ samples, samplesSeed }) => (samples === undefined ? undefined : (samplesSeed ?? 0)),
  weights: (_, { weights }) => weights?.array.fingerprint(),
  mask: "weights",
  maskHides: "weights",
  missing: "weights",
  fit: "data",
  invert: "data",
  z0: (_, { z0 }) => z0?.array.fingerprint(),
  async fixed(_, { fixed: { inputs } }) {
    const fixed: Record<string, unknown> = {};
    for (const { name, value, array } of inputs) fixed[name] = array ? await array.fingerprint() : value;
    return fixed;
  },
  points: (_, { fixed }) => fixed.points,
  loss: (_, { loss }) => loss,
  reduction: "loss",
  prior: (_, { prior }) => prior.prior && sha256(JSON.stringify(prior.prior)),
  priorMean: "prior",
  priorStd: "prior",
  priorWeight: "prior",
  priorFrom: "prior",
  priorCovariance: "prior",
  priorShrinkage: "prior",
  priorComponents: "prior",
  priorSeed: "prior",
  flow: ({ flow }) => flow.description,
  solver: ({ solver }) => solver.description,
  plain: "build",
  // Division of the work.
  batchSize: null,
  threads: null,
  vectors: null,
  shard: null,
  // Places of files, and printing.
  out: null,
  format: null,
  maxBytes: null,
  dataFlag: null,
  json: null,
  quiet: null,
} satisfies { readonly [Option in keyof Required<Job>]: Description | keyof Job | Field | null };

/** Sizes and contents of a job's results, in the order that manifests have. */
export function planOf(job: Job, { decoder, samples, prior }: EncodingInput): ResultsPlan {
  return {
    samples: samples.count,
    latentSize: decoder.latentSize,
    sampleShape: samples.shape,
    hasPrior: prior.prior !== undefined,
    hasReconstructions: job.reconstructions ?? false,
    codesPerSample: job.samples ?? 0,
  };
}

/** Makes the manifest of a job. @throws LatentflowError if its units are too many, or too large */
export async function manifestOf(job: Job, input: EncodingInput, unit: number): Promise<Manifest> {
  const { samples, ...plan } = planOf(job, input);
  const { build, checksum } = await compileKernels(job.plain ? false : undefined);
  const run: Record<string, unknown> = { latentflow: packageJson.version };
  for (const [option, describe] of Object.entries<Description | string | null>(MANIFEST_OF_OPTIONS)) {
    if (typeof describe === "function") run[option] = await describe(job, input);
  }
  const manifest: Manifest = {
    format: FORMAT,
    samples,
    unit,
    ...plan,
    idColumn: job.idColumn ?? (input.samples.array.names ? "file" : null),
    build: `${build} ${checksum}`,
    run: Object.fromEntries(leaves(run)),
  };
  checkUnit(manifest);
  return manifest;
}

function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Formats a manifest as the text of its file. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** SHA-256 of a manifest's text, by which parts name their run. */
export function manifestSum(manifest: Manifest): string {
  return sha256(formatManifest(manifest));
}

/**
 * Reads a manifest.
 *
 * @param where beginning of messages
 * @returns undefined if the text is no JSON: its writer was killed
 * @throws LatentflowError `invalid_file` if it is of another format
 */
export function parseManifest(where: string, text: string): Manifest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if ((value as Partial<Manifest> | null)?.format !== FORMAT) {
    throw invalidFile(
      `${where}: it is no manifest of parts that this version of latentflow has written; finish the run with the version that began it, or remove the folder`,
    );
  }
  return value as Manifest;
}

/** Shortens a SHA-256 for messages. */
function shortSum<Leaf>(leaf: Leaf): Leaf | string {
  return typeof leaf === "string" && /^[0-9a-f]{64}$/.test(leaf) ? leaf.slice(0, 12) : leaf;
}

/** Lists the differences of two manifests. */
export function manifestDifferences(there: Manifest, here: Manifest): Difference[] {
  // hasPrior follows from the prior in `run`.
  const flat = ({ run, hasPrior, ...rest }: Manifest) => ({
    ...Object.fromEntries(Object.entries(run).map(([name, leaf]) => [name, shortSum(leaf)])),
    ...Object.fromEntries(leaves(rest)),
  });
  return differences(flat(there), flat(here));
}
