import { encodePng } from "../../src/images/png.ts";
import { HEIGHT, RANGE, WIDTH } from "./geometry/cell.ts";

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number];

export const BLACK: Colour = [0, 0, 0];

/** Ground of letters that were given. */
const GIVEN: Colour = [255, 235, 170];

/** A white picture that letters are drawn on. */
export class Sheet {
  readonly #data: Uint8ClampedArray;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.#data = new Uint8ClampedArray(4 * width * height).fill(255);
  }

  /** Marks a rectangle as the place of a letter that was given. */
  markGiven(x: number, y: number, width: number, height: number): void {
    for (let row = Math.max(0, y); row < Math.min(this.height, y + height); row++) {
      for (let column = Math.max(0, x); column < Math.min(this.width, x + width); column++) {
        this.#data.set(GIVEN, 4 * (row * this.width + column));
      }
    }
  }

  /**
   * Draws a field's ink, enlarged by bilinear interpolation of its distances.
   *
   * @param x pixels of the cell's left side
   * @param y pixels of its top
   */
  drawField(field: Float32Array, x: number, y: number, scale: number, colour: Colour): void {
    const [left, top] = [Math.max(0, Math.floor(x)), Math.max(0, Math.floor(y))];
    for (let row = top; row < Math.min(this.height, y + HEIGHT * scale); row++) {
      for (let column = left; column < Math.min(this.width, x + WIDTH * scale); column++) {
        const distance = valueAt(field, (column + 0.5 - x) / scale - 0.5, (row + 0.5 - y) / scale - 0.5);
        const ink = Math.max(0, Math.min(1, 0.5 + RANGE * scale * distance));
        const at = 4 * (row * this.width + column);
        for (let k = 0; k < 3; k++) this.#data[at + k] = this.#data[at + k]! * (1 - ink) + colour[k]! * ink;
      }
    }
  }

  /** The picture as a PNG file. */
  toPng(): Uint8Array {
    return encodePng({ width: this.width, height: this.height, data: this.#data });
  }
}

/** A field's value between its pixels; beyond the outermost ones theirs. */
function valueAt(field: Float32Array, x: number, y: number): number {
  const column = Math.max(0, Math.min(WIDTH - 1.001, x));
  const row = Math.max(0, Math.min(HEIGHT - 1.001, y));
  const [c, r] = [Math.floor(column), Math.floor(row)];
  const [u, v] = [column - c, row - r];
  const at = r * WIDTH + c;
  const upper = field[at]! * (1 - u) + field[at + 1]! * u;
  const lower = field[at + WIDTH]! * (1 - u) + field[at + WIDTH + 1]! * u;
  return upper * (1 - v) + lower * v;
}
