import type { OperationKind } from "../../graph/operations.ts";
import { lastOrder } from "../../onnx-format/axis-order.ts";
import { writeActivation } from "./activations.ts";
import type { Tensor } from "./file.ts";
import { writeAffine, writeGroupNorm, writeLayerNorm, writeRmsNorm } from "./norms.ts";
import { writeAveragePool, writeConv, writeConvTranspose, writeDepthToSpace } from "./pixels.ts";
import {
  writeConcat,
  writeEmbedding,
  writeExpand,
  writePad,
  writePermute,
  writeReduce,
  writeReshape,
  writeSlice,
} from "./rearranging.ts";
import { writeResize, writeUpsample } from "./resize.ts";
import type { Task } from "./task.ts";
import { aligned, type Form } from "./value.ts";

/** Writes an operation; returns the tensor that holds its value, and which axes this has where. */
type Writer<Kind extends OperationKind> = (task: Task<Kind>) => Form;

const WRITERS: { readonly [Kind in OperationKind]: Writer<Kind> } = {
  dense: writeDense,
  activation({ operation, inputs: [input], apply }) {
    const { tensor, order } = input!.any;
    return { tensor: writeActivation(apply, operation.activation, tensor), order };
  },
  pointwise({ operation, inputs: [input], apply }) {
    const { tensor, order } = input!.any;
    return { tensor: writeActivation(apply, operation.function, tensor), order };
  },
  reshape: writeReshape,
  conv: writeConv,
  convTranspose: writeConvTranspose,
  add: ofTwo("Add"),
  sub: ofTwo("Sub"),
  mul: ofTwo("Mul"),
  maximum: ofTwo("Max"),
  minimum: ofTwo("Min"),
  where({ file, operation, inputs, apply }) {
    const { order, tensors } = aligned(file, operation.name, inputs);
    const [condition, a, b] = tensors as [Tensor, Tensor, Tensor];
    return { tensor: apply("Where", [apply("Greater", [condition, 0]), a, b]), order };
  },
  concat: writeConcat,
  expand: writeExpand,
  permute: writePermute,
  slice: writeSlice,
  depthToSpace: writeDepthToSpace,
  pad: writePad,
  upsample: writeUpsample,
  resize: writeResize,
  averagePool: writeAveragePool,
  sum: writeReduce,
  mean: writeReduce,
  layerNorm: writeLayerNorm,
  groupNorm: writeGroupNorm,
  rmsNorm: writeRmsNorm,
  affine: writeAffine,
  softmax({ inputs: [input], apply }) {
    const { tensor, order } = input!.any;
    const axis = 1 + order.indexOf(order.length - 1);
    return { tensor: apply("Softmax", [tensor], { axis: { integer: axis } }), order };
  },
  matmul({ operation: { transposed }, inputs, apply }) {
    const [left, right] = inputs;
    const order = lastOrder(left!.rank);
    const swapped = [...order.slice(0, -2), order.length - 1, order.length - 2];
    return { tensor: apply("MatMul", [left!.last, right!.in(transposed ? swapped : order)]), order };
  },
  constant: ({ operation: { shape }, parameter }) => ({
    // Its batch has the length 1.
    ...{ tensor: parameter("weight", [1, ...shape]), order: lastOrder(shape.length) },
  }),
  embedding: writeEmbedding,
};

/** Writes an operation. */
export function writeOperation(task: Task): Form {
  // The table has under each kind what takes operations of that kind.
  return (WRITERS[task.operation.kind] as Writer<OperationKind>)(task);
}

function writeDense({ inputs: [input], apply, parameter }: Task<"dense">): Form {
  const order = lastOrder(input!.rank);
  const [weight, bias] = [parameter("weight"), parameter("bias")];
  if (input!.rank === 1) {
    return { tensor: apply("Gemm", [input!.last, weight, bias], { transB: { integer: 1 } }), order };
  }
  // A Gemm takes matrices only. Runtimes turn the weight round once, when they load the file.
  const turned = apply("Transpose", [weight], { perm: { integers: [1, 0] } });
  return { tensor: apply("Add", [apply("MatMul", [input!.last, turned]), bias]), order };
}

function ofTwo(operator: string): Writer<"add" | "sub" | "mul" | "maximum" | "minimum"> {
  return ({ file, operation, inputs, apply }) => {
    const { order, tensors } = aligned(file, operation.name, inputs);
    return { tensor: apply(operator, tensors), order };
  };
}
