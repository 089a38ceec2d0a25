import { checkChoice, checkFlag, invalid, orDefault } from "../../base/check.ts";
import { type Reader, sizeOf } from "../kind.ts";
import { type AxisMap, changed, identityAxes } from "../linear-map.ts";
import { around, checkAxes, type PerAxis, perAxis, pixelAxes } from "../settings.ts";
import { mapKind } from "./rearranging.ts";

// Kinds that make a value longer or shorter along its axes.

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

export interface AveragePoolSettings {
  readonly kernel: PerAxis;
  /** Default: the kernel. */
  readonly stride?: PerAxis;
  /** Default 0. */
  readonly padding?: PerAxis;
  /** Do pixels of the padding count, as zeros? Default true, as in PyTorch. */
  readonly countPadding?: boolean;
}

export interface AveragePoolFields {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly countPadding: boolean;
}

/** The mean of the pixels under a window. */
export const averagePool = /* @__PURE__ */ mapKind<AveragePoolFields>({
  label: ({ kernel }) => `averagePool ${kernel.join("×")}`,
  axes({ kernel, stride, padding, countPadding, shape }, [input]) {
    return identityAxes(input!).map((axis, i) => {
      if (i === input!.length - 1) return axis;
      const terms = (position: number) => {
        const start = position * stride[i]! - padding[i]!;
        const first = Math.max(start, 0);
        // A kernel may be far longer than the input, with a padding as long.
        const count = Math.min(start + kernel[i]!, axis.length) - first;
        const weight = 1 / (countPadding ? kernel[i]! : count);
        return Array.from({ length: count }, (_, k) => ({ position: first + k, weight }));
      };
      return changed(axis, shape[i]!, terms, shape[i]! * Math.min(kernel[i]!, axis.length));
    });
  },
});

export const averagePoolReader: Reader<AveragePoolSettings, AveragePoolFields> = {
  settings: { kernel: true, stride: true, padding: true, countPadding: true },
  reads: 1,
  read(where, settings, [input]) {
    const axes = pixelAxes(where, input!);
    const kernel = perAxis(where, "kernel", settings.kernel, 1, axes);
    const stride = perAxis(where, "stride", orDefault(settings.stride, kernel), 1, axes);
    const padding = around(where, "padding", orDefault(settings.padding, 0), axes);
    const countPadding = checkFlag(where, "countPadding", orDefault(settings.countPadding, true));
    const lengths = kernel.map((size, i) => {
      return Math.floor((input![i]! + padding[i]! + padding[i + axes]! - size) / stride[i]!) + 1;
    });
    if (lengths.some((length) => length < 1) || padding.some((pixels, i) => pixels >= kernel[i % axes]!)) {
      throw invalid(
        `${where}: a window of [${kernel}] with a padding of [${padding}] does not fit on [${input}]`,
      );
    }
    return { kernel, stride, padding, countPadding, shape: [...lengths, input![axes]!] };
  },
};

export interface ReduceSettings {
  /** Below 0 counted from the end. */
  readonly axes: readonly number[];
  /** Do the axes stay, with the length 1? Default false. */
  readonly keepAxes?: boolean;
}

export interface ReduceFields {
  readonly axes: readonly number[];
  readonly keepAxes: boolean;
}

function reduction(label: string, weightOf: (count: number) => number) {
  return mapKind<ReduceFields>({
    label: () => label,
    axes({ axes }, [input]) {
      const count = sizeOf(axes.map((axis) => input![axis]!));
      // Each number is multiplied once, though several axes may be summed up.
      const factor = weightOf(count);
      return identityAxes(input!).map((axis, i) => {
        if (!axes.includes(i)) return axis;
        const weight = i === axes[0] ? factor : 1;
        const terms = () => Array.from({ length: axis.length }, (_, position) => ({ position, weight }));
        return changed(axis, 1, terms, axis.length);
      });
    },
  });
}

export const sum = /* @__PURE__ */ reduction("sum", () => 1);
export const mean = /* @__PURE__ */ reduction("mean", (count) => 1 / count);

/** Of both. */
export const reductionReader: Reader<ReduceSettings, ReduceFields> = {
  settings: { axes: true, keepAxes: true },
  reads: 1,
  read(where, settings, [input]) {
    const axes = checkAxes(where, "axes", settings.axes, input!);
    const keepAxes = checkFlag(where, "keepAxes", orDefault(settings.keepAxes, false));
    const shape = input!.map((length, i) => (axes.includes(i) ? 1 : length));
    const kept = keepAxes ? shape : shape.filter((_, i) => !axes.includes(i));
    return { axes, keepAxes, shape: kept.length > 0 ? kept : [1] };
  },
};
