// Tests src/graph/builder.ts, src/graph/settings.ts, src/graph/kinds/elementwise.ts,
// src/graph/kinds/norms.ts, src/graph/kinds/upsample.ts, src/graph/kinds/sources.ts,
// src/graph/kinds/resize.ts, src/graph/kinds/average-pool.ts, src/graph/kinds/rearranging.ts, src/graph/kinds/pad.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../src/base/random.ts";
import {
  add,
  averagePool,
  concat,
  constant,
  conv,
  convTranspose,
  dense,
  depthToSpace,
  elu,
  embedding,
  expand,
  type GraphDefinition,
  type GraphInputs,
  graph,
  groupNorm,
  type Layer,
  layerNorm,
  leakyRelu,
  matmul,
  mean,
  mul,
  type OperationDefinition,
  pad,
  permute,
  reshape,
  resize,
  rmsNorm,
  sequential,
  sine,
  slice,
  sub,
  sum,
  tanh,
  upsample,
  type Value,
} from "../../src/graph/index.ts";
import { createDecoder, type Decoder, decode, LatentflowError, loadDecoder } from "../../src/index.ts";
import { allKinds } from "../support/all-kinds.ts";
import { timed } from "../support/patience.ts";
import { randomArray } from "../support/random.ts";
import { randomGraph } from "../support/random-graph.ts";
import { refused } from "../support/refusal.ts";

// Definitions of graphs: what is refused and in which words, that they are the same through JSON and files, and that no
// value whatever ends in anything but a decoder or a refusal.

/** Layers behind a value of this shape. */
const after = (shape: readonly number[], ...layers: Layer[]) =>
  sequential(2, [dense(shape.reduce((product, length) => product * length, 1)), reshape(shape), ...layers]);

const ofTwo = (layer: Layer, a: readonly number[], b: readonly number[]) =>
  graph(({ latent }) => {
    const z = latent(2);
    const made = (shape: readonly number[]) =>
      reshape(shape)(dense(shape.reduce((product, length) => product * length, 1))(z));
    return layer(made(a), made(b));
  });

/** The definition of operations that a program has written by hand. */
const defined = (operations: readonly object[], more: object = {}) =>
  createDecoder({ format: 1, layout: "channelsLast", latentSize: 2, operations, ...more } as never);

const operation = (kind: string, settings: object, name = "a", inputs: unknown = ["z"]) => ({
  kind,
  name,
  inputs,
  ...settings,
});

const built = (build: (inputs: GraphInputs) => unknown) => graph(build as (inputs: GraphInputs) => Value);

type Case = readonly [call: () => unknown, message: RegExp];

