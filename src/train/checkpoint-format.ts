import type { TrainerState } from "../backend/backend.ts";
import { checksum, showChecksum } from "../base/checksum.ts";
import type { RandomState } from "../base/random.ts";
import { invalidFile } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { readSafetensors, writeSafetensors } from "../files/safetensors.ts";
import type { CodesState } from "./codes.ts";
import type { TrainStep } from "./progress.ts";
import type { RunDescription } from "./run-description.ts";
import type { SamplerState } from "./sampler.ts";
import type { ValidationResult } from "./validation.ts";

// A checkpoint is a safetensors file. Its metadata:
//   format            FORMAT, below
//   run               description of the run, as JSON
//   images, updates   counts of images and updates, as JSON
//   sampler, random   states of the sampler and of the augmentation's random numbers, as JSON
// Its tensors, with u updates tried, v validations, p parameters:
//   history           F64 [u, 3]: images, loss, gradient norm
//   validation        F64 [v, 2]: images, loss
//   codes             F64 [samples · d]: code stored for each sample, with `warmStart` or `codes: "kept"`
//   codes.updates     F64 [samples]: number of updates of each code, with `codes: "kept"`
//   codes.0, …        F64 [samples · d] each: state vectors of the optimizer of the codes, with `codes: "kept"`
//   parameters        F32 [p]
//   optimizer.0, …    F32 [p] each: state vectors of the optimizer
//   checksum          U32 [1], the last four bytes: CRC-32 of all bytes before

/** Name of the format with its version; checkpoints of other versions are rejected. */
export const FORMAT = "latentflow checkpoint 1";

/** State of a training run between two updates: everything that later updates depend on, and the results so far. */
export interface RunState {
  /** Number of images (training samples) processed so far. */
  readonly images: number;
  /** State of the sampler that draws mini-batches. */
  readonly sampler: SamplerState;
  /** State of the random numbers of the augmentation. */
  readonly random: RandomState;
  /**
   * Codes that are stored for each sample, with `warmStart` or `codes: "kept"`; undefined if each mini-batch is encoded from
   * the decoder's start latent.
   */
  readonly codes: CodesState | undefined;
  /** Parameters of the decoder and state of the optimizer. */
  readonly trainer: TrainerState;
  /** Loss and gradient norm of each update so far. */
  readonly history: readonly TrainStep[];
  /** Results of the validations so far. */
  readonly validation: readonly ValidationResult[];
}

/** Checkpoint of a training run: the run's description and its state. */
export interface Checkpoint {
  readonly run: RunDescription;
  readonly state: RunState;
}

/** Returns a checkpoint as the bytes of a file. */
export function writeCheckpoint({ run, state }: Checkpoint): Uint8Array {
  const { images, sampler, random, codes, trainer, history, validation, ...others } = state;
  // The compiler reports a field that is not written.
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
      ...(codes ? [tensor("codes", codes.values)] : []),
      ...(codes?.updates.length ? [tensor("codes.updates", codes.updates)] : []),
      ...(codes?.vectors ?? []).map((vector, i) => tensor(`codes.${i}`, vector)),
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
 * Parses a checkpoint from the bytes of a file. Detects every truncation and every change of a single byte.
 *
 * @param where beginning of error messages, which names the file
 * @throws LatentflowError `invalid_file` if the bytes are not a checkpoint of this version, or are damaged
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
  // An intact file of another version is not reported as damaged.
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
    // An aligned copy. Not by slice(), which for a Node Buffer returns a view.
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
      // Reported as missing, below.
    }
    throw refuse(`the checkpoint has no ${key}`);
  };
  return {
    run: parse("run"),
    state: {
      images: parse("images"),
      sampler: parse("sampler"),
      random: parse("random"),
      codes: !tensors.has("codes")
        ? undefined
        : {
            values: floats("codes", Float64Array),
            updates: tensors.has("codes.updates")
              ? floats("codes.updates", Float64Array)
              : new Float64Array(),
            vectors: namesOf("codes").map((name) => floats(name, Float64Array)),
          },
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

type FloatArray<T> = { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBuffer): T };

/** Splits values into rows of `columns` values each, as views. */
function rows(values: Float64Array, columns: number): Float64Array[] {
  const count = values.length / columns;
  return Array.from({ length: count }, (_, row) => values.subarray(row * columns, (row + 1) * columns));
}
