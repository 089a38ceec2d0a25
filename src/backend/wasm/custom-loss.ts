import { ignoreRejection, isPromise } from "../../base/realms.ts";
import { objection, refused } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import type { CustomLoss } from "../../terms/losses.ts";
import type { PackedDecoder } from "./packed.ts";
import type { Passes } from "./passes.ts";
import type { Rows, Workspace } from "./workspace.ts";

/**
 * Makes the passes of a custom loss: the decoder runs in WASM, and the loss's functions in JavaScript between its forward and
 * backward pass. The functions are not called for elements of weight 0.
 */
export function customLossPasses(packed: PackedDecoder, workspace: Workspace, loss: CustomLoss): Passes {
  const { arena, kernels, graph, decoder } = packed;
  const n = decoder.outputSize;

  function rowOf(rows: Rows, row: number): Float32Array {
    return arena.f32(rows.pointer + row * rows.stride, n);
  }

  /**
   * Calls `visit` with a row, its outputs and targets, and a function that returns the factor of each element: the loss's scale
   * times the element's weight.
   */
  function atRow(
    row: number,
    visit: (row: number, outputs: Float32Array, targets: Float32Array, factor: (i: number) => number) => void,
  ): void {
    const view = arena.view();
    const target = view.getUint32(workspace.targets + 4 * row, true);
    const weight = view.getUint32(workspace.weights + 4 * row, true);
    const scale = view.getFloat64(workspace.scales + 8 * row, true);
    const weights = weight ? arena.f32(weight, n) : undefined;
    const factor = (element: number) => (weights ? weights[element]! * scale : scale);
    visit(row, rowOf(workspace.outputs, row), arena.f32(target, n), factor);
  }

  /** Calls `visit` with the data of each of the first `count` rows listed in the workspace, as `atRow` does. */
  function forEachRow(count: number, visit: Parameters<typeof atRow>[1]): void {
    for (const row of arena.i32(workspace.rows, count).slice()) atRow(row, visit);
  }

  /** Computes into[i] = factor(i) · f(output, target) for n elements; 0 where the factor is 0, without calling f. */
  function fill(
    into: Float32Array,
    f: ElementFunction,
    outputs: Float32Array,
    targets: Float32Array,
    factor: (i: number) => number,
  ): void {
    for (let i = 0; i < n; i++) into[i] = factor(i) === 0 ? 0 : factor(i) * f(outputs[i]!, targets[i]!);
  }

  const value = numeric("value", loss.value);
  const gradient = numeric("gradient", loss.gradient);

  return {
    value(count) {
      kernels.decode(graph, workspace.pointer, count, false);
      forEachRow(count, (row, outputs, targets, factor) => {
        let sum = 0;
        for (let i = 0; i < n; i++) {
          if (factor(i) !== 0) sum += factor(i) * value(outputs[i]!, targets[i]!);
        }
        arena.view().setFloat64(workspace.losses + 8 * row, sum, true);
      });
      kernels.objectiveSum(workspace.pointer, count);
    },
    gradient(count) {
      forEachRow(count, (row, outputs, targets, factor) => {
        fill(rowOf(workspace.outputGradients, row), gradient, outputs, targets, factor);
      });
      kernels.objectiveBackward(graph, workspace.pointer, count);
    },
    tangent(count) {
      const curvature = curvatureOf(loss);
      forEachRow(count, (row, outputs, targets, factor) => {
        const tangents = rowOf(workspace.outputTangents, row);
        const into = rowOf(workspace.outputGradientTangents, row);
        fill(into, curvature, outputs, targets, factor);
        for (let i = 0; i < n; i++) into[i]! *= tangents[i]!;
      });
    },
    curvatures(row, into) {
      const curvature = curvatureOf(loss);
      atRow(row, (_row, outputs, targets, factor) => {
        fill(arena.f32(into, n), curvature, outputs, targets, factor);
      });
    },
  };
}

type ElementFunction = CustomLoss["value"];

/**
 * Wraps a function of a custom loss to throw if it returns anything but a number: a promise, for example, would make every
 * sample nonfinite without an error.
 */
function numeric(name: string, f: ElementFunction): ElementFunction {
  return (output, target) => {
    const result: unknown = f(output, target);
    if (typeof result === "number") return result;
    ignoreRejection(result);
    const hint = isPromise(result) ? " (it must not be async)" : "";
    throw refused("customLoss", name, "returned", show(result) + hint, "a number");
  };
}

function curvatureOf({ curvature }: CustomLoss): ElementFunction {
  if (curvature) return numeric("curvature", curvature);
  throw objection(
    "customLoss",
    "curvature",
    "is missing, and second derivatives are asked for; give the loss a curvature(output, target)",
  );
}
