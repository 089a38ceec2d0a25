import { ConstantOperation, EmbeddingOperation, FixedOperation, Graph, Operation } from "../memory/graph";
import {
  GaussNewton,
  gradientOf,
  ParameterGradient,
  rowAt,
  rowsOf,
  tangentsOf,
  valueRows,
  Workspace,
} from "../memory/workspace";
import { addRow, copyStored } from "./rows";

// Values that do not depend on z: parameters, rows of tables, and inputs given with a sample. They have no backward pass, and
// their tangents are 0.

/** Copies a constant's parameter, `size` floats, into its value in each of `count` rows. */
export function forwardConstant(constant: ConstantOperation, workspace: Workspace, count: i32): void {
  const value = valueRows(workspace, constant.output);
  const bytes = (<usize>constant.size) << 2;
  for (let i: i32 = 0; i < count; i++) {
    memory.copy(value.values + rowAt(workspace.rows, i) * value.stride, constant.weight, bytes);
  }
}

/**
 * Copies, for each element of the input, the table's row that the element chooses into the output, for `count` rows. Traps if
 * an element is outside the table.
 */
export function forwardEmbedding(embedding: EmbeddingOperation, workspace: Workspace, count: i32): void {
  const before = valueRows(workspace, embedding.input);
  const after = valueRows(workspace, embedding.output);
  const bytes = (<usize>embedding.units) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const classes = before.values + row * before.stride;
    const to = after.values + row * after.stride;
    for (let k: usize = 0; k < <usize>embedding.count; k++) {
      memory.copy(to + k * bytes, embedding.table + classAt(embedding, classes, k) * bytes, bytes);
    }
  }
}

/** Copies a fixed input of each row's sample, `size` floats, into its value in each of `count` rows. */
export function forwardFixed(fixed: FixedOperation, workspace: Workspace, count: i32): void {
  const value = valueRows(workspace, fixed.output);
  const bytes = (<usize>fixed.size) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const given = load<usize>(workspace.fixed + (row << 2)) + <usize>fixed.offset;
    memory.copy(value.values + row * value.stride, given, bytes);
  }
}

/**
 * Writes zeros as the tangents of a value that does not depend on the latents: a constant, rows of an embedding table, or a
 * fixed input.
 */
export function tangentSource(source: Operation, workspace: Workspace, count: i32): void {
  const value = valueRows(workspace, source.output);
  for (let i: i32 = 0; i < count; i++) {
    memory.fill(value.tangents + rowAt(workspace.rows, i) * value.stride, 0, value.stride);
  }
}

/**
 * Writes zeros into `count` rows of work.tangents for the output of `source`: a constant, an embedding or a fixed input does not
 * depend on the latents.
 */
export function jacobianSource(
  source: Operation,
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  count: i32,
): void {
  const to = tangentsOf(graph, work, source.output);
  const bytes = valueRows(workspace, source.output).stride;
  for (let r: usize = 0; r < <usize>count; r++) memory.fill(to + r * work.stride, 0, bytes);
}

/**
 * Adds `count` rows of the output's gradients to the gradient for a constant parameter; `field` is GRADIENTS or
 * GRADIENT_TANGENTS.
 */
export function addConstantGradient(
  constant: ConstantOperation,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
  field: usize,
): void {
  const value = valueRows(workspace, constant.output);
  const from = rowsOf(value, field);
  const into = gradientOf(sums, index).weight;
  for (let i: i32 = 0; i < count; i++) {
    addRow(into, from + rowAt(workspace.rows, i) * value.stride, constant.size);
  }
}

/**
 * Adds the output's gradients of `count` rows to the gradient for the embedding's table, each to the row that the input
 * chose; `field` is GRADIENTS or GRADIENT_TANGENTS.
 */
export function addEmbeddingGradient(
  embedding: EmbeddingOperation,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
  field: usize,
): void {
  const before = valueRows(workspace, embedding.input);
  const after = valueRows(workspace, embedding.output);
  const left = rowsOf(after, field);
  const into = gradientOf(sums, index).weight;
  const sumStride = (<usize>((embedding.units + 7) & ~7)) << 2;
  for (let i: i32 = 0; i < count; i++) {
    const row = rowAt(workspace.rows, i);
    const classes = before.values + row * before.stride;
    for (let k: usize = 0; k < <usize>embedding.count; k++) {
      const from = left + row * after.stride + ((k * <usize>embedding.units) << 2);
      addRow(into + classAt(embedding, classes, k) * sumStride, from, embedding.units);
    }
  }
}

/**
 * Copies a constant's numbers from `parameters`, f32[size], into the memory of the operation.
 *
 * @param rowAlignment number of floats to a multiple of which the tensor is padded
 * @param isOwn false to copy nothing
 * @returns pointer behind the tensor read
 */
export function packConstant(
  constant: ConstantOperation,
  parameters: usize,
  rowAlignment: i32,
  isOwn: bool,
): usize {
  return copyStored(constant.weight, parameters, constant.size, rowAlignment, isOwn);
}

/**
 * Copies an embedding's table from `parameters`, f32[classes][units], into the memory of the operation.
 *
 * @param rowAlignment number of floats to a multiple of which each row of the table is padded in `parameters`
 * @param isOwn false to copy nothing
 * @returns pointer behind the tensor read
 */
export function packEmbedding(
  embedding: EmbeddingOperation,
  parameters: usize,
  rowAlignment: i32,
  isOwn: bool,
): usize {
  const bytes = (<usize>embedding.units) << 2;
  for (let c: usize = 0; c < <usize>embedding.classes; c++) {
    parameters = copyStored(embedding.table + c * bytes, parameters, embedding.units, rowAlignment, isOwn);
  }
  return parameters;
}

function classAt(embedding: EmbeddingOperation, classes: usize, index: usize): usize {
  const number = <i32>load<f32>(classes + (index << 2));
  // Callers check the numbers, but a program may change the array meanwhile: a number outside the table traps.
  if (<u32>number >= <u32>embedding.classes) unreachable();
  return <usize>number;
}
