import type { GraphDefinition, OperationDefinition } from "../../src/graph/index.ts";
import type { LayerEntry, LayersModel } from "./layers-model.ts";

// A Keras model over pictures as a graph of latentflow's: the latent is the input picture.

/** The tensors of an operation, in the order in which latentflow has them, PyTorch's. */
export interface Tensors {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

export interface Converted {
  readonly definition: GraphDefinition;
  /** By the operations' names. */
  readonly tensors: ReadonlyMap<string, Tensors>;
}

/** A value's lengths: [height, width, channels]. */
type Picture = readonly [height: number, width: number, channels: number];

interface Made {
  /** The last one is called by the layer's name; the first one has the tensors. */
  readonly operations: readonly OperationDefinition[];
  readonly shape: Picture;
  readonly tensors?: Tensors;
}

interface Given {
  readonly layer: LayerEntry;
  readonly model: LayersModel;
  readonly inputs: readonly string[];
  readonly shapes: readonly Picture[];
}

/** What each class of layers becomes; any other is refused by its name. */
const LAYERS: Readonly<Record<string, (given: Given) => Made>> = {
  Conv2D: convert2d,
  Activation: ({ layer, inputs, shapes }) => ({
    operations: [activationOf(layer, layer.name, inputs[0]!)],
    shape: shapes[0]!,
  }),
  Add({ layer, inputs, shapes }) {
    const operations = inputs.slice(1).map((input, i): OperationDefinition => {
      const name = i === inputs.length - 2 ? layer.name : `${layer.name}/${i}`;
      return { kind: "add", name, inputs: [i === 0 ? inputs[0]! : `${layer.name}/${i - 1}`, input] };
    });
    return { operations, shape: shapes[0]! };
  },
  Concatenate({ layer, inputs, shapes }) {
    expect(layer, "axis", [-1, 3]);
    const channels = shapes.reduce((sum, shape) => sum + shape[2], 0);
    const [height, width] = shapes[0]!;
    return { operations: [{ kind: "concat", name: layer.name, inputs }], shape: [height, width, channels] };
  },
  UpSampling2D({ layer, inputs, shapes }) {
    expect(layer, "data_format", ["channels_last"]);
    // TensorFlow.js's "bilinear" lays pixels elsewhere than PyTorch does, and latentflow.
    const mode = expect(layer, "interpolation", ["nearest"]);
    const scale = layer.config.size as readonly [number, number];
    const [height, width, channels] = shapes[0]!;
    return {
      operations: [{ kind: "upsample", name: layer.name, inputs, scale, mode }],
      shape: [height * scale[0], width * scale[1], channels],
    };
  },
};

/** Keras's activations, by latentflow's names; those whose functions are the same. */
const ACTIVATIONS = {
  linear: "identity",
  relu: "relu",
  elu: "elu",
  sigmoid: "sigmoid",
  tanh: "tanh",
  softplus: "softplus",
  swish: "silu",
} as const;

/**
 * A model as a graph, for input pictures of one size.
 *
 * @param range pixels of the model's input and output go from 0 to this. The decoder's go from 0 to 1: it multiplies
 *   them in front of the model and divides them behind it, where `range` is not 1
 * @throws Error where there is a layer, or a setting of one, that has no counterpart here
 */
export function convert(model: LayersModel, height: number, width: number, range = 1): Converted {
  const { layers, input, output } = model;
  const first = layers.find(({ name }) => name === input)!;
  const channels = (first.config.batch_input_shape as readonly (number | null)[]).at(-1);
  if (typeof channels !== "number") throw new Error(`"${input}": its number of channels is not said`);
  const operations: OperationDefinition[] = [
    {
      kind: "reshape",
      name: range === 1 ? input : `${input}/pixels`,
      inputs: ["z"],
      shape: [height, width, channels],
    },
  ];
  const tensors = new Map<string, Tensors>();
  const multiply = (name: string, from: string, by: number, count: number) => {
    operations.push({ kind: "affine", name, inputs: [from] });
    tensors.set(name, { weight: new Float32Array(count).fill(by), bias: new Float32Array(count) });
  };
  if (range !== 1) multiply(input, `${input}/pixels`, range, channels);
  const shapes = new Map<string, Picture>([[input, [height, width, channels]]]);
  for (const layer of layers) {
    if (layer.name === input) continue;
    const make = Object.hasOwn(LAYERS, layer.class_name) ? LAYERS[layer.class_name] : undefined;
    if (!make) {
      const known = Object.keys(LAYERS).join(", ");
      throw new Error(
        `"${layer.name}" is a layer of the class ${layer.class_name}; those converted are ${known}`,
      );
    }
    const inputs = readsOf(layer);
    const made = make({ layer, model, inputs, shapes: inputs.map((name) => shapes.get(name)!) });
    operations.push(...made.operations);
    shapes.set(layer.name, made.shape);
    if (made.tensors) tensors.set(made.operations[0]!.name, made.tensors);
  }
  if (range !== 1) multiply(`${output}/pixels`, output, 1 / range, shapes.get(output)![2]);
  const definition: GraphDefinition = {
    format: 1,
    layout: "channelsLast",
    latentSize: height * width * channels,
    latentShape: [height, width, channels],
    operations,
  };
  return { definition, tensors };
}

function readsOf({ name, inbound_nodes: nodes }: LayerEntry): string[] {
  const reads = nodes[0] ?? [];
  if (
    nodes.length === 1 &&
    reads.length > 0 &&
    reads.every(([, node, tensor]) => node === 0 && tensor === 0)
  ) {
    return reads.map(([from]) => from);
  }
  throw new Error(`"${name}" is applied ${nodes.length} times, or reads a layer that is; expected once`);
}

function convert2d({ layer, model, inputs, shapes }: Given): Made {
  expect(layer, "data_format", ["channels_last"]);
  const { name, config } = layer;
  const padding = expect(layer, "padding", ["same", "valid"]);
  const groups = expect(layer, "groups", [1]);
  const filters = config.filters as number;
  const { kernel_size, strides, dilation_rate } = config as Record<string, readonly [number, number]>;
  const [kernel, stride, dilation] = [kernel_size!, strides!, dilation_rate!];
  const [height, width, channels] = shapes[0]!;
  const rows = convolved(height, kernel[0], stride[0], dilation[0], padding);
  const columns = convolved(width, kernel[1], stride[1], dilation[1], padding);
  const isLinear = config.activation === "linear";
  const own = isLinear ? name : `${name}/linear`;
  const operations: OperationDefinition[] = [
    {
      kind: "conv",
      name: own,
      inputs,
      channels: filters,
      kernel,
      stride,
      dilation,
      groups,
      padding: [rows.before, columns.before, rows.behind, columns.behind],
    },
  ];
  if (!isLinear) operations.push(activationOf(layer, name, own));
  const weight = toPyTorch(model, `${name}/kernel`, [...kernel, channels, filters]);
  const bias = config.use_bias ? tensor(model, `${name}/bias`, [filters]) : new Float32Array(filters);
  return { operations, shape: [rows.made, columns.made, filters], tensors: { weight, bias } };
}

/** How many pixels a convolution makes along an axis, and the zeros that TensorFlow puts in front of it and behind. */
function convolved(
  length: number,
  kernel: number,
  stride: number,
  dilation: number,
  padding: "same" | "valid",
): { readonly made: number; readonly before: number; readonly behind: number } {
  const reach = (kernel - 1) * dilation + 1;
  if (padding === "valid") {
    return { made: Math.floor((length - reach) / stride) + 1, before: 0, behind: 0 };
  }
  const made = Math.ceil(length / stride);
  const zeros = Math.max((made - 1) * stride + reach - length, 0);
  return { made, before: Math.floor(zeros / 2), behind: Math.ceil(zeros / 2) };
}

/** A kernel [height, width, in, out] as [out, in, height, width]. */
function toPyTorch(model: LayersModel, name: string, shape: readonly number[]): Float32Array {
  const values = tensor(model, name, shape);
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  const taps = height * width;
  return Float32Array.from(values, (_, at) => {
    const tap = at % taps;
    const input = Math.floor(at / taps) % inputs;
    const output = Math.floor(at / taps / inputs);
    return values[(tap * inputs + input) * outputs + output]!;
  });
}

function tensor({ weights }: LayersModel, name: string, shape: readonly number[]): Float32Array {
  const weight = weights.get(name);
  if (weight?.shape.join() === shape.join()) return weight!.values;
  throw new Error(`the weight "${name}" has the shape [${weight?.shape ?? "none"}], expected [${shape}]`);
}

function activationOf(layer: LayerEntry, name: string, input: string): OperationDefinition {
  const known = Object.keys(ACTIVATIONS) as (keyof typeof ACTIVATIONS)[];
  const activation = ACTIVATIONS[expect(layer, "activation", known)];
  return { kind: "activation", name, inputs: [input], activation };
}

/** A setting that has one of these values. */
function expect<const Value extends string | number>(
  { name, config }: LayerEntry,
  setting: string,
  values: readonly Value[],
): Value {
  const value = config[setting];
  if (values.includes(value as Value)) return value as Value;
  throw new Error(`"${name}": ${setting} is ${JSON.stringify(value)}, expected ${values.join(" or ")}`);
}
