import { renderPng } from "../../reproduce/chart.ts";
import { drawRows, type LabelledRow } from "../../reproduce/labelled-rows.ts";
import { DAMAGES, type DamageName } from "./measure.ts";
import type { Method } from "./methods.ts";

const SHOWN: readonly DamageName[] = ["90 % missing", "top half missing", "noise 1"];

/** Pixels for the methods' names. */
const LABELS = 330;

/**
 * Draws a PNG: columns are the first digits with each damage that is shown, rows the digits, what was given of them, and
 * what each method makes of that.
 *
 * @param digits B × side², of which each damage takes another B / 3
 */
export async function drawMethods(
  methods: readonly Method[],
  digits: Float32Array,
  side: number,
  seed: number,
): Promise<Uint8Array> {
  const size = side * side;
  const each = Math.floor(digits.length / size / SHOWN.length);
  const labels = ["the digit", "what was given of it", ...methods.map(({ name }) => name)];
  const tiles = labels.map((): Float32Array[] => []);
  for (const [i, name] of SHOWN.entries()) {
    const own = digits.subarray(i * each * size, (i + 1) * each * size);
    const given = DAMAGES[name](own, size, seed);
    const rows = [own, given.y];
    for (const method of methods) rows.push(await method.images((await method.codes(given)).z));
    for (const [row, images] of rows.entries()) {
      for (let digit = 0; digit < each; digit++) {
        tiles[row]!.push(images.subarray(digit * size, (digit + 1) * size));
      }
    }
  }
  return drawLabelled(
    labels.map((label, row) => ({ label, tiles: tiles[row]! })),
    side,
  );
}

/** Draws rows whose columns are as many digits of each damage that is shown. */
export function drawLabelled(rows: readonly LabelledRow[], side: number): Uint8Array {
  return renderPng(drawRows(rows, { outputShape: [side, side] }, LABELS, SHOWN));
}
