// npm run sweep:onnx: operators of site/reference/onnx-operators.md at the edges of their definition, one or two in a file, read by
// loadOnnx and held against ONNX Runtime. A file may be refused; what is computed has to be the same.

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { Command } from "commander";
import { ModelProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-web/wasm";
import { createRandom } from "../src/base/random.ts";
import { decode, LatentflowError, wasm } from "../src/index.ts";
import { loadOnnx } from "../src/onnx/index.ts";
import { OnnxFile, type Operand, type Tensor } from "../src/onnx/write/file.ts";
import type { Attributes } from "../src/onnx-format/messages.ts";

const program = new Command("sweep:onnx")
  .description("operators at the edges of their definition, held against ONNX Runtime")
  .option("--files <n>", "how many files", "5000")
  .option("--seed <n>", "where to begin", "1")
  .option("--operators <names>", "only these, with commas between them")
  .option("--refused", "prints why files are refused")
  .parse();
const {
  files,
  seed: first,
  ...options
} = program.opts<{ files: string; seed: string; operators?: string; refused?: boolean }>();

ort.env.wasm.numThreads = 1;
const BACKEND = wasm({ relaxed: false, threads: 1 });
/** Both compute in float32, in other orders. */
const TOLERANCE = 1e-4;
/** From here on exp and its like stay where they are, and products of two numbers are infinite. */
const HUGE = 1e18;

/** Samples of a file that takes any batch. */
const ROWS = 2;
const SHAPES = [[4], [1], [2, 3], [1, 3], [3, 1], [2, 4, 4], [1, 2, 2], [4, 3, 5]];
const EDGES = [0, 1, -1, 0.5, -2.5, 3, 1e-30, -1e-30, 1e4, -1e4, 88.5, -104, 1e9, -1e9];
const BEYOND = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 3.4e38, -3.4e38];

class Dice {
  readonly random;
  constructor(seed: number) {
    this.random = createRandom(seed);
  }
  below(bound: number): number {
    return this.random.below(bound);
  }
  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
  number(): number {
    if (this.below(3) > 0) return 4 * this.random.uniform() - 2;
    return this.below(20) === 0 ? this.of(BEYOND) : this.of(EDGES);
  }
}

/** A file whose operators may have several outputs. */
class File extends OnnxFile {
  split(input: Tensor, lengths: readonly number[], axis: number): Tensor[] {
    const outputs = lengths.map((_, i) => this.unique(`part ${i}`));
    const inputs = [input, this.integers(lengths)];
    const attributes = { axis: { integer: axis } };
    this.nodes.push({ operator: "Split", inputs, outputs, attributes, name: "split" });
    return outputs as Tensor[];
  }
}

/** A file that is being drawn: `shape` is that of the value without its batch. */
interface Draw {
  readonly dice: Dice;
  readonly file: File;
  readonly shape: readonly number[];
  readonly opset: number;
  /** The only length of the batch that the file takes; undefined where it takes any. */
  readonly batch: number | undefined;
  /** Images of a sample, which the value has one after the other along its batch. */
  readonly images: number;
  /** A constant that goes with the value, sometimes with an axis more. */
  constant(): Tensor;
  numbers(dims: readonly number[], values?: readonly number[]): Tensor;
  /** A constant of numbers from -1 to 1. */
  weights(dims: readonly number[]): Tensor;
}

type Drawn = readonly [inputs: readonly (Operand | "")[], attributes?: Attributes];
type Drawer = (draw: Draw, x: Tensor) => Drawn;

const unary: Drawer = (_, x) => [[x]];
const withConstant: Drawer = (draw, x) => [
  draw.dice.below(2) === 0 ? [x, draw.constant()] : [draw.constant(), x],
];
const withOneOf =
  (...functions: readonly string[]): Drawer =>
  (draw, x) => {
    const other = draw.file.apply("other", draw.dice.of(functions), [x]);
    return [draw.dice.below(2) === 0 ? [x, other] : [other, x]];
  };
const withSelf = withOneOf("Exp", "Neg", "Abs", "Tanh");
const ofTwo: Drawer = (draw, x) => draw.dice.of([withConstant, withConstant, withSelf])(draw, x);
const alpha =
  (...values: readonly number[]): Drawer =>
  ({ dice }, x) => [[x], { alpha: { float: dice.of(values) } }];
