import type { ConvolutionSettings } from "../../graph/convolution.ts";
import type { LinearMap } from "../../graph/linear-map.ts";
import { firstOrder, lastOrder } from "../axis-order.ts";
import type { Emitter, Extent, Tensor } from "../emitter.ts";
import type { Attributes } from "../messages.ts";
import { ofPixels, type Writer } from "../task.ts";

/** Writes a Gemm node or, if the input has several axes, MatMul and Add. */
export const writeDense: Writer<"dense"> = ({ graph, input, parameter }) => {
  const order = lastOrder(input.rank);
  const [weight, bias] = [parameter("weight"), parameter("bias")];
  if (input.rank === 1) {
    return { tensor: graph.applyWith({ transB: { integer: 1 } }, "Gemm", input.last, weight, bias), order };
  }
  // Gemm only accepts matrices. Runtimes transpose the weight once, when they load the file.
  const product = graph.apply("MatMul", input.last, graph.transpose(weight, [1, 0]));
  return { tensor: graph.apply("Add", product, bias), order };
};

/** Writes a MatMul node; the second operand may be stored transposed. */
export const writeMatmul: Writer<"matmul"> = ({
  graph,
  operation: { transposed },
  inputs: [left, right],
}) => {
  const order = lastOrder(left!.rank);
  const swapped = [...order.slice(0, -2), order.length - 1, order.length - 2];
  return { tensor: graph.apply("MatMul", left!.last, right!.in(transposed ? swapped : order)), order };
};

/** Writes the nodes of a product with a sparse matrix. */
export const writeSparse: Writer<"sparse"> = ({ graph, operation: { map }, input, batch }) => ({
  tensor: sparseProduct(graph, map, input.last, batch),
  order: lastOrder(1),
});

/**
 * Writes nodes that multiply the rows of a tensor, [batch, columns], by a sparse matrix. ONNX has no such product: the columns of
 * each matrix row are gathered, as many as the longest row has, multiplied by its values, and added up.
 */
export function sparseProduct(graph: Emitter, map: LinearMap, tensor: Tensor, batch: Extent): Tensor {
  const { starts, sources, weights } = map;
  const rows = starts.length - 1;
  let longest = 1;
  for (let row = 0; row < rows; row++) longest = Math.max(longest, starts[row + 1]! - starts[row]!);
  const columns = new Array<number>(rows * longest).fill(0);
  const values = new Array<number>(rows * longest).fill(0);
  for (let row = 0; row < rows; row++) {
    for (let k = starts[row]!; k < starts[row + 1]!; k++) {
      const at = row * longest + k - starts[row]!;
      columns[at] = sources[k]!;
      values[at] = weights[k]!;
    }
  }
  const gathered = graph.applyWith({ axis: { integer: 1 } }, "Gather", tensor, graph.integers(columns));
  const products = graph.apply("Mul", gathered, graph.floats(values));
  return graph.sum(graph.reshape(products, [batch, rows, longest]), [2], false);
}

/** Returns the attributes of Conv and ConvTranspose nodes. */
export function convolutionAttributes(settings: ConvolutionSettings): Attributes {
  const { kernel, stride, padding, dilation, groups } = settings;
  return {
    kernel_shape: { integers: kernel },
    strides: { integers: stride },
    pads: { integers: padding },
    dilations: { integers: dilation },
    group: { integer: groups },
  };
}

/** Writes a Conv node, with channels first. */
export const writeConv: Writer<"conv"> = (task) => {
  const lists = [task.parameter("weight"), task.parameter("bias")];
  return ofPixels(task, convolutionAttributes(task.operation), "Conv", ...lists);
};

/**
 * Returns the padding of a transposed convolution whose output has `extra` more pixels at the end of each axis: less of
 * the output is cropped there. If nothing is left to crop, `zeros` pixels are appended to the input instead.
 */
export function paddingBehind({ stride, padding }: ConvolutionSettings, extra: readonly number[]) {
  const axes = stride.length;
  const after = extra.map((pixels, axis) => padding[axis + axes]! - pixels);
  const zeros = after.map((pixels, axis) => Math.max(0, Math.ceil(-pixels / stride[axis]!)));
  const behind = after.map((pixels, axis) => pixels + zeros[axis]! * stride[axis]!);
  return { zeros, padding: [...padding.slice(0, axes), ...behind] };
}

/** Writes a ConvTranspose node, with channels first. */
export const writeConvTranspose: Writer<"convTranspose"> = (task) => {
  const { graph, operation, input, parameter } = task;
  const { stride, outputPadding } = operation;
  const lists = [parameter("weight"), parameter("bias")];
  if (outputPadding.every((extra, axis) => extra < stride[axis]!)) {
    const attributes = { ...convolutionAttributes(operation), output_padding: { integers: outputPadding } };
    return ofPixels(task, attributes, "ConvTranspose", ...lists);
  }
  // ONNX Runtime refuses an output_padding that is not below the stride.
  const { zeros, padding } = paddingBehind(operation, outputPadding);
  const pads = graph.integers([...new Array<number>(stride.length + 4).fill(0), ...zeros]);
  const wider = zeros.some((pixels) => pixels > 0) ? graph.apply("Pad", input.first, pads) : input.first;
  const attributes = convolutionAttributes({ ...operation, padding });
  return {
    tensor: graph.applyWith(attributes, "ConvTranspose", wider, ...lists),
    order: firstOrder(input.rank),
  };
};
