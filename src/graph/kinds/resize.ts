import { checkChoice, checkFlag, checkNumber, orDefault } from "../../base/check.ts";
import { subject, type Words } from "../../base/message.ts";
import { objection, refused } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import type { Reader } from "../kind.ts";
import { type AxisMap, changed, picked, type Term } from "../linear-map.ts";
import { pixelKind } from "../map-kind.ts";
import { type Filled, type PerAxis, perAxis, pixelAxes } from "../settings.ts";

// ONNX's Resize: pixels resized by any ratio. Coordinates are computed in float32, operation by operation as in ONNX Runtime,
// since the last bit may decide which of two pixels is nearest.

/** Interpolation between the input's pixels when a picture is resized. */
export type ResizeMode = "nearest" | "linear" | "cubic";

/** Rule that gives an output pixel's coordinate on the input, by ONNX's name for it. */
export type ResizeCoordinates =
  | "half_pixel"
  | "half_pixel_symmetric"
  | "pytorch_half_pixel"
  | "asymmetric"
  | "align_corners"
  | "tf_half_pixel_for_nn";

/** Rounding of a coordinate to the nearest pixel, by ONNX's name for it. */
export type ResizeRounding = "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";

/** Settings of a resize of a picture by any ratio, ONNX's `Resize`. */
export interface ResizeSettings {
  /** Output length of each axis before the channels. */
  readonly size: PerAxis;
  /**
   * Output pixels per input pixel, from which coordinates are computed; must agree with `size`. Default: `size` divided by the
   * input's length.
   */
  readonly scale?: number | readonly number[];
  /** Interpolation between pixels. Default "nearest". */
  readonly mode?: ResizeMode;
  /** Rule that gives an output pixel's coordinate on the input. Default "half_pixel". */
  readonly coordinates?: ResizeCoordinates;
  /** Rounding of a coordinate to a pixel, used by the mode "nearest". Default "round_prefer_floor". */
  readonly rounding?: ResizeRounding;
  /** Parameter a of Keys' cubic filter, -4 to 0, used by the mode "cubic". Default -0.75, as in PyTorch; Pillow uses -0.5. */
  readonly cubicCoefficient?: number;
  /** True to widen the filter by 1 / scale if pixels become fewer, for "linear" and "cubic". Default false. */
  readonly antialias?: boolean;
  /** True to leave out taps beyond the edges, false to repeat the edge pixels; for "cubic" and `antialias`. Default false. */
  readonly excludeOutside?: boolean;
}

/** Settings of a resize with defaults filled in; the scales are float32 numbers. */
export type ResizeFields = Filled<ResizeSettings>;