/** Any axis of the value but the batch; as an attribute not from the end, which the writer has no integers for. */
const attributeAxis = ({ dice, shape }: Draw) => 1 + dice.below(shape.length);
const axisOf = (draw: Draw) => attributeAxis(draw) - (draw.dice.below(2) === 0 ? 0 : draw.shape.length + 1);
const alongAxis: Drawer = (draw, x) => [[x], { axis: { integer: attributeAxis(draw) } }];
const reduction: Drawer = (draw, x) => [
  [x],
  { axes: { integers: [attributeAxis(draw)] }, keepdims: { integer: draw.dice.below(2) } },
];

const RATIOS = [1, 1, 2, 3, 1.2, 0.5, 0.7, 1 / 3, 2.6, 7 / 5];
/** A scale for each axis of the file; seldom one that resizes the channels. */
const scales = ({ dice, shape, numbers }: Draw) => {
  const channels = dice.below(20) === 0 ? 2 : 1;
  return numbers([shape.length + 1], [1, channels, ...shape.slice(1).map(() => dice.of(RATIOS))]);
};
const formerResize: Drawer = (draw, x) => [
  [x, scales(draw)],
  { mode: { text: draw.dice.of(["nearest", "linear"]) } },
];
const newerResize: Drawer = (draw, x) => {
  const { dice, file, shape, opset, batch = ROWS, images } = draw;
  const sizes = () =>
    file.integers([batch * images, shape[0]!, ...shape.slice(1).map(() => 1 + dice.below(9))]);
  const flag = () => ({ integer: dice.below(4) === 0 ? 1 : 0 });
  const none = draw.numbers([0], []);
  const policy = dice.of(["stretch", "stretch", "not_larger", "not_smaller"]);
  const places = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "tf_half_pixel_for_nn"];
  return [
    dice.below(2) === 0 ? [x, none, scales(draw)] : [x, none, none, sizes()],
    {
      mode: { text: dice.of(["nearest", "nearest", "linear", "cubic"]) },
      coordinate_transformation_mode: {
        text: dice.of(opset < 19 ? places : [...places, "half_pixel_symmetric"]),
      },
      nearest_mode: { text: dice.of(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]) },
      cubic_coeff_a: { float: dice.of([-0.75, -0.75, -0.5, -1.3]) },
      exclude_outside: flag(),
      ...(opset >= 18 && { antialias: flag(), keep_aspect_ratio_policy: { text: policy } }),
    },
  ];
};
const divisorOf = (dice: Dice, length: number) =>
  dice.of([1, 2, 3, 4, 5].filter((each) => length % each === 0));

/** A Conv or a ConvTranspose of a value as channels with pixels. */
function convolution({ dice, shape, weights }: Draw, x: Tensor, isTransposed: boolean): Drawn {
  const [channels = 1, ...pixels] = shape;
  const groups = divisorOf(dice, channels);
  const units = 1 + dice.below(2);
  const kernel = pixels.map(() => 1 + dice.below(3));
  const each = (from: number, bound: number) => pixels.map(() => from + dice.below(bound));
  const strides = each(1, 3);
  const way: Attributes = dice.of([
    {},
    { pads: { integers: [...each(0, 2), ...each(0, 2)] } },
    { auto_pad: { text: dice.of(["SAME_UPPER", "SAME_LOWER", "VALID"]) } },
  ]);
  const padding = { output_padding: { integers: strides.map((stride) => dice.below(stride)) } };
  const first = isTransposed ? [channels, units] : [units * groups, channels / groups];
  const bias = dice.below(2) === 0 ? [] : [weights([units * groups])];
  return [
    [x, weights([...first, ...kernel]), ...bias],
    {
      strides: { integers: strides },
      dilations: { integers: each(1, 2) },
      group: { integer: groups },
      ...way,
      ...(isTransposed && dice.below(2) === 0 && padding),
    },
  ];
}

