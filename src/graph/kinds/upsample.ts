import { checkChoice, checkFlag, orDefault } from "../../base/check.ts";
import { objection } from "../../base/refuse.ts";
import type { Reader } from "../kind.ts";
import { type AxisMap, changed, picked } from "../linear-map.ts";
import { pixelKind } from "../map-kind.ts";
import { type Filled, type PerAxis, perAxis, pixelAxes } from "../settings.ts";

/** Interpolation of an upsampling: each pixel is repeated, or pixels are interpolated between neighbours. */
export type UpsampleMode = "nearest" | "bilinear";

/** Settings of an enlargement of a picture by whole factors, PyTorch's `Upsample`. */
export interface UpsampleSettings {
  /** Whole factor by which each axis before the channels is enlarged. */
  readonly scale: PerAxis;
  /** Interpolation between pixels. Default "nearest". */
  readonly mode?: UpsampleMode;
  /**
   * True to align the centres of the outermost pixels of input and output; false, the default, to align their outer borders,
   * as PyTorch's `align_corners`; for "bilinear".
   */
  readonly alignCorners?: boolean;
}

/** Settings of an enlargement of a picture by whole factors, with defaults filled in. */
export type UpsampleFields = Filled<UpsampleSettings>;

/** For each mode, the function that enlarges an axis to `length` positions. */
const MODES: {
  readonly [Mode in UpsampleMode]: (axis: AxisMap, length: number, fields: UpsampleFields) => AxisMap;
} = {
  nearest(axis, length) {
    const scale = length / axis.length;
    return picked(axis, length, (at) => Math.floor(at / scale));
  },
  bilinear: (axis, length, { alignCorners }) => between(axis, length, alignCorners),
};

/** Kind of operation: a picture enlarged by whole factors. */
export const upsample = /* @__PURE__ */ pixelKind<UpsampleFields>({
  label: ({ scale, mode }) => `upsample ${scale.join("×")} ${mode}`,
  along: (operation, axis, i) => MODES[operation.mode](axis, operation.shape[i]!, operation),
});

/** Names of all upsampling modes. */
const UPSAMPLE_MODES = /* @__PURE__ */ Object.keys(MODES) as UpsampleMode[];

/**
 * Reader of enlargements of `[height, width, channels]` or `[width, channels]` by whole factors; `alignCorners` is for the mode
 * "bilinear" only.
 */
export const upsampleReader: Reader<UpsampleSettings, UpsampleFields> = {
  settings: { scale: true, mode: true, alignCorners: true },
  reads: 1,
  read(settings, [input]) {
    const axes = pixelAxes(input!);
    const scale = perAxis("scale", settings.scale, 1, axes);
    const mode = checkChoice("mode", orDefault(settings.mode, "nearest"), UPSAMPLE_MODES);
    const alignCorners = checkFlag("alignCorners", orDefault(settings.alignCorners, false));
    if (alignCorners && mode === "nearest") {
      throw objection("alignCorners", 'is for the mode "bilinear"');
    }
    const shape = input!.map((length, i) => length * (scale[i] ?? 1));
    return { scale, mode, alignCorners, shape };
  },
};

/** Returns an axis of `length` positions, each interpolated linearly between two positions of the input's axis. */
function between(axis: AxisMap, length: number, alignCorners: boolean): AxisMap {
  const last = axis.length - 1;
  const terms = (position: number) => {
    const place = alignCorners
      ? (position * last) / Math.max(length - 1, 1)
      : ((position + 0.5) * axis.length) / length - 0.5;
    const at = Math.min(Math.max(place, 0), last);
    const below = Math.min(Math.floor(at), last);
    const share = at - below;
    return share === 0
      ? [{ position: below, weight: 1 }]
      : [
          { position: below, weight: 1 - share },
          { position: below + 1, weight: share },
        ];
  };
  return changed(axis, length, terms, length + positionsBetween(axis.length, length, alignCorners));
}

/**
 * Returns the number of output positions that lie between two positions of the input's axis. The input has `from` positions,
 * the output `to`, a multiple of `from`. An upper bound if `alignCorners`.
 */
function positionsBetween(from: number, to: number, alignCorners: boolean): number {
  if (from === 1 || from === to) return 0;
  if (alignCorners) return to - 2;
  const scale = to / from;
  // Half the scale, rounded down, lies before the first position, and as many behind the last one. An odd scale meets each
  // position.
  return to - 2 * Math.floor(scale / 2) - (scale % 2) * from;
}
