import { checkNumber, checkOptions, invalid, show } from "../check.ts";
import { type ActivationLike, normaliseActivation } from "./activation.ts";
import { type ConvolutionSettings, convolvedLengths, countPairs, transposedLengths } from "./convolution.ts";
import { type Graph, LATENT } from "./graph.ts";
import { type OperationDescription, type OperationKind, type Shape, sizeOf } from "./operations.ts";

/** A number for every axis, or one for all of them. */
export type PerAxis = number | readonly number[];

/** What operations of each kind are defined by; what follows from it, their shapes, is not repeated. */
export interface OperationSettings {
  readonly dense: { readonly units: number };
  readonly activation: { readonly activation: ActivationLike };
  readonly reshape: { readonly shape: Shape };
  readonly conv: ConvolutionDefinition;
  readonly convTranspose: ConvolutionDefinition & {
    /** Pixels that the output has beyond, behind each axis; below the stride or the dilation. Default 0. */
    readonly outputPadding?: PerAxis;
  };
}

/** The settings of a convolution, over the axes before the channels: one axis, or two. */
export interface ConvolutionDefinition {
  /** The channels of the output. */
  readonly channels: number;
  readonly kernel: PerAxis;
  /** Default 1. */
  readonly stride?: PerAxis;
  /** Pixels of zeros around the input: one number for each axis, or `[top, left, bottom, right]`. Default 0. */
  readonly padding?: PerAxis;
  /** Default 1. */
  readonly dilation?: PerAxis;
  /** Divides the channels of the input and of the output. Default 1. */
  readonly groups?: number;
}

/** An operation in a definition: its kind, its name, what it reads, and its settings. */
export type OperationDefinition<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: {
    readonly kind: K;
    readonly name: string;
    readonly inputs: readonly string[];
  } & OperationSettings[K];
}[Kind];

/**
 * A decoder without its parameters, as JSON: what `sequential` returns, `createDecoder` takes, and a safetensors file
 * has in its metadata. Values are meant by the names of the operations that make them; `"z"` is the latent.
 */
export interface GraphDefinition {
  readonly format: 1;
  /** Pixels lie one after the other, each with its channels: y of `[height, width, channels]` is read so. */
  readonly layout: "channelsLast";
  readonly latentSize: number;
  readonly operations: readonly OperationDefinition[];
}

/** What of an operation of a kind is checked and worked out, and how it is written. */
interface Definition<Kind extends OperationKind> {
  readonly settings: { readonly [Name in keyof Required<OperationSettings[Kind]>]: true };
  /** What it is by its settings, its shape included. */
  read(where: string, settings: OperationSettings[Kind], input: Shape): Described<Kind>;
  write(operation: OperationDescription<Kind>): OperationSettings[Kind];
}

type Described<Kind extends OperationKind> = Omit<OperationDescription<Kind>, "kind" | "name" | "inputs">;

const CONVOLUTION = {
  channels: true,
  kernel: true,
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
} as const;

