import { DenseOperation } from "../memory/graph";
import {
  GRADIENTS,
  gradientOf,
  ParameterGradient,
  rowAt,
  rowsOf,
  ValueRows,
  valueRows,
  Workspace,
} from "../memory/workspace";
import { F32x4 } from "../simd";
import { startOfPart } from "./parts";
import { multiply } from "./product";

// Gradients for a fully connected operation's weight and bias.

/**
 * Adds a fully connected layer's weight and bias gradients over `count` rows to `sums`: output gradients ⊗ inputs and Σ output
 * gradients. If `field` is GRADIENT_TANGENTS: gradient tangents ⊗ inputs + gradients ⊗ input tangents, and Σ gradient tangents.
 * Adds the gradients of the outputs in part number `part` of `parts`.
 */
export function addDenseGradient(
  dense: DenseOperation,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
  field: usize,
  part: i32,
  parts: i32,
): void {
  // Multiples of 8 outputs, since the bias's gradient is written four numbers at a time, padding included.
  const first = startOfPart(dense.outputSize, 8, part, parts);
  const end = startOfPart(dense.outputSize, 8, part + 1, parts);
  if (first === end) return;
  const before = valueRows(workspace, dense.input);
  const after = valueRows(workspace, dense.output);
  const into = gradientOf(sums, index);
  const rows = workspace.rows;
  const weight = into.weight;
  const from = rowsOf(after, field);
  addOuterProducts(dense, weight, sums, rows, count, after, from, before, before.values, first, end);
  if (field !== GRADIENTS) {
    addOuterProducts(
      dense,
      weight,
      sums,
      rows,
      count,
      after,
      after.gradients,
      before,
      before.tangents,
      first,
      end,
    );
  }
  const offset = (<usize>first) << 2;
  addRows(into.bias + offset, from + offset, after.stride, rows, count, end - first);
}

/**
 * Computes weight[o][i] += Σ_row left[row][o] · right[row][i] for the outputs o from `first` to `end` - 1, the rows in ascending
 * order. `left` and `right` point to row 0; their rows are as far apart as those of `after`, the layer's output value, and of
 * `before`, its input value.
 */
function addOuterProducts(
  dense: DenseOperation,
  weight: usize,
  sums: ParameterGradient,
  rows: usize,
  count: i32,
  after: ValueRows,
  left: usize,
  before: ValueRows,
  right: usize,
  first: i32,
  end: i32,
): void {
  const panels = (dense.inputSize + 7) >> 3;
  const depth = (<usize>count) << 2;
  const weightStride = (<usize>panels) << 5;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(rows, i);
    const gradients = left + row * after.stride;
    for (let o: usize = first; o < <usize>end; o++) {
      store<f32>(sums.columns + o * depth + ((<usize>i) << 2), load<f32>(gradients + (o << 2)));
    }
    packRow(right + row * before.stride, dense.inputSize, sums.panels + ((<usize>i) << 5), depth << 3);
  }
  for (let o: usize = first; o < <usize>end; o++) {
    store<usize>(sums.sources + (o << 2), sums.columns + o * depth);
    store<usize>(sums.destinations + (o << 2), weight + o * weightStride);
  }
  const offset = (<usize>first) << 2;
  const sources = sums.sources + offset;
  const destinations = sums.destinations + offset;
  multiply(end - first, sources, destinations, sums.panels, 0, count, panels);
}

/**
 * Copies a row of `size` floats into panels (blocks) of 8 columns, `panelSize` bytes apart, and fills the last panel with
 * zeros.
 */
export function packRow(row: usize, size: i32, panels: usize, panelSize: usize): void {
  for (let left = size; left > 0; left -= 8, row += 32, panels += panelSize) {
    let low = v128.load(row);
    let high = v128.load(row, 16);
    if (left < 4) low = v128.and(low, F32x4.tailMask(left));
    if (left < 8) high = v128.and(high, F32x4.tailMask(left - 4));
    v128.store(panels, low);
    v128.store(panels, high, 16);
  }
}

/**
 * Adds `count` rows of a block to `sum`, in ascending order. Elements behind the end of a row do not reach the padding of the
 * sum.
 */
function addRows(sum: usize, block: usize, stride: usize, rows: usize, count: i32, size: i32): void {
  const whole = (<usize>(size & ~3)) << 2;
  const rest = size & 3;
  for (let i: i32 = 0; i < count; i++) {
    const row = block + rowAt(rows, i) * stride;
    for (let k: usize = 0; k < whole; k += 16) {
      v128.store(sum + k, f32x4.add(v128.load(sum + k), v128.load(row + k)));
    }
    if (rest) {
      const last = v128.and(v128.load(row + whole), F32x4.tailMask(rest));
      v128.store(sum + whole, f32x4.add(v128.load(sum + whole), last));
    }
  }
}
