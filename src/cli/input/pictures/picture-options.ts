import type { Command } from "commander";
import { HIDES, MASK_FIELDS } from "../../../images/from-image-data.ts";
import { flag, type OptionsOf } from "../../options/flag-table.ts";
import { settingFlag } from "../../options/library-flags.ts";
import { wrongUsage } from "../../options/running.ts";
import type { DataReading } from "../open-data.ts";
import { type TableFlags, tableReadingOf } from "../tables/table-flags.ts";
import type { PictureReading, SampleMasks } from "./open-pictures.ts";

/** Options for pictures as samples and as masks. */
export const PICTURE_FLAGS = {
  fit: settingFlag(
    MASK_FIELDS.fit,
    "scale pictures to the decoder's size: contain pads (hidden), cover crops, stretch distorts (default: no scaling)",
    [],
  ),
  invert: flag("", "swap black and white in pictures"),
  mask: flag(
    "<files...>",
    "hidden pixels: pictures, black where hidden or as --mask-hides says, or an array, 0 where hidden; one for all samples, or one for each (default: transparent pixels of --data, and padding)",
    { gives: ["weights"], conflicts: "weights" },
  ),
  maskHides: settingFlag(
    HIDES,
    "pixels of a picture of --mask that mark hidden pixels: black or white, where transparent too; transparent; or painted, all that are not transparent",
    [],
  ),
};

/** Parsed options for pictures as samples and as masks. */
export type PictureFlags = OptionsOf<typeof PICTURE_FLAGS>;

/** Parsed options of weights: a file of weights, or a mask. */
export interface WeightFlags extends PictureFlags {
  readonly weights?: string | undefined;
}

/** Parsed options that determine which values of samples are hidden. */
export type HidingFlags = WeightFlags & { readonly autoencoder?: unknown; readonly encoder?: unknown };

/** Function that returns the shape of a sample, which pictures are scaled to, or undefined to use the pictures' own. */
export type Target = PictureReading["target"];

/** Exits with an error of usage if `--mask-hides` is given without a mask. */
export function checkMaskOptions(command: Command): void {
  const isGiven = (name: string) => command.getOptionValue(name) !== undefined;
  if (isGiven("maskHides") && !isGiven("mask") && !isGiven("validateMask"))
    wrongUsage(
      command,
      "--mask-hides is for pictures of --mask (in train of --validate-mask, too), and there are none",
    );
}

/**
 * Converts a command's options to settings for reading pictures and tables as samples.
 *
 * @param maskFlag option that gives the masks, for messages
 */
export function readingOf(
  { fit, invert, ...flags }: HidingFlags & TableFlags,
  target: Target,
  maskFlag = "--mask",
): DataReading {
  return { target, fit, invert, masks: masksOf(flags, maskFlag), table: tableReadingOf(flags) };
}

/**
 * Returns the masks of pictures: those given, or else the pictures' own opacity; undefined if weights are given, or an
 * encoder needs all pixels.
 */
function masksOf(flags: HidingFlags, flag: string): SampleMasks | undefined {
  if (flags.mask) return { flag, files: flags.mask, hides: flags.maskHides ?? "black" };
  return hidesByOpacity(flags) ? { flag, hides: "transparent" } : undefined;
}

/**
 * True if transparent pixels of the samples are hidden: no mask or weights are given, and no encoder is used, which needs
 * all pixels.
 */
export function hidesByOpacity({ mask, weights, autoencoder, encoder }: HidingFlags): boolean {
  return !(mask || weights || autoencoder || encoder);
}
