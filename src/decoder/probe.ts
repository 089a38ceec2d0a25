import { within } from "../base/calling.ts";
import { checkOptions } from "../base/check.ts";
import { cosineOfPi, logarithm } from "../base/elementary-functions.ts";
import { gotten, wanted, words } from "../base/message.ts";
import { createRandom } from "../base/random.ts";
import { checkMemory, isFloat32Array } from "../base/realms.ts";
import { objection, refused } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import type { FixedInput } from "../graph/graph.ts";
import { sizeOf } from "../graph/operations.ts";

// A probe is a few latents and the decoder's outputs for them. Names and shapes cannot distinguish a stack of layers from
// residual blocks, or a square matrix from its transpose, or reveal a missing sigmoid; numbers can.

/** A few latents and the outputs that the right decoder computes for them. */
export interface Probe {
  /** Latents, [rows, latentSize]. */
  readonly z: Float32Array;
  /** Outputs of the decoder, [rows, outputSize], in the order of `decode`. */
  readonly x: Float32Array;
  /** Values of each fixed input by name, [rows, its size]. Default: none. */
  readonly fixed?: Readonly<Record<string, Float32Array>>;
}

/** A probe (a few latents with their outputs, by which a reader checks the decoder), with validated sizes. */
export interface CheckedProbe {
  /** Number of latents in the probe. */
  readonly rows: number;
  /** Number of points that each row is evaluated at; undefined unless the decoder maps z and a point's coordinates to a value. */
  readonly points: number | undefined;
  /** Latents of the probe, [rows, latentSize]. */
  readonly z: Float32Array;
  /** Values of each fixed input for the latents, by name: `rows` samples, one after the other. */
  readonly fixed: ReadonlyMap<string, Float32Array>;
  /** Positions, within an output, of the elements that `x` holds; undefined if it holds all elements. */
  readonly indices: Int32Array | undefined;
  /** Outputs that the decoder has to have, [rows, indices.length]; [rows, outputSize] without `indices`. */
  readonly x: Float32Array;
}

/** Sizes of a decoder, which its probe must fit. */
export interface Probed {
  readonly latentSize: number;
  readonly outputSize: number;
  readonly fixedInputs: readonly FixedInput[];
  /**
   * Returns the sizes for a number of points (coordinates at which the decoder is evaluated); undefined for a decoder without
   * points.
   */
  readonly atPoints?: (points: number) => Probed;
}

/** Number of rows of a probe that this package makes. A single row could not distinguish a decoder from a constant. */
const ROWS = 4;
const MOST_POINTS = 2 ** 20;
/** Number of points per row of a probe that this package makes. */
const PROBE_POINTS = 5;
/**
 * Returns the number of points per row of a probe, from the number of values of an input with points; undefined if the decoder
 * has no such input.
 */
export function pointsOf(
  { fixedInputs }: Probed,
  rows: number,
  size: (name: string) => number,
): number | undefined {
  const input = fixedInputs.find(({ hasPoints }) => hasPoints);
  if (!input) return undefined;
  // A size that is not a multiple is refused when lengths are checked.
  return Math.min(Math.max(1, Math.floor(size(input.name) / rows / sizeOf(input.shape))), MOST_POINTS);
}

/** Returns the first value that is not a class index; undefined if all are, or the input has no classes. */
export function wrongClass(values: Float32Array, classes: number | undefined): number | undefined {
  if (classes === undefined) return undefined;
  return values.find((value) => !(Number.isInteger(value) && value >= 0 && value < classes));
}

/** Returns the sizes of a decoder for `points` points per sample; the decoder's own if `points` is undefined. */
export function bound(decoder: Probed, points: number | undefined): Probed {
  return points === undefined ? decoder : decoder.atPoints!(points);
}

/**
 * Copies the option `probe`, and validates it as far as possible without the decoder.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function copyProbe(probe: Probe): Probe {
  within("probe", () => checkOptions(probe, { z: true, x: true, fixed: true }));
  const { z, x, fixed = {} } = Object(probe) as Probe;
  if (typeof fixed !== "object" || fixed === null || Array.isArray(fixed)) {
    throw refused("probe.fixed", "is", show(fixed), "an object with a Float32Array for each");
  }
  return {
    z: copyValues("probe.z", z),
    x: copyValues("probe.x", x),
    fixed: Object.fromEntries(
      Object.entries(fixed).map(([name, values]) => [name, copyValues(`probe.fixed[${show(name)}]`, values)]),
    ),
  };
}

function copyValues(name: string, values: unknown): Float32Array {
  if (!isFloat32Array(values)) {
    throw refused(name, "is", show(values), "a Float32Array");
  }
  checkMemory(name, values);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return values.slice();
  throw refused(name, "is", `${values[bad]} at index ${bad}`, "finite numbers");
}

/**
 * Checks that the sizes of a probe fit a decoder.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function fitProbe(probe: Probe, decoder: Probed): CheckedProbe {
  const { z, x, fixed = {} } = probe;
  const rows = z.length / decoder.latentSize;
  if (!Number.isInteger(rows) || rows < 1) {
    const expected = `a multiple of ${decoder.latentSize} (the decoder's latent size)`;
    throw refused("probe.z", "has", `${z.length} values`, expected);
  }
  const points = pointsOf(decoder, rows, (name) => (Object.hasOwn(fixed, name) ? fixed[name]!.length : 0));
  const { outputSize, fixedInputs } = bound(decoder, points);
  const names = fixedInputs.map(({ name }) => name);
  const surplus = Object.keys(fixed).find((name) => !names.includes(name));
  if (surplus !== undefined) {
    const which = names.length === 0 ? "none" : names.map(show).join(", ");
    const has = words`has ${gotten(show(surplus))}, which the decoder has not`;
    throw objection("probe.fixed", words`${has}; its fixed inputs: ${wanted(which)}`);
  }
  for (const input of fixedInputs) {
    const values = Object.hasOwn(fixed, input.name) ? fixed[input.name] : undefined;
    const wrong = values && wrongClass(values, input.classes);
    const name = `probe.fixed[${show(input.name)}]`;
    if (wrong !== undefined) {
      const expected = `integers from 0 to ${input.classes! - 1}`;
      throw refused(name, "has", `the class ${wrong}`, expected);
    }
    if (values?.length === rows * sizeOf(input.shape)) continue;
    const [verb, got] = values ? ["has", `${values.length} values`] : ["is", "missing"];
    throw refused(name, verb!, got!, `${showShape(input.shape)} for each of ${rows} rows`);
  }
  if (x.length !== rows * outputSize) {
    const expected = `${rows * outputSize}: ${outputSize} (the decoder's output size) for each of ${rows} rows`;
    throw refused("probe.x", "has", `${x.length} values`, expected);
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

/** Draws the inputs of a probe: standard normal numbers and uniform class indices, always the same ones. */
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

/** Selects the elements at `indices` from each row. */
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
