import { Batch, Layer, LayerRows, Plan } from "../src/backend/wasm/layout.ts";
import { type Case, interleave, median } from "./measure.ts";
import type { Rig } from "./rig.ts";

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
  const { packed, kernels, batch } = rig;
  const { arena, plan } = packed;
  const { view, layers, widths } = structs(rig);
  const n = packed.decoder.outputSize;
  const rowPointers = (pointer: number, stride: number) =>
    Array.from({ length: rows }, (_, row) => pointer + row * stride);
  const pointerBlock = (pointers: number[]) => {
    const { layout } = arena.allocate((piece) => piece(4 * rows));
    arena.i32(layout, rows).set(pointers);
    return layout;
  };
  const lists = widths.map((width) => ({
    ...width,
    outputRows: rowPointers(width.outputs, width.stride),
    slopeRows: rowPointers(width.slopes, width.stride),
    gradientRows: rowPointers(width.gradients, width.stride),
    outputList: pointerBlock(rowPointers(width.outputs, width.stride)),
    gradientList: pointerBlock(rowPointers(width.gradients, width.stride)),
  }));
  const zeros = Plan.get(view, plan, "zeros");
  const loss = Batch.get(view, batch.batch, "loss");
  const targets = Array.from(arena.i32(batch.targets, rows));
  const last = lists.at(-1)!;
  const hidden = layers.slice(0, -1);
  const panels = (size: number) => Math.ceil(size / 8);

  const passes: Record<string, () => void> = {
    forward: () => rig.forward(rows),
    backward: () => rig.backward(rows),
    forwardProducts() {
      layers.forEach((layer, i) => {
        const [from, to] = [lists[i]!.outputList, lists[i + 1]!.outputList];
        kernels.multiply(rows, from, to, layer.panels, layer.bias, layer.inputSize, panels(layer.outputSize));
      });
    },
    backwardProducts() {
      layers.forEach((layer, i) => {
        const [from, to] = [lists[i + 1]!.gradientList, lists[i]!.gradientList];
        const { transposedPanels, inputSize, outputSize } = layer;
        kernels.multiply(rows, from, to, transposedPanels, zeros, outputSize, panels(inputSize));
      });
    },
    forwardActivations() {
      hidden.forEach(({ activation, parameter, outputSize }, i) => {
        const { outputRows, slopeRows } = lists[i + 1]!;
        for (let row = 0; row < rows; row++) {
          kernels.activationForward(activation, parameter, outputRows[row]!, slopeRows[row]!, 0, outputSize);
        }
      });
    },
    backwardActivations() {
      hidden.forEach(({ activation, outputSize }, i) => {
        const { slopeRows, gradientRows } = lists[i + 1]!;
        for (let row = 0; row < rows; row++) {
          kernels.activationBackward(activation, slopeRows[row]!, gradientRows[row]!, outputSize);
        }
      });
    },
    forwardLoss() {
      for (let row = 0; row < rows; row++) {
        kernels.lossForward(loss, last.outputRows[row]!, targets[row]!, 0, n);
      }
    },
    backwardLoss() {
      for (let row = 0; row < rows; row++) {
        kernels.lossBackward(
          loss,
          last.outputRows[row]!,
          targets[row]!,
          0,
          1 / n,
          last.gradientRows[row]!,
          n,
        );
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

/** The layers, and the rows between them, as the kernels see them. */
function structs({ packed, batch }: Rig) {
  const view = packed.arena.view();
  const count = Plan.get(view, packed.plan, "layerCount");
  const firstLayer = Plan.get(view, packed.plan, "layers");
  const firstRows = Batch.get(view, batch.batch, "layers");
  const layers = Array.from({ length: count }, (_, i) => {
    const get = (name: Parameters<typeof Layer.get>[2]) => Layer.get(view, firstLayer + i * Layer.size, name);
    return {
      ...{ inputSize: get("inputSize"), outputSize: get("outputSize"), activation: get("activation") },
      ...{ parameter: get("parameter"), bias: get("bias") },
      ...{ panels: get("panels"), transposedPanels: get("transposedPanels") },
    };
  });
  const widths = Array.from({ length: count + 1 }, (_, i) => {
    const get = (name: Parameters<typeof LayerRows.get>[2]) =>
      LayerRows.get(view, firstRows + i * LayerRows.size, name);
    return {
      ...{ stride: get("stride"), outputs: get("outputs") },
      ...{ slopes: get("slopes"), gradients: get("gradients") },
    };
  });
  return { view, layers, widths };
}
