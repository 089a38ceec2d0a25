import { invalid } from "../../base/check.ts";
import type { ConvolutionSettings } from "../../graph/convolution.ts";
import type { UpsampleFields } from "../../graph/kinds/resampling.ts";
import { type ResizeCoordinates, type ResizeMode, resize } from "../../graph/kinds/resize.ts";
import { firstOrder } from "../../onnx-format/axis-order.ts";
import type { Tensor } from "./file.ts";
import { lengthOf, shapeTensor, type Task } from "./task.ts";
import type { Form } from "./value.ts";

// Operations that ONNX knows with channels first.

/** An operator of the only value that is read, with channels first. */
function ofPixels(
  { inputs: [input], apply }: Task,
  operator: string,
  beside: readonly (Tensor | "")[],
  attributes: Parameters<Task["apply"]>[2],
): Form {
  return {
    tensor: apply(operator, [input!.first, ...beside], attributes),
    order: firstOrder(input!.rank),
  };
}

const integers = (values: readonly number[]) => ({ integers: values });

function convolutionAttributes({ kernel, stride, padding, dilation, groups }: ConvolutionSettings) {
  return {
    kernel_shape: integers(kernel),
    strides: integers(stride),
    pads: integers(padding),
    dilations: integers(dilation),
    group: { integer: groups },
  };
}

export function writeConv(task: Task<"conv">): Form {
  const { operation, parameter } = task;
  return ofPixels(task, "Conv", [parameter("weight"), parameter("bias")], convolutionAttributes(operation));
}

export function writeConvTranspose(task: Task<"convTranspose">): Form {
  const { file, operation, inputs, apply, parameter } = task;
  const { stride, padding, outputPadding } = operation;
  const tensors = [parameter("weight"), parameter("bias")];
  if (outputPadding.every((extra, axis) => extra < stride[axis]!)) {
    return ofPixels(task, "ConvTranspose", tensors, {
      ...convolutionAttributes(operation),
      output_padding: integers(outputPadding),
    });
  }
  // ONNX Runtime refuses pixels beyond the stride: those that they come from are there, as zeros, and the rest is cut.
  const axes = stride.length;
  const after = outputPadding.map((extra, axis) => padding[axis + axes]! - extra);
  const zeros = after.map((pixels, axis) => Math.max(0, Math.ceil(-pixels / stride[axis]!)));
  const pads = [
    ...padding.slice(0, axes),
    ...after.map((pixels, axis) => pixels + zeros[axis]! * stride[axis]!),
  ];
  const input = inputs[0]!;
  const wider = zeros.some((pixels) => pixels > 0)
    ? apply("Pad", [input.first, file.integers([...new Array(axes + 2).fill(0), 0, 0, ...zeros])])
    : input.first;
  const tensor = apply("ConvTranspose", [wider, ...tensors], {
    ...convolutionAttributes({ ...operation, padding: pads }),
  });
  return { tensor, order: firstOrder(input.rank) };
}

/** Resize's modes that `upsample` has. */
const UPSAMPLE_MODES: { readonly [Mode in UpsampleFields["mode"]]: ResizeMode } = {
  nearest: "nearest",
  bilinear: "linear",
};

export function writeUpsample(task: Task<"upsample">): Form {
  const { scale, mode, alignCorners } = task.operation;
  const isNearest = mode === "nearest";
  const coordinates = isNearest ? "asymmetric" : alignCorners ? "align_corners" : "half_pixel";
  return ofPixels(task, "Resize", ["", task.file.floats([1, 1, ...scale])], {
    mode: { text: UPSAMPLE_MODES[mode] },
    coordinate_transformation_mode: { text: coordinates },
    ...(isNearest && { nearest_mode: { text: "floor" } }),
  });
}

