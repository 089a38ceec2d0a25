import { invalidFile } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import type { Attribute, Declared, DeclaredLength, Model, Node, TensorRecord } from "./model.ts";
import { type Field, fileMessage, type Message, readMessage } from "./protobuf.ts";

// Field numbers below are those of onnx.proto3.

/** Oldest supported version of ONNX's operators; `upgrade-opset.ts` translates their older forms. */
const OLDEST_OPSET = 9;
const NEWEST_OPSET = 23;

const DATA_LOCATION_EXTERNAL = 1;

/** Maximum number of nodes in a file; exporters write fewer. */
const MOST_NODES = 100_000;
/** Maximum number of inputs and outputs of a node, together. */
const MOST_NAMES = 10_000;
const MOST_FILE_AXES = 64;

/**
 * Parses an ONNX model.
 *
 * @throws LatentflowError `invalid_file`
 */
export function readModel(bytes: Uint8Array): Model {
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  let graph: Message | undefined;
  readMessage("the file", fileMessage(bytes), (field) => {
    if (field.number === 7) graph = field.message();
    if (field.number === 8) readOpset(field.message(), opsets);
    if (field.number === 14) addMetadata(metadata, ...readEntry(field.message()));
  });
  if (!graph) throw invalidFile("it is no ONNX file, or one without a graph; export the decoder anew");
  return { opset: checkOpset(opsets), metadata, ...readGraph(graph) };
}

/** Adds a metadata entry. Throws if a key of latentflow occurs twice, which would be ambiguous. */
function addMetadata(metadata: Map<string, string>, key: string, value: string): void {
  if (key.startsWith("latentflow.") && metadata.has(key)) {
    throw invalidFile(`the file's metadata has ${show(key)} twice, expected it once`);
  }
  metadata.set(key, value);
}

function readOpset(message: Message, into: Map<string, number>): void {
  let domain = "";
  let version = 0;
  readMessage("the file's opset_import", message, (field) => {
    if (field.number === 1) domain = field.text();
    if (field.number === 2) version = field.integer();
  });
  into.set(domain === "ai.onnx" ? "" : domain, version);
}

function checkOpset(opsets: ReadonlyMap<string, number>): number {
  const opset = opsets.get("");
  if (opset !== undefined && opset >= OLDEST_OPSET && opset <= NEWEST_OPSET) return opset;
  const came = opset === undefined ? "the file names no opset of ONNX" : `the file's opset is ${opset}`;
  throw invalidFile(
    `${came}, expected ${OLDEST_OPSET} to ${NEWEST_OPSET}; convert it in Python: ` +
      'onnx.save(onnx.version_converter.convert_version(onnx.load("decoder.onnx"), 17), "decoder-17.onnx")',
  );
}

function readEntry(message: Message): [key: string, value: string] {
  let key = "";
  let value = "";
  readMessage("an entry of the file's metadata", message, (field) => {
    if (field.number === 1) key = field.text();
    if (field.number === 2) value = field.text();
  });
  return [key, value];
}

function readGraph(message: Message): Pick<Model, "nodes" | "initializers" | "inputs" | "outputs"> {
  const nodes: Node[] = [];
  const initializers: TensorRecord[] = [];
  const inputs: Declared[] = [];
  const outputs: Declared[] = [];
  readMessage("the file's graph", message, (field) => {
    if (field.number === 1) nodes.push(readNode(field.message()));
    if (field.number === 5) initializers.push(readTensor(field.message()));
    if (field.number === 11) inputs.push(readDeclared(field.message()));
    if (field.number === 12) outputs.push(readDeclared(field.message()));
    if (field.number === 15) throw invalidFile("the file has sparse initializers, expected dense ones");
    if (nodes.length + initializers.length > MOST_NODES) {
      throw invalidFile(`the file's graph has more than ${MOST_NODES} nodes, the most that are read`);
    }
  });
  return { nodes, initializers, inputs, outputs };
}