/** Lengths of an axis before and after a resize, and output pixels per input pixel, a float32 number. */
export interface Ratio {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

const fround = Math.fround;

// Follows the text of the ONNX standard, as ONNX Runtime does. The standard's reference implementation differs in three places:
// it divides "align_corners" by a length that need not be whole, puts "pytorch_half_pixel" of one pixel at -0.5, and finds ties
// of "nearest" in float64.

const halfPixel = (at: number, { scale }: Ratio) => fround(fround((at + 0.5) / scale) - 0.5);

/** For each rule, the coordinate on the input's axis of the output pixel with index `at`. */
const PLACES: { readonly [Each in ResizeCoordinates]: (at: number, ratio: Ratio) => number } = {
  half_pixel: halfPixel,
  half_pixel_symmetric(at, { from, to, scale }) {
    const offset = fround((from / 2) * fround(1 - fround(to / fround(scale * from))));
    return fround(offset + (at + 0.5) / scale - 0.5);
  },
  pytorch_half_pixel: (at, ratio) => (ratio.to > 1 ? halfPixel(at, ratio) : 0),
  asymmetric: (at, { scale }) => fround(at / scale),
  align_corners: (at, { from, to }) => (to === 1 ? 0 : fround(fround(at * (from - 1)) / (to - 1))),
  tf_half_pixel_for_nn: (at, { scale }) => fround((at + 0.5) / scale),
};

const ROUNDINGS: { readonly [Each in ResizeRounding]: (place: number) => number } = {
  round_prefer_floor: (place) => Math.ceil(place - 0.5),
  round_prefer_ceil: (place) => Math.floor(place + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Interpolation filter: weight of a pixel at a distance below `support`, in pixels, before the filter is widened. */
interface Filter {
  readonly support: number;
  weight(distance: number, coefficient: number): number;
}

/** Filter of each interpolation mode; "nearest" has none. */
const FILTERS: { readonly [Each in ResizeMode]: Filter | undefined } = {
  nearest: undefined,
  linear: { support: 1, weight: (x) => 1 - x },
  /** Cubic filter: R. Keys, Cubic convolution interpolation for digital image processing (1981), equation 4 of that article. */
  cubic: {
    support: 2,
    weight: (x, a) =>
      x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a,
  },
};

/** Names of all interpolation modes. */
export const RESIZE_MODES = /* @__PURE__ */ Object.keys(FILTERS) as ResizeMode[];
/** Names of all coordinate rules. */
export const RESIZE_COORDINATES = /* @__PURE__ */ Object.keys(PLACES) as ResizeCoordinates[];
/** Names of all roundings of the nearest pixel. */
export const RESIZE_ROUNDINGS = /* @__PURE__ */ Object.keys(ROUNDINGS) as ResizeRounding[];

/** Returns true if a resize leaves each pixel of an axis where it is. */
export function isUnresized({ from, to, scale }: Ratio, coordinates: ResizeCoordinates): boolean {
  return from === to && scale === 1 && coordinates !== "tf_half_pixel_for_nn";
}

/** Kind of operation: a picture resized by any ratio. */
export const resize = /* @__PURE__ */ pixelKind<ResizeFields>({
  label: ({ size, mode, antialias }) => `resize ${size.join("×")} ${mode}${antialias ? " antialias" : ""}`,
  along(operation, axis, i) {
    const ratio = { from: axis.length, to: operation.size[i]!, scale: operation.scale[i]! };
    return isUnresized(ratio, operation.coordinates) ? axis : resized(axis, ratio, operation);
  },
});

function resized(axis: AxisMap, ratio: Ratio, fields: ResizeFields): AxisMap {
  const { from, to, scale } = ratio;
  const placeOf = PLACES[fields.coordinates];
  const filter = FILTERS[fields.mode];
  if (!filter) {
    const round = ROUNDINGS[fields.rounding];
    return picked(axis, to, (at) => Math.min(Math.max(round(placeOf(at, ratio)), 0), from - 1));
  }
  const width = fields.antialias && scale < 1 ? 1 / scale : 1;
  const most = Math.min(Math.ceil(2 * filter.support * width), from);
  return changed(axis, to, (at) => taps(placeOf(at, ratio), from, width, filter, fields), to * most);
}

/** Returns the input positions under a filter around the coordinate `place`, with weights that add up to 1. */
function taps(
  place: number,
  from: number,
  width: number,
  { support, weight }: Filter,
  { cubicCoefficient, excludeOutside }: ResizeFields,
): Term[] {
  const inside = (position: number) => Math.min(Math.max(position, 0), from - 1);
  const [first, last] = [Math.floor(place - support * width) + 1, Math.ceil(place + support * width) - 1];
  const start = inside(first);
  const weights = new Float64Array(inside(last) - start + 1);
  let total = 0;
  for (let position = first; position <= last; position++) {
    const nearest = inside(position);
    if (excludeOutside && nearest !== position) continue;
    const share = weight(Math.abs(position - place) / width, cubicCoefficient);
    weights[nearest - start]! += share;
    total += share;
  }
  return Array.from(weights, (each, i) => ({ position: start + i, weight: each / total })).filter(
    (term) => term.weight !== 0,
  );
}

/**
 * Reader of resizes of `[height, width, channels]` or `[width, channels]`: the axes before the channels get the lengths `size`.
 * Refuses `antialias` with "nearest", `excludeOutside` without "cubic" or `antialias`, `tf_half_pixel_for_nn` without "nearest",
 * and a scale that contradicts `size`.
 */
export const resizeReader: Reader<ResizeSettings, ResizeFields> = {
  settings: {
    size: true,
    scale: true,
    mode: true,
    coordinates: true,
    rounding: true,
    cubicCoefficient: true,
    antialias: true,
    excludeOutside: true,
  },
  reads: 1,
  read(settings, [input]) {
    const axes = pixelAxes(input!);
    const lengths = input!.slice(0, axes);
    const size = perAxis("size", settings.size, 1, axes);
    const mode = checkChoice("mode", orDefault(settings.mode, "nearest"), RESIZE_MODES);
    const given = orDefault(settings.coordinates, "half_pixel");
    const coordinates = checkChoice("coordinates", given, RESIZE_COORDINATES);
    const rounded = orDefault(settings.rounding, "round_prefer_floor");
    const rounding = checkChoice("rounding", rounded, RESIZE_ROUNDINGS);
    // Beyond these bounds the weights of the taps inside may add up to 0.
    const bounds = { min: -4, max: 0 };
    const coefficient = orDefault(settings.cubicCoefficient, -0.75);
    const antialias = checkFlag("antialias", orDefault(settings.antialias, false));
    const excludeOutside = checkFlag("excludeOutside", orDefault(settings.excludeOutside, false));
    const refuse = (name: Words, modes: string) => {
      throw objection(name, `is for ${modes}, but the mode is "${mode}"`);
    };
    if (coordinates === "tf_half_pixel_for_nn" && mode !== "nearest")
      refuse(subject("coordinates", coordinates), '"nearest"');
    if (antialias && mode === "nearest") refuse("antialias", '"linear" and "cubic"');
    if (excludeOutside && mode !== "cubic" && !antialias) refuse("excludeOutside", '"cubic" and antialias');
    return {
      size,
      scale: scalesOf(settings.scale, lengths, size),
      mode,
      coordinates,
      rounding,
      cubicCoefficient: checkNumber("cubicCoefficient", coefficient, bounds),
      antialias,
      excludeOutside,
      shape: [...size, input![axes]!],
    };
  },
};

/** Returns a scale for each axis. A given scale must make about `size` pixels, since it sets the filters' width. */
function scalesOf(given: unknown, lengths: readonly number[], size: readonly number[]): readonly number[] {
  if (given === undefined) return size.map((to, i) => fround(to / lengths[i]!));
  const list: readonly unknown[] = Array.isArray(given) ? given : lengths.map(() => given);
  if (list.length !== lengths.length) {
    const expected = `a number, or ${lengths.length}, one for each axis`;
    throw refused("scale", "is", show(given), expected);
  }
  return Array.from(list, (value, i) => {
    const name = Array.isArray(given) ? `scale[${i}]` : "scale";
    const scale = fround(checkNumber(name, value, { above: 0 }));
    const pixels = scale * lengths[i]!;
    // `size` may be the number of pixels rounded down, or rounded to the nearest integer.
    if (pixels >= size[i]! - 0.501 && pixels < size[i]! + 1) return scale;
    const got = `${value}, which makes ${pixels} pixels of ${lengths[i]}`;
    throw refused(name, "is", got, `${size[i]} as in size`);
  });
}
