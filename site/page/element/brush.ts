/** A picture with a weight for each of its values: 1 where it is seen, 0 where it is hidden. */
export interface Sheet {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Axis order of the values: [channels, height, width], or channels last. */
  readonly isChannelsFirst: boolean;
  readonly y: Float32Array;
  readonly weights: Float32Array;
}

/** Effect of a brush: paints white, or hides what it covers. */
export type Tool = "draw" | "hide";

/** Part of a picture. */
export type Part = "none" | "top" | "bottom" | "left" | "right";

/** Place on a sheet, in pixels from its top left corner. */
export interface Place {
  readonly across: number;
  readonly down: number;
}

/** Share of a brush's radius over which its ink fades, as a pen's on MNIST's digits. */
const FADE = 0.6;

/**
 * Brushes over a sheet along a line.
 *
 * @param diameter in pixels
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
    const distance = distanceToLine({ across: across + 0.5, down: down + 0.5 }, from, to);
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

/** Hides a half of a sheet. */
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

/** Calls back with each pixel and the indices of its values. */
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

function distanceToLine(point: Place, from: Place, to: Place): number {
  const [dx, dy] = [to.across - from.across, to.down - from.down];
  const length = dx * dx + dy * dy;
  const along = (point.across - from.across) * dx + (point.down - from.down) * dy;
  const share = length === 0 ? 0 : Math.min(1, Math.max(0, along / length));
  return Math.hypot(point.across - from.across - share * dx, point.down - from.down - share * dy);
}
