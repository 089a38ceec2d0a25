import { calling } from "../base/calling.ts";
import { checkChoice, checkNumber, checkOptions, orDefault } from "../base/check.ts";
import { refused } from "../base/refuse.ts";
import { averagePool, resize, slice } from "../graph/index.ts";
import type { Extension, Signal } from "./extension.ts";
import { type Operator, operator } from "./operator.ts";

/** Filters of `downsample`, by which a pixel of the smaller picture is made. */
export type DownsampleFilter = "box" | "bilinear" | "bicubic" | "none";

/** Options of `downsample`. */
export interface DownsampleOptions {
  /** Number of pixels along each axis that become one, an integer ≥ 1 that divides height and width. */
  readonly factor: number;
  /**
   * Filter: `"box"`, the mean of factor × factor pixels (the default); `"bilinear"` or `"bicubic"`, those of Pillow, widened by the
   * factor; `"none"`, every factor-th pixel, as behind a blur of one's own.
   */
  readonly filter?: DownsampleFilter | undefined;
}

/** For each filter, the operations that make the smaller picture. */
const FILTERS: {
  readonly [Each in DownsampleFilter]: (into: Extension, pixels: Signal, factor: number) => Signal;
} = {
  box: (into, pixels, factor) => into.add(averagePool({ kernel: factor, stride: factor }), [pixels]),
  bilinear: resized("linear"),
  bicubic: resized("cubic"),
  none: (into, pixels, factor) => {
    const rows = into.add(slice({ axis: 0, start: 0, step: factor }), [pixels]);
    return into.add(slice({ axis: 1, start: 0, step: factor }), [rows]);
  },
};

function resized(mode: "linear" | "cubic"): (typeof FILTERS)["box"] {
  return (into, pixels, factor) => {
    const size = pixels.shape.slice(0, 2).map((length) => length / factor);
    const cubic = mode === "cubic" ? { cubicCoefficient: -0.5 } : {};
    const settings = { size, mode, antialias: true, excludeOutside: true, ...cubic };
    return into.add(resize(settings), [pixels]);
  };
}

/**
 * Makes the operator that makes a picture smaller by a whole factor.
 *
 * @throws LatentflowError `invalid_argument` on a wrong factor or filter; in `measure`, if the factor does not divide the picture
 * @example
 * const measured = measure(decoder, downsample({ factor: 4 })); // 28 × 28 becomes 7 × 7
 */
export function downsample(options: DownsampleOptions): Operator {
  return calling("downsample", () => {
    checkOptions(options, { factor: true, filter: true });
    const factor = checkNumber("factor", options?.factor, { min: 1, integer: true });
    const filters = Object.keys(FILTERS) as DownsampleFilter[];
    const filter = checkChoice("filter", orDefault(options.filter, "box"), filters);
    return operator("downsample", (into, signal) => {
      const pixels = into.pixelsOf(signal);
      const [height, width] = pixels.shape;
      if (height! % factor !== 0 || width! % factor !== 0) {
        const expected = `a divisor of ${height} and ${width}, the picture's height and width`;
        throw refused(
          "factor",
          "is",
          `${factor}`,
          expected,
          "; crop({ … }) before it leaves out what is too much",
        );
      }
      return FILTERS[filter](into, pixels, factor);
    });
  });
}