const DEFINITIONS: { readonly [Kind in OperationKind]: Definition<Kind> } = {
  dense: {
    settings: { units: true },
    read(where, { units }, input) {
      if (input.length !== 1) {
        throw invalid(
          `${where}: what it reads has the shape [${input}], expected one axis; put reshape([${sizeOf(input)}]) before it`,
        );
      }
      return { shape: [checkNumber(where, "units", units, { min: 1, integer: true })] };
    },
    write: ({ shape }) => ({ units: shape[0]! }),
  },
  activation: {
    settings: { activation: true },
    read: (where, { activation }, input) => ({
      ...{ shape: input, activation: normaliseActivation(where, "activation", activation) },
    }),
    write: ({ activation }) => ({ activation }),
  },
  reshape: {
    settings: { shape: true },
    read(where, { shape }, input) {
      const lengths = checkLengths(where, "shape", shape, 1);
      if (sizeOf(lengths) !== sizeOf(input)) {
        const holds = `${sizeOf(lengths)} numbers, expected ${sizeOf(input)}, of [${input}]`;
        throw invalid(`${where}: shape is [${lengths}], which holds ${holds}`);
      }
      return { shape: lengths };
    },
    write: ({ shape }) => ({ shape }),
  },
  conv: {
    settings: CONVOLUTION,
    read(where, definition, input) {
      const settings = readConvolution(where, definition, input);
      const lengths = convolvedLengths(settings, input);
      const shape = outputOf(where, lengths, definition.channels, input);
      checkPairs(where, settings, false, input, shape);
      return { ...settings, shape };
    },
    write: ({ shape, kernel, stride, padding, dilation, groups }) => ({
      ...{ channels: shape.at(-1)!, kernel, stride, padding, dilation, groups },
    }),
  },
  convTranspose: {
    settings: { ...CONVOLUTION, outputPadding: true },
    read(where, definition, input) {
      const settings = readConvolution(where, definition, input);
      const outputPadding = perAxis(
        where,
        "outputPadding",
        definition.outputPadding ?? 0,
        0,
        input.length - 1,
      );
      const tooLarge = outputPadding.findIndex((extra, axis) => {
        return extra >= Math.max(settings.stride[axis]!, settings.dilation[axis]!);
      });
      if (tooLarge >= 0) {
        throw invalid(
          `${where}: outputPadding is [${outputPadding}], expected less than the stride or the dilation of each axis`,
        );
      }
      const whole = { ...settings, outputPadding };
      const lengths = transposedLengths(whole, input);
      const shape = outputOf(where, lengths, definition.channels, input);
      checkPairs(where, whole, true, input, shape);
      return { ...whole, shape };
    },
    write: ({ shape, kernel, stride, padding, dilation, groups, outputPadding }) => ({
      ...{ channels: shape.at(-1)!, kernel, stride, padding, dilation, groups, outputPadding },
    }),
  },
};

function readConvolution(where: string, definition: ConvolutionDefinition, input: Shape) {
  const axes = input.length - 1;
  if (axes !== 1 && axes !== 2) {
    throw invalid(
      `${where}: what it reads has the shape [${input}], expected [height, width, channels] or [width, channels]; ` +
        "put a reshape before it",
    );
  }
  const { channels, kernel, stride = 1, padding = 0, dilation = 1 } = definition;
  checkNumber(where, "channels", channels, { min: 1, integer: true });
  const groups = checkNumber(where, "groups", definition.groups ?? 1, { min: 1, integer: true });
  const inputChannels = input[axes]!;
  if (inputChannels % groups !== 0 || channels % groups !== 0) {
    throw invalid(
      `${where}: groups is ${groups}, expected a divisor of ${inputChannels} channels in and ${channels} out`,
    );
  }
  const isWhole = Array.isArray(padding) && padding.length === 2 * axes;
  const around = isWhole
    ? checkLengths(where, "padding", padding, 0)
    : perAxis(where, "padding", padding, 0, axes);
  return {
    kernel: perAxis(where, "kernel", kernel, 1, axes),
    stride: perAxis(where, "stride", stride, 1, axes),
    padding: isWhole ? around : [...around, ...around],
    dilation: perAxis(where, "dilation", dilation, 1, axes),
    groups,
  };
}

function outputOf(where: string, lengths: readonly number[], channels: number, input: Shape): Shape {
  if (lengths.every((length) => length >= 1)) return [...lengths, channels];
  throw invalid(
    `${where}: its output would have the shape [${[...lengths, channels]}], of an input of [${input}]`,
  );
}

/** Which pixels meet is listed once for a decoder, without a pause: so many take some 4 seconds and 700 MB. */
const MOST_PAIRS = 2 ** 22;

function checkPairs(
  where: string,
  settings: ConvolutionSettings,
  isTransposed: boolean,
  input: Shape,
  output: Shape,
): void {
  const axes = settings.kernel.map((length, axis) => length * output[axis]!);
  // Beyond this even to count them would take long.
  const isCountable = axes.every((products) => products <= 16 * MOST_PAIRS);
  const pairs = isCountable ? countPairs(settings, isTransposed, input, output) : Number.POSITIVE_INFINITY;
  if (pairs <= MOST_PAIRS) return;
  throw invalid(
    `${where}: from [${input}] to [${output}] by a kernel of [${settings.kernel}] ` +
      `${isCountable ? pairs : "far too many"} pixels meet, expected at most ${MOST_PAIRS}`,
  );
}

/** A number for each of `axes` axes. */
function perAxis(where: string, name: string, value: unknown, min: number, axes: number): readonly number[] {
  if (typeof value === "number") {
    return new Array(axes).fill(checkNumber(where, name, value, { min, integer: true }));
  }
  const lengths = checkLengths(where, name, value, min);
  if (lengths.length === axes) return lengths;
  throw invalid(
    `${where}: ${name} has ${lengths.length} numbers, expected one, or ${axes}, one for each axis`,
  );
}

