import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

// The files of TensorFlow.js's layers format: model.json, which has a Keras model's layers as JSON and says where the
// weights lie, and the weights themselves, one after the other in the files that it names.

/** A layer of a model whose layers form a graph, Keras's "Functional". */
export interface LayerEntry {
  readonly class_name: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** For each time that it is applied, what it reads: [layer, which of its applications, which of its outputs, …]. */
  readonly inbound_nodes: readonly (readonly (readonly [string, number, number, ...unknown[]])[])[];
}

/** A tensor of the weights, in TensorFlow's order of axes. */
export interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface LayersModel {
  /** Each after those that it reads. */
  readonly layers: readonly LayerEntry[];
  readonly input: string;
  readonly output: string;
  /** By their names: `LAYER/kernel`, `LAYER/bias`. */
  readonly weights: ReadonlyMap<string, Weight>;
}

interface ModelFile {
  readonly format: string;
  readonly modelTopology: {
    readonly model_config: {
      readonly class_name: string;
      readonly config: {
        readonly layers: readonly LayerEntry[];
        readonly input_layers: readonly (readonly [string, number, number])[];
        readonly output_layers: readonly (readonly [string, number, number])[];
      };
    };
  };
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: readonly {
      readonly name: string;
      readonly shape: readonly number[];
      readonly dtype: string;
      readonly quantization?: unknown;
    }[];
  }[];
}

/**
 * Reads a model with one input and one output.
 *
 * @param path of its model.json; the files of weights lie beside it
 * @throws Error where it is another format, or its weights do not fill the files
 */
export function readLayersModel(path: string): LayersModel {
  const { format, modelTopology, weightsManifest } = JSON.parse(readFileSync(path, "utf8")) as ModelFile;
  if (format !== "layers-model")
    throw new Error(`${path}: its format is "${format}", expected "layers-model"`);
  const { class_name: kind, config } = modelTopology.model_config;
  if (kind !== "Functional" && kind !== "Model") {
    throw new Error(`${path}: the model is a "${kind}", expected a graph of layers, "Functional"`);
  }
  const { layers, input_layers: inputs, output_layers: outputs } = config;
  if (inputs.length !== 1 || outputs.length !== 1) {
    throw new Error(`${path}: ${inputs.length} inputs and ${outputs.length} outputs, expected one of each`);
  }
  const weights = new Map<string, Weight>();
  for (const { paths, weights: entries } of weightsManifest) {
    const bytes = Buffer.concat(paths.map((name) => readFileSync(join(dirname(path), name))));
    let offset = 0;
    for (const { name, shape, dtype, quantization } of entries) {
      if (dtype !== "float32" || quantization !== undefined) {
        throw new Error(`${path}: the weight "${name}" is ${dtype}, or quantised; expected plain float32`);
      }
      const size = shape.reduce((product, length) => product * length, 1);
      // A copy, since a file's floats need not lie at a multiple of four.
      const part = Uint8Array.from(bytes.subarray(offset, offset + 4 * size));
      if (part.length !== 4 * size) throw new Error(`${path}: the files end within the weight "${name}"`);
      weights.set(name, { shape, values: new Float32Array(part.buffer) });
      offset += 4 * size;
    }
    if (offset !== bytes.length) {
      throw new Error(`${path}: the files hold ${bytes.length} bytes of weights, expected ${offset}`);
    }
  }
  return { layers, input: inputs[0]![0], output: outputs[0]![0], weights };
}
