import { within } from "../base/calling.ts";
import { completeOptions, type FieldsOf } from "../base/options.ts";
import { createRandom } from "../base/random.ts";
import { refused } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import { imageLayout } from "../files/images.ts";

/** Option `mask` of `trainAutoencoder`: random hiding of pixels in the encoder's input. */
export interface MaskOptions {
  /**
   * Minimum and maximum expected fraction of hidden pixels, from 0 to 1. Each time a sample is used, its fraction is drawn
   * uniformly between the two, and each of its pixels is hidden with that probability.
   */
  hidden: readonly [smallest: number, largest: number];
}

/**
 * Stream of random numbers, an argument of `createRandom`, for the masks of the first update; the stream of a later update is
 * this plus the number of images processed before.
 */
const MASK_STREAM = 4;

/** Validation of the field `hidden` of the option `mask` of `trainAutoencoder`. */
const MASK_FIELDS = {
  hidden: {
    check(name, hidden): MaskOptions["hidden"] {
      const shares = Array.isArray(hidden) ? (hidden as unknown[]) : [];
      const [smallest, largest] = shares;
      const isShare = (value: unknown) => typeof value === "number" && value >= 0 && value <= 1;
      if (shares.length === 2 && shares.every(isShare) && smallest! <= largest!) {
        return [smallest as number, largest as number];
      }
      const got = shares.length > 0 ? showShape(shares) : show(hidden);
      throw refused(name, "is", got, "the smallest and the largest share from 0 to 1, [0, 0.75] say");
    },
  },
} satisfies FieldsOf<MaskOptions>;

/** Returns the option `mask` of `trainAutoencoder`, checked; throws `invalid_argument` if it is invalid. */
export function checkMask(name: string, mask: unknown): MaskOptions {
  if (typeof mask !== "object" || mask === null || Array.isArray(mask)) {
    throw refused(name, "is", show(mask), "{ hidden: [smallest, largest] }, { hidden: [0, 0.75] } say");
  }
  return within(name, () => completeOptions(mask as MaskOptions, MASK_FIELDS));
}

/**
 * Hides random pixels of samples: sets them to 0, all channels of a pixel together. The random numbers depend only on the
 * seed and on `images`, so that a run that continues from a checkpoint hides the same pixels.
 *
 * @param samples [B, product of shape], changed in place
 * @param images number of images processed before this update
 */
export function hidePixels(
  samples: Float32Array,
  shape: readonly number[],
  { hidden: [smallest, largest] }: MaskOptions,
  seed: number,
  images: number,
): void {
  const random = createRandom(seed, MASK_STREAM + images);
  const size = shape.reduce((product, length) => product * length, 1);
  const { channels, isChannelsFirst } = imageLayout(shape) ?? { channels: 1, isChannelsFirst: false };
  const pixels = size / channels;
  // Index steps from a pixel to the next, and from a channel to the next.
  const [pixelStep, channelStep] = isChannelsFirst ? [1, pixels] : [channels, 1];
  for (let start = 0; start < samples.length; start += size) {
    const share = smallest + (largest - smallest) * random.uniform();
    for (let pixel = 0; pixel < pixels; pixel++) {
      if (random.uniform() >= share) continue;
      for (let channel = 0; channel < channels; channel++) {
        samples[start + pixel * pixelStep + channel * channelStep] = 0;
      }
    }
  }
}
