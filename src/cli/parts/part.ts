import { createHash } from "node:crypto";
import { invalidFile } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import { bytesIn } from "../../base/values.ts";
import type { Column } from "../../files/csv.ts";
import { readSafetensors, writeSafetensors } from "../../files/safetensors.ts";
import type { Tensor } from "../../files/tensor.ts";
import { STATUSES, type Status } from "../../solver/status.ts";
import type { Ids } from "../input/array-files/parquet-ids.ts";
import { FIGURES, figuresOf, type SampleResults } from "../output/results.ts";
import type { Unit } from "./shard-units.ts";

// A part is a safetensors file with the results of one unit of samples, which Python can read, too. Its metadata name the
// run and contain a checksum of everything else; if both are right, the part is trusted without further checks.

/** Results of one unit of samples, and what computing them cost. */
export interface Part extends Unit {
  readonly results: SampleResults;
  /**
   * Sum of the lower bounds of the loss (the targets' entropy) over the samples with a finite loss, and their number;
   * undefined for losses whose lower bound is 0.
   */
  readonly leastLoss: { readonly sum: number; readonly count: number } | undefined;
  /** Time that encoding took, in seconds. */
  readonly seconds: number;
  /** Maximum number of threads used; 0 for a backend without threads. */
  readonly threads: number;
  /** Name of the kernels' build, such as `plain`. */
  readonly kernels: string;
}

/** Identifies the run that a part (the saved results of one unit of samples) belongs to, as stored in the part's file. */
export interface PartOrigin {
  /** SHA-256 of the run's manifest. */
  readonly manifest: string;
  /** Name and checksum of the kernels' build, for messages: `plain 1a2b3c4d`. */
  readonly build: string;
}

/** Metadata keys of a part's safetensors file. */
const DESCRIPTION = "latentflow_part";
const CHECKSUM = "sha256";

type Values = Float32Array | Float64Array | Uint32Array | Uint8Array | BigInt64Array;

/**
 * Formats a part (the results of one unit of samples) as the bytes of its file.
 *
 * @param origin identifies the run
 */
export function formatPart({ results, ...others }: Part, origin: PartOrigin): Uint8Array {
  const tensors = tensorsOf(results, others.count);
  const description = JSON.stringify({ ...origin, ...others });
  const contents = tensors.map(({ name, values }) => [name, bytesIn(values)] as const);
  const metadata = { [DESCRIPTION]: description, [CHECKSUM]: sumOf(description, contents) };
  return writeSafetensors(tensors, new Map(Object.entries(metadata)));
}

/**
 * Maximum number of bytes in a part (the saved results of one unit) for the figures of a sample, such as its loss: without its
 * latent, reconstruction, drawn codes with their weights, and identifier.
 */
export const FIGURE_BYTES = Object.values(FIGURES).reduce(
  (sum, figure) => sum + (figure?.type.BYTES_PER_ELEMENT ?? 0),
  0,
);

function tensorsOf(results: SampleResults, count: number) {
  const { z, reconstructions, sampling, ids } = results;
  const columns: readonly (readonly [name: string, values: Values | undefined])[] = [
    ["z", z],
    ...figuresOf(results).map(([name, values]) => [name, numbersOf(values)] as const),
    ["reconstructions", reconstructions],
    ["samples", sampling?.codes],
    ["sample_weights", sampling?.weights],
  ];
  const tensors = columns.flatMap(([name, values]) =>
    values
      ? [{ name, shape: values.length === count ? [count] : [count, values.length / count], values }]
      : [],
  );
  return [...tensors, ...(ids ? tensorsOfIds(ids) : [])];
}

/** Converts a column of results to numbers: a status to its index in STATUSES. */
function numbersOf(values: Column): Values {
  if (ArrayBuffer.isView(values)) return values;
  return Uint32Array.from(values, (status) => STATUSES.indexOf(status as Status));
}

