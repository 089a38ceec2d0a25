import { calling } from "../../base/calling.ts";
import { ignoreRejection, isPromise } from "../../base/realms.ts";
import { objection, refused } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import type { CustomLoss } from "../../terms/losses.ts";
import type { PackedDecoder } from "./packed.ts";
import type { Passes } from "./passes.ts";
import type { Run } from "./team.ts";
import type { Rows, Workspace } from "./workspace.ts";

/**
 * Makes the passes of a custom loss: the decoder runs in WASM, and the loss's functions in JavaScript between its forward and
 * backward pass. The functions are not called for elements of weight 0.
 */
export function customLossPasses(
  { arena, graph, decoder }: PackedDecoder,
  workspace: Workspace,
  loss: CustomLoss,
  run: Run,
): Passes {
  const n = decoder.outputSize;

  const value = numeric("value", loss.value);
  const gradient = numeric("gradient", loss.gradient);

  /** Returns a copy of the indices of the first `count` rows listed in the workspace. */
  function listed(count: number): Int32Array {
    return arena.i32(workspace.rows, count).slice();
  }

  function rowOf(rows: Rows, row: number): Float32Array {
    return arena.f32(rows.pointer + row * rows.stride, n);
  }

  /**
   * Returns a function that computes factor · f(output, target) for an element of a row, where the factor is the loss's scale
   * times the element's weight; 0 where the factor is 0, without calling f.
   */
  function elementsOf(row: number): (f: ElementFunction, element: number) => number {
    const view = arena.view();
    const targets = arena.f32(view.getUint32(workspace.targets + 4 * row, true), n);
    const weight = view.getUint32(workspace.weights + 4 * row, true);
    const scale = view.getFloat64(workspace.scales + 8 * row, true);
    const weights = weight ? arena.f32(weight, n) : undefined;
    const outputs = rowOf(workspace.outputs, row);
    return (f, element) => {
      const factor = weights ? weights[element]! * scale : scale;
      return factor === 0 ? 0 : factor * f(outputs[element]!, targets[element]!);
    };
  }

  /** Fills `into` with factor · f(output, target) for the n elements of a row. */
  function fill(into: Float32Array, f: ElementFunction, row: number): void {
    const at = elementsOf(row);
    for (let i = 0; i < n; i++) into[i] = at(f, i);
  }

  return {
    async value(count) {
      await run("decode", graph, workspace.pointer, count, false);
      for (const row of listed(count)) {
        const at = elementsOf(row);
        let sum = 0;
        for (let i = 0; i < n; i++) sum += at(value, i);
        arena.view().setFloat64(workspace.losses + 8 * row, sum, true);
      }
      await run("objectiveSum", workspace.pointer, count);
    },
    async gradient(count) {
      for (const row of listed(count)) fill(rowOf(workspace.outputGradients, row), gradient, row);
      await run("objectiveBackward", graph, workspace.pointer, count);
    },
    async tangent(count) {
      const curvature = curvatureOf(loss);
      for (const row of listed(count)) {
        const tangents = rowOf(workspace.outputTangents, row);
        const into = rowOf(workspace.outputGradientTangents, row);
        fill(into, curvature, row);
        for (let i = 0; i < n; i++) into[i]! *= tangents[i]!;
      }
    },
    curvatures: (row, into) => fill(arena.f32(into, n), curvatureOf(loss), row),
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
    return typeof result === "number" ? result : refuseResult(name, result);
  };
}

function refuseResult(name: string, result: unknown): never {
  return calling("customLoss", () => {
    ignoreRejection(result);
    const hint = isPromise(result) ? " (it must not be async)" : "";
    throw refused(name, "returned", show(result), "a number", hint);
  });
}

function curvatureOf({ curvature }: CustomLoss): ElementFunction {
  if (curvature) return numeric("curvature", curvature);
  return calling("customLoss", () => {
    const reason = "is missing, and second derivatives are asked for";
    throw objection("curvature", reason, "; give the loss a curvature(output, target)");
  });
}
