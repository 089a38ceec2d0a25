import { checkChoice, invalid, orDefault } from "../../base/check.ts";
import type { Reader } from "../kind.ts";
import { changed, identityAxes } from "../linear-map.ts";
import { mapKind } from "../map-kind.ts";
import { around, type PerAxis, pixelAxes } from "../settings.ts";

export interface PadSettings {
  /** For each axis before the channels: one number, or first those before each axis, then those behind. */
  readonly padding: PerAxis;
  /** Default "zeros". "reflect" mirrors at the last pixel, "edge" repeats it. */
  readonly mode?: "zeros" | "reflect" | "edge";
}

export interface PadFields {
  readonly padding: readonly number[];
  readonly mode: "zeros" | "reflect" | "edge";
}

/** Pixels around a value. */
export const pad = /* @__PURE__ */ mapKind<PadFields>({
  label: ({ mode }) => `pad ${mode}`,
  axes({ padding, mode, shape }, [input]) {
    return identityAxes(input!).map((axis, i, { length }) => {
      if (i === length - 1) return axis;
      const terms = (position: number) => {
        const at = inside(position - padding[i]!, axis.length, mode);
        return at === undefined ? [] : [{ position: at, weight: 1 }];
      };
      return changed(axis, shape[i]!, terms, shape[i]!);
    });
  },
});

export const padReader: Reader<PadSettings, PadFields> = {
  settings: { padding: true, mode: true },
  reads: 1,
  read(where, settings, [input]) {
    const axes = pixelAxes(where, input!);
    const padding = around(where, "padding", settings.padding, axes);
    const mode = checkChoice(where, "mode", orDefault(settings.mode, "zeros"), ["zeros", "reflect", "edge"]);
    const lengths = input!.slice(0, axes);
    if (mode === "reflect" && padding.some((pixels, i) => pixels >= lengths[i % axes]!)) {
      throw invalid(
        `${where}: padding is [${padding}], expected less than the lengths [${lengths}] to reflect`,
      );
    }
    const shape = [...lengths.map((length, i) => length + padding[i]! + padding[i + axes]!), input![axes]!];
    return { padding, mode, shape };
  },
};

function inside(position: number, length: number, mode: PadFields["mode"]): number | undefined {
  if (position >= 0 && position < length) return position;
  if (mode === "zeros") return undefined;
  if (mode === "edge") return position < 0 ? 0 : length - 1;
  return position < 0 ? -position : 2 * (length - 1) - position;
}