/** An Einsum of the value, of functions of it and of constants. The batch is b. */
function einsum({ dice, file, shape, weights }: Draw, x: Tensor): Drawn {
  const lengths = new Map<string, number>();
  const free = [..."zyxwvutsrqpoZYXWVUTSRQPO"];
  /** A label that an axis of a length may have, an old one or a new one. */
  const labelOf = (length: number): string => {
    const fitting = [...lengths].filter(([, own]) => own === length).map(([label]) => label);
    if (fitting.length > 0 && dice.below(2) === 0) return dice.of(fitting);
    const label = free.splice(dice.below(free.length), 1)[0]!;
    lengths.set(label, length);
    return label;
  };
  const operands: Tensor[] = [x];
  const terms = [`b${shape.map(labelOf).join("")}`];
  for (let i = dice.below(3); i > 0; i--) {
    if (dice.below(2) === 0) {
      operands.push(file.apply(`other ${i}`, dice.of(["Tanh", "Sin"]), [x]));
      terms.push(`b${shape.map(labelOf).join("")}`);
    } else {
      const labels = Array.from({ length: dice.below(4) }, () => labelOf(1 + dice.below(4)));
      operands.push(weights(labels.map((label) => (dice.below(5) === 0 ? 1 : lengths.get(label)!))));
      terms.push(labels.join(""));
    }
  }
  const turned = dice.below(3) === 0 ? operands.map((_, i) => operands.length - 1 - i) : [...operands.keys()];
  const output = [...lengths.keys()].filter(() => dice.below(2) === 0);
  for (let i = output.length - 1; i > 0; i--) {
    const other = dice.below(i + 1);
    [output[i], output[other]] = [output[other]!, output[i]!];
  }
  let text = turned.map((i) => terms[i]!).join(",");
  if (dice.below(8) > 0) text += `->b${output.join("")}`;
  // An ellipsis in place of the last axes of the value and of the output.
  const last = terms[0]!.slice(2);
  const isLast = last !== "" && operands.length === 1 && dice.below(3) === 0;
  if (isLast)
    text = dice.of([`b${terms[0]![1]}...->b...`, `b${terms[0]![1]}...`, `b${terms[0]![1]}...->...b`]);
  if (dice.below(4) === 0) text = [...text.replace("->", ">")].join(" ").replace(">", "->");
  return [turned.map((i) => operands[i]!), { equation: { text } }];
}
/** Beside itself by a function that rounds nothing: a comparison may hang on the last digit. */
const compared: Drawer = (draw, x) =>
  draw.dice.of([withConstant, withConstant, withOneOf("Neg", "Abs")])(draw, x);
/** A condition on a value, and sometimes on two. */
const truthOf = (draw: Draw, x: Tensor): Tensor => {
  const { dice, file } = draw;
  const compare = () => file.apply("condition", dice.of(COMPARISONS), compared(draw, x)[0]);
  if (dice.below(3) > 0) return compare();
  return file.apply("both", dice.of(["And", "Or", "Xor"]), [compare(), compare()]);
};
const ofTruths: Drawer = (draw, x) => [[truthOf(draw, x), truthOf(draw, x)]];
const COMPARISONS = ["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"];
/** Operators whose output is no number. */
const TRUTHS = new Set([...COMPARISONS, "And", "Or", "Xor", "Not"]);
const overAxes: Drawer = (draw, x) => {
  const all = draw.shape.map((_, i) => i + 1);
  const axes = draw.dice.of([[attributeAxis(draw)], all, all.slice(1)]);
  return [
    [x],
    { ...(axes.length > 0 && { axes: { integers: axes } }), keepdims: { integer: draw.dice.below(2) } },
  ];
};

