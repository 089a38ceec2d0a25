import { distanceToLine, type Place } from "../place.ts";

/** A picture with a weight for each of its values: 1 if it is visible, 0 if hidden. */
export interface Sheet {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Axis order of the values: true for [channels, height, width], false for channels last. */
  readonly isChannelsFirst: boolean;
  readonly y: Float32Array;
  readonly weights: Float32Array;
}

/** Effect of the brush: painting white, or hiding pixels. */
export type Tool = "draw" | "hide";

/** Part of a picture that is hidden initially. */
export type Part = "none" | "top" | "bottom" | "left" | "right";

/** Fraction of the brush's radius over which ink fades towards the edge, like the strokes of MNIST's digits. */
const FADE = 0.6;

/**
 * Applies the brush to a picture along a line.
 *
 * @param diameter of the brush, in pixels
 * @param range values of black and of white in the picture
 */
export function stroke(
  sheet: Sheet,
  tool: Tool,
  from: Place,
  to: Place,
  diameter: number,
  range: readonly [black: number, white: number],
): void {
  const [black, white] = range;
  const radius = diameter / 2;
  forEachPixel(sheet, (across, down, indices) => {
    const distance = distanceToLine({ x: across + 0.5, y: down + 0.5 }, from, to);
    if (distance > radius) return;
    const ink = black + Math.min(1, (radius - distance) / (FADE * radius)) * (white - black);
    for (const index of indices) {
      if (tool === "hide") sheet.weights[index] = 0;
      else {
        sheet.y[index] = Math.max(sheet.y[index]!, ink);
        sheet.weights[index] = 1;
      }
    }
  });
}

/** Hides one half of a picture, or nothing for "none". */
export function hidePart(sheet: Sheet, part: Part): void {
  const { height, width, weights } = sheet;
  const isHidden = {
    none: () => false,
    top: (_across: number, down: number) => down < height / 2,
    bottom: (_across: number, down: number) => down >= height / 2,
    left: (across: number) => across < width / 2,
    right: (across: number) => across >= width / 2,
  }[part];
  forEachPixel(sheet, (across, down, indices) => {
    if (isHidden(across, down)) for (const index of indices) weights[index] = 0;
  });
}

/** Calls `visit` with the coordinates of each pixel and the indices of its values. */
function forEachPixel(
  { height, width, channels, isChannelsFirst }: Sheet,
  visit: (across: number, down: number, indices: readonly number[]) => void,
): void {
  for (let down = 0; down < height; down++) {
    for (let across = 0; across < width; across++) {
      const pixel = down * width + across;
      const indices = Array.from({ length: channels }, (_, channel) =>
        isChannelsFirst ? channel * height * width + pixel : pixel * channels + channel,
      );
      visit(across, down, indices);
    }
  }
}
