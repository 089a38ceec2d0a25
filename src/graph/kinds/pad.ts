import { checkChoice, orDefault } from "../../base/check.ts";
import { refused } from "../../base/refuse.ts";
import type { Reader } from "../kind.ts";
import { changed } from "../linear-map.ts";
import { pixelKind } from "../map-kind.ts";
import { around, type Filled, type PerAxis, pixelAxes } from "../settings.ts";

/** Values of added pixels: zeros, the pixels mirrored at the outermost one, or copies of the outermost one. */
export type PadMode = "zeros" | "reflect" | "edge";

/** Settings of a padding of a picture. */
export interface PadSettings {
  /**
   * Pixels added along each axis before the channels: one number, one number for each axis, or the numbers before each axis
   * followed by the numbers behind each axis. For "reflect" fewer pixels than the axis has.
   */
  readonly padding: PerAxis;
  /** Values of the pixels that are added. Default "zeros". */
  readonly mode?: PadMode;
}

/** Settings of a padding with defaults filled in; `padding` is the pixels before each axis, then those behind each axis. */
export type PadFields = Filled<PadSettings>;

/**
 * For each mode, the input position that an added pixel copies; added pixels are at negative positions or from `length` on.
 * Undefined for a zero.
 */
const BEYOND: { readonly [Mode in PadMode]: (at: number, length: number) => number | undefined } = {
  zeros: () => undefined,
  reflect: (at, length) => (at < 0 ? -at : 2 * (length - 1) - at),
  edge: (at, length) => (at < 0 ? 0 : length - 1),
};

/** Names of all pad modes. */
const PAD_MODES = /* @__PURE__ */ Object.keys(BEYOND) as PadMode[];

/** Kind of operation: pixels added around a picture. */
export const pad = /* @__PURE__ */ pixelKind<PadFields>({
  label: ({ mode }) => `pad ${mode}`,
  along({ padding, mode, shape }, axis, i) {
    const terms = (position: number) => {
      const at = position - padding[i]!;
      const inside = at >= 0 && at < axis.length ? at : BEYOND[mode](at, axis.length);
      return inside === undefined ? [] : [{ position: inside, weight: 1 }];
    };
    return changed(axis, shape[i]!, terms, shape[i]!);
  },
});

/**
 * Reader of paddings of `[height, width, channels]` or `[width, channels]`; each axis before the channels grows by the pixels
 * added on both sides.
 */
export const padReader: Reader<PadSettings, PadFields> = {
  settings: { padding: true, mode: true },
  reads: 1,
  read(settings, [input]) {
    const axes = pixelAxes(input!);
    const padding = around("padding", settings.padding, axes);
    const mode = checkChoice("mode", orDefault(settings.mode, "zeros"), PAD_MODES);
    const lengths = input!.slice(0, axes);
    if (mode === "reflect" && padding.some((pixels, i) => pixels >= lengths[i % axes]!)) {
      const expected = `less than the lengths [${lengths}] to reflect`;
      throw refused("padding", "is", `[${padding}]`, expected);
    }
    const shape = [...lengths.map((length, i) => length + padding[i]! + padding[i + axes]!), input![axes]!];
    return { padding, mode, shape };
  },
};
