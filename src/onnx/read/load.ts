import { verifyDecoder } from "../../api/verify.ts";
import { calling } from "../../base/calling.ts";
import { checkChoice, checkOptions } from "../../base/check.ts";
import { hasCode } from "../../base/errors.ts";
import { inTurns, type Pausable } from "../../base/event-loop.ts";
import { gotten, theOption, wanted, words } from "../../base/message.ts";
import { throwIfAborted } from "../../base/realms.ts";
import { invalidFile, invalidOption, objection, refused } from "../../base/refuse.ts";
import { show, showList, showLocation } from "../../base/show.ts";
import { bytesIn } from "../../base/values.ts";
import { type Decoder, probedOf, withVerification } from "../../decoder/decoder.ts";
import { normaliseDefaults } from "../../decoder/defaults.ts";
import { copyProbe, fitProbe, type Probe } from "../../decoder/probe.ts";
import { PROBE, readProbe } from "../../decoder/probe-text.ts";
import { checkStartSize, checkStartsSize } from "../../decoder/start.ts";
import { recognise } from "../../files/file-kind.ts";
import {
  checkReading,
  checkSize,
  type Limits,
  type ReadingOptions,
  readingOptions,
} from "../../files/limits.ts";
import { bytesOf, type FileSource, locationOf, readSource, whileUnchanged } from "../../files/source.ts";
import type { StandardLossLike } from "../../terms/losses.ts";
import type { Prior } from "../../terms/priors.ts";
import { LATENT_NAME, readLoss, readPoints, readPrior, readStart, readStarts } from "../metadata.ts";
import { buildDecoder } from "./build-decoder.ts";
import { type ExternalData, type Outside, readOutside } from "./external-data.ts";
import { importGraph, nodesTo } from "./import-graph.ts";
import { checkInputShapes, withInputShapes } from "./input-shapes.ts";
import { type FirstAxis, findLatent, firstAxesOf } from "./inputs.ts";
import type { FileGraph, Model, TensorRecord } from "./model.ts";
import { readModel } from "./model-file.ts";
import { writeOutput } from "./output.ts";
import { NodeRefusal } from "./site.ts";
import { readTensor, type Tensor, bytesOf as tensorBytes } from "./tensor.ts";

/**
 * Source of an ONNX file: bytes, a Blob, a URL or a string. In Node a string is a path, unless it starts with http:,
 * https: or file:.
 */
export type OnnxSource = FileSource;

/** Options of `loadOnnx`. `maxBytes` also limits the size of the file's tensors as decoded numbers. */
export interface LoadOnnxOptions extends ReadingOptions {
  /**
   * Name of the input that is the latent z. Default: `latentflow.latent` in the file's metadata, else the only input of
   * floats. All other inputs are fixed: given with each sample.
   */
  latent?: string | undefined;
  /** Name of the output that is the sample. Default: the only output. */
  output?: string | undefined;
  /**
   * Default loss of `encode` for this decoder: `"bce"`, `"mse"`, or a value such as `squaredError()`. Default: the loss
   * in the file, if it has one.
   */
  loss?: StandardLossLike | undefined;
  /**
   * Default prior of `encode` for this decoder, such as `gaussian()` for a VAE's decoder. Default: the prior in the file,
   * if it has one.
   */
  prior?: Prior | undefined;
  /**
   * Start of flows, the default of `encode`'s `z0`: one finite value per latent, or 0 for zeros. The array is copied.
   * Default: the start in the file, if it has one.
   */
  start?: Float32Array | undefined;
  /**
   * Codes for several starts of each sample, the default of `encode`'s `starts.codes`: [K, latentSize], finite, 1 to 1,024 codes.
   * The array is copied. Default: the starts in the file, if it has some.
   */
  starts?: Float32Array | undefined;
  /** `"sigmoid"` appends a sigmoid to a graph whose output is logits. Cross entropy then uses the logits themselves. */
  outputActivation?: "sigmoid" | undefined;
  /**
   * Shape of a sample, such as [28, 28], whose numbers are in the order given by `layout`. Default: the file's, without
   * the batch.
   */
  outputShape?: readonly number[] | undefined;
  /**
   * Order of a sample's numbers. `"file"`, the default, is channels × height × width in PyTorch's exports. `"channelsLast"`,
   * height × width × channels, is the order in which the decoder computes the sample, so it saves a transposition.
   */
  layout?: "file" | "channelsLast" | undefined;
  /**
   * Name or names of the inputs with an axis of points (coordinates at which the decoder is evaluated). The number of points is
   * chosen in each call. The axis is the input's first axis after the batch, or its first axis if it has no batch. Default:
   * `latentflow.points` in the file's metadata.
   */
  points?: string | readonly string[] | undefined;
  /**
   * Shapes of inputs whose lengths the file leaves open, by input name: `{ latent_sample: [4, 8, 8] }`. The shapes exclude the
   * batch and the axis of points (option `points`). Lengths that the file states must be repeated.
   */
  inputShapes?: Readonly<Record<string, readonly number[]>> | undefined;
  /** Tensors that are stored outside of the file: bytes, a Blob, a path, or a function of the other file's name. */
  externalData?: ExternalData | undefined;
  /**
   * A few latents and the decoder's outputs for them, in the file's order, by which the decoder is verified. Default: the
   * probe in the file, if it has one.
   */
  probe?: Probe | undefined;
}

