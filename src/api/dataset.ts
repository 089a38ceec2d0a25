import { calling } from "../base/calling.ts";
import { checkNumber, checkOptions } from "../base/check.ts";
import { DATASET_MARK, hasDatasetMark } from "../base/dataset-mark.ts";
import { gotten, subject, wanted, words } from "../base/message.ts";
import { attached, checkMemory, isFloat32Array, isUint8Array } from "../base/realms.ts";
import { invalidOption, objection, refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { elementCount, showLengths } from "../files/array.ts";
import { isReordered } from "../graph/kind.ts";

/** Output of a decoder, which samples must fit. */
type Output = Pick<Decoder, "outputShape" | "outputSize">;

/** Options of `createDataset`. */
export interface DatasetOptions {
  /** Shape of a sample, such as `[28, 28]`; its product is the decoder's output size. */
  shape: readonly number[];
  /** Class of each sample, an integer from 0 to 255; training does not use it. Default: none. */
  labels?: Uint8Array | undefined;
}

/** Maximum number of indices of one call: the length of the longest array. */
const MOST_INDICES = 2 ** 32 - 1;

/** True for a data set made by any copy of the package. */
export function isDataset(value: unknown): value is Dataset {
  return hasDatasetMark(value);
}

/**
 * Data set: samples, with or without labels. Made by `createDataset`, `readDataset` or a loader such as `mnist`. An
 * immutable value.
 *
 * Bytes are stored as bytes, in a quarter of the memory of float32, and scaled to [0, 1] when rows are read.
 */
export class Dataset {
  // Defined explicitly, so that minifiers keep the name.
  static readonly name = "Dataset";

  /** Number of samples. */
  readonly count: number;
  /** Number of values in a sample, n. */
  readonly size: number;
  /** Shape of a sample, whose values are row-major. */
  readonly shape: readonly number[];
  /** Divisor that is applied when values are read: 255 for bytes, else 1. */
  readonly dividedBy: 1 | 255;
  /** Class of each sample, [count], which must not be modified; undefined without labels. */
  readonly labels: Uint8Array | undefined;

  /** @internal True for a data set; false for a Proxy of one, which lacks the private values. */
  get [DATASET_MARK](): boolean {
    return #values in this;
  }

  /** Values as stored, [count, size]. */
  readonly #values: Uint8Array | Float32Array;
  /** True if the values are the argument `data` of the call at work; false if the data set is the argument. */
  readonly #isArgument: boolean;

  /**
   * @internal Neither copies nor checks values and labels.
   */
  constructor(
    values: Uint8Array | Float32Array,
    shape: readonly number[],
    labels?: Uint8Array,
    isArgument = false,
  ) {
    this.shape = Object.freeze([...shape]);
    this.size = elementCount(shape);
    this.count = values.length / this.size;
    this.dividedBy = isUint8Array(values) ? 255 : 1;
    this.labels = labels;
    this.#values = values;
    this.#isArgument = isArgument;
    Object.freeze(this);
  }

  /**
   * Returns the samples at `indices`, in that order: bytes divided by 255, float32 unchanged.
   *
   * @param indices integers from 0 to count - 1; may repeat
   * @param into array to write to, [indices.length, size]. Default: a new one
   * @returns `into`
   * @throws LatentflowError `invalid_argument` on an index out of range or an array of another length
   */
  rows(indices: ArrayLike<number>, into?: Float32Array): Float32Array {
    const { size } = this;
    const { checked, out } = calling("Dataset.rows", () => {
      const checked = this.#checkIndices(indices);
      const out = into === undefined ? new Float32Array(checked.length * size) : into;
      if (!isFloat32Array(out)) throw refused("into", "is", show(out), "a Float32Array");
      if (out.length !== checked.length * size) {
        const expected = `${checked.length * size} (${checked.length} samples of ${size})`;
        throw refused("into", "has", `${out.length} values`, expected);
      }
      return { checked, out };
    });
    for (const [row, index] of checked.entries()) {
      this.#read(index * size, (index + 1) * size, out, row * size);
    }
    return out;
  }

  /** Returns all samples, [count, size], in a new array: bytes divided by 255, float32 unchanged. */
  toFloat32(): Float32Array {
    const all = new Float32Array(this.count * this.size);
    this.#read(0, all.length, all, 0);
    return all;
  }

  /**
   * Returns the samples from `start` up to, but not including, `end`, as a data set that shares the memory of this one. As
   * in an array's `slice`, negative indices count from the end, and out-of-range ones are clipped; the result may be empty.
   *
   * @param start an integer. Default 0
   * @param end an integer. Default `count`
   * @throws LatentflowError `invalid_argument` unless both are integers
   * @example
   * const few = images.slice(0, 100); // of 60 samples, all 60
   * const lastTen = images.slice(-10);
   */
  slice(start = 0, end = this.count): Dataset {
    return calling("Dataset.slice", () => {
      checkNumber("start", start, { integer: true });
      checkNumber("end", end, { integer: true });
      // subarray treats negative and out-of-range indices like slice.
      const values = this.#present().subarray(start * this.size, end * this.size);
      return new Dataset(values, this.shape, this.labels?.subarray(start, end));
    });
  }

  /**
   * Returns the samples at `indices`, in that order, as a data set with memory of its own.
   *
   * @throws LatentflowError `invalid_argument` on an index out of range
   */
  select(indices: ArrayLike<number>): Dataset {
    return calling("Dataset.select", () => {
      const { size, labels } = this;
      const checked = this.#checkIndices(indices);
      const length = checked.length * size;
      const from = this.#present();
      const values = isUint8Array(from) ? new Uint8Array(length) : new Float32Array(length);
      for (const [row, index] of checked.entries()) {
        values.set(from.subarray(index * size, (index + 1) * size), row * size);
      }
      return new Dataset(values, this.shape, labels && Uint8Array.from(checked, (index) => labels[index]!));
    });
  }

  /**
   * @internal Returns the samples for a decoder with this output: this data set; or a single sample, if all axes together, with that
   * of the samples, are those of the output.
   *
   * @param name name of the argument that has the data set, for messages
   * @throws LatentflowError `invalid_argument` if samples have another size, or the same axes in another order
   */
  fitting({ outputShape, outputSize }: Output, name: string): Dataset {
    if (String([this.count, ...this.shape]) === String(outputShape)) {
      return new Dataset(this.#present(), outputShape, undefined, this.#isArgument);
    }
    checkSize(this, outputSize, "the decoder's output size", name);
    if (!isReordered(this.shape, outputShape)) return this;
    const output = words`the decoder's output is ${wanted(showLengths(outputShape))}`;
    const samples = words`the samples are ${gotten(showLengths(this.shape))}`;
    throw invalidOption(name, words`${samples}, ${output}`, "; give data whose axes are in this order");
  }

  /** Returns a copy of `indices`, each of which is checked. */
  #checkIndices(indices: ArrayLike<number>): Float64Array {
    const length = typeof indices === "object" && indices !== null ? indices.length : undefined;
    if (typeof length !== "number") {
      const advice = "; slice(start, end) takes two numbers";
      throw refused("indices", "is", show(indices), "an array of them", advice);
    }
    checkNumber("indices.length", length, { min: 0, max: MOST_INDICES, integer: true });
    const bounds = { min: 0, max: this.count - 1, integer: true };
    return Float64Array.from({ length }, (_, row) => checkNumber("an index", indices[row], bounds));
  }

  /** Returns the stored values; throws if their buffer was transferred after the data set was made. */
  #present(): Uint8Array | Float32Array {
    if (this.#values.length === this.count * this.size) return this.#values;
    if (this.#isArgument) return attached("data", this.#values);
    const name = words`the buffer of the ${subject("data", "data set")}`;
    const reason = "was detached (transferred) after it had been made";
    throw objection(name, reason, "; give createDataset a copy (slice())");
  }

  /** Writes the values from index `start` up to `end` into `into` from `offset` on, scaled to [0, 1] if they are bytes. */
  #read(start: number, end: number, into: Float32Array, offset: number): void {
    const values = this.#present();
    if (isFloat32Array(values)) {
      into.set(values.subarray(start, end), offset);
      return;
    }
    for (let i = start; i < end; i++) into[offset + i - start] = values[i]! / 255;
  }
}

/**
 * Throws if samples have another size than `size`.
 *
 * @param sizeName name of the size, for messages
 * @param name name of the argument that has the data set
 */
export function checkSize(dataset: Dataset, size: number, sizeName: string, name = "data"): void {
  if (dataset.size === size) return;
  const [got, expected] = [gotten(`${dataset.size} values`), wanted(`${size} (${sizeName})`)];
  throw invalidOption(name, words`the samples have ${got}, expected ${expected}`);
}

/**
 * Creates a data set of values in memory, which are not copied: do not change them afterwards.
 *
 * @param values samples one after the other, each row-major: bytes, which stand for value / 255 (images), or float32, used
 *   unchanged. Whether they are in the domain of a loss (cross entropy: [0, 1]) is checked when they are used.
 * @throws LatentflowError `invalid_argument` on an unknown option, values of another type or not a whole number of samples,
 *   or a number of labels other than that of the samples
 * @example
 * const images = createDataset(y, { shape: [28, 28] });
 */
export function createDataset(values: Uint8Array | Float32Array, options: DatasetOptions): Dataset {
  return calling("createDataset", () => {
    checkBytesOrFloats(values);
    if (options === undefined) {
      throw refused(subject("", "options"), "are", "undefined", "{ shape, labels? }");
    }
    checkOptions(options, { shape: true, labels: true });
    const { shape, labels } = options;
    if (!Array.isArray(shape) || shape.length === 0) {
      const got = Array.isArray(shape) ? "[]" : show(shape);
      throw refused("shape", "is", got, "the length of each axis of a sample: [28, 28]");
    }
    for (const [axis, length] of shape.entries()) {
      checkNumber(`shape[${axis}]`, length, { min: 1, integer: true });
    }
    const size = elementCount(shape);
    if (values.length % size !== 0) {
      const expected = `a multiple of ${size} (a sample is ${showLengths(shape)})`;
      throw refused("values", "has", `${values.length} values`, expected);
    }
    const count = values.length / size;
    if (labels !== undefined && !isUint8Array(labels)) {
      throw refused("labels", "is", show(labels), "a Uint8Array");
    }
    if (labels) checkMemory("labels", labels);
    if (labels !== undefined && labels.length !== count) {
      throw refused("labels", "has", `${labels.length} values`, `${count}, one per sample`);
    }
    return new Dataset(values, shape, labels);
  });
}

function checkBytesOrFloats(values: unknown): asserts values is Uint8Array | Float32Array {
  if (isUint8Array(values) || isFloat32Array(values)) {
    checkMemory("values", values);
    return;
  }
  const expected = "a Uint8Array (0 to 255, scaled to [0, 1]) or a Float32Array";
  throw refused("values", "is", show(values), expected);
}
