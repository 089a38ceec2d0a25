import type { Activation } from "./activation.ts";
import type { OperationDefinition } from "./definition.ts";
import { type Graph, LATENT } from "./graph.ts";
import type { Operation, OperationDescription, Shape } from "./operations.ts";

// Stacks of fully connected layers: graphs of `createDecoder({ layers })` and of safetensors files without a definition.

/** A fully connected layer, activation(weight · input + bias), without its tensors. */
export interface LayerDescription {
  /** Name of the layer; in files its tensors are `NAME.weight` and `NAME.bias`. */
  readonly name: string;
  readonly inputSize: number;
  readonly outputSize: number;
  readonly activation: Activation;
}

/** A fully connected layer with its tensors. */
export interface Layer extends LayerDescription {
  /** Weight of a fully connected layer, [outputSize, inputSize]. */
  readonly weight: Float32Array;
  /** Bias of a fully connected layer, [outputSize]. */
  readonly bias: Float32Array;
}

const identity: Activation = Object.freeze({ name: "identity" });

/**
 * Makes the graph of a stack of layers: each layer becomes a dense operation, followed by the layer's activation unless the
 * activation is the identity. If the output shape has several axes, a reshape to the output shape comes before the output
 * activation.
 */
export function graphOfLayers(layers: readonly LayerDescription[], outputShape: Shape): Graph {
  const operations: OperationDescription[] = [];
  const defined: object[] = [];
  let input = LATENT;
  const add = (operation: OperationDescription, settings: object) => {
    const { kind, name, inputs } = operation;
    operations.push(operation);
    defined.push({ kind, name, inputs, ...settings });
    input = name;
  };
  layers.forEach(({ name, outputSize, activation }, i) => {
    add({ kind: "dense", name, inputs: [input], shape: [outputSize] }, { units: outputSize });
    let shape: Shape = [outputSize];
    if (i === layers.length - 1 && outputShape.length > 1) {
      shape = outputShape;
      add({ kind: "reshape", name: `${name}.reshape`, inputs: [input], shape }, { shape });
    }
    if (activation.name === "identity") return;
    add(
      { kind: "activation", name: `${name}.activation`, inputs: [input], shape, activation },
      { activation },
    );
  });
  const latentSize = layers[0]!.inputSize;
  return {
    latentSize,
    fixedInputs: [],
    operations,
    definition: {
      format: 1,
      layout: "channelsLast",
      latentSize,
      operations: defined as OperationDefinition[],
    },
  };
}

/**
 * Returns true if a graph is a stack as `graphOfLayers` makes it: dense operations, each with an activation or none, and at
 * most one reshape, to the output shape.
 */
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

/** Returns the layers of a graph that `graphOfLayers` made, with views of their tensors. */
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