function checkLengths(where: string, name: string, value: unknown, min: number): readonly number[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_AXES) {
    throw invalid(`${where}: ${name} is ${show(value)}, expected an array of 1 to ${MOST_AXES} integers`);
  }
  return Array.from(value, (length, i) =>
    checkNumber(where, `${name}[${i}]`, length, { min, integer: true }),
  );
}

const MOST_AXES = 8;
/** A value of more numbers would not fit into WebAssembly's memory, nor would its gradients. */
const MOST_NUMBERS = 2 ** 28;
const MOST_OPERATIONS = 10_000;

const KEYS = { format: true, layout: true, latentSize: true, operations: true } as const;

/**
 * The graph of a definition.
 *
 * @throws LatentflowError `invalid_argument` on what is no definition, or one that does not fit together
 */
export function readDefinition(where: string, definition: GraphDefinition): Graph {
  checkOptions(where, definition, KEYS);
  const { format, layout, operations } = definition;
  if (format !== 1) {
    throw invalid(
      `${where}: the graph's format is ${show(format)}, expected 1; a newer latentflow may read it`,
    );
  }
  if (layout !== "channelsLast")
    throw invalid(`${where}: layout is ${show(layout)}, expected "channelsLast"`);
  const latentSize = checkNumber(where, "latentSize", definition.latentSize, { min: 1, integer: true });
  if (!Array.isArray(operations) || operations.length === 0 || operations.length > MOST_OPERATIONS) {
    throw invalid(`${where}: operations is ${show(operations)}, expected an array of at least one operation`);
  }
  const read: OperationDescription[] = [];
  let shape: Shape = [latentSize];
  for (const operation of operations as readonly unknown[]) {
    const next = readOperation(where, operation, read, shape);
    shape = next.shape;
    read.push(next);
  }
  return { latentSize, operations: read };
}

function readOperation(
  where: string,
  operation: unknown,
  before: readonly OperationDescription[],
  shape: Shape,
): OperationDescription {
  const { kind, name, inputs } = Object(operation) as Partial<OperationDefinition>;
  if (typeof kind !== "string" || !Object.hasOwn(DEFINITIONS, kind)) {
    const kinds = Object.keys(DEFINITIONS).join(", ");
    throw invalid(`${where}: an operation's kind is ${show(kind)}; the kinds are ${kinds}`);
  }
  if (typeof name !== "string" || !/^[\w.-]{1,200}$/.test(name) || name === LATENT) {
    throw invalid(
      `${where}: an operation's name is ${show(name)}, expected letters, digits, ".", "-" and "_"`,
    );
  }
  if (before.some((other) => other.name === name))
    throw invalid(`${where}: two operations are called ${show(name)}`);
  const at = `${where}: ${kind} ${show(name)}`;
  const last = before.at(-1)?.name ?? LATENT;
  if (!Array.isArray(inputs) || inputs.length !== 1 || inputs[0] !== last) {
    throw invalid(
      `${at}: inputs is ${show(inputs)}, expected [${show(last)}]: each operation reads the one before it`,
    );
  }
  const { kind: _kind, name: _name, inputs: _inputs, ...settings } = operation as OperationDefinition;
  const definition = DEFINITIONS[kind] as Definition<OperationKind>;
  checkOptions(at, settings, definition.settings as never);
  const described = definition.read(at, settings as never, shape);
  if (sizeOf(described.shape) > MOST_NUMBERS) {
    throw invalid(
      `${at}: its output [${described.shape}] has ${sizeOf(described.shape)} numbers, expected at most ${MOST_NUMBERS}`,
    );
  }
  return { kind, name, inputs: [last], ...described } as OperationDescription;
}

/** The definition of a graph. */
export function writeDefinition({ latentSize, operations }: Graph): GraphDefinition {
  return {
    ...{ format: 1, layout: "channelsLast", latentSize },
    operations: operations.map((operation) => {
      const { kind, name, inputs } = operation;
      const settings = (DEFINITIONS[kind] as Definition<OperationKind>).write(operation);
      return { kind, name, inputs, ...settings } as OperationDefinition;
    }),
  };
}
