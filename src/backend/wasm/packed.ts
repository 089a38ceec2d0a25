import type { Activation } from "../../decoder/activation.ts";
import { type Decoder, onDispose } from "../../decoder/decoder.ts";
import { Arena } from "./arena.ts";
import { type CompiledKernels, instantiateKernels, type Kernels } from "./instance.ts";
import { ACTIVATION_CODES, LAYER_DENSE, Layer, Plan, paddedSize } from "./layout.ts";

/** A decoder's weights packed in an instance of the kernels, and the memory that calls on it share. */
export interface PackedDecoder {
  readonly decoder: Decoder;
  readonly kernels: Kernels;
  /** What the instance has been made of. */
  readonly compiled: CompiledKernels;
  readonly arena: Arena;
  /** Points to the Plan. */
  readonly plan: number;
}

const packedDecoders = new WeakMap<Decoder, Map<WebAssembly.Module, Promise<PackedDecoder>>>();

/**
 * Packs a decoder on its first use with a build of the kernels, and keeps that until the decoder is disposed
 * or collected. Calls still at work then keep what they use until they end.
 */
export function packDecoder(decoder: Decoder, compiled: CompiledKernels): Promise<PackedDecoder> {
  let byModule = packedDecoders.get(decoder);
  if (!byModule) {
    byModule = new Map();
    packedDecoders.set(decoder, byModule);
    onDispose(decoder, () => packedDecoders.delete(decoder));
  }
  let packed = byModule.get(compiled.module);
  if (!packed) {
    packed = pack(decoder, compiled);
    byModule.set(compiled.module, packed);
    packed.catch(() => byModule.delete(compiled.module));
  }
  return packed;
}

async function pack(decoder: Decoder, compiled: CompiledKernels): Promise<PackedDecoder> {
  const arena = new Arena();
  const kernels = await instantiateKernels(compiled.module, arena.memory);
  const widest = Math.max(decoder.latentSize, ...decoder.layers.map((layer) => layer.outputSize));
  const { layout } = arena.allocate((piece) => ({
    plan: piece(Plan.size),
    layers: piece(Layer.size * decoder.layers.length),
    zeros: piece(4 * paddedSize(widest)),
    tensors: decoder.layers.map(({ inputSize, outputSize }) => ({
      panels: piece(4 * paddedSize(outputSize) * inputSize),
      transposedPanels: piece(4 * paddedSize(inputSize) * outputSize),
      bias: piece(4 * paddedSize(outputSize)),
    })),
  }));
  // As they are in the file, only until they are packed; calls use the place afterwards.
  const parameters = arena.allocate((piece) => piece(decoder.parameters.byteLength));
  arena.f32(parameters.layout, decoder.parameterCount).set(decoder.parameters);
  const view = arena.view();
  Plan.set(view, layout.plan, {
    layerCount: decoder.layers.length,
    layers: layout.layers,
    zeros: layout.zeros,
  });
  decoder.layers.forEach((layer, i) => {
    Layer.set(view, layout.layers + i * Layer.size, {
      kind: LAYER_DENSE,
      inputSize: layer.inputSize,
      outputSize: layer.outputSize,
      activation: ACTIVATION_CODES[layer.activation.name],
      parameter: parameterOf(layer.activation),
      ...layout.tensors[i],
    });
  });
  kernels.pack(layout.plan, parameters.layout, 1);
  parameters.free();
  return { decoder, kernels, compiled, arena, plan: layout.plan };
}

/** The number that the kernels know an activation by, beside its kind: 0 where it has none. */
const PARAMETERS: { readonly [Name in Activation["name"]]: (activation: ActivationOf<Name>) => number } = {
  identity: () => 0,
  elu: ({ alpha }) => alpha,
  relu: () => 0,
  leakyRelu: ({ slope }) => slope,
  tanh: () => 0,
  sigmoid: () => 0,
  silu: () => 0,
  gelu: () => 0,
  softplus: () => 0,
  sine: ({ frequency }) => frequency,
};

type ActivationOf<Name> = Extract<Activation, { readonly name: Name }>;

function parameterOf(activation: Activation): number {
  const of = PARAMETERS[activation.name] as (activation: Activation) => number;
  return of(activation);
}
