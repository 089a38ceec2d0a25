import type { Field } from "../base/options.ts";
import { refused } from "../base/refuse.ts";
import { show, showShape } from "../base/show.ts";

/** Sample values of black and of white. */
export type Range = readonly [black: number, white: number];

/** Option field of type `Range`, [0, 1] by default. */
export const RANGE: Field<Range> = {
  check(name, range) {
    const levels: readonly unknown[] = Array.isArray(range) ? range : [];
    const [black, white] = levels;
    const isWhole =
      levels.length === 2 && levels.every((level) => Number.isFinite(Math.fround(level as number)));
    if (isWhole && typeof black === "number" && typeof white === "number" && black !== white)
      return [black, white];
    const got = Array.isArray(range) ? showShape(levels) : show(range);
    throw refused(name, "is", got, "the values of black and of white, [-1, 1] say");
  },
  standard: [0, 1],
};
