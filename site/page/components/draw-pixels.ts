// Draws levels as squares on a canvas, with hatching for hidden pixels. Colours are taken from the canvas's CSS.

/** Picture to draw: levels from 0 to 1, row by row. */
export interface Pixels {
  readonly levels: Float32Array;
  /** For each pixel, 1 if it is hidden, else 0. */
  readonly hidden?: Uint8Array | undefined;
  readonly rows: number;
  readonly columns: number;
}

/** Colours of ink (level 1), paper (level 0) and hatching. */
export interface Palette {
  readonly ink: Rgb;
  readonly paper: Rgb;
  readonly hatch: string;
}

type Rgb = readonly [red: number, green: number, blue: number];

/** Side length in canvas pixels of a picture's pixel, if hatching may be drawn. */
export const CELL = 10;

/** Reads the colours for drawing from a canvas's CSS: `color` is ink, `background-color` paper, `outline-color` hatching. */
export function paletteOf(canvas: HTMLCanvasElement): Palette {
  const { color, backgroundColor, outlineColor } = getComputedStyle(canvas);
  return { ink: rgbOf(color), paper: rgbOf(backgroundColor), hatch: outlineColor };
}

/** Returns red, green and blue, 0 to 255, of a computed CSS colour such as "rgb(60, 60, 67)". */
export function rgbOf(colour: string): Rgb {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue];
}

/** Converts levels to RGBA bytes, four per pixel: paper at level 0, ink at 1. Hidden pixels are paper. */
export function imageBytes(
  { levels, hidden }: Pixels,
  { ink, paper }: Palette,
): Uint8ClampedArray<ArrayBuffer> {
  const bytes = new Uint8ClampedArray(4 * levels.length);
  levels.forEach((level, i) => {
    const share = hidden?.[i] === 1 ? 0 : level;
    for (let c = 0; c < 3; c++) bytes[4 * i + c] = paper[c]! + share * (ink[c]! - paper[c]!);
    bytes[4 * i + 3] = 255;
  });
  return bytes;
}

/**
 * Draws a picture over the whole canvas, which CSS scales: with one canvas pixel per pixel, or CELL × CELL if there can
 * be hatching.
 */
export function drawPixels(canvas: HTMLCanvasElement, pixels: Pixels, palette: Palette): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const { rows, columns, hidden } = pixels;
  const cell = hidden ? CELL : 1;
  const [width, height] = [columns * cell, rows * cell];
  // Assigning a size clears the canvas and reallocates its memory, even if the size is the same.
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const image = new ImageData(imageBytes(pixels, palette), columns, rows);
  if (!hidden) {
    context.putImageData(image, 0, 0);
    return;
  }
  const small = new OffscreenCanvas(columns, rows);
  small.getContext("2d")!.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, width, height);
  if (!hidden.includes(1)) return;
  const hatching = context.createPattern(hatchingOf(palette.hatch), "repeat");
  if (!hatching) return;
  context.fillStyle = hatching;
  context.beginPath();
  hidden.forEach((isHidden, i) => {
    if (isHidden) context.rect((i % columns) * CELL, Math.floor(i / columns) * CELL, CELL, CELL);
  });
  context.fill();
}

/** Makes a tile of hatching, whose lines continue in neighbouring tiles. */
function hatchingOf(colour: string): OffscreenCanvas {
  const cell = new OffscreenCanvas(CELL, CELL);
  const context = cell.getContext("2d")!;
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  for (let offset = -CELL; offset <= 2 * CELL; offset += CELL / 2) {
    context.moveTo(offset - CELL, CELL);
    context.lineTo(offset, 0);
  }
  context.stroke();
  return cell;
}
