import { createHash } from "node:crypto";
import { invalidFile, show } from "../../base/check.ts";
import { readSafetensors, writeSafetensors } from "../../files/safetensors.ts";
import type { Tensor } from "../../files/tensor.ts";
import type { EncodeResult, SolveStatistics } from "../../index.ts";
import { STATUSES } from "../../solver/result.ts";
import type { Ids } from "../input/array-files/parquet-ids.ts";
import type { Unit } from "./units.ts";

// What comes of a unit, as a file: safetensors, which Python reads, too. Its metadata say of which run it is a part, and
// hold a checksum of everything else.

/** The results of a unit's samples: of each array `count` values, of z count × latent size. */
export interface SampleResults
  extends Pick<
    EncodeResult,
    "z" | "initialLoss" | "loss" | "prior" | "objective" | "gradientNorm" | "status"
  > {
  readonly stats: Pick<SolveStatistics, "acceptedSteps" | "backtracks" | "t">;
  /** count × outputSize, where they are asked for. */
  readonly reconstructions: Float32Array | undefined;
  /** Who the samples are, where their file says so. */
  readonly ids: Ids | undefined;
}

/** What has come of a unit. */
export interface Part extends Unit {
  readonly results: SampleResults;
  /** The least that the losses can come to, summed up over the samples whose loss is finite; undefined of a loss without it. */
  readonly leastLoss: { readonly sum: number; readonly count: number } | undefined;
  /** How long it took to encode. */
  readonly seconds: number;
  /** The most threads that took part; 0 where the backend has no threads. */
  readonly threads: number;
  /** The name of the kernels' build: `plain`, say. */
  readonly kernels: string;
}

/** Which run a part belongs to, as the part's file records it. */
export interface PartOrigin {
  /** The SHA-256 of the run's manifest. */
  readonly manifest: string;
  /** The build of the kernels that computed it, for messages: `plain 1a2b3c4d`. */
  readonly build: string;
}

/** The metadata of a part's file. */
const DESCRIPTION = "latentflow_part";
const CHECKSUM = "sha256";

type Values = Float32Array | Float64Array | Uint32Array | Uint8Array | BigInt64Array;

/** The bytes of a part's file. */
export function formatPart(part: Part, origin: PartOrigin): Uint8Array {
  const { results, index, first, count, leastLoss, seconds, threads, kernels } = part;
  const tensors = tensorsOf(results, count);
  const description = JSON.stringify({
    ...{ ...origin, index, first, count, seconds, threads, kernels },
    ...(leastLoss && { leastLoss }),
  });
  const metadata = [
    [DESCRIPTION, description],
    [
      CHECKSUM,
      sumOf(
        description,
        tensors.map(({ name, values }) => [name, bytesOf(values)] as const),
      ),
    ],
  ] as const;
  return writeSafetensors(tensors, new Map(metadata));
}

/** A sample's figures in a part, a number each: the type that keeps them, and whose they are in the results. */
const FIGURES = {
  initial_loss: { type: Float32Array, of: ({ initialLoss }: SampleResults) => initialLoss },
  loss: { type: Float32Array, of: ({ loss }: SampleResults) => loss },
  prior: { type: Float32Array, of: ({ prior }: SampleResults) => prior },
  objective: { type: Float32Array, of: ({ prior, objective }: SampleResults) => prior && objective },
  gradient_norm: { type: Float32Array, of: ({ gradientNorm }: SampleResults) => gradientNorm },
  status: {
    type: Uint32Array,
    of: ({ status }: SampleResults) => Uint32Array.from(status, (each) => STATUSES.indexOf(each)),
  },
  accepted_steps: { type: Uint32Array, of: ({ stats }: SampleResults) => stats.acceptedSteps },
  backtracks: { type: Uint32Array, of: ({ stats }: SampleResults) => stats.backtracks },
  t: { type: Float64Array, of: ({ stats }: SampleResults) => stats.t },
} as const;

type FigureName = keyof typeof FIGURES;

const FIGURE_NAMES = Object.keys(FIGURES) as readonly FigureName[];

/** What they take at most, without the latents and the reconstruction. */
export const FIGURE_BYTES = FIGURE_NAMES.reduce((sum, name) => sum + FIGURES[name].type.BYTES_PER_ELEMENT, 0);

function tensorsOf(results: SampleResults, count: number) {
  const { z, reconstructions, ids } = results;
  const columns: [name: string, values: Values | undefined][] = [
    ["z", z],
    ...FIGURE_NAMES.map((name): [string, Values | undefined] => [name, FIGURES[name].of(results)]),
    ["reconstructions", reconstructions],
  ];
  const tensors = columns.flatMap(([name, values]) =>
    values
      ? [{ name, shape: values.length === count ? [count] : [count, values.length / count], values }]
      : [],
  );
  return [...tensors, ...(ids ? tensorsOfIds(ids) : [])];
}

/** Texts are UTF-8, one behind the other, with where each ends. */
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

function bytesOf({ buffer, byteOffset, byteLength }: Values): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function sumOf(
  description: string,
  tensors: readonly (readonly [name: string, bytes: Uint8Array])[],
): string {
  const hash = createHash("sha256").update(description);
  for (const [name, bytes] of tensors) hash.update(`\n${name} ${bytes.length}\n`).update(bytes);
  return hash.digest("hex");
}

