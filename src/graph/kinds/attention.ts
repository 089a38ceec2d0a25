import { checkFlag, orDefault } from "../../base/check.ts";
import { refused } from "../../base/refuse.ts";
import { cost, functionKind, type Kind, noTensors, type Reader, sizeOf } from "../kind.ts";
import type { Filled } from "../settings.ts";
import { WHAT_IT_READS } from "../settings.ts";

/** Kind of operation: softmax, exp(x) divided by its sum, along the last axis. */
export const softmax = /* @__PURE__ */ functionKind<object>();

/** Settings of a product of two values as matrices of their last two axes. */
export interface MatmulSettings {
  /** True if the second value is stored as [columns, inner] instead of [inner, columns]. Default false. */
  readonly transposed?: boolean;
}

/** Kind of operation: product of two values as matrices of their last two axes; all axes before these must be equal. */
export const matmul: Kind<Filled<MatmulSettings>> = {
  tensors: noTensors,
  cost: ({ shape }, [left]) => cost({ multiplications: sizeOf(shape) * left!.at(-1)!, sums: sizeOf(shape) }),
};

/**
 * Reader of matrix products: two values `[…, rows, inner]` and `[…, inner, columns]`, or `[…, columns, inner]` if
 * `transposed`, whose other axes are equal, become `[…, rows, columns]`.
 */
export const matmulReader: Reader<MatmulSettings, Filled<MatmulSettings>> = {
  settings: { transposed: true },
  reads: 2,
  read(settings, [left, right]) {
    const transposed = checkFlag("transposed", orDefault(settings.transposed, false));
    const [rows, inner] = left!.slice(-2);
    const last = right!.slice(-2);
    const [depth, columns] = transposed ? [last[1], last[0]] : last;
    const before = left!.slice(0, -2);
    const fits = left!.length >= 2 && right!.length === left!.length && inner === depth;
    if (!fits || before.some((length, i) => length !== right![i])) {
      const expected = transposed
        ? "[…, rows, inner] and […, columns, inner]"
        : "[…, rows, inner] and […, inner, columns]";
      throw refused(WHAT_IT_READS, "has", `the shapes [${left}] and [${right}]`, expected);
    }
    return { transposed, shape: [...before, rows!, columns!] };
  },
};
