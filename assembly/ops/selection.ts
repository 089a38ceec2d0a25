import { Graph, SelectionOperation } from "../memory/graph";
import { GaussNewton, rowAt, rowsOf, tangentsOf, valueRows, Workspace } from "../memory/workspace";

// Elementwise y = condition > 0 ? a : b: see SelectionOperation. A NaN condition chooses b. Numbers are chosen by their bits,
// so that ∞ or NaN of the other side reaches no result and no derivative. The condition's derivatives are 0.

/**
 * Computes y = condition > 0 ? a : b, element by element, for `count` rows; if `field` is TANGENTS, ẏ = condition > 0 ? ȧ : ḃ.
 */
export function forwardSelection(
  selection: SelectionOperation,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const condition = valueRows(workspace, selection.input);
  const y = valueRows(workspace, selection.output);
  const a = rowsOf(valueRows(workspace, selection.other), field);
  const b = rowsOf(valueRows(workspace, selection.otherwise), field);
  const to = rowsOf(y, field);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * y.stride;
    choose(selection, to + offset, condition.values + offset, a + offset, b + offset);
  }
}

/**
 * Computes the gradients of y = condition > 0 ? a : b: the output's gradient g goes to g_a where condition > 0, to g_b
 * elsewhere, and the rest is 0; the condition's gradient is 0. `field` is GRADIENTS or GRADIENT_TANGENTS.
 */
export function backwardSelection(
  selection: SelectionOperation,
  workspace: Workspace,
  count: i32,
  field: usize,
): void {
  const condition = valueRows(workspace, selection.input);
  const y = valueRows(workspace, selection.output);
  const a = rowsOf(valueRows(workspace, selection.other), field);
  const b = rowsOf(valueRows(workspace, selection.otherwise), field);
  for (let i: i32 = 0; i < count; i++) {
    const offset = rowAt(workspace.rows, i) * y.stride;
    share(selection, a + offset, b + offset, condition.values + offset, rowsOf(y, field) + offset);
    memory.fill(rowsOf(condition, field) + offset, 0, (<usize>selection.size) << 2);
  }
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through a selection at the point of row `row`:
 * from the inputs' rows of work.tangents to the output's.
 */
export function jacobianSelection(
  selection: SelectionOperation,
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  row: usize,
  count: i32,
): void {
  const condition = valueRows(workspace, selection.input);
  const ofA = tangentsOf(graph, work, selection.other);
  const ofB = tangentsOf(graph, work, selection.otherwise);
  const to = tangentsOf(graph, work, selection.output);
  const from = condition.values + row * condition.stride;
  for (let r: usize = 0; r < <usize>count; r++) {
    const at = r * work.stride;
    choose(selection, to + at, from, ofA + at, ofB + at);
  }
}

/** Computes to = condition > 0 ? a : b for the numbers of one row. */
function choose(selection: SelectionOperation, to: usize, condition: usize, a: usize, b: usize): void {
  const whole = (<usize>(selection.size & ~3)) << 2;
  const end = (<usize>selection.size) << 2;
  const zero = f32x4.splat(0);
  let k: usize = 0;
  for (; k < whole; k += 16) {
    const isChosen = f32x4.gt(v128.load(condition + k), zero);
    v128.store(to + k, v128.bitselect(v128.load(a + k), v128.load(b + k), isChosen));
  }
  for (; k < end; k += 4) {
    store<f32>(to + k, load<f32>(condition + k) > 0 ? load<f32>(a + k) : load<f32>(b + k));
  }
}

/** Splits `from` for one row: a = condition > 0 ? from : 0, b = condition > 0 ? 0 : from. */
function share(selection: SelectionOperation, a: usize, b: usize, condition: usize, from: usize): void {
  const whole = (<usize>(selection.size & ~3)) << 2;
  const end = (<usize>selection.size) << 2;
  const zero = f32x4.splat(0);
  let k: usize = 0;
  for (; k < whole; k += 16) {
    const isChosen = f32x4.gt(v128.load(condition + k), zero);
    const all = v128.load(from + k);
    v128.store(a + k, v128.and(all, isChosen));
    v128.store(b + k, v128.andnot(all, isChosen));
  }
  for (; k < end; k += 4) {
    const isChosen = load<f32>(condition + k) > 0;
    const all = load<f32>(from + k);
    store<f32>(a + k, isChosen ? all : 0);
    store<f32>(b + k, isChosen ? 0 : all);
  }
}
