import type { Pausable } from "../base/event-loop.ts";
import { allocate } from "../files/limits.ts";
import type { Fit } from "./picture.ts";

// Scales pictures, along each axis by a triangle filter, which is as wide as a source pixel if pictures grow, and as a
// target pixel if they shrink, so that no source pixel is left out.

/** Size of a picture in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Interval on an axis of the source picture, and the interval of the target's axis that it is drawn on. */
interface Span {
  /** Start and length of the interval on the source's axis, in pixels; may be fractional. */
  readonly from: readonly [start: number, length: number];
  /** First pixel and number of pixels of the interval on the target's axis. */
  readonly to: readonly [start: number, length: number];
}

/**
 * Returns, for each axis of a picture that is scaled, the interval of the source and the interval of the target that it is
 * drawn on.
 */
function spansOf(source: Size, target: Size, fit: Fit): { readonly across: Span; readonly down: Span } {
  const ratios = [target.width / source.width, target.height / source.height] as const;
  const zoom = fit === "contain" ? Math.min(...ratios) : Math.max(...ratios);
  const span = (from: number, to: number): Span => {
    if (fit === "stretch") return { from: [0, from], to: [0, to] };
    const drawn = Math.min(to, Math.max(1, Math.round(from * zoom)));
    const length = fit === "cover" ? Math.min(from, to / zoom) : from;
    return { from: [(from - length) / 2, length], to: [Math.floor((to - drawn) / 2), drawn] };
  };
  return { across: span(source.width, target.width), down: span(source.height, target.height) };
}

/** Rectangle in a picture, in pixels. */
export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** Returns the rectangle of the target that a scaled picture covers: all of it except the padding of `"contain"`. */
export function drawnBox(source: Size, target: Size, fit: Fit): Box {
  const { across, down } = spansOf(source, target, fit);
  const [[left, width], [top, height]] = [across.to, down.to];
  return { left, top, width, height };
}

/**
 * Scales one channel of a picture.
 *
 * @param plane values of the channel, [height, width] of `source`
 * @param padding value of the pixels around the picture with `"contain"`
 * @returns [height, width] of `target`
 */
export function* resample(
  plane: Float32Array | Float64Array,
  source: Size,
  target: Size,
  fit: Fit,
  padding: number,
): Pausable<Float32Array> {
  const { across, down } = spansOf(source, target, fit);
  const [left, width] = across.to;
  const narrow = allocate(Float32Array, source.height * width);
  for (let row = 0; row < source.height; row++) {
    drawLine(plane, [row * source.width, 1, source.width], narrow, [row * width, 1], {
      ...across,
      to: [0, width],
    });
    yield;
  }
  const drawn = allocate(Float32Array, target.height * target.width).fill(padding);
  for (let column = 0; column < width; column++) {
    drawLine(narrow, [column, width, source.height], drawn, [left + column, target.width], down);
    yield;
  }
  return drawn;
}

/**
 * Scales one row or column. The tuples locate it in `values` and `target`: index of its first pixel and step to the next pixel;
 * for `values` also the number of pixels.
 */
function drawLine(
  values: Float32Array | Float64Array,
  [first, step, count]: readonly [first: number, step: number, count: number],
  target: Float32Array,
  [targetFirst, targetStep]: readonly [first: number, step: number],
  { from: [start, length], to: [place, drawn] }: Span,
): void {
  const ratio = length / drawn;
  const reach = Math.max(1, ratio);
  for (let i = 0; i < drawn; i++) {
    const centre = start + (i + 0.5) * ratio - 0.5;
    let [sum, total] = [0, 0];
    const last = Math.min(count - 1, Math.floor(centre + reach));
    for (let j = Math.max(0, Math.ceil(centre - reach)); j <= last; j++) {
      // By rounding, the last weight could be negative, and so could the sum.
      const weight = Math.max(0, 1 - Math.abs(j - centre) / reach);
      sum += weight * values[first + j * step]!;
      total += weight;
    }
    target[targetFirst + (place + i) * targetStep] = sum / total;
  }
}
