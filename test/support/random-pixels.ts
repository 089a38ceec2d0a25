import { createRandom } from "../../src/base/random.ts";
import {
  averagePool,
  conv,
  convTranspose,
  dense,
  type GraphDefinition,
  type Layer,
  reshape,
  resize,
  sequential,
  slice,
  tanh,
  upsample,
} from "../../src/graph/index.ts";

/**
 * A layer on pixels, of any settings, drawn by a seed.
 *
 * @throws where the settings drawn do not fit together
 */
export function randomPixels(seed: number): GraphDefinition {
  const random = createRandom(seed);
  const from = (low: number, high: number) => low + Math.floor(random.uniform() * (high - low + 1));
  const of = <T>(list: readonly T[]): T => list[from(0, list.length - 1)]!;
  const axes = of([1, 2, 2, 2]);
  const each = (draw: () => number) => Array.from({ length: axes }, draw);
  const groups = of([1, 1, 1, 2, 3]);
  const channels = () => groups * from(1, 12);
  const kernel = each(() => from(1, 5));
  const [stride, dilation] = [of([1, 1, 2, 3]), of([1, 1, 1, 2])];
  const lengths = kernel.map((length) => dilation * (length - 1) + 1 + from(0, 8));
  const inside = [...kernel, ...kernel].map((length) => from(0, length - 1));
  const settings = { channels: channels(), kernel, stride, dilation, groups };
  const layer: Layer = of([
    () => conv({ ...settings, padding: inside }),
    () => conv({ ...settings, padding: inside.map((pixels) => (pixels > 1 ? pixels : 0)) }),
    () => convTranspose({ ...settings, outputPadding: from(0, Math.max(stride, dilation) - 1) }),
    () => convTranspose({ ...settings, padding: inside.map((pixels) => Math.min(pixels, 1)) }),
    () => averagePool({ kernel, stride, padding: inside, countPadding: from(0, 1) === 0 }),
    () => upsample({ scale: each(() => from(1, 3)), mode: of(["nearest", "bilinear"]) }),
    () => resize({ size: each(() => from(1, 20)), mode: of(["nearest", "linear", "cubic"]) }),
    () => slice({ axis: 0, start: -1, step: -from(1, 2) }),
  ])();
  const shape = [...lengths, channels()];
  const size = shape.reduce((product, length) => product * length);
  return sequential(3, [dense(size), tanh(), reshape(shape), layer, tanh()]);
}
