import { drawGrid } from "../../src/cli/grid.ts";
import { DAMAGES, type DamageName } from "./measure.ts";
import type { Method } from "./methods.ts";

const SHOWN: readonly DamageName[] = ["90 % missing", "top half missing", "noise 1"];

/**
 * A PNG: columns are the first digits with each damage that is shown, rows the digits, what was given of them, and what
 * each method makes of that.
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
  const columns: Float32Array[][] = [];
  for (const [i, name] of SHOWN.entries()) {
    const own = digits.subarray(i * each * size, (i + 1) * each * size);
    const given = DAMAGES[name](own, size, seed);
    const rows = [own, given.y];
    for (const method of methods) rows.push(await method.images((await method.codes(given)).z));
    for (let digit = 0; digit < each; digit++) {
      columns.push(rows.map((row) => row.subarray(digit * size, (digit + 1) * size)));
    }
  }
  const layout = { height: side, width: side, channels: 1, isChannelsFirst: false } as const;
  return drawGrid(
    columns[0]!.map((_, row) => columns.map((column) => column[row]!)),
    layout,
  );
}
