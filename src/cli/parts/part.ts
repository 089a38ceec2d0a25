import { invalidFile } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
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
  return writeSafetensors(tensors, new Map([[DESCRIPTION, JSON.stringify({ run, ...others })]]));
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
  const description = metadata.get(DESCRIPTION) ?? "{}";
  const { run: found, ...others } = undamaged(DESCRIPTION, () => ({ ...JSON.parse(description) }));
  const { index, first, count } = others;
  if (found !== run || index !== range.index || first !== range.first || count !== range.count)
    throw invalidFile("it is a part of another run, or another part than its name says");
  const results: Record<string, unknown> = {};
  for (const [name, { dtype, bytes }] of tensors) {
    const isTexts = name.endsWith(TEXTS);
    // Copied, so that the bytes are aligned.
    const numbers = () => new ARRAYS[dtype as keyof typeof ARRAYS](new Uint8Array(bytes).buffer);
    const texts = () => JSON.parse(Buffer.from(bytes).toString());
    const values = undamaged(name, isTexts ? texts : numbers);
    const path = isTexts ? name.slice(0, -TEXTS.length) : name;
    const [field, inner] = path.split(".") as [string, string | undefined];
    results[field] = inner === undefined ? values : { ...(results[field] as object), [inner]: values };
  }
  return { ...others, results };
}

/** Returns what `parse` makes of an entry of the file; throws `invalid_file` if it cannot. */
function undamaged<T>(entry: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw invalidFile(`${show(entry)} is damaged`, cause);
  }
}
