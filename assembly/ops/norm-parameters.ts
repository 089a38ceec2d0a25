import { NormOperation } from "../memory/graph";
import {
  GRADIENTS,
  gradientOf,
  NormRows,
  ParameterGradient,
  rowAt,
  rowsOf,
  valueRows,
  Workspace,
} from "../memory/workspace";
import { parametersOf, startOf } from "./norm-sets";
import { addProducts, addRow, copyStored } from "./rows";

// Weight and bias of a norm: their gradients and packing.

/**
 * Adds a norm's parameter gradients over `count` rows to `sums`, u the normalised input and g the output's gradient: Σ g·u for
 * the weight, and Σ g for the bias if there is one. If `field` is GRADIENT_TANGENTS: Σ ġ·u + g·u̇, and Σ ġ, with the tangents ġ
 * of g and u̇ of u.
 */
export function addNormGradient(
  norm: NormOperation,
  kept: usize,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
  field: usize,
): void {
  const after = valueRows(workspace, norm.output);
  const rows = changetype<NormRows>(kept);
  const into = gradientOf(sums, index);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * after.stride;
    const from = rowsOf(after, field) + offset;
    addToParameters(norm, into.weight, from, rows.units + offset);
    if (field !== GRADIENTS) {
      addToParameters(norm, into.weight, after.gradients + offset, rows.unitTangents + offset);
    }
    if (norm.hasMean) addToParameters(norm, into.bias, from, 0);
  }
}

/**
 * Copies a norm's weights and, except for an RMS norm, its biases from `parameters`, f32[parameterSize] each, into the memory
 * of the operation.
 *
 * @param rowAlignment number of floats to a multiple of which each tensor is padded
 * @param isOwn false to copy nothing
 * @returns pointer behind the tensors read
 */
export function packNorm(norm: NormOperation, parameters: usize, rowAlignment: i32, isOwn: bool): usize {
  const size = norm.parameterSize;
  const behind = copyStored(norm.weight, parameters, size, rowAlignment, isOwn);
  return norm.hasMean ? copyStored(norm.bias, behind, size, rowAlignment, isOwn) : behind;
}

/**
 * Adds one row's gradients · factors, or the gradients alone if `factors` is 0, to a parameter's gradient `sum`, one after
 * another for the sets of numbers that the norm normalises together.
 */
function addToParameters(norm: NormOperation, sum: usize, gradients: usize, factors: usize): void {
  const stride = (<usize>norm.runStride) << 2;
  for (let s: i32 = 0; s < norm.sets; s++) {
    const to = sum + parametersOf(norm, s);
    const start = startOf(norm, s);
    for (let run: usize = 0; run < <usize>norm.runs; run++) {
      const at = start + run * stride;
      if (factors) addProducts(to, gradients + at, factors + at, norm.width, true);
      else addRow(to, gradients + at, norm.width);
    }
  }
}
