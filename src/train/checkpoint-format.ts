import type { TrainerState } from "../backend/backend.ts";
import { checksum, showChecksum } from "../base/checksum.ts";
import type { RandomState } from "../base/random.ts";
import { invalidFile } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { readSafetensors, writeSafetensors } from "../files/safetensors.ts";
import type { Tensor } from "../files/tensor.ts";
import type { CodesState } from "./codes.ts";
import type { TrainStep } from "./progress.ts";
import type { RunDescription } from "./run-description.ts";
import type { SamplerState } from "./sampler.ts";
import type { ValidationResult } from "./validation.ts";

// A checkpoint is a safetensors file. Its metadata:
//   format            FORMAT, below
//   checkpoint        run and state as JSON, with { tensor: NAME } in place of each array of numbers
// Its tensors are these arrays, in the order of the JSON, as 2.history for the third; the last one is
//   checksum          U32 [1], the last four bytes: CRC-32 of all bytes before

/** Name of the format with its version; checkpoints of other versions are rejected. */
export const FORMAT = "latentflow checkpoint 2";

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
  const tensors: Parameters<typeof writeSafetensors>[0][number][] = [];
  const move = (key: string, value: unknown) => {
    if (!(value instanceof Float32Array || value instanceof Float64Array)) return value;
    const name = `${tensors.length}.${key}`;
    tensors.push({ name, shape: [value.length], values: value });
    return { tensor: name };
  };
  // Numbers that may be infinite or NaN, which JSON has not.
  const history = state.history.flatMap(({ images, loss, gradientNorm }) => [images, loss, gradientNorm]);
  const validation = state.validation.flatMap(({ images, loss }) => [images, loss]);
  const tables = { history: Float64Array.from(history), validation: Float64Array.from(validation) };
  const checkpoint = JSON.stringify({ run, state: { ...state, ...tables } }, move);
  tensors.push({ name: "checksum", shape: [1], values: new Uint32Array(1) });
  const metadata = Object.entries({ format: FORMAT, checkpoint });
  const bytes = writeSafetensors(tensors, new Map(metadata));
  const end = bytes.length - 4;
  new DataView(bytes.buffer).setUint32(end, checksum(bytes.subarray(0, end)), true);
  return bytes;
}

/**
 * Parses a checkpoint from the bytes of a file. Detects every truncation and every change of a single byte.
 *
 * @throws LatentflowError `invalid_file` if the bytes are not a checkpoint of this version, or are damaged
 */
export function readCheckpoint(bytes: Uint8Array): Checkpoint {
  const { metadata, tensors } = readSafetensors(bytes);
  const refuse = (problem: string) => invalidFile(`${problem}`);
  const end = bytes.length - 4;
  const found = checksum(bytes.subarray(0, end));
  const expected = tensors.has("checksum")
    ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(end, true)
    : undefined;
  const format = metadata.get("format");
  // An intact file of another version is not reported as damaged.
  if (format === undefined && expected === undefined) {
    throw refuse(
      "not a checkpoint, but another safetensors file; give a run's checkpoint.safetensors, or the file or bytes that train saved",
    );
  }
  if (expected === undefined || (format !== FORMAT && expected === found)) {
    throw refuse(`not a checkpoint of this version: its format is ${show(format)}, expected "${FORMAT}"`);
  }
  if (expected !== found) {
    throw refuse(
      `the checkpoint is damaged: its checksum is ${showChecksum(found)}, expected ${showChecksum(expected)}`,
    );
  }

  try {
    const restore = (_: string, value: { readonly tensor?: unknown } | null) =>
      typeof value?.tensor === "string" ? arrayOf(tensors.get(value.tensor)!) : value;
    const { run, state } = JSON.parse(metadata.get("checkpoint")!, restore);
    const history = rows(state.history, 3).map(([images, loss, gradientNorm]) => {
      return { images: images!, loss: loss!, gradientNorm: gradientNorm! };
    });
    const validation = rows(state.validation, 2).map(([images, loss]) => ({ images: images!, loss: loss! }));
    return { run, state: { ...state, history, validation } };
  } catch (cause) {
    throw invalidFile(`the checkpoint lacks a part of a run`, cause);
  }
}

/** Returns the numbers of a tensor as an array with memory of its own, aligned. */
function arrayOf({ dtype, bytes }: Tensor): Float32Array | Float64Array {
  // Not by slice(), which for a Node Buffer returns a view.
  const { buffer } = new Uint8Array(bytes);
  return dtype === "F64" ? new Float64Array(buffer) : new Float32Array(buffer);
}

/** Splits values into rows of `columns` values each, as views. */
function rows(values: Float64Array, columns: number): Float64Array[] {
  const count = values.length / columns;
  return Array.from({ length: count }, (_, row) => values.subarray(row * columns, (row + 1) * columns));
}
