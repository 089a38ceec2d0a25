import { about } from "../base/calling.ts";
import { atOnce } from "../base/event-loop.ts";
import { createRandom } from "../base/random.ts";
import { invalidFile } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import { type Metadata, readSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { readFloats, type Tensor } from "../files/tensor.ts";
import { sizeOf } from "../graph/operations.ts";
import {
  bound,
  type CheckedProbe,
  copyProbe,
  fitProbe,
  type Probe,
  type Probed,
  pick,
  pointsOf,
  wrongClass,
} from "./probe.ts";

// A probe (a few latents with their outputs) in a file: the metadata entry `latentflow.probe`, which contains, as base64,
// the bytes of a safetensors file with the metadata {"format": "1"} and the tensors
//
//   z            F32 [rows, latentSize]
//   fixed.NAME   F32 [rows, …], for each fixed input
//   indices      I32 [k], k ≤ 4,096: indices into an output in the order of `decode`; if missing, `x` has all elements
//   x            F32 [rows, k]: these elements of the outputs

/** Metadata key of the probe (a few latents with their outputs, by which a reader checks the decoder). */
export const PROBE = "latentflow.probe";

const FORMAT = "1";
/** Maximum number of rows read from a file's probe; each costs a pass through the decoder. */
const MOST_ROWS = 64;
const MOST_INDICES = 4096;
/**
 * Maximum number of bytes of a probe, so that its base64, 4/3 as long, fits into the header of a file, of at most 2^20
 * bytes.
 */
const MOST_BYTES = 2 ** 19;

/**
 * Reads the probe in a file's metadata; undefined if there is none.
 *
 * @throws LatentflowError `invalid_file` if the probe is malformed, or its sizes do not fit the decoder
 */
export function readProbe(metadata: Metadata, decoder: Probed): CheckedProbe | undefined {
  const text = metadata.get(PROBE);
  if (text === undefined) return undefined;
  const bytes = fromBase64(text);
  return about(`the file's ${PROBE}`, () => parseProbe(bytes, decoder));
}

function parseProbe(bytes: Uint8Array, decoder: Probed): CheckedProbe {
  const { metadata: own, tensors } = readSafetensors(bytes);
  const format = own.get("format");
  if (format !== FORMAT) {
    throw invalidFile(`its format is ${show(format)}, expected "${FORMAT}"; a newer latentflow may read it`);
  }
  const names = new Set(["z", "x", ...decoder.fixedInputs.map(({ name }) => `fixed.${name}`)]);
  const missing = [...names].find((name) => !tensors.has(name));
  if (missing !== undefined) throw invalidFile(`the tensor ${show(missing)} is missing`);
  const surplus = [...tensors.keys()].find((name) => name !== "indices" && !names.has(name));
  if (surplus !== undefined) throw invalidFile(`the tensor ${show(surplus)} is none of a probe's`);

  const z = tensors.get("z")!;
  const [rows = 0] = z.shape;
  if (rows < 1 || rows > MOST_ROWS) {
    throw invalidFile(`"z" is ${showShape(z.shape)}, expected 1 to ${MOST_ROWS} rows`);
  }
  const points = pointsOf(decoder, rows, (name) => sizeOf(tensors.get(`fixed.${name}`)!.shape));
  const { latentSize, outputSize, fixedInputs } = bound(decoder, points);
  const indices = readIndices(tensors.get("indices"), outputSize);
  return {
    rows,
    points,
    z: readTensor("z", z, [rows, latentSize]),
    fixed: new Map(
      fixedInputs.map(({ name, shape, classes }) => {
        const tensor = tensors.get(`fixed.${name}`)!;
        // Class indices may have the shape [rows] or [rows, 1].
        const isSame = tensor.shape[0] === rows && sizeOf(tensor.shape) === rows * sizeOf(shape);
        const values = readTensor(`fixed.${name}`, tensor, isSame ? tensor.shape : [rows, ...shape]);
        const wrong = wrongClass(values, classes);
        if (wrong === undefined) return [name, values];
        throw invalidFile(
          `"fixed.${name}" has the class ${wrong}, expected integers from 0 to ${classes! - 1}`,
        );
      }),
    ),
    indices,
    x: readTensor("x", tensors.get("x")!, [rows, indices?.length ?? outputSize]),
  };
}

function readTensor(name: string, tensor: Tensor, shape: readonly number[]): Float32Array {
  if (tensor.dtype !== "F32" || String(tensor.shape) !== String(shape)) {
    throw invalidFile(
      `${show(name)} is ${showShape(tensor.shape)} ${tensor.dtype}, expected ${showShape(shape)} F32`,
    );
  }
  const values = new Float32Array(sizeOf(shape));
  atOnce(readFloats(name, tensor, values));
  return values;
}

function readIndices(tensor: Tensor | undefined, outputSize: number): Int32Array | undefined {
  if (!tensor) return undefined;
  const { dtype, shape, bytes } = tensor;
  const [count = 0] = shape;
  if (dtype !== "I32" || shape.length !== 1 || count < 1 || count > MOST_INDICES) {
    throw invalidFile(
      `"indices" is ${showShape(shape)} ${dtype}, expected 1 to ${MOST_INDICES} numbers, I32`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: count }, (_, i) => {
    const index = view.getInt32(4 * i, true);
    if (index >= 0 && index < outputSize) return index;
    throw invalidFile(
      `"indices" has ${index} at ${i}, expected 0 to ${outputSize - 1}, an element of an output`,
    );
  });
}

/**
 * Formats a probe as metadata text. Outputs with more than 4,096 elements are sampled at 4,096 positions; rows that do not fit
 * into a file's header are left out.
 *
 * @returns undefined if fewer than two rows fit, which would not be conclusive
 * @throws LatentflowError `invalid_argument` if the probe does not fit the decoder
 */
export function writeProbe(probe: Probe, decoder: Probed): string | undefined {
  const { rows: given, points, z, x, fixed } = fitProbe(copyProbe(probe), decoder);
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

/**
 * Draws the indices of output elements to store: one at a random place in each of 4,096 equal intervals. At regular
 * distances they might all fall into one channel or column of the output.
 *
 * @param width number of elements of an output
 */
function spread(width: number): Int32Array {
  const random = createRandom(1);
  const drawn = Array.from({ length: MOST_INDICES }, (_, i) =>
    Math.floor(((i + random.uniform()) * width) / MOST_INDICES),
  );
  return Int32Array.from(new Set(drawn));
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw invalidFile(`the file's ${PROBE} is no base64`);
  }
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  // In pieces, since the number of arguments of a call is limited.
  for (let start = 0; start < bytes.length; start += 2 ** 13) {
    text += String.fromCharCode(...bytes.subarray(start, start + 2 ** 13));
  }
  return btoa(text);
}