const SETTINGS: readonly Case[] = [
  [
    () => sequential(2 ** 28, [sum({ axes: [0] })]),
    /sequential: sum "0": it moves more than 4194304 numbers or rows/,
  ],
  [
    () => sequential(2 ** 31, [dense(1)]),
    /latentSize is 2147483648, expected an integer >= 1 and <= 268435456/,
  ],
  [() => sequential(2, [dense(0)]), /sequential: dense "0": units is 0, expected an integer >= 1/],
  [() => sequential(2, [dense(1.5)]), /units is 1.5, expected an integer/],
  [() => sequential(2, [dense(Number.NaN)]), /units is NaN/],
  [() => sequential(2, [dense("3" as never)]), /units is "3"/],
  [() => sequential(2, [elu({ alpha: 0 })]), /activation.alpha is 0, expected a finite number > 0/],
  [() => sequential(2, [leakyRelu({ slope: -1 })]), /activation.slope is -1/],
  [() => sequential(2, [sine({ frequency: Infinity })]), /activation.frequency is Infinity/],
  [
    () => defined([operation("activation", { activation: "swish" })]),
    /activation is "swish", expected one of elu/,
  ],
  [() => defined([operation("activation", {})]), /activation "a": activation is undefined, expected one of/],
  [
    () => defined([operation("activation", { activation: { name: "tanh", slope: 1 } })]),
    /unknown option "slope"/,
  ],

  [
    () => after([6], reshape([2, 2])),
    /reshape "2": shape is \[2,2\], which holds 4 numbers, expected 6, of \[6\]/,
  ],
  [() => after([6], reshape([])), /shape is an Array, expected an array of 1 to 8 integers/],
  [() => after([6], reshape(new Array(9).fill(1))), /expected an array of 1 to 8 integers/],
  [() => after([6], reshape([-1, 6])), /shape\[0\] is -1, expected an integer >= 1/],
  [() => after([6], reshape(6 as never)), /shape is 6, expected an array/],
  [() => after([2, 3], permute([0, 0])), /permute "2": axes is \[0,0\], expected each axis once/],
  [() => after([2, 3], permute([0])), /axes is \[0\], expected each of the 2 axes once/],
  [() => after([2, 3], permute([0, 2])), /axes\[1\] is 2, expected -2 to 1, of a value of the shape \[2,3\]/],
  [() => after([2, 3], permute([-1, 0])), /axes\[0\] is -1, expected an integer >= 0/],
  [
    () => after([5], slice({ axis: 1, start: 0 })),
    /slice "2": axis is 1, expected -1 to 0, of a value of the shape \[5\]/,
  ],
  [
    () => after([5], slice({ axis: -2, start: 0 })),
    /axis is -2, expected -1 to 0, of a value of the shape \[5\]/,
  ],
  [() => after([5], slice({ axis: 0, start: 0, step: 0 })), /slice "2": step is 0/],
  [() => after([5], slice({ axis: 0, start: 6 })), /start is 6, expected an integer >= -5 and <= 5/],
  [() => after([5], slice({ axis: 0, start: 0, end: -6 })), /end is -6, expected an integer >= -5/],
  [() => after([5], slice({ axis: 0, start: 5 })), /from 5 to 5 by 1 there is nothing, of 5 positions/],
  [() => after([5], slice({ axis: 0, start: 3, end: 3 })), /from 3 to 3 by 1 there is nothing/],
  [() => after([5], slice({ axis: 0, start: 1, end: 3, step: -1 })), /from 1 to 3 by -1 there is nothing/],
  [() => after([5], slice({ axis: 0, start: 5, step: -1 })), /from 5 to -1 by -1 there is nothing/],
  [() => after([5], slice({ axis: 0 } as never)), /start is undefined, expected an integer/],
  [
    () => ofTwo(concat({ axis: 2 }), [2, 3], [2, 3]),
    /concat "4": axis is 2, expected -2 to 1, of a value of the shape \[2,3\]/,
  ],
  [
    () => ofTwo(concat(), [2, 3], [3, 3]),
    /\[2,3\] does not fit beside \[2,3\]|\[3,3\] does not fit beside \[2,3\] along axis 1; the other axes must have equal lengths/,
  ],
  [() => ofTwo(concat({ axis: 0 }), [2, 3], [3]), /\[3\] does not fit beside \[2,3\] along axis 0/],
  [() => ofTwo(concat({ axis: 0 }), [3], [2, 3]), /\[3\] does not fit beside \[2,3\] along axis 0/],
  [() => ofTwo(concat(), [2, 3, 1], [2, 1]), /\[2,1\] does not fit beside \[2,3,1\]/],
  [() => after([2, 3], expand([2, 6])), /expand "2": \[2,3\] cannot be stretched to \[2,6\]/],
  [() => after([2, 3], expand([3])), /\[2,3\] cannot be stretched to \[3\]/],
  [() => after([3], expand([3, 2])), /\[3\] cannot be stretched to \[3,2\]/],
  [() => after([3], expand([0, 3])), /shape\[0\] is 0/],
  [
    () => after([2 ** 10, 2], expand([2 ** 18, 2 ** 10, 2])),
    /its output \[262144,1024,2\] has 536870912 numbers, expected at most 268435456/,
  ],
  [() => after([3], expand([2 ** 28, 3])), /expand "2": it moves more than 4194304 numbers or rows/],
  [() => after([3, 1], pad({ padding: 2 ** 26 })), /pad "2": it moves more than 4194304/],
  [() => after([3, 1], pad({ padding: 2 ** 52 })), /it moves more than 4194304/],
  [
    () => after([2 ** 13, 1], averagePool({ kernel: 2 ** 12, stride: 1 })),
    /averagePool "2": it moves more than 4194304/,
  ],
  [() => after([3, 3, 1], pad({ padding: 2 ** 11 })), /pad "2": it moves more than 4194304/],
  [() => after([3, 1], upsample({ scale: 2 ** 40 })), /upsample "2": it moves more than 4194304/],
  [() => after([3, 3, 1], upsample({ scale: 2 ** 12 })), /it moves more than 4194304/],
  [() => ofTwo(add(), [1, 2 ** 12], [2 ** 11, 1]), /add "4": it moves more than 4194304/],
  [() => ofTwo(mul(), [2 ** 11, 1], [2 ** 12]), /mul "4": it moves more than 4194304/],
  [
    () => after([4, 4], depthToSpace({ block: 2 })),
    /depthToSpace "2": what it reads has the shape \[4,4\], expected \[height, width, channels\], with channels divisible by 4/,
  ],
  [() => after([2, 2, 6], depthToSpace({ block: 2 })), /channels divisible by 4/],
  [() => after([2, 2, 4], depthToSpace({ block: 0 })), /block is 0/],
  [
    () => after([2, 2, 4], depthToSpace({ block: 2, order: "RDC" as never })),
    /order is "RDC", expected "CRD" or "DCR"/,
  ],

  [
    () => after([4], pad({ padding: 1 })),
    /pad "2": what it reads has the shape \[4\], expected \[height, width, channels\] or \[width, channels\]; put a reshape before it/,
  ],
  [() => after([1, 1, 2, 2], pad({ padding: 1 })), /has the shape \[1,1,2,2\], expected \[height/],
  [() => after([2, 2], pad({ padding: -1 })), /padding is -1, expected an integer >= 0/],
  [() => after([2, 2, 1], pad({ padding: [1, 1, 1] })), /padding has 3 numbers, expected one, or 2/],
  [
    () => after([2, 2], pad({ padding: 1, mode: "mirror" as never })),
    /mode is "mirror", expected "zeros" or "reflect" or "edge"/,
  ],
  [
    () => after([2, 3, 1], pad({ padding: [2, 1], mode: "reflect" })),
    /padding is \[2,1,2,1\], expected less than the lengths \[2,3\] to reflect/,
  ],
  [() => after([3, 2, 1], pad({ padding: [0, 0, 0, 2], mode: "reflect" })), /to reflect/],
  [() => after([3, 1], upsample({ scale: 0 })), /upsample "2": scale is 0, expected an integer >= 1/],
  [() => after([3, 1], upsample({ scale: 1.5 })), /scale is 1.5/],
  [() => after([3, 1], upsample({ scale: [2, 2] })), /scale has 2 numbers, expected one, or 1/],
  [
    () => after([3, 1], upsample({ scale: 2, mode: "bicubic" as never })),
    /mode is "bicubic", expected "nearest" or "bilinear"/,
  ],
  [
    () => after([3, 1], upsample({ scale: 2, alignCorners: true })),
    /alignCorners is for the mode "bilinear"/,
  ],
  [
    () => after([3, 1], upsample({ scale: 2, mode: "bilinear", alignCorners: 1 as never })),
    /alignCorners is 1, expected true or false/,
  ],
  [() => after([3, 1], resize({ size: 0 })), /resize "2": size is 0, expected an integer >= 1/],
  [() => after([3, 3, 1], resize({ size: 2 ** 12, mode: "cubic" })), /it moves more than 4194304/],
  [() => after([3, 3, 1], resize({ size: [2, 2, 2] })), /size has 3 numbers, expected one, or 2/],
  [
    () => after([3, 1], resize({ size: 2, mode: "bicubic" as never })),
    /mode is "bicubic", expected "nearest" or "linear" or "cubic"/,
  ],
  [
    () => after([3, 1], resize({ size: 2, coordinates: "tf_crop_and_resize" as never })),
    /coordinates is "tf_crop_and_resize", expected "half_pixel" or/,
  ],
  [() => after([3, 1], resize({ size: 2, rounding: "round" as never })), /rounding is "round", expected/],
  [
    () => after([3, 1], resize({ size: 7, scale: 2 })),
    /scale is 2, which makes 6 pixels of 3, expected 7 as/,
  ],
  [() => after([3, 1], resize({ size: 1, scale: 1e-9 })), /which makes \d\.\d+e-9 pixels of 3, expected 1/],
  [() => after([3, 1], resize({ size: 7, scale: [2, 2] })), /scale is an Array, expected a number, or 1/],
  [() => after([3, 1], resize({ size: 7, scale: ["2"] as never })), /scale\[0\] is "2", expected a finite/],
  [() => after([3, 1], resize({ size: 7, antialias: true })), /antialias is for "linear" and "cubic"/],
  [
    () => after([3, 1], resize({ size: 7, mode: "linear", excludeOutside: true })),
    /excludeOutside is for "cubic" and antialias, but the mode is "linear"/,
  ],
  [
    () => after([3, 1], resize({ size: 7, mode: "linear", coordinates: "tf_half_pixel_for_nn" })),
    /tf_half_pixel_for_nn is for "nearest"/,
  ],
  [
    () => after([3, 1], resize({ size: 7, cubicCoefficient: 1 })),
    /cubicCoefficient is 1, expected a .* <= 0/,
  ],
  [() => after([3], upsample({ scale: 2 })), /upsample "2": what it reads has the shape \[3\]/],
  [
    () => after([3, 1], averagePool({ kernel: 4 })),
    /averagePool "2": a window of \[4\] with a padding of \[0,0\] does not fit on \[3,1\]/,
  ],
  [
    () => after([3, 1], averagePool({ kernel: 2, padding: 2 })),
    /a window of \[2\] with a padding of \[2,2\] does not fit/,
  ],
  [
    () => after([3, 1], averagePool({ kernel: 2, padding: [0, 2] })),
    /a window of \[2\] with a padding of \[0,2\] does not fit/,
  ],
  [() => after([3, 1], averagePool({ kernel: 2, stride: 0 })), /stride is 0, expected an integer >= 1/],
  [
    () => after([3, 1], averagePool({ kernel: 2, countPadding: "no" as never })),
    /countPadding is "no", expected true or false/,
  ],
  [() => after([3], averagePool({ kernel: 2 })), /averagePool "2": what it reads has the shape \[3\]/],
  [() => after([2, 3], sum({ axes: [] })), /sum "2": axes is an Array, expected an array of axes/],
  [() => after([2, 3], mean({ axes: 1 as never })), /mean "2": axes is 1, expected an array of axes/],
  [
    () => after([2, 3], sum({ axes: [2] })),
    /axes\[0\] is 2, expected -2 to 1, of a value of the shape \[2,3\]/,
  ],
  [
    () => after([2, 3], mean({ axes: [0, -3] })),
    /axes\[1\] is -3, expected -2 to 1, of a value of the shape/,
  ],
  [() => after([2, 3], sum({ axes: [1, -1] })), /axes is \[1,-1\], expected each axis once/],
  [() => after([2, 3], sum({ axes: [0], keepAxes: 0 as never })), /keepAxes is 0, expected true or false/],

  [
    () => after([2, 3], layerNorm({ axes: 3 })),
    /layerNorm "2": axes is 3, expected an integer >= 1 and <= 2/,
  ],
  [() => after([2, 3], layerNorm({ axes: 0 })), /axes is 0, expected an integer >= 1/],
  [() => after([2, 3], layerNorm({ epsilon: 0 })), /epsilon is 0, expected a finite number > 0/],
  [() => after([2, 3], rmsNorm({ epsilon: -1 })), /rmsNorm "2": epsilon is -1/],
  [
    () => after([2, 3], rmsNorm({ epsilon: 1e31 })),
    /epsilon is 1e\+31, expected a finite number > 0 and <= 1e\+30/,
  ],
  [
    () => after([2, 3], groupNorm({ groups: 2 })),
    /groupNorm "2": groups is 2, expected a divisor of 3 channels/,
  ],
  [() => after([2, 3], groupNorm({ groups: 0 })), /groups is 0, expected an integer >= 1/],
  [() => after([2, 3], groupNorm({} as never)), /groups is undefined/],
  [() => after([2, 3], groupNorm({ groups: 1, epsilon: Number.NaN })), /epsilon is NaN/],

  [
    () => ofTwo(add(), [2, 3], [2]),
    /add "4": the shapes \[2,3\] and \[2\] do not fit together; axes that differ must have length 1/,
  ],
  [() => ofTwo(sub(), [2, 3], [3, 3]), /sub "4": the shapes \[2,3\] and \[3,3\] do not fit/],
  [() => ofTwo(mul(), [4], [2, 3]), /mul "4": the shapes \[4\] and \[2,3\] do not fit/],
  [
    () => ofTwo(matmul(), [2, 3], [2, 3]),
    /matmul "4": what it reads has the shapes \[2,3\] and \[2,3\], expected \[…, rows, inner\] and \[…, inner, columns\]/,
  ],
  [
    () => ofTwo(matmul({ transposed: true }), [2, 3], [3, 2]),
    /expected \[…, rows, inner\] and \[…, columns, inner\]/,
  ],
  [() => ofTwo(matmul(), [2, 1, 3], [3, 3, 1]), /matmul "4": what it reads has the shapes/],
  [() => ofTwo(matmul(), [2, 3], [1, 3, 2]), /matmul "4": what it reads has the shapes/],
  [() => ofTwo(matmul(), [3], [3]), /matmul "4": what it reads has the shapes \[3\] and \[3\]/],
  [
    () => ofTwo(matmul({ transposed: 1 as never }), [2, 3], [2, 3]),
    /transposed is 1, expected true or false/,
  ],
  [
    () => built(({ latent }) => add()(latent(2), constant([])())),
    /constant "0": shape is an Array, expected an array of 1 to 8/,
  ],
  [() => built(({ latent }) => add()(latent(2), constant([1.5])())), /shape\[0\] is 1.5/],
  [
    () => built(({ latent }) => add()(latent(2), constant([1, 2])(latent as never))),
    /is a function, expected an input of graph/,
  ],
  [() => after([2, 2, 1], conv({ channels: 1, kernel: 1, dilation: 0 })), /dilation is 0/],
  [() => after([2, 2, 1], conv({ channels: 0, kernel: 1 })), /channels is 0/],
  [
    () => after([2, 2, 1], convTranspose({ channels: 1, kernel: 1, padding: 1 })),
    /its output would have the shape \[0,0,1\]/,
  ],
];

const BUILDERS: readonly Case[] = [
  [() => sequential(0, [dense(1)]), /sequential: latentSize is 0, expected an integer >= 1/],
  [() => sequential(2, dense(1) as never), /sequential: layers is a function, expected an array of layers/],
  [() => sequential(2, []), /sequential: operations is empty, expected an array of at least one operation/],
  [
    () => sequential(2, [dense as never]),
    /layer 0 is a function, expected one such as dense\(10\) or elu\(\); call it/,
  ],
  [() => elu(null as never), /^elu: options are null, expected a plain object/],
  [() => elu({ Alpha: 2 } as never), /^elu: unknown option "Alpha"; the options are alpha/],
  [() => leakyRelu(0.2 as never), /^leakyRelu: options are 0.2, expected a plain object with any of slope/],
  [() => leakyRelu({ slop: 0.2 } as never), /^leakyRelu: unknown option "slop"; the options are slope/],
  [() => sine(30 as never), /^sine: options are 30, expected a plain object/],
  [() => conv(null as never), /^conv: the settings are null, expected an object/],
  [
    () => after([4, 4, 1], conv({ channels: 1, kernel: null as never })),
    /kernel is null, expected an integer, or an array of 2, one for each axis/,
  ],
  [() => sequential(2, [dense(1), undefined as never]), /layer 1 is undefined, expected one such as/],
  [() => sequential(2, [{ kind: "dense" } as never]), /layer 0 is an object, expected one such as/],
  [() => sequential(2, [add()]), /add "0": inputs is an Array, expected an array that names two values/],
  [
    () => sequential(2, [constant([2])]),
    /constant "0": inputs is an Array, expected an array that names no value/,
  ],
  [() => sequential(2, [dense({ units: 3 } as never)]), /units is an object/],
  [() => sequential(2, [conv(undefined as never)]), /channels|conv "0": what it reads/],
  [() => graph(undefined as never), /graph: build is undefined, expected a function that returns the output/],
  [() => built(() => dense(1)), /graph: latent was not called/],
  [() => built(({ latent }) => add()(latent(2), latent(2))), /graph: latent was called twice/],
  [() => built(({ latent }) => dense(1)(latent(-1))), /graph: latentSize is -1/],
  [
    () => built(({ latent }) => [latent(2)]),
    /what build returns is an Array, expected an input of graph or what a layer returns/,
  ],
  [() => built(({ latent }) => void latent(2)), /what build returns is undefined/],
  [
    () =>
      built(({ latent }) => {
        latent(2);
        return dense(1);
      }),
    /is a function, .*; a layer is applied to values: elu\(\)\(h\)/,
  ],
  [() => built(({ latent }) => dense(1)(tanh() as never, latent(2))), /argument 0 is a function/],
  [
    () => built(({ latent }) => latent(2)),
    /operations is empty, expected an array of at least one operation/,
  ],
  [
    () =>
      built(({ latent }) => {
        latent(2);
        return constant([2])();
      }),
    /no operation reads the latent, and it is not the output/,
  ],
  [
    () => built(({ latent }) => add()(latent(2))),
    /add "0": inputs is an Array, expected an array that names two values/,
  ],
  [
    () =>
      built(({ latent }) => {
        const z = latent(2);
        return dense(1)(z, z);
      }),
    /expected an array that names one value/,
  ],
  [
    () =>
      built(({ latent }) => {
        latent(2);
        return concat()();
      }),
    /expected an array that names 1 to 1000 values/,
  ],
  [
    () =>
      built(({ latent }) => {
        const layer = dense(2);
        return layer(layer(latent(2)));
      }),
    /a dense layer was applied twice, and weights are not shared; make a layer for each/,
  ],
  [
    () => {
      let foreign: Value | undefined;
      built(({ latent }) => {
        foreign = latent(2);
        return dense(1)(foreign);
      });
      return built(({ latent }) => add()(latent(2), foreign!));
    },
    /an input of another graph is read/,
  ],
  [
    () =>
      built(({ latent }) => {
        latent(2);
        const inputs: Value[] = [];
        const value = { layer: dense(2), inputs } as Value;
        inputs.push(value);
        return value;
      }),
    /is an object, expected an input of graph/,
  ],
  [
    () =>
      built(({ latent }) => {
        const z = latent(2);
        const inputs: Value[] = [z];
        const first = { layer: add(), inputs } as unknown as Value;
        const second = tanh()(dense(2)(first));
        inputs.push(second);
        return mul()(second, z);
      }),
    /is an object, expected an input of graph/,
  ],
];

const dense2 = operation("dense", { units: 2 });

const DEFINITIONS: readonly Case[] = [
  [
    () => defined([dense2], { format: 2 }),
    /createDecoder: the graph's format is 2, expected 1; a newer latentflow may read it/,
  ],
  [() => defined([dense2], { format: "1" }), /format is "1"/],
  [
    () => defined([dense2], { layout: "channelsFirst" }),
    /layout is "channelsFirst", expected "channelsLast"/,
  ],
  [() => defined([dense2], { latentSize: 2.5 }), /latentSize is 2.5/],
  [() => defined([dense2], { latentSize: undefined }), /latentSize is undefined/],
  [() => defined([dense2], { extra: 1 }), /unknown option "extra"; the options are format, layout/],
  [() => defined(null as never), /operations is null, expected an array of at least one operation/],
  [() => defined({ length: 1 } as never), /operations is an object/],
  [() => defined([]), /operations is empty, expected an array of at least one operation/],
  [() => defined(new Array(2)), /an operation's kind is undefined/],
  [
    () => defined([operation("concat", {}, "a", new Array(1))]),
    /concat "a": it reads undefined, which no input/,
  ],
  [() => after([2, 3], sum({ axes: new Array(1) })), /axes\[0\] is undefined, expected an integer/],
  [() => after([2, 3], sum({ axes: new Array(2 ** 32 - 1) })), /axes is an Array, expected an array of axes/],
  [() => after([2, 3], reshape(new Array(2 ** 32 - 1))), /shape is an Array, expected an array of 1 to 8/],
  [() => defined([null as never]), /an operation's kind is undefined; the kinds are dense, activation/],
  [() => defined([operation("lstm", {})]), /kind is "lstm"/],
  [() => defined([operation("__proto__", {})]), /kind is "__proto__"/],
  [() => defined([operation("constructor", {})]), /kind is "constructor"/],
  [() => defined([operation("toString", {})]), /kind is "toString"/],
  [
    () => defined([operation("dense", { units: 2 }, "")]),
    /the name of an operation is "", expected 1 to 200 printable characters, not "z"/,
  ],
  [() => defined([operation("dense", { units: 2 }, "z")]), /the name of an operation is "z"/],
  [
    () => defined([operation("dense", { units: 2 }, "a".repeat(201))]),
    /expected 1 to 200 printable characters/,
  ],
  [() => defined([operation("dense", { units: 2 }, "a\nb")]), /the name of an operation is "a\\nb"/],
  [() => defined([operation("dense", { units: 2 }, 7 as never)]), /the name of an operation is 7/],
  [() => defined([dense2, operation("dense", { units: 2 }, "a", ["a"])]), /two values are called "a"/],
  [
    () => defined([operation("dense", { units: 2 }, "a", "z")]),
    /dense "a": inputs is "z", expected an array that names one value/,
  ],
  [() => defined([operation("dense", { units: 2 }, "a", [])]), /expected an array that names one value/],
  [
    () => defined([operation("dense", { units: 2 }, "a", ["z", "z"])]),
    /expected an array that names one value/,
  ],
  [
    () => defined([operation("dense", { units: 2 }, "a", [["z"]])]),
    /it reads an Array, which no input and no operation before it is called/,
  ],
  [
    () =>
      defined([operation("dense", { units: 2 }, "a", ["b"]), operation("dense", { units: 2 }, "b", ["a"])]),
    /dense "a": it reads "b", which no input and no operation before it is called/,
  ],
  [
    () => defined([operation("dense", { units: 2 }, "a", ["a"])]),
    /it reads "a", which no input and no operation before/,
  ],
  [() => defined([operation("dense", { units: 2 }, "a", ["__proto__"])]), /it reads "__proto__", which/],
  [
    () => defined([dense2, operation("dense", { units: 2 }, "b", ["z"])]),
    /no operation reads the value "a", and it is not the output, which the last one makes/,
  ],
  [() => defined([operation("constant", { shape: [2] }, "a", [])]), /no operation reads the latent/],
  [
    () => defined([operation("dense", { units: 2, seed: 1 })]),
    /dense "a": unknown option "seed"; the options are units/,
  ],
  [() => defined([operation("dense", { units: 2, shape: [2] })]), /unknown option "shape"/],
  [() => defined([operation("add", { axis: 1 }, "a", ["z", "z"])]), /add "a": unknown option "axis"/],
  [
    () => defined([operation("dense", { units: 2 ** 28 })]),
    /the graph has 805306368 parameters, expected at most 268435456/,
  ],
  [
    () => defined([operation("dense", { units: 2 ** 28 + 1 })]),
    /its output \[268435457\] has 268435457 numbers, expected at most/,
  ],
  [
    () =>
      defined(
        Array.from({ length: 10_001 }, (_, i) =>
          operation("activation", { activation: "tanh" }, `a${i}`, [i === 0 ? "z" : `a${i - 1}`]),
        ),
      ),
    /there are 10001 operations, expected at most 10000/,
  ],
  [() => defined([dense2], { fixed: {} }), /fixed is an object, expected an array of at most 100 inputs/],
  [
    () => defined([dense2], { fixed: new Array(101).fill({ name: "x", shape: [1] }) }),
    /fixed is an Array, expected an array of at most 100 inputs/,
  ],
  [() => defined([dense2], { fixed: [null] }), /a fixed input: options are null, expected a plain object/],
  [
    () => defined([dense2], { fixed: [{ name: "x", shape: [1], size: 1 }] }),
    /a fixed input: unknown option "size"/,
  ],
  [() => defined([dense2], { fixed: [{ name: "z", shape: [1] }] }), /the name of a fixed input is "z"/],
  [() => defined([dense2], { fixed: [{ shape: [1] }] }), /the name of a fixed input is undefined/],
  [
    () =>
      defined([dense2], {
        fixed: [
          { name: "x", shape: [1] },
          { name: "x", shape: [1] },
        ],
      }),
    /two inputs are called "x"/,
  ],
  [
    () => defined([dense2], { fixed: [{ name: "x", shape: 3 }] }),
    /the fixed input "x": shape is 3, expected an array of 1 to 8 lengths/,
  ],
  [() => defined([dense2], { fixed: [{ name: "x", shape: [] }] }), /expected an array of 1 to 8 lengths/],
  [
    () => defined([dense2], { fixed: [{ name: "x", shape: ["points", "points"] }] }),
    /two axes are "points", expected one at most/,
  ],
  [
    () => defined([dense2], { fixed: [{ name: "x", shape: ["pixels", 3] }] }),
    /shape\[0\] is "pixels", expected an integer/,
  ],
  [
    () => defined([dense2], { fixed: [{ name: "x", shape: [2 ** 27, 4] }] }),
    /its shape is \[134217728,4\], expected at most 268435456 numbers/,
  ],
  [
    () => defined([dense2], { fixed: [{ name: "x", shape: [1], classes: 0 }] }),
    /the fixed input "x": classes is 0/,
  ],
  [() => defined([dense2], { fixed: [{ name: "x", shape: [1] }] }), /no operation reads the value "x"/],
  [
    () => defined([operation("embedding", { classes: 3, units: 2 })]),
    /embedding "a": it reads "z", expected a fixed input with classes/,
  ],
  [
    () => built(({ latent, fixed }) => add()(latent(1), fixed("label", { classes: 3 }))),
    /add "0": it reads "label", whose numbers are classes; only an embedding reads such/,
  ],
  [
    () =>
      built(({ latent, fixed }) =>
        add()(dense(2)(latent(1)), embedding({ classes: 0, units: 2 })(fixed("label", { classes: 3 }))),
      ),
    /classes is 0/,
  ],
  [
    () => built(({ latent, fixed }) => add()(latent(1), fixed("x", undefined as never))),
    /graph: the fixed input "x": classes is undefined, expected an integer/,
  ],
  [
    () => built(({ latent, fixed }) => add()(latent(1), fixed("x", { class: 3 } as never))),
    /the fixed input "x": unknown option "class"/,
  ],
  [
    () => built(({ latent, points }) => concat()(latent(2), reshape(["points", "points"])(points("xyz", 3)))),
    /two axes are "points"/,
  ],
];

for (const [name, cases] of Object.entries({ SETTINGS, BUILDERS, DEFINITIONS })) {
  test(`what is refused, in which words: ${name.toLowerCase()}`, async () => {
    for (const [call, message] of cases) {
      const [, seconds] = await timed(() => refused(call, "invalid_argument", message));
      assert.ok(seconds < 2, `${message} after ${seconds} s`);
    }
  });
}

/** The same operations and the same bits. */
async function sameDecoder(again: Decoder, decoder: Decoder, z: Float32Array): Promise<void> {
  assert.equal(again.operations, decoder.operations);
  assert.equal(again.definition, decoder.definition);
  assert.equal(again.parameters, decoder.parameters);
  assert.equal(again.outputShape, decoder.outputShape);
  assert.equal(await decode(again, z), await decode(decoder, z));
}

test("a definition is the same through JSON, and a decoder through its file", async () => {
  for (const definition of [allKinds, ...Array.from({ length: 20 }, (_, seed) => randomGraph(100 + seed))]) {
    const decoder = createDecoder(definition, { seed: 7 });
    const z = randomArray(1, 3 * decoder.latentSize);
    assert.equal(decoder.definition, definition);
    await sameDecoder(createDecoder(decoder.definition, { seed: 7 }), decoder, z);
    const json: GraphDefinition = JSON.parse(JSON.stringify(decoder.definition));
    await sameDecoder(createDecoder(json, { seed: 7 }), decoder, z);
    await sameDecoder(await loadDecoder(decoder.toSafetensors()), decoder, z);
  }
});

test("a definition that is changed afterwards changes nothing", () => {
  const definition = structuredClone(allKinds);
  const decoder = createDecoder(definition);
  (definition.operations as OperationDefinition[]).pop();
  assert.equal(decoder.definition, allKinds);
});

test("names of values are what properties of objects are called", async () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  const operations = names.map((name, i) =>
    operation("dense", { units: 2 }, name, [i === 0 ? "z" : names[i - 1]]),
  );
  const decoder = defined(operations);
  const z = randomArray(1, 2);
  await sameDecoder(createDecoder(JSON.parse(JSON.stringify(decoder.definition))), decoder, z);
  await sameDecoder(await loadDecoder(decoder.toSafetensors()), decoder, z);
});

test("a graph may be thousands of operations deep", async () => {
  const [, seconds] = await timed(async () => {
    const definition = graph(({ latent }) => {
      let h: Value = latent(1);
      for (let i = 0; i < 5000; i++) h = add()(h, sine()(h));
      return h;
    });
    assert.is(definition.operations.length, 10_000);
    const decoder = createDecoder(definition);
    const [output] = await decode(decoder, Float32Array.of(0.5));
    // x + sin x goes to π.
    assert.ok(Math.abs(output! - Math.PI) < 1e-5, String(output));
  });
  assert.ok(seconds < 20, `${seconds} s`);
});

/** What stands in a definition in place of what belongs there. */
const HOSTILE: readonly (() => unknown)[] = [
  ...[undefined, null, true, false, 0, -1, 1, 2, 7, -0, 0.5, 2 ** 31, 2 ** 53, 1e308, Number.NaN, Infinity],
  ...["", "z", "0", "__proto__", "points", "dense", 10n, Symbol("x")],
].map((value) => () => value);
const HOSTILE_OBJECTS: readonly (() => unknown)[] = [
  () => ({}),
  () => [],
  () => [[]],
  () => new Array(3),
  () => new Array(2 ** 32 - 1),
  () => [0, 0],
  () => [1, 1, 1],
  () => [2 ** 20, 2 ** 20],
  () => [-1, Number.NaN],
  () => ["points", 1],
  () => () => 1,
  () => Object.create(null),
  () => JSON.parse('{"__proto__": {"units": 3}}'),
  () => new Date(Number.NaN),
  () => new Float32Array(2),
];

test("whatever stands in a definition, there is a decoder or a refusal", async () => {
  const base: unknown[] = [allKinds, ...[1, 2, 3].map((seed) => randomGraph(200 + seed))];
  base.push(
    graph(({ latent, fixed, points }) =>
      concat()(
        dense(2)(concat()(latent(2), points("xyz", 3))),
        expand(["points", 2])(
          reshape([1, 2])(embedding({ classes: 3, units: 2 })(fixed("label", { classes: 3 }))),
        ),
      ),
    ),
  );
  const random = createRandom(5);
  const of = <T>(list: readonly T[]): T => list[Math.floor(random.uniform() * list.length)]!;
  let refusals = 0;
  for (let round = 0; round < 3000; round++) {
    const definition = structuredClone(of(base));
    const changes = 1 + Math.floor(random.uniform() * 2);
    const done: string[] = [];
    const hostile = new Set<unknown>();
    for (let i = 0; i < changes; i++) {
      const value = of([...HOSTILE, ...HOSTILE_OBJECTS])();
      const place = of(placesIn(definition, hostile));
      hostile.add(value);
      place.parent[place.key] = value;
      done.push(
        `${place.key} = ${typeof value === "object" ? Object.prototype.toString.call(value) : String(value)}`,
      );
    }
    const [, seconds] = await timed(() => {
      try {
        createDecoder(definition as GraphDefinition);
      } catch (error) {
        if (!(error instanceof LatentflowError)) throw new Error(`round ${round}: ${done}`, { cause: error });
        assert.is(error.code, "invalid_argument");
        assert.ok(error.message.length < 2000, error.message);
        refusals++;
      }
    });
    assert.ok(seconds < 2, `${done} took ${seconds} s`);
  }
  assert.ok(refusals > 1500, `${refusals} refusals`);
});

interface Spot {
  readonly parent: Record<string, unknown>;
  readonly key: string;
}

/** Every property of a definition, at any depth, but for those of what has been put there. */
function placesIn(value: unknown, hostile: ReadonlySet<unknown>): Spot[] {
  if (typeof value !== "object" || value === null || hostile.has(value)) return [];
  const parent = value as Record<string, unknown>;
  return Object.keys(parent).flatMap((key) => [{ parent, key }, ...placesIn(parent[key], hostile)]);
}

test.run();
