import {
  ActivationOperation,
  ActivationRows,
  DenseOperation,
  Graph,
  ValueRows,
  Workspace,
} from "../src/kernels/layout.ts";
import type { Rig } from "./rig.ts";
import { type Case, interleave, median } from "./timing.ts";

/** Milliseconds of one row's forward and backward pass, and of what they consist of. */
export interface PassParts {
  readonly forward: Parts & { readonly whole: number };
  readonly backward: Parts & { readonly whole: number };
}

export interface Parts {
  readonly products: number;
  readonly activations: number;
  readonly loss: number;
}

const ROUNDS = 7;
/** All cases run about this long in a round, in milliseconds, so that a busy machine disturbs all alike. */
const RUN = 5;

/**
 * Times the kernels that a pass calls inside WASM one by one, on the rig's own rows: so many at once, or row by row
 * where the pass itself goes row by row. A call from JavaScript for each row is in there, some ten nanoseconds.
 */
export function measureParts(rig: Rig, rows: number): PassParts {
  const { packed, kernels, workspace } = rig;
  const { arena } = packed;
  const { view, zeros, values, products, activations } = structs(rig);
  const n = packed.decoder.outputSize;
  const rowPointers = (pointer: number, stride: number) =>
    Array.from({ length: rows }, (_, row) => pointer + row * stride);
  const pointerBlock = (pointers: number[]) => {
    const { layout } = arena.allocate((piece) => piece(4 * rows));
    arena.i32(layout, rows).set(pointers);
    return layout;
  };
  const lists = values.map(({ stride, ...of }) => ({
    stride,
    valueRows: rowPointers(of.values, stride),
    gradientRows: rowPointers(of.gradients, stride),
    valueList: pointerBlock(rowPointers(of.values, stride)),
    gradientList: pointerBlock(rowPointers(of.gradients, stride)),
  }));
  const loss = Workspace.get(view, workspace.pointer, "loss");
  const targets = Array.from(arena.i32(workspace.targets, rows));
  const last = lists.at(-1)!;
  const panels = (size: number) => Math.ceil(size / 8);
  const slopeRows = activations.map(({ slopes, value }) => rowPointers(slopes, lists[value]!.stride));

  const passes: Record<string, () => void> = {
    forward: () => rig.forward(rows),
    backward: () => rig.backward(rows),
    forwardProducts() {
      for (const { from, to, inputSize, outputSize, ...at } of products) {
        const [sources, destinations] = [lists[from]!.valueList, lists[to]!.valueList];
        kernels.multiply(rows, sources, destinations, at.panels, at.bias, inputSize, panels(outputSize));
      }
    },
    backwardProducts() {
      for (const { from, to, inputSize, outputSize, transposedPanels } of products) {
        const [sources, destinations] = [lists[to]!.gradientList, lists[from]!.gradientList];
        kernels.multiply(rows, sources, destinations, transposedPanels, zeros, outputSize, panels(inputSize));
      }
    },
    forwardActivations() {
      activations.forEach(({ activation, parameter, value, size }, i) => {
        const { valueRows } = lists[value]!;
        for (let row = 0; row < rows; row++) {
          kernels.activationForward(activation, parameter, valueRows[row]!, slopeRows[i]![row]!, 0, size);
        }
      });
    },
    backwardActivations() {
      activations.forEach(({ value, size }, i) => {
        const { gradientRows } = lists[value]!;
        for (let row = 0; row < rows; row++) {
          kernels.activationBackward(slopeRows[i]![row]!, gradientRows[row]!, size);
        }
      });
    },
    forwardLoss() {
      for (let row = 0; row < rows; row++) {
        kernels.lossForward(loss, last.valueRows[row]!, targets[row]!, 0, n);
      }
    },
    backwardLoss() {
      for (let row = 0; row < rows; row++) {
        kernels.lossBackward(loss, last.valueRows[row]!, targets[row]!, 0, 1 / n, last.gradientRows[row]!, n);
      }
    },
  };
  const cases = Object.entries(passes).map(([name, pass]): Case => {
    const repeats = repeatsFor(pass);
    return {
      name,
      units: rows * repeats,
      run() {
        for (let i = 0; i < repeats; i++) pass();
      },
    };
  });
  const times = interleave(cases, ROUNDS);
  const of = (name: string) => median(times.map((round) => round[cases.findIndex((c) => c.name === name)]!));
  const parts = (direction: "forward" | "backward") => ({
    whole: of(direction),
    products: of(`${direction}Products`),
    activations: of(`${direction}Activations`),
    loss: of(`${direction}Loss`),
  });
  return { forward: parts("forward"), backward: parts("backward") };
}

/** How often `pass` has to run to take RUN, by its fastest of some runs. */
function repeatsFor(pass: () => void): number {
  const times = Array.from({ length: 50 }, () => {
    const start = performance.now();
    pass();
    return performance.now() - start;
  });
  return Math.ceil(RUN / Math.min(...times));
}

/** The operations before the logits, and the rows of their values, as the kernels see them. */
function structs({ packed, workspace }: Rig) {
  const { lowered, graph, arena } = packed;
  const view = arena.view();
  const pointers = Graph.get(view, graph, "operations");
  const kept = Workspace.get(view, workspace.pointer, "kept");
  const operations = lowered.operations
    .slice(0, lowered.logitOperations)
    .map(({ kind, input, output }, i) => ({
      kind,
      from: input,
      to: output,
      pointer: view.getUint32(pointers + 4 * i, true),
      kept: view.getUint32(kept + 4 * i, true),
    }));
  const products = operations
    .filter(({ kind }) => kind === "dense")
    .map(({ from, to, pointer }) => {
      const get = (name: Parameters<typeof DenseOperation.get>[2]) => DenseOperation.get(view, pointer, name);
      return {
        from,
        to,
        inputSize: get("inputSize"),
        outputSize: get("outputSize"),
        bias: get("bias"),
        panels: get("panels"),
        transposedPanels: get("transposedPanels"),
      };
    });
  const activations = operations
    .filter(({ kind }) => kind === "activation")
    .map(({ to, pointer, kept: rows }) => {
      const get = (name: Parameters<typeof ActivationOperation.get>[2]) =>
        ActivationOperation.get(view, pointer, name);
      return {
        activation: get("activation"),
        parameter: get("parameter"),
        size: get("size"),
        value: to,
        slopes: ActivationRows.get(view, rows, "slopes"),
      };
    });
  const values = lowered.sizes.map((_, value) => {
    const at = Workspace.get(view, workspace.pointer, "values") + value * ValueRows.size;
    const get = (name: Parameters<typeof ValueRows.get>[2]) => ValueRows.get(view, at, name);
    return { stride: get("stride"), values: get("values"), gradients: get("gradients") };
  });
  return { view, zeros: Graph.get(view, graph, "zeros"), values, products, activations };
}