/** Makes the tensors of sample identifiers. Texts are stored as concatenated UTF-8, and the end of each text in bytes. */
function tensorsOfIds(ids: Ids) {
  if (ids instanceof BigInt64Array) return [{ name: "ids", shape: [ids.length], values: ids }];
  const texts = ids.map((id) => Buffer.from(id));
  let end = 0;
  const ends = Uint32Array.from(texts, ({ length }) => {
    end += length;
    return end;
  });
  return [
    { name: "ids_text", shape: [end], values: new Uint8Array(Buffer.concat(texts)) },
    { name: "ids_end", shape: [ends.length], values: ends },
  ];
}

function sumOf(
  description: string,
  tensors: readonly (readonly [name: string, bytes: Uint8Array])[],
): string {
  const hash = createHash("sha256").update(description);
  for (const [name, bytes] of tensors) hash.update(`\n${name} ${bytes.length}\n`).update(bytes);
  return hash.digest("hex");
}

/**
 * Parses a part (the results of one unit of samples) from the bytes of its file.
 *
 * @param where beginning of error messages
 * @param unit unit that the file's name gives
 * @param origin identifies the run that the part must belong to
 * @throws LatentflowError `invalid_file` if the file is incomplete or damaged, or belongs to another unit or run
 */
export function parsePart(where: string, bytes: Uint8Array, unit: Unit, origin: PartOrigin): Part {
  const { metadata, tensors } = readSafetensors(where, bytes);
  const description = metadata.get(DESCRIPTION) ?? "";
  const contents = [...tensors].map(([name, tensor]) => [name, tensor.bytes] as const);
  if (description === "" || sumOf(description, contents) !== metadata.get(CHECKSUM)) {
    throw invalidFile(`${where}: its checksum is another one; it is torn or damaged`);
  }
  const { manifest, build, leastLoss, ...others }: Omit<Part, "results"> & PartOrigin =
    JSON.parse(description);
  if (manifest !== origin.manifest) {
    const why =
      build === origin.build
        ? "with other options or data"
        : `by the build ${build}, here is ${origin.build}`;
    throw invalidFile(`${where}: it is a part of another run, made ${why}`);
  }
  if (others.index !== unit.index) {
    throw invalidFile(`${where}: it is the part of unit ${show(others.index)}; its name says ${unit.index}`);
  }
  return {
    ...others,
    // JSON stores NaN as null, which would add 0 to a sum.
    leastLoss: leastLoss && { ...leastLoss, sum: leastLoss.sum ?? Number.NaN },
    results: readResults(tensors),
  };
}

function readResults(tensors: ReadonlyMap<string, Tensor>): SampleResults {
  // Copied, so that the bytes are aligned.
  const bytes = (name: string) => new Uint8Array(tensors.get(name)!.bytes).buffer as ArrayBuffer;
  const ifThere = (name: string) => (tensors.has(name) ? new Float32Array(bytes(name)) : undefined);
  const figures = <Values>({ name, type }: { name: string; type: new (buffer: ArrayBuffer) => Values }) =>
    new type(bytes(name));
  const loss = figures(FIGURES.loss);
  return {
    z: new Float32Array(bytes("z")),
    initialLoss: figures(FIGURES.initialLoss),
    loss,
    prior: ifThere("prior"),
    objective: ifThere("objective") ?? loss,
    gradientNorm: figures(FIGURES.gradientNorm),
    status: Array.from(figures(FIGURES.status), (status) => STATUSES[status]!),
    stats: {
      acceptedSteps: figures(FIGURES.acceptedSteps),
      backtracks: figures(FIGURES.backtracks),
      t: figures(FIGURES.t),
    },
    reconstructions: ifThere("reconstructions"),
    sampling: tensors.has("samples")
      ? {
          codes: new Float32Array(bytes("samples")),
          weights: new Float64Array(bytes("sample_weights")),
          effectiveSampleSize: figures(FIGURES.effectiveSampleSize),
        }
      : undefined,
    ids: readIds(),
  };

  function readIds(): Ids | undefined {
    if (tensors.has("ids")) return new BigInt64Array(bytes("ids"));
    if (!tensors.has("ids_text")) return undefined;
    const text = Buffer.from(bytes("ids_text"));
    const ends = new Uint32Array(bytes("ids_end"));
    return Array.from(ends, (end, i) => text.toString("utf8", i === 0 ? 0 : ends[i - 1], end));
  }
}
