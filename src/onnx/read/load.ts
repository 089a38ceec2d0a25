import { verifyDecoder } from "../../api/verify.ts";
import { checkChoice, checkOptions } from "../../base/check.ts";
import { LatentflowError, markedMessage } from "../../base/errors.ts";
import { inTurns, type Pausable } from "../../base/event-loop.ts";
import { callOf, subject, theOption } from "../../base/message.ts";
import { throwIfAborted } from "../../base/realms.ts";
import { invalid, invalidFile } from "../../base/refuse.ts";
import { show, showLocation } from "../../base/show.ts";
import { type Decoder, probedOf, withVerification } from "../../decoder/decoder.ts";
import { copyProbe, fitProbe, type Probe, readProbe } from "../../decoder/probe.ts";
import { checkStartSize, normaliseStart } from "../../decoder/start.ts";
import { recognise } from "../../files/file-kind.ts";
import {
  checkReading,
  checkSize,
  type Limits,
  type ReadingOptions,
  readingOptions,
} from "../../files/limits.ts";
import { bytesOf, type FileSource, locationOf, readSource, whileUnchanged } from "../../files/source.ts";
import { normalisePrior } from "../../terms/check-prior.ts";
import { normaliseLoss, type StandardLossLike } from "../../terms/losses.ts";
import type { Prior } from "../../terms/priors.ts";
import { LATENT_NAME, readLoss, readPoints, readPrior, readStart } from "../metadata.ts";
import { buildDecoder } from "./build-decoder.ts";
import { type ExternalData, type Outside, readOutside } from "./external-data.ts";
import { type ImportedGraph, importGraph, nodesTo } from "./import-graph.ts";
import { checkInputShapes, withInputShapes } from "./input-shapes.ts";
import { findLatent } from "./inputs.ts";
import type { FileGraph, Model, TensorRecord } from "./model.ts";
import { readModel } from "./model-file.ts";
import { writeOutput } from "./output.ts";
import { NodeRefusal } from "./site.ts";
import { readTensor, type Tensor, bytesOf as tensorBytes } from "./tensor.ts";

/** Source of an ONNX file. A string is a path in Node, unless it begins with http:, https: or file:. */
export type OnnxSource = FileSource;

/** Options of `loadOnnx`. The file's tensors, once they are numbers, are what `maxBytes` bounds. */
export interface LoadOnnxOptions extends ReadingOptions {
  /**
   * The name of the input that is sought, z. Default: what the file's metadata have as `latentflow.latent`, else the only
   * input of floats. All other inputs are fixed: they are given with each sample.
   */
  latent?: string | undefined;
  /** The name of the output. Default: the only one. */
  output?: string | undefined;
  /** The default of `encode`'s loss: `"bce"`, `"mse"`, or a value such as `squaredError()`. */
  loss?: StandardLossLike | undefined;
  /** The default of `encode`'s prior: `gaussian()`, say, for a VAE's decoder. Default: the file's, if it has one. */
  prior?: Prior | undefined;
  /**
   * Start of flows, the default of `encode`'s `z0`: one finite value per latent, or 0 for zeros. The array is copied.
   * Default: the start in the file, if it has one.
   */
  start?: Float32Array | undefined;
  /** Puts a sigmoid behind the graph, which ends in logits; cross entropy takes the logits themselves. */
  outputActivation?: "sigmoid" | undefined;
  /** The shape of a sample, [28, 28] say; of the numbers in the order of `layout`. Default: the file's, without the batch. */
  outputShape?: readonly number[] | undefined;
  /**
   * The order of a sample's numbers: `"file"` (the default), channels × height × width for what PyTorch exports, or
   * `"channelsLast"`, height × width × channels, as it is computed, which saves a permutation.
   */
  layout?: "file" | "channelsLast" | undefined;
  /**
   * The name of the input of points, or of several: their first axis behind the batch, or the first of all where there is
   * none of the batch, may have any length, which is said with each call. Default: what the file's metadata have as `latentflow.points`.
   */
  points?: string | readonly string[] | undefined;
  /**
   * Shapes of inputs whose lengths the file leaves open, as `{ latent_sample: [4, 8, 8] }`: by an input's name, without the
   * batch, and of an input of points without these, too. A length that the file states has to be the same here.
   */
  inputShapes?: Readonly<Record<string, readonly number[]>> | undefined;
  /** Source of tensors that the file has put into others: bytes, a Blob, a path, or a function of the name. */
  externalData?: ExternalData | undefined;
  /** A few latents and what the decoder makes of them, in the file's order. Default: the file's own, if it has one. */
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
  layout: true,
  points: true,
  inputShapes: true,
  externalData: true,
  probe: true,
  ...readingOptions,
};