const OPTIONS: { readonly [Name in keyof LoadOnnxOptions]-?: true } = {
  latent: true,
  output: true,
  loss: true,
  outputActivation: true,
  outputShape: true,
  prior: true,
  start: true,
  starts: true,
  layout: true,
  points: true,
  inputShapes: true,
  externalData: true,
  probe: true,
  ...readingOptions,
};

/**
 * Loads a decoder from an ONNX file, opset 9 to 23, as exported from PyTorch, Keras or JAX.
 *
 * The file's graph is converted to the decoder's. One of its inputs is the latent z; others are fixed inputs, given with
 * each sample. The batch may have any size, whatever it was during export. A final Sigmoid becomes the output activation,
 * so that cross entropy uses logits. z, fixed inputs and samples are in the file's order. Supported operators and their
 * restrictions are listed in site/reference/onnx-operators.md of the package. Lengths other than the batch and the points
 * that the file leaves open are given by the option `inputShapes`.
 *
 * @param source the file's bytes, a Blob, a URL, or a string: in Node a path unless it starts with http:, https: or
 *   file:, elsewhere a URL. Bytes must not be changed or transferred until the promise settles
 * @throws LatentflowError `not_found` if the file cannot be read, `unreachable` if its server fails, `invalid_file` if it
 *   is not an ONNX file, contains more than `maxBytes`, or has unsupported nodes, which the message lists;
 *   `invalid_argument` if an option is missing or not valid
 * @example
 * // In Python: torch.onnx.export(decoder.eval(), torch.zeros(1, 20), "decoder.onnx", dynamo=False)
 * const decoder = await loadOnnx("decoder.onnx", { loss: "bce" });
 * const { z } = await encode(decoder, y);
 *
 * // The decoder of a VAE of diffusers, as optimum exports it: all lengths of its input are open.
 * const vae = await loadOnnx("vae_decoder/model.onnx", { inputShapes: { latent_sample: [4, 8, 8] }, loss: "mse" });
 */
export async function loadOnnx(source: OnnxSource, options: LoadOnnxOptions = {}): Promise<Decoder> {
  const { checked, limits, location } = calling("loadOnnx", () => {
    checkOptions(options, OPTIONS);
    return {
      checked: checkLoadOptions(options),
      limits: checkReading(options),
      location: locationOf(source),
    };
  });
  const load = async () => {
    throwIfAborted(limits.signal);
    // Bytes in memory are used at once, without awaiting, since callers may transfer them as soon as the call returns.
    const bytes = bytesOf(source) ?? (await readSource(location ?? source, limits));
    const { length } = bytes;
    const file = parseFile(bytesIn(bytes), checked);
    const outside = await readOutside(file.tensors, options.externalData, limits);
    const read = (layout: "file" | "channelsLast") => {
      const work = importDecoder(file, outside, { ...checked, layout }, limits);
      return inTurns(whileUnchanged(bytes, work, length), limits.signal);
    };
    const { metadata } = file.model;
    const isProbed = checked.probe !== undefined || metadata.has(PROBE);
    // A probe's values are in the file's order.
    const decoder = await read(isProbed ? "file" : checked.layout);
    const probed = probedOf(decoder);
    const probe = checked.probe ? fitProbe(checked.probe, probed) : readProbe(metadata, probed);
    const compared = checked.isLogits ? "preActivation" : "data";
    const verified = await verifyDecoder(decoder, probe, compared, limits);
    if (!isProbed || checked.layout === "file") return verified;
    return withVerification(await read(checked.layout), verified);
  };
  return calling("loadOnnx", load, location === undefined ? undefined : showLocation(location));
}

/** Options of `loadOnnx` after the checks that are possible without the file. */
type Checked = ReturnType<typeof checkLoadOptions>;

function checkLoadOptions(options: LoadOnnxOptions) {
  const { latent, output, outputActivation, outputShape, probe } = options;
  const { layout = "file", points = [] } = options;
  const text = (name: string, value: unknown): string => {
    if (typeof value === "string") return value;
    throw refused(name, "is", show(value), "a name");
  };
  if (outputActivation !== undefined) {
    checkChoice("outputActivation", outputActivation, ["sigmoid"]);
  }
  const names: readonly unknown[] = Array.isArray(points) ? points : [points];
  return {
    latent: latent === undefined ? latent : text("latent", latent),
    output: output === undefined ? output : text("output", output),
    outputShape,
    ...normaliseDefaults(options),
    isLogits: outputActivation !== undefined,
    layout: checkChoice("layout", layout, ["file", "channelsLast"]),
    points: Array.from(names, (name) => text("points", name)),
    inputShapes: checkInputShapes(options.inputShapes),
    probe: probe === undefined ? undefined : copyProbe(probe),
  };
}

