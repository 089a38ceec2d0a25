import { createHash } from "node:crypto";
import packageJson from "../../../package.json" with { type: "json" };
import { invalidFile } from "../../base/refuse.ts";
import { bytesIn } from "../../base/values.ts";
import { compileKernels } from "../../kernels/load.ts";
import { leaves, type RunDescription } from "../../train/run-description.ts";
import { type Difference, differences } from "../../train/run-differences.ts";
import type { EncodingInput } from "../input/encoding-input.ts";
import type { Job } from "../options/job.ts";
import { type EncodeSettings, encodeSettings } from "../options/running.ts";
import type { Division } from "./part-range.ts";
import type { ResultsPlan } from "./results-plan.ts";

// The manifest of a folder of parts describes the run: everything its results depend on, and what merging needs.

/** Version of the format of a run's manifest and of its parts (files of saved results); other versions are refused. */
const FORMAT = "latentflow parts 3";

/** Contents of manifest.json, which describes a run that is saved in parts. */
export interface Manifest extends Division, ResultsPlan {
  readonly format: typeof FORMAT;
  /** Column with the samples' identifiers; "file" if these are names of pictures; null without identifiers. */
  readonly idColumn: string | null;
  /** Name of the kernels' build, and checksum of its binary: `plain 1a2b3c4d`. */
  readonly build: string;
  /** Values that the results depend on, flattened to dotted names. */
  readonly run: RunDescription;
}

/** Computes the value of one entry in the manifest's `run`, from the options and the input. */
type Description = (job: Job, input: EncodingInput) => unknown;

/** Name of a field of the manifest, other than `run`, that an option determines. */
type Field = Exclude<keyof Manifest, "format" | "run">;

/**
 * For each option of a job: where the manifest records it, so that runs that differ in it are told apart. Either a
 * function that computes its own entry in `run`, the name of another option whose entry covers it, or a field of the
 * manifest; null if no result depends on the option. A wrong null would mix parts of different runs. Entries of `run` are
 * in this order; changing it would change the manifest's checksum, and folders of unfinished runs would be refused.
 *
 * A setting that is passed on to `encode` unchanged and is not listed here is taken to change results: it is recorded under
 * its name if it is not the default.
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
  parts: "parts",
  part: "parts",
  idColumn: "idColumn",
  reconstructions: "hasReconstructions",
  samples: "codesPerSample",
  samplesSeed: ({ samples, samplesSeed }) => (samples === undefined ? undefined : (samplesSeed ?? 0)),
  weights: (_, { weights }) => weights?.array.fingerprint(),
  mask: "weights",
  maskHides: "weights",
  hidesBand: "weights",
  columns: "data",
  categories: "data",
  delimiter: "data",
  decimalComma: "data",
  fit: "data",
  invert: "data",
  z0: (_, { z0 }) => z0?.array.fingerprint(),
  async fixed(_, { fixed: { inputs } }) {
    const fixed: Record<string, unknown> = {};
    for (const { name, value, array } of inputs) fixed[name] = array ? await array.fingerprint() : value;
    return fixed;
  },
  points: (_, { fixed }) => fixed.points,
  loss: (_, { loss }) => ({ ...loss, ...(loss.scale && { scale: sha256(JSON.stringify(loss.scale)) }) }),
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
  // How the work is divided.
  batchSize: null,
  threads: null,
  vectors: null,
  // Where files are, and what is printed.
  out: null,
  complete: null,
  format: null,
  maxBytes: null,
  dataFlag: null,
  json: null,
  quiet: null,
} satisfies {
  readonly [Option in Exclude<keyof Required<Job>, keyof EncodeSettings>]:
    | Description
    | keyof Job
    | Field
    | null;
} & { readonly [Option in keyof EncodeSettings]?: null };

/** Returns the sizes and contents of a job's results, with the fields in the manifest's order. */
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

/** Makes the manifest of a job whose samples are divided into `parts` parts. */
export async function manifestOf(job: Job, input: EncodingInput, parts: number): Promise<Manifest> {
  const { samples, ...plan } = planOf(job, input);
  const { build, checksum } = await compileKernels(job.plain ? false : undefined);
  const run: Record<string, unknown> = { latentflow: packageJson.version };
  for (const [option, describe] of Object.entries<Description | string | null>(MANIFEST_OF_OPTIONS)) {
    if (typeof describe === "function") run[option] = await describe(job, input);
  }
  const defaults: Readonly<Record<string, unknown>> = encodeSettings({});
  for (const [setting, value] of Object.entries(encodeSettings(job))) {
    if (!(setting in MANIFEST_OF_OPTIONS) && value !== defaults[setting]) run[setting] = value;
  }
  return {
    format: FORMAT,
    samples,
    parts,
    ...plan,
    idColumn: job.idColumn ?? (input.samples.array.names ? "file" : null),
    build: `${build} ${checksum}`,
    run: Object.fromEntries(leaves(run)),
  };
}

function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Formats a manifest as the text of manifest.json. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** Returns the SHA-256 of a manifest's text, which each part has, as the name of its run. */
export function manifestSum(manifest: Manifest): string {
  return sha256(formatManifest(manifest));
}

/**
 * Parses the text of manifest.json, which describes a run that is saved in parts.
 *
 * @throws LatentflowError `invalid_file` unless it is a manifest in the format of this version of latentflow
 */
export function parseManifest(text: string): Manifest {
  try {
    const value: Manifest | null = JSON.parse(text);
    if (value?.format === FORMAT) return value;
  } catch {
    // Refused below.
  }
  throw invalidFile(
    "it is no manifest of parts that this version of latentflow has written; finish the run with the version that began it, or remove the folder",
  );
}

/** Shortens a SHA-256 to 12 digits for messages; returns other values unchanged. */
function shortSum<Leaf>(leaf: Leaf): Leaf | string {
  return typeof leaf === "string" && /^[0-9a-f]{64}$/.test(leaf) ? leaf.slice(0, 12) : leaf;
}

/** Lists the differences between two manifests: the one in the folder, and that of this run. */
export function manifestDifferences(there: Manifest, here: Manifest): Difference[] {
  // `hasPrior` is left out, as it follows from the prior in `run`.
  const flat = ({ run, hasPrior, ...rest }: Manifest) => ({
    ...Object.fromEntries(Object.entries(run).map(([name, leaf]) => [name, shortSum(leaf)])),
    ...Object.fromEntries(leaves(rest)),
  });
  return differences(flat(there), flat(here));
}