/** What a part has to be, as its run's manifest says. */
export interface WantedPart {
  readonly unit: Unit;
  readonly origin: PartOrigin;
  readonly latentSize: number;
  readonly outputSize: number;
  readonly hasPrior: boolean;
  readonly hasReconstructions: boolean;
  readonly hasIds: boolean;
}

/**
 * Reads a part from the bytes of its file.
 *
 * @param where what messages begin with
 * @throws LatentflowError `invalid_file` where it is torn, or of another unit or run
 */
export function parsePart(where: string, bytes: Uint8Array, wanted: WantedPart): Part {
  const { metadata, tensors } = readSafetensors(where, bytes);
  const description = metadata.get(DESCRIPTION) ?? "";
  const sum = sumOf(
    description,
    [...tensors].map(([name, tensor]) => [name, tensor.bytes] as const),
  );
  if (description === "" || sum !== metadata.get(CHECKSUM)) {
    throw invalidFile(`${where}: its checksum is another one; it is torn or damaged`);
  }
  const { manifest, build, index, first, count, seconds, threads, kernels, leastLoss } = parseDescription(
    where,
    description,
  );
  const { unit, origin } = wanted;
  if (manifest !== origin.manifest) {
    const why =
      build === origin.build
        ? "with other options or data"
        : `by the build ${build}, here is ${origin.build}`;
    throw invalidFile(`${where}: it is a part of another run, made ${why}`);
  }
  if (index !== unit.index || first !== unit.first || count !== unit.count) {
    throw invalidFile(`${where}: it is the part of unit ${show(index)}; its name says ${unit.index}`);
  }
  return {
    ...{ ...unit, seconds, threads, kernels, results: readResults(where, tensors, wanted) },
    // A sum that is null would count as 0.
    leastLoss: leastLoss && { ...leastLoss, sum: leastLoss.sum ?? Number.NaN },
  };
}

type PartDescription = Omit<Part, "results"> & PartOrigin;

/** What each field has to be: the checksum is no secret, and another program may have made one. */
const FIELDS: { readonly [Name in keyof PartDescription]-?: (value: unknown) => boolean } = {
  manifest: isText,
  build: isText,
  index: Number.isSafeInteger,
  first: Number.isSafeInteger,
  count: Number.isSafeInteger,
  seconds: Number.isFinite,
  threads: Number.isSafeInteger,
  kernels: isText,
  leastLoss: (value) => value === undefined || isLeastLoss(value),
};

function isText(value: unknown): boolean {
  return typeof value === "string" && /^[ -~]{1,100}$/.test(value);
}

/** The sum may be null: JSON has no NaN. */
function isLeastLoss(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { sum, count } = value as Readonly<Record<string, unknown>>;
  return (sum === null || typeof sum === "number") && Number.isSafeInteger(count);
}

function parseDescription(where: string, text: string): PartDescription {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const fields = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (Object.entries(FIELDS).every(([name, isRight]) => isRight(fields[name])))
    return value as PartDescription;
  throw notOurs(where);
}

function notOurs(where: string) {
  return invalidFile(`${where}: it is no part that this version of latentflow has written`);
}

function readResults(where: string, tensors: ReadonlyMap<string, Tensor>, wanted: WantedPart): SampleResults {
  const { count } = wanted.unit;
  const bytes = (name: string, size: number, elements?: number): ArrayBuffer => {
    const tensor = tensors.get(name);
    if (!tensor || (elements !== undefined && tensor.bytes.length !== elements * size)) {
      throw invalidFile(`${where}: it has not ${elements ?? "the"} values ${show(name)} that its run has`);
    }
    // A copy, which is aligned.
    return new Uint8Array(tensor.bytes).buffer as ArrayBuffer;
  };
  const rows = (name: string, size: number) => new Float32Array(bytes(name, 4, count * size));
  const figures = <Name extends FigureName>(name: Name) => {
    const { type } = FIGURES[name];
    return new type(bytes(name, type.BYTES_PER_ELEMENT, count)) as InstanceType<
      (typeof FIGURES)[Name]["type"]
    >;
  };
  const loss = figures("loss");
  return {
    z: rows("z", wanted.latentSize),
    initialLoss: figures("initial_loss"),
    loss,
    prior: wanted.hasPrior ? figures("prior") : undefined,
    objective: wanted.hasPrior ? figures("objective") : loss,
    gradientNorm: figures("gradient_norm"),
    status: Array.from(figures("status"), (status) => STATUSES[status] ?? refuse()),
    stats: {
      acceptedSteps: figures("accepted_steps"),
      backtracks: figures("backtracks"),
      t: figures("t"),
    },
    reconstructions: wanted.hasReconstructions ? rows("reconstructions", wanted.outputSize) : undefined,
    ids: wanted.hasIds ? readIds() : undefined,
  };

  function refuse(): never {
    throw notOurs(where);
  }

  function readIds(): Ids {
    if (tensors.has("ids")) return new BigInt64Array(bytes("ids", 8, count));
    const text = Buffer.from(bytes("ids_text", 1));
    const ends = new Uint32Array(bytes("ids_end", 4, count));
    if (ends.some((end, i) => end < (i === 0 ? 0 : ends[i - 1]!)) || ends.at(-1) !== text.length) refuse();
    return Array.from(ends, (end, i) => text.toString("utf8", i === 0 ? 0 : ends[i - 1], end));
  }
}
