import { calling } from "../base/calling.ts";
import { checkNumber, checkOptions } from "../base/check.ts";
import { cosineOfPi } from "../base/elementary-functions.ts";
import { reshape, sparse as sparseLayer } from "../graph/index.ts";
import { checkFloats } from "./floats.ts";
import { type Operator, operator } from "./operator.ts";

/** Options of `projections`. */
export interface ProjectionsOptions {
  /** Angles of the projections in degrees; 0 adds up columns, 90 rows. At least one. */
  readonly angles: ArrayLike<number>;
  /** Number of bins of each projection, one pixel apart and centred. Default: the picture's width, or its height if larger. */
  readonly bins?: number | undefined;
}

/**
 * Makes the operator of parallel projections of a picture, as in tomography (the Radon transform): for each angle and bin the sum
 * of the picture along a line, in steps of one pixel and interpolated bilinearly. A sample of shape [height, width] becomes
 * [angles, bins], each channel by itself. Computed as a sparse matrix.
 *
 * @throws LatentflowError `invalid_argument`; in `measure`, if there are more than 2²² entries of the matrix
 * @example
 * const measured = measure(decoder, projections({ angles: [0, 45, 90, 135] }));
 */
export function projections(options: ProjectionsOptions): Operator {
  return calling("projections", () => {
    checkOptions(options, { angles: true, bins: true });
    const angles = Array.from(checkFloats("angles", options?.angles));
    if (options.bins !== undefined) checkNumber("bins", options.bins, { min: 1, integer: true });
    return operator("projections", (into, signal) => {
      const pixels = into.pixelsOf(signal);
      const [height, width, channels] = pixels.shape as readonly [number, number, number];
      const bins = options.bins ?? Math.max(height, width);
      const entries = radonEntries([height, width, channels], angles, bins);
      const flat = into.add(reshape([height * width * channels]), [pixels]);
      const shape = [angles.length, bins, channels];
      const sums = into.add(sparseLayer({ outputs: angles.length * bins * channels, ...entries }), [flat]);
      return { ...into.add(reshape(shape), [sums]), hasPixels: true };
    });
  });
}

/** Returns the entries of the matrix of projections of a picture, [height, width, channels], to [angles, bins, channels]. */
function radonEntries(
  [height, width, channels]: readonly [number, number, number],
  angles: readonly number[],
  bins: number,
) {
  const [rows, columns, values]: [number[], number[], number[]] = [[], [], []];
  const [centreY, centreX] = [(height - 1) / 2, (width - 1) / 2];
  const steps = Math.ceil(Math.sqrt(height * height + width * width)) + 3;
  angles.forEach((angle, a) => {
    const [cos, sin] = [cosineOf(angle), cosineOf(angle - 90)];
    for (let bin = 0; bin < bins; bin++) {
      const across = bin - (bins - 1) / 2;
      const sums = new Map<number, number>();
      for (let step = 0; step < steps; step++) {
        // From the centre of the picture, so that a line that is an axis meets the centres of pixels.
        const along = step - (steps - 1) / 2 + (steps % 2 === height % 2 ? 0 : 0.5);
        const [x, y] = [centreX + across * cos - along * sin, centreY + across * sin + along * cos];
        const [left, top] = [Math.floor(x), Math.floor(y)];
        for (const [column, row, weight] of [
          [left, top, (left + 1 - x) * (top + 1 - y)],
          [left + 1, top, (x - left) * (top + 1 - y)],
          [left, top + 1, (left + 1 - x) * (y - top)],
          [left + 1, top + 1, (x - left) * (y - top)],
        ] as const) {
          if (column < 0 || row < 0 || column >= width || row >= height || weight < 1e-9) continue;
          const at = row * width + column;
          sums.set(at, (sums.get(at) ?? 0) + weight);
        }
      }
      for (const [at, weight] of sums) {
        for (let channel = 0; channel < channels; channel++) {
          rows.push((a * bins + bin) * channels + channel);
          columns.push(at * channels + channel);
          values.push(weight);
        }
      }
    }
  });
  return { rows, columns, values };
}

/** Returns the cosine of an angle in degrees. */
function cosineOf(degrees: number): number {
  return cosineOfPi((((degrees % 360) + 360) % 360) / 180);
}
