import { checksum, showChecksum } from "../../base/checksum.ts";
import { invalidFile } from "../../base/refuse.ts";
import { bytesIn } from "../../base/values.ts";
import { readSafetensors, writeSafetensors } from "../../files/safetensors.ts";
import type { SampleResults } from "../output/results.ts";
import type { PartRange } from "./part-range.ts";

// A part is a safetensors file with the results of consecutive samples, which Python can read, too. Each array of the results is a
// tensor under its dotted name, `stats.t`; lists of texts are JSON in bytes. The metadata name the run and the samples.

/** Results of one part of a run, and what computing them cost. */
export interface Part extends PartRange {
  readonly results: SampleResults;
  /** Time that encoding took, in seconds. */
  readonly seconds: number;
  /** Maximum number of threads used; 0 for a backend without threads. */
  readonly threads: number;
  /** Name of the kernels' build, such as `plain`. */
  readonly kernels: string;
}

const DESCRIPTION = "latentflow_part";
const CHECKSUM = "latentflow_checksum";
const TEXTS = ".json";

const ARRAYS = { F32: Float32Array, F64: Float64Array, U32: Uint32Array, I64: BigInt64Array };
type Values = InstanceType<(typeof ARRAYS)[keyof typeof ARRAYS]>;

/**
 * Formats a part as the bytes of its file.
 *
 * @param run identifies the run: SHA-256 of its manifest
 */
export function formatPart({ results, ...others }: Part, run: string): Uint8Array {
  const tensors = leavesOf(results).map(([name, values]) => {
    if (ArrayBuffer.isView(values)) {
      const [rows, size] = [others.count, values.length / others.count];
      return { name, shape: size === 1 ? [rows] : [rows, size], values };
    }
    const bytes = Buffer.from(JSON.stringify(values));
    return { name: name + TEXTS, shape: [bytes.length], values: new Uint8Array(bytes) };
  });
  const description = JSON.stringify({ run, ...others });
  const sum = showChecksum(
    sumOf(
      description,
      tensors.map(({ name, values }) => [name, bytesIn(values)]),
    ),
  );
  return writeSafetensors(
    tensors,
    new Map([
      [DESCRIPTION, description],
      [CHECKSUM, sum],
    ]),
  );
}

/** Returns the checksum of a part's description, and of the names and bytes of its tensors. */
function sumOf(description: string, tensors: Iterable<readonly [name: string, bytes: Uint8Array]>): number {
  let sum = checksum(Buffer.from(description));
  for (const [name, bytes] of tensors) sum = checksum(bytes, checksum(Buffer.from(name), sum));
  return sum;
}

/** Lists the arrays in nested objects with their dotted names. */
function leavesOf(values: object, prefix = ""): [name: string, values: Values | readonly string[]][] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const name = prefix + key;
    const isArray = Array.isArray(value) || ArrayBuffer.isView(value);
    return isArray ? [[name, value as Values]] : leavesOf(value, `${name}.`);
  });
}

/**
 * Parses a part from the bytes of its file.
 *
 * @param range samples of the part that the file's name gives
 * @param run identifies the run that the part must belong to
 * @throws LatentflowError `invalid_file` if the file is incomplete, damaged, or of another part or run
 */
export function parsePart(bytes: Uint8Array, range: PartRange, run: string): Part {
  const { metadata, tensors } = readSafetensors(bytes);
  const description = metadata.get(DESCRIPTION) ?? "";
  const sum = showChecksum(
    sumOf(
      description,
      [...tensors].map(([name, { bytes }]) => [name, bytes]),
    ),
  );
  const expected = metadata.get(CHECKSUM) ?? "none";
  if (sum !== expected) throw invalidFile(`it is damaged: its checksum is ${sum}, expected ${expected}`);
  const { run: found, ...others } = JSON.parse(description);
  const { index, first, count } = others;
  if (found !== run || index !== range.index || first !== range.first || count !== range.count)
    throw invalidFile("it is a part of another run, or another part than its name says");
  const results: Record<string, unknown> = {};
  for (const [name, { dtype, bytes }] of tensors) {
    const isTexts = name.endsWith(TEXTS);
    // Copied, so that the bytes are aligned.
    const values = isTexts
      ? JSON.parse(Buffer.from(bytes).toString())
      : new ARRAYS[dtype as keyof typeof ARRAYS](new Uint8Array(bytes).buffer);
    const path = isTexts ? name.slice(0, -TEXTS.length) : name;
    const [field, inner] = path.split(".") as [string, string | undefined];
    results[field] = inner === undefined ? values : { ...(results[field] as object), [inner]: values };
  }
  return { ...others, results };
}