/**
 * Loads a decoder from an ONNX file, as PyTorch, Keras and JAX export it: opset 9 to 23.
 *
 * The file's graph becomes the decoder's. One of its inputs is the latent, z; others are fixed inputs, given with each
 * sample. The batch may be of any length, whatever it was when the file was exported. A final Sigmoid is the output
 * activation, so that cross entropy sees logits. z, fixed inputs and samples are in the file's order. The operators that
 * are read, and what of each is not, are listed in site/reference/onnx-operators.md of the package. Lengths other than the batch and
 * the points that the file leaves open are given by the option `inputShapes`.
 *
 * @param source the file's bytes, or a Blob, a URL, or a string: in Node a path unless it begins http:, https:
 *   or file:, elsewhere a URL. Bytes are copied; do not change or transfer them before that is done.
 * @throws LatentflowError `not_found` when the file cannot be read, `unreachable` when its server fails,
 *   `invalid_file` when it is none, holds more than `maxBytes`, or has nodes that are not supported, which the
 *   message lists; `invalid_argument` on a wrong option or one that is missing
 * @example
 * // In Python: torch.onnx.export(decoder.eval(), torch.zeros(1, 20), "decoder.onnx", dynamo=False)
 * const decoder = await loadOnnx("decoder.onnx", { loss: "bce" });
 * const { z } = await encode(decoder, y);
 *
 * // The decoder of a VAE of diffusers, as optimum exports it: all lengths of its input are open.
 * const vae = await loadOnnx("vae_decoder/model.onnx", { inputShapes: { latent_sample: [4, 8, 8] }, loss: "mse" });
 */
export async function loadOnnx(source: OnnxSource, options: LoadOnnxOptions = {}): Promise<Decoder> {
  checkOptions("loadOnnx", options, OPTIONS);
  const checked = checkLoadOptions("loadOnnx", options);
  const limits = checkReading("loadOnnx", options);
  const { signal } = limits;
  throwIfAborted(signal);
  const location = locationOf(source);
  const where = callOf("loadOnnx", location === undefined ? undefined : showLocation(location));
  // At once where they are here: what has been given may be transferred as soon as the call returns.
  const bytes = bytesOf(where, source) ?? (await readSource(where, location ?? source, limits));
  const given = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const file = named(where, () => parseFile(where, given, checked));
  const outside = await readOutside(where, file.tensors, options.externalData, limits);
  const read = (layout: "file" | "channelsLast") =>
    inTurns(
      whileUnchanged(where, bytes, importDecoder(where, file, outside, { ...checked, layout }, limits)),
      signal,
    );
  // A probe is in the file's order.
  const decoder = await read("file");
  const probed = probedOf(decoder);
  const probe = checked.probe
    ? fitProbe(where, checked.probe, probed)
    : readProbe(where, file.model.metadata, probed);
  const compared = checked.isLogits ? "preActivation" : "data";
  const verified = await verifyDecoder(where, decoder, probe, compared, limits);
  if (checked.layout === "file") return verified;
  return withVerification(await read(checked.layout), verified);
}

/** Options that have been checked as far as they can be without the file. */
type Checked = ReturnType<typeof checkLoadOptions>;

function checkLoadOptions(where: string, options: LoadOnnxOptions) {
  const { latent, output, loss, prior, start, outputActivation, outputShape, probe } = options;
  const { layout = "file", points = [] } = options;
  const text = (name: string, value: unknown): string | undefined => {
    if (value === undefined || typeof value === "string") return value;
    throw invalid(`${where}: ${name} is ${show(value)}, expected a name`);
  };
  if (outputActivation !== undefined) {
    checkChoice(where, "outputActivation", outputActivation, ["sigmoid"]);
  }
  const names: readonly unknown[] = Array.isArray(points) ? points : [points];
  return {
    latent: text("latent", latent),
    output: text("output", output),
    outputShape,
    loss: loss === undefined ? undefined : normaliseLoss(where, loss),
    prior: prior === undefined ? undefined : normalisePrior(where, prior),
    start: start === undefined ? undefined : normaliseStart(where, start),
    isLogits: outputActivation !== undefined,
    layout: checkChoice(where, "layout", layout, ["file", "channelsLast"]),
    points: Array.from(names, (name) => text("points", name) ?? ""),
    inputShapes: checkInputShapes(where, options.inputShapes),
    probe: probe === undefined ? undefined : copyProbe(where, probe),
  };
}