const OPERATORS: Readonly<Record<string, Drawer>> = {
  ...Object.fromEntries(COMPARISONS.map((name) => [name, compared])),
  And: ofTruths,
  Or: ofTruths,
  Xor: ofTruths,
  Not: (draw, x) => [[truthOf(draw, x)]],
  Sign: unary,
  ReduceMax: overAxes,
  ReduceMin: overAxes,
  ReduceLogSum: overAxes,
  ReduceLogSumExp: overAxes,
  GlobalMaxPool: unary,
  MaxPool: ({ dice, shape }, x) => {
    const each = (bound: number) => ({ integers: shape.slice(1).map(() => 1 + dice.below(bound)) });
    const pads = () => shape.slice(1).map(() => dice.of([0, 0, 1, 1, 2]));
    const mode = dice.of(["NOTSET", "NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]);
    return [
      [x],
      {
        kernel_shape: each(4),
        strides: each(3),
        ceil_mode: { integer: dice.below(2) },
        ...(dice.below(3) === 0 && { dilations: each(2) }),
        auto_pad: { text: mode },
        ...(mode === "NOTSET" && { pads: { integers: [...pads(), ...pads()] } }),
      },
    ];
  },
  ...Object.fromEntries(
    [
      [
        "Abs",
        "Neg",
        "Exp",
        "Log",
        "Sqrt",
        "Reciprocal",
        "Erf",
        "Sin",
        "Cos",
        "Tanh",
        "Sigmoid",
        "Relu",
        "Softplus",
      ],
      ["Softsign", "HardSwish", "Identity", "HardSigmoid", "Selu", "Flatten", "Dropout", "Transpose"],
    ]
      .flat()
      .map((name) => [name, unary]),
  ),
  Add: ofTwo,
  Sub: ofTwo,
  Mul: ofTwo,
  Div: ofTwo,
  Max: ofTwo,
  Min: ofTwo,
  Sum: ofTwo,
  Pow: withConstant,
  LeakyRelu: alpha(0.01, -0.5, 0, 2),
  Elu: alpha(1, 0.3, 0),
  Celu: alpha(1, 0.5, 3),
  PRelu: (draw, x) => [[x, draw.constant()]],
  Clip: ({ dice, numbers, opset }, x) => {
    if (opset < 11) {
      const bound = () => dice.below(3) > 0;
      return [
        [x],
        {
          ...(bound() && { min: { float: dice.of(EDGES) } }),
          ...(bound() && { max: { float: dice.of(EDGES) } }),
        },
      ];
    }
    return [[x, ...[0, 1].map(() => (dice.below(3) === 0 ? ("" as const) : numbers([], [dice.number()])))]];
  },
  Where: (draw, x) => {
    const mask = draw.file.apply(
      "mask",
      "Cast",
      [
        draw.numbers(
          draw.shape,
          draw.shape.map(() => draw.dice.below(2)),
        ),
      ],
      {
        to: { integer: 9 },
      },
    );
    const other = draw.dice.below(2) === 0 ? draw.constant() : draw.file.apply("other", "Log", [x]);
    const condition = draw.dice.below(2) === 0 ? mask : truthOf(draw, x);
    return [draw.dice.below(2) === 0 ? [condition, x, other] : [condition, other, x]];
  },
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  ReduceMean: reduction,
  ReduceL1: reduction,
  ReduceL2: reduction,
  ReduceSumSquare: reduction,
  ReduceSum: (draw, x) =>
    draw.opset < 13
      ? reduction(draw, x)
      : [
          [x, ...(draw.dice.below(4) === 0 ? [] : [draw.file.integers([axisOf(draw)])])],
          {
            keepdims: { integer: draw.dice.below(2) },
            noop_with_empty_axes: { integer: draw.dice.below(2) },
          },
        ],
  GlobalAveragePool: unary,
  Pad: ({ dice, file, shape, numbers, opset }, x) => {
    const pads = () => [0, ...shape.map(() => dice.below(4) - 1)];
    const mode = dice.of(["constant", "constant", "reflect", "edge"]);
    if (opset < 11) {
      // As attributes none below 0, which the writer has no integers for.
      const former = [...pads(), ...pads()].map((pixels) => Math.max(pixels, 0));
      return [[x], { pads: { integers: former }, mode: { text: mode }, value: { float: dice.of(EDGES) } }];
    }
    return [
      [x, file.integers([...pads(), ...pads()]), numbers([], [dice.number()])],
      { mode: { text: mode } },
    ];
  },
  Resize: (draw, x) => (draw.opset < 11 ? formerResize(draw, x) : newerResize(draw, x)),
  Upsample: (draw, x) => formerResize(draw, x),
  Reshape: ({ dice, file, batch, shape }, x) => {
    const shapes = [[0, -1], [-1], [0, 0, -1], [0, 1, -1], [0, -1, 1]];
    const whole = shape.reduce((product, length) => product * length, 1);
    const own =
      batch === undefined
        ? []
        : [
            [batch, -1],
            [batch, ...shape],
            [batch * shape[0]!, -1],
            [-1, batch],
            [whole, batch],
          ];
    return [[x, file.integers(dice.of([...shapes, ...own, ...own]))]];
  },
  Trilu: ({ dice, file }, x) => [
    [x, ...(dice.below(2) === 0 ? [] : [file.integers([dice.below(5) - 2])])],
    { upper: { integer: dice.below(2) } },
  ],
  Unsqueeze: ({ dice, file, shape, opset }, x) => {
    const axes = [dice.below(shape.length + 2)];
    return opset < 13 ? [[x], { axes: { integers: axes } }] : [[x, file.integers(axes)]];
  },
  Squeeze: (draw, x) => {
    if (draw.opset < 13) return [[x], { axes: { integers: [attributeAxis(draw)] } }];
    return [[x, ...(draw.dice.below(2) === 0 ? [] : [draw.file.integers([axisOf(draw)])])]];
  },
  Slice: (draw, x) => {
    if (draw.opset < 10) {
      const some = () => ({ integers: [draw.dice.of([0, 1, 2, 9])] });
      return [[x], { starts: some(), ends: some(), axes: { integers: [attributeAxis(draw)] } }];
    }
    const bound = () => draw.file.integers([draw.dice.of([0, 1, 2, -1, -3, 9, -9, 2 ** 40])]);
    const step = draw.file.integers([draw.dice.of([1, 1, 2, -1, -2])]);
    return [[x, bound(), bound(), draw.file.integers([axisOf(draw)]), step]];
  },
  Tile: ({ dice, file, shape }, x) => [[x, file.integers([1, ...shape.map(() => 1 + dice.below(3))])]],
  Expand: ({ dice, file, shape, batch = 1 }, x) => [
    [
      x,
      file.integers([
        dice.of([1, batch]),
        ...shape.map((length) => (length === 1 ? 1 + dice.below(3) : dice.of([1, length]))),
      ]),
    ],
  ],
  Concat: (draw, x) => [
    [x, draw.file.apply("other", "Exp", [x]), x],
    { axis: { integer: attributeAxis(draw) } },
  ],
  Gather: (draw, x) => [[x, draw.file.integers([0, -1, 0])], { axis: { integer: attributeAxis(draw) } }],
  LayerNormalization: ({ shape, numbers }, x) => [
    [x, numbers([shape.at(-1)!])],
    { axis: { integer: shape.length } },
  ],
  MatMul: ({ dice, shape, numbers }, x) => [
    [x, numbers([...dice.of([[], [1], [1, 1, 1]]), shape.at(-1)!, 3])],
  ],
  Einsum: einsum,
  Gemm: (draw, x) => {
    const { dice, shape, file, weights } = draw;
    const size = shape.reduce((product, length) => product * length, 1);
    const rows = file.apply("flat", "Flatten", [x]);
    const [isTurned, units] = [dice.below(2), 1 + dice.below(3)];
    const bias = dice.of([[], [units], [1, units], [1, 1], [ROWS, units]]);
    return [
      [rows, weights(isTurned ? [units, size] : [size, units]), ...(dice.below(2) ? [weights(bias)] : [])],
      {
        transB: { integer: isTurned },
        alpha: { float: dice.of([1, 0.5, -2]) },
        beta: { float: dice.of([1, 0.5, 0]) },
      },
    ];
  },
  Conv: (draw, x) => convolution(draw, x, false),
  ConvTranspose: (draw, x) => convolution(draw, x, true),
  GroupNormalization: ({ dice, shape, numbers }, x) => {
    const groups = divisorOf(dice, shape[0]!);
    return [[x, numbers([groups]), numbers([groups])], { num_groups: { integer: groups } }];
  },
  Split: (draw, x) => {
    const axis = attributeAxis(draw);
    const length = draw.shape[axis - 1]!;
    if (length === 1) return [[x, draw.file.integers([1])], { axis: { integer: axis } }];
    const first = 1 + draw.dice.below(length - 1);
    const lengths = [first, length - first];
    const part = draw.dice.below(2);
    const own = draw.file.split(x, lengths, axis)[part]!;
    return [[own, draw.file.integers([lengths[part]!])], { axis: { integer: axis } }];
  },
};

/** Operators behind another one: they tell where axes are. */
const BEHIND: Readonly<Record<string, Drawer>> = {
  ReduceMean: (draw, x) => [[x], { axes: { integers: [1 + draw.dice.below(2)] }, keepdims: { integer: 0 } }],
  Transpose: unary,
  Softmax: ({ dice }, x) => [[x], { axis: { integer: dice.of([1, 2]) } }],
};

/** Operators whose value may have the images of a sample in the batch: they keep the number of axes. */
const OF_IMAGES = new Set(
  [
    ["Conv", "ConvTranspose", "GroupNormalization", "Resize", "Pad", "PRelu", "Softmax", "Slice", "Split"],
    ["GlobalAveragePool", "LayerNormalization", "MatMul", "Concat", "Mul", "Relu", "ReduceL2"],
    ["MaxPool", "GlobalMaxPool", "ReduceMax", "Where", "Greater"],
  ].flat(),
);

function draw(seed: number): {
  /** The file with an output of each rank: that of what is drawn is not known. */
  readonly bytes: readonly Uint8Array[];
  readonly z: Float32Array;
  readonly dims: number[];
  readonly name: string;
} {
  const dice = new Dice(seed);
  const file = new File(["z", "y"]);
  const shape = dice.of(SHAPES);
  const batch = dice.of([undefined, undefined, 1, 2, 3, 4]);
  const opset = dice.of([9, 10, 11, 12, WRITTEN_OPSET, WRITTEN_OPSET, 19]);
  const pool = Object.keys(OPERATORS).filter((each) => each !== "Upsample" || opset === 9);
  const name = dice.of(options.operators?.split(",") ?? pool);
  const images = OF_IMAGES.has(name) && dice.below(2) === 0 ? 1 + dice.below(3) : undefined;
  const dims = [batch ?? ROWS, ...(images === undefined ? [] : [images]), ...shape];
  let constants = 0;
  const numbers = (own: readonly number[], values?: readonly number[]) => {
    const size = own.reduce((product, length) => product * length, 1);
    const drawn =
      values && values.length === size ? values : Array.from({ length: size }, () => dice.number());
    return file.parameter(`c${constants++}`, own, Float32Array.from(drawn));
  };
  const constant = () => {
    const rank = dice.below(shape.length + 3);
    const own = Array.from({ length: rank }, (_, i) => {
      const length = shape[i - rank + shape.length];
      return length === undefined || dice.below(2) === 0 ? 1 : length;
    });
    const size = own.reduce((product, length) => product * length, 1);
    const drawn = Array.from({ length: size }, () => dice.number());
    // Of masks.
    if (dice.below(4) === 0) for (let i = 0; i < size; i += 2) drawn[i] = Number.NEGATIVE_INFINITY;
    // One for each sample, most often the same.
    if (batch === undefined || rank > shape.length || dice.below(2) === 0) {
      return numbers(dice.below(30) === 0 ? [...own.slice(0, -1), 0] : own, drawn);
    }
    const rows = Array.from({ length: batch }, (_, row) =>
      dice.below(4) === 0 ? drawn.map((number) => number + row) : drawn,
    );
    const missing = new Array<number>(shape.length - rank).fill(1);
    return numbers([batch, ...missing, ...own], rows.flat());
  };
  const weights = (own: readonly number[]) => {
    const size = own.reduce((product, length) => product * length, 1);
    return numbers(
      own,
      Array.from({ length: size }, () => 2 * dice.random.uniform() - 1),
    );
  };
  const given: Draw = { dice, file, shape, opset, batch, images: images ?? 1, constant, numbers, weights };
  const latent = file.input("z", [batch ?? "batch", ...dims.slice(1)]);
  const x =
    images === undefined ? latent : file.apply("images", "Reshape", [latent, file.integers([-1, ...shape])]);
  let made = file.apply("node", name, ...OPERATORS[name]!(given, x));
  if (images !== undefined) {
    const apart = file.apply("apart", "Unsqueeze", [made, file.integers([1])]);
    made = file.apply("samples", "Reshape", [apart, file.integers([-1, images, ...shape.map(() => 0)])]);
  }
  if (TRUTHS.has(name)) made = file.apply("number", "Cast", [made], { to: { integer: 1 } });
  const behind = dice.below(3) === 0 ? dice.of(Object.keys(BEHIND)) : undefined;
  if (behind) made = file.apply("behind", behind, ...BEHIND[behind]!(given, made));
  const count = dims.reduce((product, length) => product * length, 1);
  // The phase of a float32 has few digits left far from 0, and ours fewer than ONNX Runtime's.
  const isMild = dice.below(2) === 0 || ["Sin", "Cos", "Einsum"].includes(name);
  const z = Float32Array.from({ length: count }, () => {
    const number = dice.number();
    return isMild
      ? 3 * dice.random.uniform() - 1.5
      : Number.isFinite(number)
        ? Math.max(Math.min(number, 1e15), -1e15)
        : 7;
  });
  return {
    bytes: [2, 3, 4, 5, 1, 6].map((rank) => {
      const declared = Array.from({ length: rank }, (_, axis) => `axis ${axis}`);
      return atOpset(file.toMessage("y", made, declared, []).toBytes(), opset);
    }),
    z,
    dims,
    name: behind ? `${name}, ${behind}` : name,
  };
}

/** The opset of files as they are written. */
const WRITTEN_OPSET = 17;

/** The same nodes as ones of another opset. */
function atOpset(bytes: Uint8Array, opset: number): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  model.opsetImport[0]!.version = BigInt(opset);
  return toBinary(ModelProtoSchema, model);
}

/** Operators that add numbers up: of large ones that cancel, what float32 has rounded is left. */
const SUMS = /Reduce|Pool|MatMul|Normalization|Conv|Gemm/;
const largestOf = (values: Float32Array) =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Where two results differ; undefined where they are the same. `rounding` is what sums may be off by. */
function difference(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  rounding: number,
): string | undefined {
  if (got.length !== expected.length) return `${got.length} numbers, not ${expected.length}`;
  const scale = Array.from(expected).reduce((most, value) => {
    return Math.abs(value) < HUGE ? Math.max(most, Math.abs(value)) : most;
  }, 1e-3);
  for (let i = 0; i < expected.length; i++) {
    const [own, right] = [got[i]!, expected[i]!];
    // Of NaN and of infinite numbers a decoder has no use.
    if (!(Math.abs(right) < HUGE)) continue;
    if (!(Math.abs(own - right) <= TOLERANCE * scale + rounding))
      return `number ${i} is ${own}, not ${right}`;
  }
  return undefined;
}

/** What ONNX Runtime computes of the first file that it takes; undefined if it runs none of them. */
async function runOf(files: readonly Uint8Array[], z: Float32Array, dims: readonly number[]) {
  for (const bytes of files) {
    try {
      const options = { logSeverityLevel: 4, graphOptimizationLevel: "disabled" } as const;
      const session = await ort.InferenceSession.create(bytes, options);
      try {
        const { y } = await session.run({ z: new ort.Tensor("float32", z, dims) });
        return { bytes, expected: y!.data as Float32Array };
      } finally {
        await session.release();
      }
    } catch {}
  }
  return undefined;
}

const counts = { same: 0, refused: 0, failed: 0, wrong: 0 };
const wrong: string[] = [];
for (let seed = Number(first); seed < Number(first) + Number(files); seed++) {
  const { bytes, z, dims, name } = draw(seed);
  const run = await runOf(bytes, z, dims);
  if (!run) {
    counts.failed++;
    continue;
  }
  try {
    const decoder = await loadOnnx(run.bytes);
    const found = difference(
      await decode(decoder, z, { backend: BACKEND }),
      run.expected,
      SUMS.test(name) ? 1e-6 * largestOf(z) : 0,
    );
    if (found === undefined) counts.same++;
    else wrong.push(`seed ${seed}: ${name}: ${found}`);
    decoder.dispose();
  } catch (error) {
    if (error instanceof LatentflowError && error.code === "invalid_file") {
      counts.refused++;
      if (options.refused) console.log(`seed ${seed}: ${name}: ${error.message}`);
    } else wrong.push(`seed ${seed}: ${name}: ${error}`);
  }
}
counts.wrong = wrong.length;
for (const line of wrong.slice(0, 60)) console.log(line);
const { same, refused, failed } = counts;
console.log(
  `${same} the same, ${refused} refused, ${failed} that ONNX Runtime does not run, ${counts.wrong} wrong`,
);
if (counts.wrong > 0) process.exitCode = 1;
