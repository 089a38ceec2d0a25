import { calling } from "../base/calling.ts";
import { gotten, option, wanted, words } from "../base/message.ts";
import { completeOptions, count, type FieldsOf } from "../base/options.ts";
import type { Random } from "../base/random.ts";
import { ignoreRejection, isPromise } from "../base/realms.ts";
import { invalidOption, refused } from "../base/refuse.ts";
import { callHint, show } from "../base/show.ts";
import { showLengths } from "../files/array.ts";
import { type ImageLayout, imageLayout } from "../files/images.ts";

/** Random augmentation of training samples: an immutable value, such as `shift(…)` returns. */
export interface Augmentation {
  readonly name: string;
  /**
   * Throws if the augmentation does not support samples of this shape; called before training starts.
   *
   * @param shape shape of a sample
   * @throws LatentflowError `invalid_argument`
   */
  check(shape: readonly number[]): void;
  /**
   * Changes samples in place, one after the other. The number of random numbers drawn depends only on the number of samples.
   *
   * @param samples [B, product of shape]
   * @param shape shape of a sample, one that `check` accepts
   */
  apply(samples: Float32Array, shape: readonly number[], random: Random): void;
}

/** Augmentation that shifts images by random numbers of pixels. */
export interface Shift extends Augmentation {
  readonly name: "shift";
  /** Maximum shift in each direction, in pixels, ≥ 1. */
  readonly pixels: number;
}

/** Options of `shift`. */
export interface ShiftOptions {
  /** Maximum random shift of an image along each axis, in pixels, ≥ 1 and less than the image's height and width. */
  pixels: number;
}

/** Check of the option of `shift`. */
export const SHIFT_FIELDS = /* @__PURE__ */ (() => ({
  pixels: count(1),
}))() satisfies FieldsOf<ShiftOptions>;

/**
 * Makes an augmentation that shifts each image, grey or of three channels, down and to the right by random integers, uniform
 * from -pixels to pixels. Pixels shifted in at the edges are 0.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await train(decoder, images, { augment: shift({ pixels: 2 }) });
 */
export function shift(options: ShiftOptions): Shift {
  return calling("shift", () =>
    Object.freeze({
      name: "shift",
      ...completeOptions(options, SHIFT_FIELDS),
      // Both read `this.pixels`, so that a changed copy, { ...shift({ pixels: 2 }), pixels: 1 }, shifts by its own number.
      check(shape) {
        return calling("shift", () => {
          layoutOf(shape, SHIFT_FIELDS.pixels.check("pixels", this.pixels));
        });
      },
      apply(samples, shape, random) {
        const { pixels } = this;
        const { height, width, channels, isChannelsFirst } = layoutOf(shape, pixels);
        // Interleaved channels are shifted like columns, separate channel planes like images.
        const [images, step] = isChannelsFirst ? [channels, 1] : [1, channels];
        const size = height * width * step;
        for (let start = 0; start < samples.length; ) {
          const down = random.below(2 * pixels + 1) - pixels;
          const right = random.below(2 * pixels + 1) - pixels;
          for (let image = 0; image < images; image++, start += size) {
            shiftImage(samples.subarray(start, start + size), width * step, down, right * step);
          }
        }
      },
    } satisfies Shift),
  );
}

/** Throws `invalid_argument` unless `augment` is an augmentation that supports samples of this shape. */
export function checkAugmentation(augment: Augmentation, shape: readonly number[]): void {
  if (typeof augment?.apply !== "function" || typeof augment.check !== "function") {
    const expected = "a value such as shift({ pixels: 2 })";
    throw refused("augment", "is", show(augment), expected, callHint(augment));
  }
  refusePromise("check", augment.check(shape));
}

/** Throws `invalid_argument` if a function of an augmentation has returned a promise, which nobody would await. */
export function refusePromise(name: string, returned: unknown): void {
  if (!isPromise(returned)) return;
  ignoreRejection(returned);
  throw refused(`augment.${name}`, "returned", "a Promise", "nothing", " (it must not be async)");
}

function layoutOf(shape: readonly number[], pixels: number): ImageLayout {
  return calling("shift", () => {
    const layout = imageLayout(shape);
    if (layout === undefined) {
      const outputShape = option("outputShape", [28, 28], "an outputShape like [28, 28]");
      const advice = shape.length === 1 ? words`; if they are, give the decoder ${outputShape}` : "";
      const expected = wanted("images of a height and a width, grey or of three channels");
      const got = gotten(showLengths(shape));
      throw invalidOption("data", words`the samples are ${got}, expected ${expected}${advice}`);
    }
    const size = [layout.height, layout.width];
    if (pixels >= Math.min(...size)) {
      const expected = `less than the images' height and width, ${showLengths(size)}`;
      throw refused("pixels", "is", String(pixels), expected);
    }
    return layout;
  });
}

/** Shifts an image, [height, width], by `down` rows and `right` columns, in place; pixels shifted in are 0. */
function shiftImage(image: Float32Array, width: number, down: number, right: number): void {
  const original = image.slice();
  const height = image.length / width;
  image.fill(0);
  for (let row = Math.max(0, down); row < height + Math.min(0, down); row++) {
    const from = (row - down) * width;
    const kept = original.subarray(from + Math.max(0, -right), from + width - Math.max(0, right));
    image.set(kept, row * width + Math.max(0, right));
  }
}
