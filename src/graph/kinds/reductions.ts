import { checkFlag, orDefault } from "../../base/check.ts";
import { type Reader, sizeOf } from "../kind.ts";
import { changed, identityAxes } from "../linear-map.ts";
import { mapKind } from "../map-kind.ts";
import { checkAxes, type Filled } from "../settings.ts";

/** Settings of a sum or mean over axes. */
export interface ReduceSettings {
  /** Axes to reduce; a negative one counts from the end. */
  readonly axes: readonly number[];
  /** True to keep the reduced axes, with length 1. Default false. */
  readonly keepAxes?: boolean;
}

/** Settings of a sum or mean over axes with defaults filled in; `axes` count from the start, in ascending order. */
export type ReduceFields = Filled<ReduceSettings>;

function reduction(weightOf: (count: number) => number) {
  return mapKind<ReduceFields>({
    axes({ axes }, [input]) {
      const count = sizeOf(axes.map((axis) => input![axis]!));
      // One axis carries the factor, so that each number is multiplied once.
      const factor = weightOf(count);
      return identityAxes(input!).map((axis, i) => {
        if (!axes.includes(i)) return axis;
        const weight = i === axes[0] ? factor : 1;
        const terms = () => Array.from({ length: axis.length }, (_, position) => ({ position, weight }));
        return changed(axis, 1, terms, axis.length);
      });
    },
  });
}

/** Kind of operation: sum over axes. */
export const sum = /* @__PURE__ */ reduction(() => 1);
/** Kind of operation: mean over axes. */
export const mean = /* @__PURE__ */ reduction((count) => 1 / count);

/** Reader of sums and means over axes. */
export const reductionReader: Reader<ReduceSettings, ReduceFields> = {
  settings: { axes: true, keepAxes: true },
  reads: 1,
  read(settings, [input]) {
    const axes = checkAxes("axes", settings.axes, input!);
    const keepAxes = checkFlag("keepAxes", orDefault(settings.keepAxes, false));
    const shape = input!.map((length, i) => (axes.includes(i) ? 1 : length));
    const kept = keepAxes ? shape : shape.filter((_, i) => !axes.includes(i));
    return { axes, keepAxes, shape: kept.length > 0 ? kept : [1] };
  },
};
