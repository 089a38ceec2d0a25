import { checkChoice, checkFlag, invalid, orDefault } from "../../base/check.ts";
import type { Reader } from "../kind.ts";
import { type AxisMap, changed, identityAxes } from "../linear-map.ts";
import { mapKind } from "../map-kind.ts";
import { type PerAxis, perAxis, pixelAxes } from "../settings.ts";

export interface UpsampleSettings {
  /** How many times as long each axis before the channels becomes. */
  readonly scale: PerAxis;
  /** Default "nearest". */
  readonly mode?: "nearest" | "bilinear";
  /** Do the outermost pixels stay where they are? Else pixels have an extent. For "bilinear"; default false. */
  readonly alignCorners?: boolean;
}

export interface UpsampleFields {
  readonly scale: readonly number[];
  readonly mode: "nearest" | "bilinear";
  readonly alignCorners: boolean;
}

/** More pixels: each several times, or between their neighbours. */
export const upsample = /* @__PURE__ */ mapKind<UpsampleFields>({
  label: ({ scale, mode }) => `upsample ${scale.join("×")} ${mode}`,
  axes({ scale, mode, alignCorners, shape }, [input]) {
    return identityAxes(input!).map((axis, i) => {
      if (i === input!.length - 1) return axis;
      if (mode === "nearest") {
        const terms = (at: number) => [{ position: Math.floor(at / scale[i]!), weight: 1 }];
        return changed(axis, shape[i]!, terms, shape[i]!);
      }
      return between(axis, shape[i]!, alignCorners);
    });
  },
});

export const upsampleReader: Reader<UpsampleSettings, UpsampleFields> = {
  settings: { scale: true, mode: true, alignCorners: true },
  reads: 1,
  read(where, settings, [input]) {
    const axes = pixelAxes(where, input!);
    const scale = perAxis(where, "scale", settings.scale, 1, axes);
    const mode = checkChoice(where, "mode", orDefault(settings.mode, "nearest"), ["nearest", "bilinear"]);
    const alignCorners = checkFlag(where, "alignCorners", orDefault(settings.alignCorners, false));
    if (alignCorners && mode === "nearest") {
      throw invalid(`${where}: alignCorners is for the mode "bilinear"`);
    }
    const shape = input!.map((length, i) => length * (scale[i] ?? 1));
    return { scale, mode, alignCorners, shape };
  },
};

/** Each position of an axis between two of the input's, by where it lies. */
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