/** The part of an ONNX graph that the output depends on, with the tensors that it uses. */
interface Parsed extends FileGraph {
  readonly tensors: readonly TensorRecord[];
}

function parseFile(bytes: Uint8Array, options: Checked): Parsed {
  const kind = recognise(bytes);
  if (kind && kind.name !== "an ONNX file") {
    // A file that is neither a decoder nor data may be an HTML page or an archive.
    const advice = kind.asOnnx ?? (kind.asDecoder === kind.asData ? kind.asDecoder : undefined);
    const expected = "an ONNX file, as torch.onnx.export writes it";
    throw invalidFile(`it is ${kind.name}, expected ${expected}${advice ? `; ${advice}` : ""}`);
  }
  const declared = readModel(bytes);
  const latent = options.latent ?? declared.metadata.get(LATENT_NAME);
  const points = options.points.length > 0 ? options.points : readPoints(declared.metadata);
  const found = findLatent(declared, latent, points);
  const model = withInputShapes(declared, found, points, options.inputShapes);
  const output = findOutput(model, options.output);
  const nodes = nodesTo(model, output);
  const read = new Set([output, ...nodes.flatMap(({ inputs }) => inputs)]);
  return {
    model,
    output,
    nodes,
    points,
    latent: model.inputs.find(({ name }) => name === found.name)!,
    tensors: model.initializers.filter(({ name }) => read.has(name)),
  };
}

function* importDecoder(
  file: Parsed,
  outside: Outside,
  options: Checked,
  { maxBytes }: Limits,
): Pausable<Decoder> {
  const total = file.tensors.reduce((sum, record) => sum + tensorBytes(record), 0);
  checkSize("the file's tensors take", total, maxBytes);
  const { graph, outputLayout, defaults } = yield* importFile(file, outside, options);
  return yield* buildDecoder(graph, outputLayout, defaults, maxBytes);
}

function* importFile(file: Parsed, outside: Outside, options: Checked) {
  try {
    const initializers = new Map<string, Tensor>();
    for (const record of file.tensors) {
      if (initializers.has(record.name)) {
        throw invalidFile(`two tensors of the file are called ${show(record.name)}, expected each name once`);
      }
      initializers.set(record.name, yield* readTensor(record, outside.get(record)));
    }
    const { graph, outputLayout } = yield* importByFirstAxis(firstAxesOf(file), file, initializers, options);
    const { start, starts } = options;
    const { metadata } = file.model;
    const { latentSize } = graph.inputs;
    const defaults = {
      loss: options.loss ?? readLoss(metadata),
      prior: options.prior ?? readPrior(metadata),
      start: start ? checkStartSize(start, latentSize) : readStart(metadata, latentSize),
      starts: starts ? checkStartsSize(starts, latentSize) : readStarts(metadata, latentSize),
    };
    return { graph, outputLayout, defaults };
  } catch (error) {
    // A refusal outside of nodes concerns the output.
    if (!(error instanceof NodeRefusal)) throw error;
    throw invalidFile(`its output cannot be put in order: ${error.message}`);
  }
}

/** Imports the graph up to its output, with the first of `axes` that the nodes admit as the latent's first axis. */
function* importByFirstAxis(
  axes: readonly FirstAxis[],
  file: Parsed,
  initializers: ReadonlyMap<string, Tensor>,
  options: Checked,
) {
  let refusal: unknown;
  for (const axis of axes) {
    try {
      const graph = yield* importGraph(file, initializers, axis);
      return { graph, outputLayout: writeOutput(graph, options) };
    } catch (error) {
      if (!(error instanceof NodeRefusal || hasCode(error, "invalid_file"))) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

/** Returns the name of the output that is the sample: `name`, or else the only one. */
export function findOutput(model: Model, name: string | undefined): string {
  const names = model.outputs.map((output) => output.name);
  const shown = showList(names.map(show));
  if (name !== undefined) {
    if (names.includes(name)) return name;
    const but = words`but the file's outputs are ${wanted(shown || "none")}`;
    throw objection("output", words`is ${gotten(show(name))}, ${but}`);
  }
  if (names.length === 1) return names[0]!;
  if (names.length === 0) throw invalidFile("the file's graph has no output");
  const sentence = `the file has several outputs: ${shown}`;
  throw invalidOption("output", sentence, words`; say which by ${theOption("output")}`);
}
