import { checkChoice, checkFlag, orDefault } from "../../base/check.ts";
import { invalid } from "../../base/refuse.ts";
import type { Reader } from "../kind.ts";
import { type AxisMap, changed, picked } from "../linear-map.ts";
import { pixelKind } from "../map-kind.ts";
import { type Filled, type PerAxis, perAxis, pixelAxes } from "../settings.ts";

/** Each pixel several times, or pixels between their neighbours. */
export type UpsampleMode = "nearest" | "bilinear";

export interface UpsampleSettings {
  /** Factor of each axis before the channels. */
  readonly scale: PerAxis;
  /** Default "nearest". */
  readonly mode?: UpsampleMode;
  /** Keep the outermost pixels in place? Else pixels have an extent. For "bilinear"; default false. */
  readonly alignCorners?: boolean;
}

export type UpsampleFields = Filled<UpsampleSettings>;

/** Ways to make more pixels of an axis. */
const MODES: {
  readonly [Mode in UpsampleMode]: (axis: AxisMap, length: number, fields: UpsampleFields) => AxisMap;
} = {
  nearest(axis, length) {
    const scale = length / axis.length;
    return picked(axis, length, (at) => Math.floor(at / scale));
  },
  bilinear: (axis, length, { alignCorners }) => between(axis, length, alignCorners),
};

/** More pixels: each several times, or between their neighbours. */
export const upsample = /* @__PURE__ */ pixelKind<UpsampleFields>({
  label: ({ scale, mode }) => `upsample ${scale.join("×")} ${mode}`,
  along: (operation, axis, i) => MODES[operation.mode](axis, operation.shape[i]!, operation),
});

/** Names of all modes. */
const UPSAMPLE_MODES = /* @__PURE__ */ Object.keys(MODES) as UpsampleMode[];

export const upsampleReader: Reader<UpsampleSettings, UpsampleFields> = {
  settings: { scale: true, mode: true, alignCorners: true },
  reads: 1,
  read(where, settings, [input]) {
    const axes = pixelAxes(where, input!);
    const scale = perAxis(where, "scale", settings.scale, 1, axes);
    const mode = checkChoice(where, "mode", orDefault(settings.mode, "nearest"), UPSAMPLE_MODES);
    const alignCorners = checkFlag(where, "alignCorners", orDefault(settings.alignCorners, false));
    if (alignCorners && mode === "nearest") {
      throw invalid(`${where}: alignCorners is for the mode "bilinear"`);
    }
    const shape = input!.map((length, i) => length * (scale[i] ?? 1));
    return { scale, mode, alignCorners, shape };
  },
};

/** Interpolates each position of an axis between two of the input's. */
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

/** Number of `to` positions between two of the `from` positions; `to` is a multiple of `from`. Upper bound with alignCorners. */
function positionsBetween(from: number, to: number, alignCorners: boolean): number {
  if (from === 1 || from === to) return 0;
  if (alignCorners) return to - 2;
  const scale = to / from;
  // As many as half the scale lie before the first position, and behind the last one. An odd scale meets each position.
  return to - 2 * Math.floor(scale / 2) - (scale % 2) * from;
}