/** Coordinates that the Resize of the written opset has. */
const WRITTEN_COORDINATES: { readonly [Each in ResizeCoordinates]: boolean } = {
  ...{ half_pixel: true, pytorch_half_pixel: true, asymmetric: true, align_corners: true },
  ...{ half_pixel_symmetric: false, tf_half_pixel_for_nn: false },
};

/** Inputs of Resize behind the first one that give an operation its lengths and scales; undefined where none do. */
function resizeInputs(task: Task<"resize">): readonly (Tensor | "")[] | undefined {
  const { size, scale } = task.operation;
  const { shape, rank, first } = task.inputs[0]!;
  const lengths = shape.slice(0, -1) as readonly number[];
  // ONNX Runtime copies what has the lengths already.
  if (size.every((to, i) => to === lengths[i])) return undefined;
  // Runtimes round the product to float32, or not.
  const products = scale.map((each, i) => each * lengths[i]!);
  if (
    size.every((to, i) => [products[i]!, Math.fround(products[i]!)].every((each) => Math.floor(each) === to))
  ) {
    return ["", task.file.floats([1, 1, ...scale])];
  }
  if (size.some((to, i) => Math.fround(to / lengths[i]!) !== scale[i])) return undefined;
  const batch = lengthOf(task, first, 0);
  return ["", "", shapeTensor(task, [batch, shape[rank - 1] as number, ...size])];
}

/** So many numbers are 16 MB of the file. */
const MOST_ENTRIES = 2 ** 22;

/** As a Resize where the opset that is written has such a one, else as products with a matrix for each axis. */
export function writeResize(task: Task<"resize">): Form {
  const { operation, inputs, file, apply } = task;
  const { mode, coordinates, rounding, cubicCoefficient, antialias, excludeOutside } = operation;
  const input = inputs[0]!;
  const isCubic = mode === "cubic";
  // ONNX Runtime has "cubic" of two axes only, and of fewer pixels none with channels last, as its optimizer makes it.
  const isRun = !isCubic || (input.rank === 3 && operation.scale.every((each) => each >= 1));
  const isPlain = !antialias && WRITTEN_COORDINATES[coordinates] && isRun;
  const lengths = isPlain ? resizeInputs(task) : undefined;
  if (lengths) {
    return ofPixels(task, "Resize", lengths, {
      mode: { text: mode },
      coordinate_transformation_mode: { text: coordinates },
      ...(mode === "nearest" && { nearest_mode: { text: rounding } }),
      ...(isCubic && { cubic_coeff_a: { float: cubicCoefficient } }),
      ...(isCubic && excludeOutside && { exclude_outside: { integer: 1 } }),
    });
  }
  const shape = input.shape as readonly number[];
  let tensor = input.first;
  resize.axes(operation, [shape], 0).forEach((map, axis) => {
    if (map.isIdentity) return;
    if (map.length * shape[axis]! > MOST_ENTRIES) {
      const matrix = `a matrix of ${map.length} × ${shape[axis]} numbers`;
      throw invalid(`toOnnx: resize "${operation.name}" takes ${matrix}, expected at most ${MOST_ENTRIES}`);
    }
    const isLast = axis === input.rank - 2;
    const matrix = file.matrix(operation.name, map, shape[axis]!, isLast);
    tensor = apply("MatMul", isLast ? [tensor, matrix] : [matrix, tensor]);
  });
  return { tensor, order: firstOrder(input.rank) };
}

export function writeAveragePool(task: Task<"averagePool">): Form {
  const { kernel, stride, padding, countPadding } = task.operation;
  return ofPixels(task, "AveragePool", [], {
    kernel_shape: integers(kernel),
    strides: integers(stride),
    pads: integers(padding),
    count_include_pad: { integer: countPadding ? 1 : 0 },
  });
}

export function writeDepthToSpace(task: Task<"depthToSpace">): Form {
  const { block, order } = task.operation;
  return ofPixels(task, "DepthToSpace", [], { blocksize: { integer: block }, mode: { text: order } });
}
