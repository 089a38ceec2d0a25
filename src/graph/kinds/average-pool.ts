import { checkFlag, orDefault } from "../../base/check.ts";
import { invalidOption } from "../../base/refuse.ts";
import type { Reader } from "../kind.ts";
import { changed } from "../linear-map.ts";
import { pixelKind } from "../map-kind.ts";
import { around, type Filled, type PerAxis, perAxis, pixelAxes } from "../settings.ts";

/** Settings of an average pool, the mean of the pixels under a moving window. */
export interface AveragePoolSettings {
  /** Length of the window along each axis, in pixels. */
  readonly kernel: PerAxis;
  /** Step of the window along each axis, in pixels. Default: the kernel's length. */
  readonly stride?: PerAxis;
  /**
   * Pixels of padding around the input: one number, one for each axis, or `[top, left, bottom, right]`; fewer on each side than
   * the kernel is long. Default 0.
   */
  readonly padding?: PerAxis;
  /** True to count padding as zeros in the mean, false to average real pixels only. Default true, as in PyTorch. */
  readonly countPadding?: boolean;
}

/**
 * Settings of an average pool with defaults filled in; `padding` is the pixels before each axis, then those behind each axis.
 */
export type AveragePoolFields = Filled<AveragePoolSettings>;

/** Kind of operation: mean of the pixels under a moving window. */
export const averagePool = /* @__PURE__ */ pixelKind<AveragePoolFields>({
  label: ({ kernel }) => `averagePool ${kernel.join("×")}`,
  along({ kernel, stride, padding, countPadding, shape }, axis, i) {
    const terms = (position: number) => {
      const start = position * stride[i]! - padding[i]!;
      const first = Math.max(start, 0);
      // Bounded, since a kernel may be far longer than the input, with a padding as long.
      const count = Math.min(start + kernel[i]!, axis.length) - first;
      const weight = 1 / (countPadding ? kernel[i]! : count);
      return Array.from({ length: count }, (_, k) => ({ position: first + k, weight }));
    };
    return changed(axis, shape[i]!, terms, shape[i]! * Math.min(kernel[i]!, axis.length));
  },
});

/**
 * Reader of average pools of `[height, width, channels]` or `[width, channels]`: the output has ⌊(length + padding on both
 * sides - kernel)/stride⌋ + 1 pixels along each axis. Each padding must be shorter than the kernel.
 */
export const averagePoolReader: Reader<AveragePoolSettings, AveragePoolFields> = {
  settings: { kernel: true, stride: true, padding: true, countPadding: true },
  reads: 1,
  read(settings, [input]) {
    const axes = pixelAxes(input!);
    const kernel = perAxis("kernel", settings.kernel, 1, axes);
    const stride = perAxis("stride", orDefault(settings.stride, kernel), 1, axes);
    const padding = around("padding", orDefault(settings.padding, 0), axes);
    const countPadding = checkFlag("countPadding", orDefault(settings.countPadding, true));
    const lengths = kernel.map((size, i) => {
      return Math.floor((input![i]! + padding[i]! + padding[i + axes]! - size) / stride[i]!) + 1;
    });
    if (lengths.some((length) => length < 1) || padding.some((pixels, i) => pixels >= kernel[i % axes]!)) {
      const window = `a window of [${kernel}] with a padding of [${padding}]`;
      throw invalidOption("kernel", `${window} does not fit on [${input}]`);
    }
    return { kernel, stride, padding, countPadding, shape: [...lengths, input![axes]!] };
  },
};
