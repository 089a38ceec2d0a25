import type { Command } from "commander";
import type { Fit } from "../../../images/index.ts";
import { flag, type OptionsOf } from "../../options/flag-table.ts";
import { wrongUsage } from "../../options/options.ts";
import { MASK_HIDES, type PictureReading, type SampleMasks } from "./open-pictures.ts";

/** Flags of pictures as samples, and of masks. */
export const PICTURE_FLAGS = {
  fit: flag(
    "<way>",
    "scales pictures to the decoder's size: padded, cropped or stretched; padding is hidden",
    { choices: ["contain", "cover", "stretch"] satisfies Fit[] },
  ),
  invert: flag("", "turns black to white and white to black in pictures"),
  mask: flag(
    "<files...>",
    "what is hidden: pictures, black or transparent there, or an array, 0 there; one for all samples, or one for each (default: transparent pixels of --data, and padding)",
    { gives: ["weights"], conflicts: "weights" },
  ),
  maskHides: flag(
    "<pixels>",
    "pixels of --mask that hide; painted: all but transparent ones (default: black)",
    { choices: MASK_HIDES },
  ),
};

/** Options of pictures, as commander returns them. */
export type PictureFlags = OptionsOf<typeof PICTURE_FLAGS>;

/** Options of weights, as commander returns them: a file, or a mask. */
export interface WeightFlags extends PictureFlags {
  readonly weights?: string | undefined;
}

/** Options that decide what is hidden of samples. */
export type HidingFlags = WeightFlags & { readonly autoencoder?: unknown; readonly encoder?: unknown };

/** Shape of a sample that pictures are read for. */
export type Target = PictureReading["target"];

/** Refuses `--mask-hides` without a mask. */
export function checkMaskOptions(command: Command): void {
  const isGiven = (name: string) => command.getOptionValue(name) !== undefined;
  if (isGiven("maskHides") && !isGiven("mask") && !isGiven("validateMask"))
    wrongUsage(command, "--mask-hides does not go without --mask");
}

/**
 * Reading of pictures by a command's options.
 *
 * @param maskFlag flag of the masks
 */
export function readingOf(
  { fit, invert, ...hiding }: HidingFlags,
  target: Target,
  maskFlag = "--mask",
): PictureReading {
  return { target, fit, invert, masks: masksOf(hiding, maskFlag) };
}

/** Masks of pictures: those given, or else their own opacity; undefined where weights or an encoder take all pixels. */
function masksOf(flags: HidingFlags, flag: string): SampleMasks | undefined {
  if (flags.mask) return { flag, files: flags.mask, hides: flags.maskHides ?? "black" };
  return hidesByOpacity(flags) ? { flag, hides: "transparent" } : undefined;
}

/** True if pictures' own opacity hides pixels: nothing else says what is hidden, and no encoder takes all pixels alike. */
export function hidesByOpacity({ mask, weights, autoencoder, encoder }: HidingFlags): boolean {
  return !(mask || weights || autoencoder || encoder);
}
