import { checkOptions } from "../base/check.ts";
import { cosineOfPi, logarithm } from "../base/elementary-functions.ts";
import { atOnce } from "../base/event-loop.ts";
import { createRandom } from "../base/random.ts";
import { checkMemory, isFloat32Array } from "../base/realms.ts";
import { invalid, invalidFile } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import { type Metadata, readSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { readFloats, type Tensor } from "../files/tensor.ts";
import type { FixedInput } from "../graph/graph.ts";
import { sizeOf } from "../graph/operations.ts";

// A probe has a few latents and their outputs. Names and shapes cannot tell a stack of layers from residual blocks, a square
// matrix from its transpose, or that a sigmoid is missing; numbers can.
//
// In a file it is metadata, `latentflow.probe`: as base64 the bytes of a safetensors file with the metadata
// {"format": "1"} and the tensors
//   z            F32 [rows, latentSize]
//   fixed.NAME   F32 [rows, …], of each fixed input, if there are any
//   indices      I32 [k], at most 4,096: indices into an output in the order of `decode`; without this tensor `x` has
//                all elements
//   x            F32 [rows, k]: these elements of the outputs

/** A few latents and the outputs that the right decoder has for them. */
export interface Probe {
  /** rows × latentSize. */
  readonly z: Float32Array;
  /** rows × outputSize: the decoder's outputs, in the order in which `decode` gives them. */
  readonly x: Float32Array;
  /** rows × its size for each fixed input, by name. Default: none. */
  readonly fixed?: Readonly<Record<string, Float32Array>>;
}

/** A probe whose sizes have been checked. */
export interface CheckedProbe {
  readonly rows: number;
  /** Number of points; undefined without points. */
  readonly points: number | undefined;
  readonly z: Float32Array;
  readonly fixed: ReadonlyMap<string, Float32Array>;
  /** Indices of the elements of an output that `x` has; undefined: all. */
  readonly indices: Int32Array | undefined;
  /** rows × number of indices. */
  readonly x: Float32Array;
}

/** Sizes of a decoder that its probe has to have. */
export interface Probed {
  readonly latentSize: number;
  readonly outputSize: number;
  readonly fixedInputs: readonly FixedInput[];
  /** Returns the sizes of a decoder over points for a number of points. */
  readonly atPoints?: (points: number) => Probed;
}

/** Metadata key of the probe. */
export const PROBE = "latentflow.probe";

const FORMAT = "1";
/** Rows of a probe made here. One row would not tell a decoder from a constant. */
const ROWS = 4;
/** Most rows read from a file's probe: each costs a pass through the decoder. */
const MOST_ROWS = 64;
const MOST_INDICES = 4096;
const MOST_POINTS = 2 ** 20;
/** Number of points of a probe made here. */
const PROBE_POINTS = 5;
/** Most bytes of a probe: a file's header, of at most 2^20 bytes, holds it as base64, 4/3 as long. */
const MOST_BYTES = 2 ** 19;

/**
 * Reads the probe in a file's metadata, if there is one.
 *
 * @param where the function called, for messages
 * @throws LatentflowError `invalid_file` when it is malformed, or another decoder's by its sizes
 */
export function readProbe(where: string, metadata: Metadata, decoder: Probed): CheckedProbe | undefined {
  const text = metadata.get(PROBE);
  if (text === undefined) return undefined;
  const at = `${where}: the file's ${PROBE}`;
  const { metadata: own, tensors } = readSafetensors(at, fromBase64(at, text));
  const format = own.get("format");
  if (format !== FORMAT) {
    throw invalidFile(
      `${at}: its format is ${show(format)}, expected "${FORMAT}"; a newer latentflow may read it`,
    );
  }
  const names = new Set(["z", "x", ...decoder.fixedInputs.map(({ name }) => `fixed.${name}`)]);
  const missing = [...names].find((name) => !tensors.has(name));
  if (missing !== undefined) throw invalidFile(`${at}: the tensor ${show(missing)} is missing`);
  const surplus = [...tensors.keys()].find((name) => name !== "indices" && !names.has(name));
  if (surplus !== undefined) throw invalidFile(`${at}: the tensor ${show(surplus)} is none of a probe's`);

  const z = tensors.get("z")!;
  const [rows = 0] = z.shape;
  if (rows < 1 || rows > MOST_ROWS) {
    throw invalidFile(`${at}: "z" is ${showShape(z.shape)}, expected 1 to ${MOST_ROWS} rows`);
  }
  const points = pointsOf(decoder, rows, (name) => sizeOf(tensors.get(`fixed.${name}`)!.shape));
  const { latentSize, outputSize, fixedInputs } = bound(decoder, points);
  const indices = readIndices(at, tensors.get("indices"), outputSize);
  return {
    rows,
    points,
    z: readTensor(at, "z", z, [rows, latentSize]),
    fixed: new Map(
      fixedInputs.map(({ name, shape, classes }) => {
        const tensor = tensors.get(`fixed.${name}`)!;
        // Classes may be [rows] or [rows, 1].
        const isSame = tensor.shape[0] === rows && sizeOf(tensor.shape) === rows * sizeOf(shape);
        const values = readTensor(at, `fixed.${name}`, tensor, isSame ? tensor.shape : [rows, ...shape]);
        const wrong = wrongClass(values, classes);
        if (wrong === undefined) return [name, values];
        throw invalidFile(
          `${at}: "fixed.${name}" has the class ${wrong}, expected integers from 0 to ${classes! - 1}`,
        );
      }),
    ),
    indices,
    x: readTensor(at, "x", tensors.get("x")!, [rows, indices?.length ?? outputSize]),
  };
}

/** Finds the number of points of a probe by the size of an input of points; undefined if the decoder has none. */
function pointsOf({ fixedInputs }: Probed, rows: number, size: (name: string) => number): number | undefined {
  const input = fixedInputs.find(({ hasPoints }) => hasPoints);
  if (!input) return undefined;
  // A size that is no multiple is refused by the check of its length.
  return Math.min(Math.max(1, Math.floor(size(input.name) / rows / sizeOf(input.shape))), MOST_POINTS);
}

/** Finds a value that is no class number. */
function wrongClass(values: Float32Array, classes: number | undefined): number | undefined {
  if (classes === undefined) return undefined;
  return values.find((value) => !(Number.isInteger(value) && value >= 0 && value < classes));
}

function bound(decoder: Probed, points: number | undefined): Probed {
  return points === undefined ? decoder : decoder.atPoints!(points);
}

function readTensor(where: string, name: string, tensor: Tensor, shape: readonly number[]): Float32Array {
  if (tensor.dtype !== "F32" || String(tensor.shape) !== String(shape)) {
    throw invalidFile(
      `${where}: ${show(name)} is ${showShape(tensor.shape)} ${tensor.dtype}, expected ${showShape(shape)} F32`,
    );
  }
  const values = new Float32Array(sizeOf(shape));
  atOnce(readFloats(where, name, tensor, values));
  return values;
}

function readIndices(where: string, tensor: Tensor | undefined, outputSize: number): Int32Array | undefined {
  if (!tensor) return undefined;
  const { dtype, shape, bytes } = tensor;
  const [count = 0] = shape;
  if (dtype !== "I32" || shape.length !== 1 || count < 1 || count > MOST_INDICES) {
    throw invalidFile(
      `${where}: "indices" is ${showShape(shape)} ${dtype}, expected 1 to ${MOST_INDICES} numbers, I32`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: count }, (_, i) => {
    const index = view.getInt32(4 * i, true);
    if (index >= 0 && index < outputSize) return index;
    throw invalidFile(
      `${where}: "indices" has ${index} at ${i}, expected 0 to ${outputSize - 1}, an element of an output`,
    );
  });
}

/**
 * Copies the option `probe`, and checks it as far as possible without the decoder.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function copyProbe(where: string, probe: Probe): Probe {
  checkOptions(`${where}: probe`, probe, { z: true, x: true, fixed: true });
  const { z, x, fixed = {} } = Object(probe) as Probe;
  if (typeof fixed !== "object" || fixed === null || Array.isArray(fixed)) {
    throw invalid(`${where}: probe.fixed is ${show(fixed)}, expected an object with a Float32Array for each`);
  }
  return {
    z: copyValues(where, "probe.z", z),
    x: copyValues(where, "probe.x", x),
    fixed: Object.fromEntries(
      Object.entries(fixed).map(([name, values]) => [
        name,
        copyValues(where, `probe.fixed[${show(name)}]`, values),
      ]),
    ),
  };
}

function copyValues(where: string, name: string, values: unknown): Float32Array {
  if (!isFloat32Array(values)) {
    throw invalid(`${where}: ${name} is ${show(values)}, expected a Float32Array`);
  }
  checkMemory(where, name, values);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return values.slice();
  throw invalid(`${where}: ${name} is ${values[bad]} at index ${bad}, expected finite numbers`);
}

/**
 * Checks the sizes of a probe against the decoder.
 *
 * @throws LatentflowError `invalid_argument` when they are not the decoder's
 */
export function fitProbe(where: string, probe: Probe, decoder: Probed): CheckedProbe {
  const { z, x, fixed = {} } = probe;
  const rows = z.length / decoder.latentSize;
  if (!Number.isInteger(rows) || rows < 1) {
    throw invalid(
      `${where}: probe.z has ${z.length} values, expected a multiple of ${decoder.latentSize} (the decoder's latent size)`,
    );
  }
  const points = pointsOf(decoder, rows, (name) => (Object.hasOwn(fixed, name) ? fixed[name]!.length : 0));
  const { outputSize, fixedInputs } = bound(decoder, points);
  const names = fixedInputs.map(({ name }) => name);
  const surplus = Object.keys(fixed).find((name) => !names.includes(name));
  if (surplus !== undefined) {
    const which = names.length === 0 ? "none" : names.map(show).join(", ");
    throw invalid(
      `${where}: probe.fixed has ${show(surplus)}, which the decoder has not; its fixed inputs: ${which}`,
    );
  }
  for (const input of fixedInputs) {
    const values = Object.hasOwn(fixed, input.name) ? fixed[input.name] : undefined;
    const wrong = values && wrongClass(values, input.classes);
    if (wrong !== undefined) {
      const expected = `integers from 0 to ${input.classes! - 1}`;
      throw invalid(
        `${where}: probe.fixed[${show(input.name)}] has the class ${wrong}, expected ${expected}`,
      );
    }
    if (values?.length === rows * sizeOf(input.shape)) continue;
    throw invalid(
      `${where}: probe.fixed[${show(input.name)}] ${values ? `has ${values.length} values` : "is missing"}, ` +
        `expected ${showShape(input.shape)} for each of ${rows} rows`,
    );
  }
  if (x.length !== rows * outputSize) {
    throw invalid(
      `${where}: probe.x has ${x.length} values, expected ${rows * outputSize}: ${outputSize} (the decoder's output ` +
        `size) for each of ${rows} rows`,
    );
  }
  return {
    rows,
    points,
    z,
    x,
    indices: undefined,
    fixed: new Map(names.map((name) => [name, fixed[name]!])),
  };
}

/** Draws inputs of a probe from a standard normal distribution, always the same. */
export function probeInputs(decoder: Probed): {
  readonly points: number | undefined;
  readonly z: Float32Array;
  readonly fixed: Readonly<Record<string, Float32Array>>;
} {
  const points = decoder.atPoints && PROBE_POINTS;
  const { latentSize, fixedInputs } = bound(decoder, points);
  const random = createRandom(0);
  // Box-Muller transform; 1 - u is never 0.
  const normal = () => Math.sqrt(-2 * logarithm(1 - random.uniform())) * cosineOfPi(2 * random.uniform());
  const z = Float32Array.from({ length: ROWS * latentSize }, normal);
  const fixed = fixedInputs.map(({ name, shape, classes }) => {
    const draw = () => (classes === undefined ? normal() : random.below(classes));
    return [name, Float32Array.from({ length: ROWS * sizeOf(shape) }, draw)];
  });
  return { points, z, fixed: Object.fromEntries(fixed) };
}

/**
 * Formats a probe as metadata. Outputs of more than 4,096 elements are sampled at 4,096 places spread over them; rows that
 * do not fit into a file's header are left out. Undefined if fewer than two rows fit.
 *
 * @returns undefined where there is no room for two rows, without which nothing would be proved
 * @throws LatentflowError `invalid_argument` when the probe is none of the decoder's
 */
export function writeProbe(where: string, probe: Probe, decoder: Probed): string | undefined {
  const { rows: given, points, z, x, fixed } = fitProbe(where, copyProbe(where, probe), decoder);
  const width = x.length / given;
  const indices = width > MOST_INDICES ? spread(width) : undefined;
  const perRow = [z, ...fixed.values()].reduce((sum, { length }) => sum + length / given, 0);
  const rowBytes = 4 * (perRow + (indices?.length ?? width));
  const room = MOST_BYTES - 4 * (indices?.length ?? 0);
  const rows = Math.min(given, MOST_ROWS, Math.floor(room / rowBytes));
  if (rows < 2) return undefined;
  const first = (values: Float32Array) => values.subarray(0, (values.length / given) * rows);
  const shapes = new Map(bound(decoder, points).fixedInputs.map(({ name, shape }) => [name, shape]));
  const tensors = [
    { name: "z", shape: [rows, decoder.latentSize], values: first(z) },
    ...[...fixed].map(([name, values]) => ({
      name: `fixed.${name}`,
      shape: [rows, ...shapes.get(name)!],
      values: first(values),
    })),
    ...(indices ? [{ name: "indices", shape: [indices.length], values: indices }] : []),
    {
      name: "x",
      shape: [rows, indices?.length ?? width],
      values: indices ? pick(first(x), rows, indices) : first(x),
    },
  ];
  return toBase64(writeSafetensors(tensors, new Map([["format", FORMAT]])));
}

/** Draws an element from each of equal parts of an output, so that the places follow no pattern of its axes. */
function spread(width: number): Int32Array {
  const random = createRandom(1);
  const drawn = Array.from({ length: MOST_INDICES }, (_, i) =>
    Math.floor(((i + random.uniform()) * width) / MOST_INDICES),
  );
  return Int32Array.from(new Set(drawn));
}

/** Picks elements of each row. */
export function pick(rowsOfAll: Float32Array, rows: number, indices: Int32Array): Float32Array {
  const width = rowsOfAll.length / rows;
  const picked = new Float32Array(rows * indices.length);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < indices.length; i++) {
      picked[row * indices.length + i] = rowsOfAll[row * width + indices[i]!]!;
    }
  }
  return picked;
}

function fromBase64(where: string, text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw invalidFile(`${where} is no base64`);
  }
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  // The number of arguments of a call is limited.
  for (let start = 0; start < bytes.length; start += 2 ** 13) {
    text += String.fromCharCode(...bytes.subarray(start, start + 2 ** 13));
  }
  return btoa(text);
}
