import { checkNumber } from "../../base/check.ts";
import { refused } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import { cost, type Kind, noTensors, type Reader } from "../kind.ts";
import { type LinearMap, MOST_ENTRIES } from "../linear-map.ts";
import { WHAT_IT_READS } from "../settings.ts";

/** Settings of a product with a constant sparse matrix, given by coordinates as SciPy's `coo_matrix`. */
export interface SparseSettings {
  /** Number of rows of the matrix: the length of the output. */
  readonly outputs: number;
  /** Row of each entry, from 0 to outputs - 1. */
  readonly rows: readonly number[];
  /** Column of each entry, from 0 to the input's length - 1. */
  readonly columns: readonly number[];
  /** Value of each entry, a finite number that is rounded to float32. Entries of the same row and column add up. */
  readonly values: readonly number[];
}

/** Fields of a product with a constant sparse matrix. */
export interface SparseFields {
  /** The matrix, with the entries of each row in the order of the settings. */
  readonly map: LinearMap;
}

/** Kind of operation: product of a constant sparse matrix with a vector. The matrix is no parameter and is not trained. */
export const sparse: Kind<SparseFields> = {
  tensors: noTensors,
  cost: ({ map, shape }) => cost({ multiplications: map.sources.length, sums: shape[0]! }),
  entries: ({ map }) => map.sources.length,
};

/** Reader of products with a sparse matrix: one axis, `[columns]`, becomes `[outputs]`. */
export const sparseReader: Reader<SparseSettings, SparseFields> = {
  settings: { outputs: true, rows: true, columns: true, values: true },
  reads: 1,
  read(settings, [input]) {
    const outputs = checkNumber("outputs", settings.outputs, { min: 1, max: MOST_ENTRIES, integer: true });
    if (input!.length !== 1) {
      throw refused(WHAT_IT_READS, "has", `the shape [${input}]`, "one axis", "; put a reshape before it");
    }
    const count = checkEntries("values", settings.values).length;
    const rows = checkIndices("rows", settings.rows, count, outputs);
    const columns = checkIndices("columns", settings.columns, count, input![0]!);
    return { map: matrixOfEntries(outputs, input![0]!, rows, columns, settings.values), shape: [outputs] };
  },
};

function checkEntries(name: string, values: unknown): readonly number[] {
  if (!Array.isArray(values) || values.length === 0 || values.length > MOST_ENTRIES) {
    const got = Array.isArray(values) ? `an array of ${values.length} numbers` : show(values);
    throw refused(name, "is", got, `an array of 1 to ${MOST_ENTRIES} numbers`);
  }
  for (let i = 0; i < values.length; i++) {
    // Also false for a number that is beyond float32.
    if (typeof values[i] === "number" && Number.isFinite(Math.fround(values[i]))) continue;
    throw refused(name, "is", `${show(values[i])} at entry ${i}`, "finite numbers");
  }
  return values;
}

function checkIndices(name: string, indices: unknown, count: number, length: number): readonly number[] {
  if (!Array.isArray(indices) || indices.length !== count) {
    const got = Array.isArray(indices) ? `an array of ${indices.length} numbers` : show(indices);
    throw refused(name, "is", got, `an array of ${count} integers, one for each value`);
  }
  const bad = indices.findIndex((index) => !(Number.isInteger(index) && index >= 0 && index < length));
  if (bad < 0) return indices;
  throw refused(name, "is", `${show(indices[bad])} at entry ${bad}`, `integers from 0 to ${length - 1}`);
}

/** Sorts entries by row, those of a row in their order. */
function matrixOfEntries(
  outputs: number,
  inputs: number,
  rows: readonly number[],
  columns: readonly number[],
  values: readonly number[],
): LinearMap {
  const starts = new Int32Array(outputs + 1);
  for (const row of rows) starts[row + 1]!++;
  for (let row = 0; row < outputs; row++) starts[row + 1]! += starts[row]!;
  const next = starts.slice();
  const sources = new Int32Array(rows.length);
  const weights = new Float32Array(rows.length);
  rows.forEach((row, i) => {
    const at = next[row]!++;
    sources[at] = columns[i]!;
    weights[at] = values[i]!;
  });
  const destinations = Int32Array.from({ length: outputs }, (_, row) => row);
  return { width: 1, inputBlocks: inputs, destinations, starts, sources, weights };
}
