import { invalid } from "../../base/check.ts";
import { type ResizeCoordinates, type ResizeMode, resize } from "../../graph/kinds/resize.ts";
import type { UpsampleFields } from "../../graph/kinds/upsample.ts";
import { firstOrder } from "../../onnx-format/axis-order.ts";
import type { Tensor } from "./file.ts";
import { ofPixels } from "./pixels.ts";
import { lengthOf, shapeTensor, type Task } from "./task.ts";
import type { Form } from "./value.ts";

// `upsample` and `resize` as ONNX's Resize.

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

/** Inputs of Resize after the first one, which give an operation its lengths and scales; undefined where none do. */
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

/** Most numbers of a matrix: 16 MB of the file. */
const MOST_ENTRIES = 2 ** 22;

/** Writes a Resize where the opset of the file has such a one, else products with a matrix for each axis. */
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
