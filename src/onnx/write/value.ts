import {
  commonOrder,
  type Form as FormOf,
  type Order,
  OrderedTensors,
  withoutAxes,
} from "../../onnx-format/axis-order.ts";
import type { OnnxFile, Tensor } from "./file.ts";
import type { SymbolicShape } from "./shapes.ts";

/** A tensor that holds a value. */
export type Form = FormOf<Tensor>;

/** A value of the decoder in the file. */
export class WrittenValue extends OrderedTensors<Tensor> {
  readonly shape: SymbolicShape;
  /** Is it the same for all samples? Then its batch has the length 1. */
  readonly isShared: boolean;

  constructor(file: OnnxFile, name: string, shape: SymbolicShape, form: Form, isShared: boolean) {
    super(form, (tensor, perm) => file.apply(name, "Transpose", [tensor], { perm: { integers: perm } }));
    this.shape = shape;
    this.isShared = isShared;
  }
}

/** Values as tensors that can be taken number by number, or put beside each other: with as many axes, in one order. */
export interface Aligned {
  readonly order: Order;
  readonly tensors: readonly Tensor[];
}

/** Finds the order for which the fewest tensors have to be transposed. */
export function aligned(file: OnnxFile, scope: string, values: readonly WrittenValue[]): Aligned {
  const order = commonOrder(values);
  const tensors = values.map((value) => {
    const missing = order.length - value.rank;
    const tensor = value.in(withoutAxes(order, missing));
    if (missing === 0) return tensor;
    const axes = order.flatMap((axis, k) => (axis < missing ? [k + 1] : []));
    return file.apply(scope, "Unsqueeze", [tensor, file.integers(axes)]);
  });
  return { order, tensors };
}
