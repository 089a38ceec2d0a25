import type { TrainerState } from "../backend/backend.ts";
import { invalidFile, show } from "../base/check.ts";
import { checksum, showChecksum } from "../base/checksum.ts";
import type { RandomState } from "../base/random.ts";
import { readSafetensors, writeSafetensors } from "../files/safetensors.ts";
import type { CodesState } from "./codes.ts";
import type { TrainStep } from "./progress.ts";
import type { RunDescription } from "./run-description.ts";
import type { SamplerState } from "./sampler.ts";
import type { ValidationResult } from "./validation.ts";

// A checkpoint is a safetensors file. Its metadata:
//   format            FORMAT, below
//   run               what the run was made from, as JSON
//   images, updates   how many there have been, as JSON; also sampler and random, the states of the two generators
// Its tensors, u being the updates tried, v the validations, p the parameters:
//   history           F64 [u, 3]: images, loss, gradient norm
//   validation        F64 [v, 2]: images, loss
//   codes             F64 [samples · d], where they are kept; for those that are updated beside the weights also
//   codes.updates     F64 [samples], and
//   codes.0, …        F64 [samples · d], their optimizer's
//   parameters        F32 [p]
//   optimizer.0, …    F32 [p] each
//   checksum          U32 [1], the last four bytes: the checksum of all before them

/** Names the format, and its version: another one cannot be read. */
export const FORMAT = "latentflow checkpoint 1";

/** Where a run stands between two updates: all that the rest of it depends on, and what it has found so far. */
export interface RunState {
  /** Images processed. */
  readonly images: number;
  readonly sampler: SamplerState;
  /** Of the augmentation. */
  readonly random: RandomState;
  /** Undefined where each mini-batch is encoded from the decoder's start. */
  readonly codes: CodesState | undefined;
  readonly trainer: TrainerState;
  readonly history: readonly TrainStep[];
  readonly validation: readonly ValidationResult[];
}

/** A run and where it stands. */
export interface Checkpoint {
  readonly run: RunDescription;
  readonly state: RunState;
}

/** A checkpoint as the bytes of a file. */
export function writeCheckpoint({ run, state }: Checkpoint): Uint8Array {
  const { images, sampler, random, codes, trainer, history, validation, ...others } = state;
  // A field that is not written is found by the compiler.
  others satisfies Record<string, never>;
  const { updates, parameters, vectors } = trainer;
  const json = { run, images, updates, sampler, random };
  const metadata = Object.entries(json).map(([key, value]) => [key, JSON.stringify(value)] as const);
  const steps = history.flatMap((step) => [step.images, step.loss, step.gradientNorm]);
  const validations = validation.flatMap((result) => [result.images, result.loss]);
  const tensor = (name: string, values: Float32Array | Float64Array | Uint32Array, columns?: number) => {
    return { name, values, shape: columns ? [values.length / columns, columns] : [values.length] };
  };
  const bytes = writeSafetensors(
    [
      tensor("history", Float64Array.from(steps), 3),
      tensor("validation", Float64Array.from(validations), 2),
      ...Object.entries(codesTensors(codes)).map(([name, values]) => tensor(name, values)),
      tensor("parameters", parameters),
      ...vectors.map((vector, i) => tensor(`optimizer.${i}`, vector)),
      tensor("checksum", new Uint32Array(1)),
    ],
    new Map([["format", FORMAT], ...metadata]),
  );
  const end = bytes.length - 4;
  new DataView(bytes.buffer).setUint32(end, checksum(bytes.subarray(0, end)), true);
  return bytes;
}

/**
 * The checkpoint in the bytes of a file. Any truncation, and any change of one byte, is found.
 *
 * @param where what the bytes come from, for messages
 * @throws LatentflowError `invalid_file` when they hold no checkpoint, or a damaged one
 */
export function readCheckpoint(where: string, bytes: Uint8Array): Checkpoint {
  const { metadata, tensors } = readSafetensors(where, bytes);
  const refuse = (problem: string) => invalidFile(`${where}: ${problem}`);
  const end = bytes.length - 4;
  const found = checksum(bytes.subarray(0, end));
  const expected = tensors.has("checksum")
    ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(end, true)
    : undefined;
  const format = metadata.get("format");
  // Another version's checkpoint is sound, and to be told from a damaged one.
  if (expected === undefined || (format !== FORMAT && expected === found)) {
    throw refuse(`not a checkpoint of this version: its format is ${show(format)}, expected "${FORMAT}"`);
  }
  if (expected !== found) {
    throw refuse(
      `the checkpoint is damaged: its checksum is ${showChecksum(found)}, expected ${showChecksum(expected)}`,
    );
  }

  const floats = <T>(name: string, Type: FloatArray<T>): T => {
    const tensor = tensors.get(name);
    if (tensor?.dtype !== `F${8 * Type.BYTES_PER_ELEMENT}`) throw refuse(`the checkpoint has no ${name}`);
    // A copy, aligned; not by slice(), which a Buffer answers with a view.
    return new Type(new Uint8Array(tensor.bytes).buffer);
  };
  const history = rows(floats("history", Float64Array), 3);
  const validation = rows(floats("validation", Float64Array), 2);
  const namesOf = (prefix: string) =>
    [...tensors.keys()].filter((name) => new RegExp(`^${prefix}\\.\\d+$`).test(name));
  const parse = (key: string) => {
    try {
      const value = JSON.parse(metadata.get(key) ?? "null");
      if (value !== null) return value;
    } catch {
      // No JSON is no value either.
    }
    throw refuse(`the checkpoint has no ${key}`);
  };
  return {
    run: parse("run"),
    state: {
      images: parse("images"),
      sampler: parse("sampler"),
      random: parse("random"),
      codes: tensors.has("codes")
        ? {
            values: floats("codes", Float64Array),
            updates: tensors.has("codes.updates")
              ? floats("codes.updates", Float64Array)
              : new Float64Array(0),
            vectors: namesOf("codes").map((name) => floats(name, Float64Array)),
          }
        : undefined,
      trainer: {
        updates: parse("updates"),
        parameters: floats("parameters", Float32Array),
        vectors: namesOf("optimizer").map((name) => floats(name, Float32Array)),
      },
      history: history.map(([images, loss, gradientNorm]) => {
        return { images: images!, loss: loss!, gradientNorm: gradientNorm! };
      }),
      validation: validation.map(([images, loss]) => ({ images: images!, loss: loss! })),
    },
  };
}

/** By their names in the file. */
export function codesTensors(codes: CodesState | undefined): Record<string, Float64Array> {
  if (!codes) return {};
  const { values, updates, vectors } = codes;
  const ofOptimizer = vectors.map((vector, i) => [`codes.${i}`, vector] as const);
  return {
    codes: values,
    ...(updates.length > 0 && { "codes.updates": updates }),
    ...Object.fromEntries(ofOptimizer),
  };
}

type FloatArray<T> = { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBuffer): T };

function rows(values: Float64Array, columns: number): Float64Array[] {
  const count = values.length / columns;
  return Array.from({ length: count }, (_, row) => values.subarray(row * columns, (row + 1) * columns));
}
