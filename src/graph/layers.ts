import type { Activation } from "./activation.ts";
import type { OperationDefinition } from "./definition.ts";
import { type Graph, LATENT } from "./graph.ts";
import type { Operation, OperationDescription, Shape } from "./operations.ts";

// Fully connected layers one after the other: the graphs of `createDecoder({ layers })` and of files of layers.

/** A fully connected layer: activation(weight · input + bias). */
export interface LayerDescription {
  /** In files its tensors are `NAME.weight` and `NAME.bias`. */
  readonly name: string;
  readonly inputSize: number;
  readonly outputSize: number;
  readonly activation: Activation;
}

/** A layer with its tensors. */
export interface Layer extends LayerDescription {
  /** [outputSize, inputSize] */
  readonly weight: Float32Array;
  /** [outputSize] */
  readonly bias: Float32Array;
}

const identity: Activation = Object.freeze({ name: "identity" });

/**
 * Layers as a graph: to each an operation, and one more for its activation unless that is the identity. Before the
 * output activation the value gets its shape.
 */
export function graphOfLayers(layers: readonly LayerDescription[], outputShape: Shape): Graph {
  const operations: OperationDescription[] = [];
  let input = LATENT;
  const add = (operation: OperationDescription) => {
    operations.push(operation);
    input = operation.name;
  };
  layers.forEach(({ name, outputSize, activation }, i) => {
    add({ kind: "dense", name, inputs: [input], shape: [outputSize] });
    let shape: Shape = [outputSize];
    if (i === layers.length - 1 && outputShape.length > 1) {
      shape = outputShape;
      add({ kind: "reshape", name: `${name}.reshape`, inputs: [input], shape });
    }
    if (activation.name === "identity") return;
    add({ kind: "activation", name: `${name}.activation`, inputs: [input], shape, activation });
  });
  return graphOf(layers[0]!.inputSize, operations);
}

/** What such operations are as JSON. */
function graphOf(latentSize: number, operations: readonly OperationDescription[]): Graph {
  const defined = operations.map((operation): OperationDefinition => {
    const { kind, name, inputs, shape } = operation;
    if (kind === "dense") return { kind, name, inputs, units: shape[0]! };
    if (kind === "activation") return { kind, name, inputs, activation: operation.activation };
    return { kind: "reshape", name, inputs, shape };
  });
  return {
    ...{ latentSize, fixedInputs: [], operations },
    definition: { format: 1, layout: "channelsLast", latentSize, operations: defined },
  };
}

/** Is it such a graph: dense layers, each with an activation or none, and one shape for the output? */
export function isStackOfLayers({ operations }: Pick<Graph, "operations">): boolean {
  return operations.every(({ kind, name, inputs }, i) => {
    if (inputs[0] !== (operations[i - 1]?.name ?? LATENT)) return false;
    const before = operations[i - 1]?.kind;
    if (kind === "dense") return before !== "reshape" && /\d$/.test(name);
    if (kind === "activation")
      return before === "dense" || (before === "reshape" && i === operations.length - 1);
    return kind === "reshape" && before === "dense" && i >= operations.length - 2;
  });
}

/** The layers of such a graph. */
export function layersOf({
  latentSize,
  operations,
}: Pick<Graph<Operation>, "latentSize" | "operations">): Layer[] {
  const layers: Layer[] = [];
  let inputSize = latentSize;
  for (const operation of operations) {
    if (operation.kind === "dense") {
      const { name, weight, bias } = operation;
      layers.push({ name, inputSize, outputSize: bias.length, activation: identity, weight, bias });
      inputSize = bias.length;
    } else if (operation.kind === "activation") {
      layers.push({ ...layers.pop()!, activation: operation.activation });
    }
  }
  return layers;
}