function readNode(message: Message): Node {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  const texts = { name: "", operator: "", domain: "" };
  readMessage("a node of the file", message, (field) => {
    if (field.number === 1) inputs.push(field.text());
    if (field.number === 2) outputs.push(field.text());
    if (field.number === 3) texts.name = field.text();
    if (field.number === 4) texts.operator = field.text();
    if (field.number === 5) attributes.set(...readAttribute(field.message()));
    if (field.number === 7) texts.domain = field.text();
    if (inputs.length + outputs.length > MOST_NAMES) {
      throw invalidFile(`a node of the file has more than ${MOST_NAMES} inputs and outputs`);
    }
  });
  const domain = texts.domain === "ai.onnx" ? "" : texts.domain;
  return { ...texts, domain, inputs, outputs, attributes };
}

function readAttribute(message: Message): [name: string, value: Attribute] {
  let name = "";
  const integers: number[] = [];
  const floats: number[] = [];
  const value: { -readonly [Key in keyof Attribute]: Attribute[Key] } = { integers, floats, isGraph: false };
  const readers: Readonly<Record<number, (field: Field) => void>> = {
    1: (field) => (name = field.text()),
    2: (field) => (value.float = field.float()),
    3: (field) => (value.integer = field.integer()),
    4: (field) => (value.text = field.text()),
    5: (field) => (value.tensor = readTensor(field.message())),
    6: () => (value.isGraph = true),
    7: (field) => field.floats(floats),
    8: (field) => field.integers(integers),
    11: () => (value.isGraph = true),
  };
  readMessage("an attribute of a node", message, (field) => readers[field.number]?.(field));
  return [name, value];
}

function readTensor(message: Message): TensorRecord {
  const dims: number[] = [];
  const numbers: number[] = [];
  const external = new Map<string, string>();
  const read = { name: "", dataType: 0, location: 0, raw: undefined as Uint8Array | undefined };
  const readers: Readonly<Record<number, (field: Field) => void>> = {
    1: (field) => field.integers(dims),
    2: (field) => (read.dataType = field.integer()),
    4: (field) => field.floats(numbers),
    5: (field) => field.integers(numbers),
    7: (field) => field.integers(numbers),
    8: (field) => (read.name = field.text()),
    9: (field) => (read.raw = field.bytes()),
    10: (field) => field.doubles(numbers),
    11: (field) => field.integers(numbers),
    13: (field) => external.set(...readEntry(field.message())),
    14: (field) => (read.location = field.integer()),
  };
  readMessage("a tensor of the file", message, (field) => readers[field.number]?.(field));
  const { name, dataType, raw } = read;
  if (dims.length > MOST_FILE_AXES) throw invalidFile(`the tensor ${show(name)} has ${dims.length} axes`);
  const isExternal = read.location === DATA_LOCATION_EXTERNAL;
  return { name, dims, dataType, raw, numbers, external: isExternal ? external : undefined };
}

function readDeclared(message: Message): Declared {
  let name = "";
  let elementType = 0;
  let shape: DeclaredLength[] | undefined;
  const names: (string | undefined)[] = [];
  const readShape = (field: Field) => {
    shape = [];
    readMessage("a shape of the file", field.message(), (dim) => {
      if (dim.number !== 1) return;
      let length: DeclaredLength;
      let symbol: string | undefined;
      readMessage("a length of the file", dim.message(), (part) => {
        if (part.number === 1) length = part.integer();
        if (part.number === 2) symbol = part.text();
      });
      // Some exporters write 0 or -1 for an unknown length.
      shape!.push(length !== undefined && length > 0 ? length : undefined);
      names.push(symbol);
    });
  };
  readMessage("an input or output of the file", message, (field) => {
    if (field.number === 1) name = field.text();
    if (field.number !== 2) return;
    readMessage("a type of the file", field.message(), (type) => {
      if (type.number !== 1) return;
      readMessage("a tensor's type", type.message(), (part) => {
        if (part.number === 1) elementType = part.integer();
        if (part.number === 2) readShape(part);
      });
    });
  });
  return { name, elementType, shape, names };
}
