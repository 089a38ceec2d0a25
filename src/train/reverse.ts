import { gotten, wanted, words } from "../base/message.ts";
import { invalidOption } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { convolvedLengths, transposedLengths } from "../graph/convolution.ts";
import type { GraphDefinition, OperationDefinition } from "../graph/definition.ts";
import { LATENT, type Step, stepsOf } from "../graph/graph.ts";
import { type Operation, type OperationKind, type Shape, sizeOf } from "../graph/operations.ts";

// Builds the encoder of an autoencoder: its decoder's operations in reverse order.

/** Definition of an operation without its name and inputs. */
type Settings = OperationDefinition extends infer Each
  ? Each extends OperationDefinition
    ? Omit<Each, "name" | "inputs">
    : never
  : never;

/** Makes the definition of the reverse of an operation: from the operation's output shape to its input shape, `input`. */
type Reverse<Kind extends OperationKind> = (operation: Operation<Kind>, input: Shape) => Settings;

/**
 * For each kind of operation with weights that can be reversed, a function that makes the definition of the reverse operation.
 */
const REVERSES = {
  dense: (_operation, input) => ({ kind: "dense", units: input.at(-1)! }),
  convTranspose(operation, input) {
    const { kernel, stride, padding, dilation, groups, shape } = operation;
    const lengths = convolvedLengths(operation, shape.slice(0, -1));
    if (String(lengths) !== String(input.slice(0, -1))) {
      const shown = gotten(`[${operation.outputPadding}]`);
      throw invalidOption(
        "decoder",
        words`the decoder's convTranspose ${show(operation.name)} cannot be turned round: its outputPadding is ${shown}, expected ${wanted("less than the stride")}`,
      );
    }
    return { kind: "conv", channels: input.at(-1)!, kernel, stride, padding, dilation, groups };
  },
  conv(operation, input) {
    const { kernel, stride, padding, dilation, groups, shape } = operation;
    // The stride may have skipped pixels at the end, which the output padding restores.
    const reached = transposedLengths(
      { ...operation, outputPadding: kernel.map(() => 0) },
      shape.slice(0, -1),
    );
    const outputPadding = reached.map((length, axis) => input[axis]! - length);
    return {
      kind: "convTranspose",
      channels: input.at(-1)!,
      kernel,
      stride,
      padding,
      dilation,
      groups,
      outputPadding,
    };
  },
} satisfies { readonly [Kind in OperationKind]?: Reverse<Kind> };

function isReversible(kind: OperationKind): kind is keyof typeof REVERSES {
  return kind in REVERSES;
}

/**
 * Throws `invalid_argument` unless the decoder's layers can be mirrored to make an encoder: they must be a chain of dense,
 * conv, convTranspose, reshape and activations.
 */
export function checkReversible(decoder: Decoder): void {
  const expected =
    "an encoder is the reverse of dense, conv, convTranspose, reshape and activations in a row";
  if (decoder.fixedInputs.length > 0) {
    throw invalidOption("decoder", `the decoder has fixed inputs, which no encoder finds; ${expected}`);
  }
  // Operations of these kinds read one value each: they form a chain.
  for (const { kind, name } of decoder.operations) {
    if (isReversible(kind) || kind === "activation" || kind === "reshape") continue;
    const which = `the decoder's ${kind} ${show(name)}`;
    throw invalidOption("decoder", `${which} cannot be turned round; ${expected}`);
  }
  if (!decoder.operations.some(({ kind }) => isReversible(kind))) {
    throw invalidOption("decoder", `the decoder has no operation with weights to turn round; ${expected}`);
  }
  for (const step of stepsOf(decoder)) reverseOf(step);
}

/**
 * Returns the definition of the reverse of a step's operation, from its output shape to its input shape; undefined if the
 * operation has no weights.
 */
function reverseOf(step: Step<Operation>): Settings | undefined {
  const { operation, inputShapes } = step;
  if (!isReversible(operation.kind)) return undefined;
  return (REVERSES[operation.kind] as Reverse<OperationKind>)(operation, inputShapes[0]!);
}

/**
 * Returns the definition of a decoder's encoder, from samples to codes: the reverse of each operation, in reverse order,
 * with the decoder's activations between them and none on the code.
 */
export function reverseDefinition(decoder: Decoder): GraphDefinition {
  const operations: OperationDefinition[] = [];
  let [input, shape]: [string, Shape] = [LATENT, [decoder.outputSize]];
  const add = (name: string, settings: Settings, made: Shape) => {
    operations.push({ ...settings, name, inputs: [input] } as OperationDefinition);
    [input, shape] = [name, made];
  };
  const bring = (name: string, wanted: Shape) => {
    if (String(shape) !== String(wanted)) add(name, { kind: "reshape", shape: wanted }, wanted);
  };
  const steps = stepsOf(decoder);
  const first = steps.findIndex(({ operation }) => isReversible(operation.kind));
  let count = 0;
  for (const [i, step] of [...steps.entries()].reverse()) {
    const { operation, inputShapes } = step;
    const reverse = reverseOf(step);
    const name = `encoder.${2 * count}`;
    if (reverse) {
      bring(count === 0 ? "encoder.reshape" : `${input}.reshape`, operation.shape);
      add(name, reverse, inputShapes[0]!);
      count++;
    } else if (operation.kind === "activation" && count > 0 && i > first) {
      add(`${input}.activation`, { kind: "activation", activation: operation.activation }, shape);
    }
  }
  bring(`${input}.reshape`, [sizeOf(shape)]);
  return { format: 1, layout: "channelsLast", latentSize: decoder.outputSize, operations };
}

/**
 * Returns the definition of encoder and decoder joined to one network, from samples to samples; the encoder's parameters
 * come first.
 */
export function joinedDefinition(encoder: Decoder, decoder: Decoder): GraphDefinition {
  const { latentShape, ...definition } = decoder.definition;
  const own = (name: string) => `decoder.${name}`;
  const code = encoder.operations.at(-1)!.name;
  const moved = definition.operations.map(({ name, inputs, ...settings }) => ({
    ...settings,
    name: own(name),
    inputs: inputs.map((input) => (input === LATENT ? code : own(input))),
  }));
  return {
    ...definition,
    latentSize: encoder.latentSize,
    operations: [...encoder.definition.operations, ...(moved as OperationDefinition[])],
  };
}
