import { scopeOf } from "../base/message.ts";
import { completeOptions, type FieldsOf } from "../base/options.ts";
import { createRandom } from "../base/random.ts";
import { refused } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";
import { imageLayout } from "../files/images.ts";

/** Random hiding of the pixels that an encoder sees, for `trainAutoencoder`. */
export interface MaskOptions {
  /**
   * The smallest and the largest share of hidden pixels, from 0 to 1. In each pass each sample has a share of its own,
   * uniform between the two, and each of its pixels is hidden with that probability.
   */
  hidden: readonly [smallest: number, largest: number];
}

/** First stream of the seed's random numbers for masks; each update has a stream of its own. */
const MASK_STREAM = 4;

/** Fields of the option `mask` of `trainAutoencoder`. */
const MASK_FIELDS = {
  hidden: {
    check(where, name, hidden): MaskOptions["hidden"] {
      const shares = Array.isArray(hidden) ? (hidden as unknown[]) : [];
      const [smallest, largest] = shares;
      const isShare = (value: unknown) => typeof value === "number" && value >= 0 && value <= 1;
      if (shares.length === 2 && shares.every(isShare) && smallest! <= largest!) {
        return [smallest as number, largest as number];
      }
      const got = shares.length > 0 ? showShape(shares) : show(hidden);
      throw refused(where, name, "is", got, "the smallest and the largest share, [0, 0.75] say");
    },
  },
} satisfies FieldsOf<MaskOptions>;

/** Checks the option `mask` of `trainAutoencoder`. */
export function checkMask(where: string, name: string, mask: unknown): MaskOptions {
  return completeOptions(`${where}: ${scopeOf(name)}`, mask as MaskOptions, MASK_FIELDS);
}

/**
 * Sets hidden pixels of samples to 0, all channels of a pixel together. The random numbers depend on the seed and on
 * `images` alone, so that a run that goes on from a checkpoint hides the same pixels.
 *
 * @param samples [B, product of shape], changed in place
 * @param images images processed before this update
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
  // From a pixel to the next, and from a channel to the next.
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