/** A file's graph up to the output, with the tensors that it reads. */
interface Parsed extends FileGraph {
  readonly tensors: readonly TensorRecord[];
}

function parseFile(where: string, bytes: Uint8Array, options: Checked): Parsed {
  const kind = recognise(bytes);
  if (kind && kind.name !== "an ONNX file") {
    // Advice on a file that is neither a decoder nor data: a web server's page, a file to be unpacked.
    const advice = kind.asDecoder === kind.asData ? `; ${kind.asDecoder}` : "";
    throw invalidFile(`it is ${kind.name}, expected an ONNX file, as torch.onnx.export writes it${advice}`);
  }
  const declared = readModel(bytes);
  const latent = options.latent ?? declared.metadata.get(LATENT_NAME);
  const points = options.points.length > 0 ? options.points : readPoints(declared.metadata);
  const found = findLatent(where, declared, latent, points);
  const model = withInputShapes(where, declared, found, points, options.inputShapes);
  const output = findOutput(where, model, options.output);
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

/** Runs work whose errors then begin with the call and the file. */
function named<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw withName(where, error);
  }
}

function withName(where: string, error: unknown): unknown {
  // A refusal outside of the nodes concerns the output.
  if (error instanceof NodeRefusal)
    return invalidFile(`${where}: its output cannot be put in order: ${error.message}`);
  if (!(error instanceof LatentflowError)) return error;
  const message = markedMessage(error);
  if (message.startsWith(where)) return error;
  return new LatentflowError(error.code, `${where}: ${message}`, { cause: error.cause });
}

function* importDecoder(
  where: string,
  file: Parsed,
  outside: Outside,
  options: Checked,
  { maxBytes }: Limits,
): Pausable<Decoder> {
  try {
    const total = file.tensors.reduce((sum, record) => sum + tensorBytes(record), 0);
    checkSize(where, "the file's tensors take", total, maxBytes);
    const initializers = new Map<string, Tensor>();
    for (const record of file.tensors) {
      if (initializers.has(record.name)) {
        throw invalidFile(`two tensors of the file are called ${show(record.name)}, expected each name once`);
      }
      initializers.set(record.name, yield* readTensor(record, outside.get(record)));
    }
    const { graph, outputLayout } = yield* importedGraph(where, file, initializers, options);
    const { start } = options;
    const { metadata } = file.model;
    const defaults = {
      loss: options.loss ?? readLoss(metadata),
      prior: options.prior ?? readPrior(metadata),
      startFor: (latentSize: number) =>
        start ? checkStartSize(where, start, latentSize) : readStart(metadata, latentSize),
    };
    return yield* buildDecoder(where, graph, outputLayout, defaults, maxBytes);
  } catch (error) {
    throw withName(where, error);
  }
}

/**
 * Imports the graph up to its output. If points have no batch axis before them, the file may have no batch at all: it is
 * read as if it had one, and if that fails, as if it had none.
 */
function* importedGraph(
  where: string,
  file: Parsed,
  initializers: ReadonlyMap<string, Tensor>,
  options: Checked,
): Pausable<{ readonly graph: ImportedGraph; readonly outputLayout: "channelsFirst" | "channelsLast" }> {
  const { model, points } = file;
  const isOpen = model.inputs.some(({ name, shape }) => points.includes(name) && (shape?.length ?? 0) <= 2);
  let failure: unknown;
  for (const batching of isOpen ? (["batched", "single"] as const) : (["batched"] as const)) {
    try {
      const graph = yield* importGraph(file, initializers, batching);
      return { graph, outputLayout: writeOutput(where, graph, options) };
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

function findOutput(where: string, model: Model, name: string | undefined): string {
  const names = model.outputs.map((output) => output.name);
  const shown = names.slice(0, 12).map(show).join(", ");
  if (name !== undefined) {
    if (names.includes(name)) return name;
    throw invalid(
      `${where}: ${subject("output")} is ${show(name)}, but the file's outputs are ${shown || "none"}`,
    );
  }
  if (names.length === 1) return names[0]!;
  if (names.length === 0) throw invalidFile(`${where}: the file's graph has no output`);
  throw invalid(`${where}: the file has several outputs: ${shown}; say which by ${theOption("output")}`);
}
