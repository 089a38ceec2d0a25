// Writes the part of docs/onnx-operators.md that says which operators loadOnnx reads:
//
//   node --import tsx scripts/document-onnx-operators.ts
//
// A test holds that it has been run since the last change.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { OperatorName } from "../src/onnx/read/arity.ts";
import { operatorOf } from "../src/onnx/read/operators/table.ts";

const file = fileURLToPath(new URL("../docs/onnx-operators.md", import.meta.url));
const begin = "<!-- From here on written by scripts/document-onnx-operators.ts. -->";

const TRAINING = "`training_mode` other than 0";
const PIXELS = "three axes of pixels; points";
const REPEATED = "a kernel that takes more than 2^27 numbers once it is repeated for the images of a sample";
const STATISTICS = "statistics over the batch or the points; scales or shifts that are computed";
const COMPARED = "a constant beyond 3e38, or NaN";
const OVER_BATCH = "statistics over the batch; axes that are computed";
const INFINITE = "one with -∞, where others read it than Softmax, Exp, Relu, Sigmoid or Tanh";
const EXTREMA = "the batch or the points; axes that are computed";
const SHAPE = "a shape computed of other numbers than lengths, or that mixes the batch with another axis";

/** What is refused of each operator, beside what is of all. Nothing: "". */
const REFUSED: { readonly [Name in OperatorName]: string } = {
  // Products
  Gemm: "a product along the batch",
  MatMul: "a product along the batch, or of a constant matrix along the points",
  Einsum:
    "a sum, a product or a diagonal along the batch; a diagonal along the points; `...` in an input and not in the output",
  Conv: `a kernel or bias that is computed; ${PIXELS}; ${REPEATED}. Of points a kernel of one tap is read`,
  ConvTranspose: `a kernel or bias that is computed; ${PIXELS}; ${REPEATED}; an \`output_shape\` larger than the output`,
  // Number by number
  Add: `a constant with NaN or ∞, or with one number, -∞; ${INFINITE}`,
  Sub: "as Add, with what is subtracted turned round",
  Mul: "",
  Div: "two integers that are not constant",
  Neg: "",
  Pow: "an exponent that is computed, or more than one number",
  Sum: "",
  Max: "a constant with NaN or ∞",
  Min: "a constant with NaN or -∞",
  Clip: "bounds that are computed, or NaN",
  Where: `a constant with NaN to choose from; ${INFINITE}`,
  Greater: COMPARED,
  GreaterOrEqual: COMPARED,
  Less: COMPARED,
  LessOrEqual: COMPARED,
  Equal: COMPARED,
  And: "",
  Or: "",
  Xor: "",
  Not: "",
  Sign: "",
  Sqrt: "",
  Reciprocal: "",
  Abs: "",
  Exp: "",
  Log: "",
  Erf: "",
  Sin: "",
  Cos: "",
  Tanh: "",
  Sigmoid: "",
  HardSigmoid: "",
  Relu: "",
  LeakyRelu: "",
  PRelu: "",
  Elu: "`alpha` below 0",
  Selu: "`alpha` below 0",
  Celu: "`alpha` of 0 or below",
  Softplus: "",
  Softsign: "",
  Gelu: "",
  Mish: "",
  HardSwish: "",
  // Norms
  BatchNormalization: `${TRAINING}, and before opset 14 more outputs than one; scales, shifts, means or variances that are computed`,
  InstanceNormalization: STATISTICS,
  GroupNormalization: `${STATISTICS}; \`num_groups\` that does not divide the channels`,
  LayerNormalization: `${STATISTICS}; \`epsilon\` of 0 or below`,
  RMSNormalization: `${STATISTICS}; \`epsilon\` of 0 or below`,
  Softmax:
    "sums over the batch or the points; a row that a constant mask makes -∞ throughout, of which ONNX Runtime makes NaN",
  LogSoftmax: "sums over the batch or the points",
  // Sums over axes
  ReduceMean: OVER_BATCH,
  ReduceSum: OVER_BATCH,
  ReduceL1: `${OVER_BATCH}; \`noop_with_empty_axes\` without axes`,
  ReduceL2: `${OVER_BATCH}; \`noop_with_empty_axes\` without axes`,
  ReduceSumSquare: `${OVER_BATCH}; \`noop_with_empty_axes\` without axes`,
  ReduceLogSum: `${OVER_BATCH}; \`noop_with_empty_axes\` without axes`,
  ReduceLogSumExp: `${EXTREMA}; \`noop_with_empty_axes\` without axes`,
  ReduceMax: EXTREMA,
  ReduceMin: EXTREMA,
  GlobalAveragePool: "",
  // Pixels
  Resize:
    "`coordinate_transformation_mode` `tf_crop_and_resize`; `tf_half_pixel_for_nn` with another `mode` than `nearest`, or " +
    "with `nearest_mode` `ceil` or `round_prefer_ceil`; `antialias` with `nearest`; `exclude_outside` with neither `cubic` " +
    "nor `antialias`; scales other than 1 that leave pixels as many, which ONNX Runtime copies and the standard computes; " +
    "in opset 10, `nearest` to fewer pixels by a scale other than 1/2, 1/3, …; scales or sizes that are computed; the " +
    `batch or the channels resized; ${PIXELS}`,
  Upsample: "opset 10 or later, which has it no more; otherwise what is of Resize",
  Pad: "`mode` `wrap`; pads or a value that are computed, or a value of NaN; the batch or the points padded; more pixels reflected than there are; an infinite value where others read it than Softmax, Exp, Relu, Sigmoid or Tanh",
  AveragePool: `\`dilations\`; \`ceil_mode\` where the last window is not whole; pads as wide as the window; ${PIXELS}`,
  MaxPool: `its second output, Indices; a window of padding alone; \`dilations\` with \`auto_pad\`, or with more than 256 pixels of padding; ${PIXELS}`,
  GlobalMaxPool: "the points",
  DepthToSpace:
    "other inputs than [batch, channels, height, width]; a `blocksize` whose square does not divide the channels",
  // Places
  Reshape: `${SHAPE}; one without the batch`,
  Expand: `${SHAPE}; an axis that is longer than 1`,
  Tile: "repeats that are computed; the batch repeated",
  Flatten: "",
  Squeeze: "axes that are computed; an axis that is longer than 1",
  Unsqueeze: "axes that are computed",
  Transpose: "",
  Concat: "values beside each other along the batch or the points",
  Split: "the batch or the points split; lengths that are computed",
  Slice: "bounds that are computed; a part of the batch or of the points",
  Gather:
    "by constant positions: a part of the batch or of the points, a matrix of positions, more than 256 of them; by an " +
    "integer input: an `axis` other than 0, a table that is computed; by numbers that are computed of an input: all",
  OneHot: "numbers that are no integer input; an `axis` other than the last; more than 4096 classes",
  Trilu: "a diagonal that is computed; a triangle of the batch or of the points",
  Identity: "",
  Dropout: TRAINING,
  Cast: "floats that are computed to integers; integers of an input to less than 32 bits; constants beyond the range of the integers that they become, but for integers of up to 2^53, which wrap; other types than numbers",
  // Of constants and shapes alone
  Constant: "texts; sparse tensors",
  Shape: "",
  Size: "",
  ConstantOfShape: "a `value` of more than one number",
  Range: "",
  Mod: "",
  Floor: "",
  Ceil: "",
  Round: "",
  ReduceProd: "",
};

/** The document, with what is generated as it has to be. */
export function documentOnnxOperators(): string {
  const text = readFileSync(file, "utf8");
  const names = Object.keys(REFUSED).sort() as OperatorName[];
  const isOfInputs = (name: OperatorName) => operatorOf(name) !== undefined;
  const parts = [
    "## Of values that depend on the latent or another input",
    table(names.filter(isOfInputs)),
    "## Of constants and shapes alone",
    "These are computed when the file is loaded. Of a value that depends on an input's numbers they are refused.\n" +
      "Integers of up to 32 bits wrap round at their width; what is computed beyond 2^53 is refused.",
    table(names.filter((name) => !isOfInputs(name))),
  ];
  return `${text.slice(0, text.indexOf(begin))}${begin}\n\n${parts.join("\n\n")}\n`;
}

function table(names: readonly OperatorName[]): string {
  const rows = names.map((name) => `| ${name} | ${REFUSED[name]} |`);
  return `| operator | refused |\n|---|---|\n${rows.join("\n").replaceAll("|  |", "| |")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(file, documentOnnxOperators());
