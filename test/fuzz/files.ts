import { deflateRawSync, gzipSync } from "node:zlib";
import { checksum } from "../../src/base/checksum.ts";
import type { Random } from "../../src/base/random.ts";
import { FORMAT } from "../../src/train/checkpoint-format.ts";

// Files of every format that is read, put together from parts, any of which may be replaced by one that does not
// belong there: what comes out is mostly a file, and wrong in one place or two.

/** Makes parts of files: mostly the right ones. */
export class Maker {
  /** @param wrongness the share of the parts that are wrong; 0 makes sound files */
  constructor(
    readonly random: Random,
    readonly wrongness: number,
  ) {}

  below(bound: number): number {
    return this.random.below(bound);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Whether something is to be wrong here. */
  errs(): boolean {
    return this.random.uniform() < this.wrongness;
  }

  /** What belongs here, or now and then one of what does not. */
  part<T, U>(right: T, wrong: readonly U[]): T | U {
    return this.errs() ? this.pick(wrong) : right;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

export const hostileNumbers = [
  ...[0, -0, 1, -1, 3, 255, 256, 0.5, 65_535, 65_536, 2 ** 24, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52],
  ...[2 ** 53 - 1, 2 ** 53, 2 ** 62, 2 ** 63, 2 ** 64, 1e20, 1e300, -1e300],
] as const;

export const hostileNames = [
  ...[
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "then",
    "length",
    "toJSON",
  ],
  ...[
    "",
    " ",
    ".",
    "..",
    "../../etc/passwd",
    "/",
    "\\",
    "CON",
    "\0",
    "a\0b",
    "\x1b[31mred\x1b[0m",
    "\r\n",
    "\x7f",
  ],
  ...[
    "\x85",
    "\x9b31m",
    "\u2028",
    "\u202e",
    "\ufeff",
    "\ud800",
    "é",
    "😀",
    "x".repeat(1000),
    "\n".repeat(500),
  ],
  ...[
    "encoder.0.weight",
    "decoder.0.weight",
    "d.0.running_mean",
    "d.0.weight_g",
    "d.0.kernel",
    "d.999999999.weight",
  ],
] as const;

const hostileTexts = [
  ...[
    '{"constructor":{"name":"\\u001b[2J"}}',
    '{"constructor":{"name":{}}}',
    '{"constructor":null}',
    "[[[[]]]]",
  ],
  ...[
    '{"__proto__":{"polluted":1}}',
    "[",
    "{",
    "1e999",
    "NaN",
    "null",
    "true",
    '"x"',
    "[1e999]",
    "[2,2]",
    "bce",
    "mse",
  ],
  ...[
    '{"name":"elu"}',
    '{"name":"elu","alpha":2}',
    '{"name":"__proto__"}',
    "constructor",
    "sum",
    "tanh",
    "\x1b[2J",
  ],
] as const;

/** Values that are hostile once JSON.parse has made them. */
const hostileJson = [
  ...[
    "null",
    "true",
    "[]",
    "{}",
    '"x"',
    '{"constructor":{"name":"Evil\\u001b[2J"}}',
    '{"constructor":{"name":7}}',
  ],
  ...[`{"constructor":{"name":"${"N".repeat(5000)}"}}`, '{"constructor":null}', '{"toString":1,"valueOf":2}'],
  ...[
    '{"__proto__":[]}',
    "[[[[[[[[]]]]]]]]",
    "[1,2,3,4,5,6,7,8,9]",
    '{"length":3}',
    '["F32"]',
    "[null]",
    "[[1]]",
  ],
  ...hostileNumbers.map(String),
] as const;

/** A JSON object from pairs, so that keys may come twice. */
function jsonObject(pairs: readonly (readonly [key: string, json: string])[]): string {
  return `{${pairs.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(",")}}`;
}

/** A part said twice, or left out. */
function disturb<T>(maker: Maker, items: T[]): T[] {
  if (items.length > 0 && maker.errs()) items.splice(maker.below(items.length), 1);
  if (items.length > 0 && maker.errs()) items.push(maker.pick(items));
  return items;
}

/** A text with a piece put into it, lost or said twice. */
function spliced(maker: Maker, text: string): string {
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    ":",
    '"',
    "'",
    "\\",
    "\u2028",
    "\ud800",
    "é",
    " ",
    "\n",
    "\0",
    "L",
  ];
  const at = maker.below(text.length + 1);
  return (
    text.slice(0, at) +
    maker.pick([...pieces, ""]) +
    text.slice(maker.pick([at, at + 1, maker.below(text.length + 1)]))
  );
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const latin1 = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const utf8 = (text: string) => new TextEncoder().encode(text);

function floatBytes(maker: Maker, count: number, size: number): Uint8Array {
  if (maker.errs()) return maker.bytes(count * size);
  const values = Float32Array.from({ length: count }, () => maker.random.uniform() - 0.5);
  if (size === 4) return new Uint8Array(values.buffer);
  if (size === 8) return new Uint8Array(Float64Array.from(values).buffer);
  // Small halves and bfloat16s of all kinds, none infinite.
  return maker.bytes(count * 2).map((byte, i) => (i % 2 ? byte & 0xbf : byte));
}

const dtypeSizes = { F32: 4, F64: 8, F16: 2, BF16: 2 } as const;

interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: keyof typeof dtypeSizes | "U32" | "I32";
  readonly bytes: Uint8Array;
}

function safetensors(maker: Maker, tensors: NamedTensor[], metadata: [string, string][]): Uint8Array {
  let end = 0;
  const entries = disturb(maker, tensors).map(({ name, shape, dtype, bytes }): [string, string] => {
    const begin = end;
    end += bytes.length;
    const shown = shape.map((length) => maker.part(String(length), hostileJson));
    const dtypes = ["I32", "F8_E4M3", "f32", "__proto__", "C64"].map((text) => JSON.stringify(text));
    const offsets = [begin, end].map((offset) => maker.part(String(offset), hostileJson));
    const fields: [string, string][] = [
      ["dtype", maker.part(JSON.stringify(dtype), [...hostileJson, ...dtypes])],
      ["shape", maker.part(`[${shown}]`, hostileJson)],
      ["data_offsets", maker.part(`[${offsets}]`, hostileJson)],
    ];
    const entry = maker.part(jsonObject(disturb(maker, fields)), hostileJson);
    return [maker.part(name, hostileNames), entry];
  });
  const pairs = disturb(maker, metadata).map(
    ([key, text]) =>
      [
        maker.part(key, hostileNames),
        maker.part(JSON.stringify(maker.part(text, hostileTexts)), hostileJson),
      ] as const,
  );
  entries.unshift(["__metadata__", maker.part(jsonObject(pairs), hostileJson)]);
  const depth = 2 ** maker.below(16);
  const json = maker.part(jsonObject(disturb(maker, entries)), [
    `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`,
    `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`,
    jsonObject(Array.from({ length: 1000 }, (_, i) => [`${i}`, "{}"] as const)),
    ...hostileJson,
  ]);
  const header = utf8(maker.errs() ? spliced(maker, json) : json);
  const length = new Uint8Array(8);
  const size = maker.part(header.length, [...hostileNumbers, header.length - 1, header.length + 1]);
  new DataView(length.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(Math.trunc(size))), true);
  return concat(length, header, ...tensors.map(({ bytes }) => bytes));
}

function decoder(maker: Maker): Uint8Array {
  const sizes = Array.from({ length: 2 + maker.below(3) }, () => 1 + maker.below(5));
  const prefix = maker.pick(["", "decoder.", "net.layers.", "fc"]);
  const tensors = sizes.slice(1).flatMap((outputSize, index): NamedTensor[] => {
    const dtype = maker.pick(Object.keys(dtypeSizes) as (keyof typeof dtypeSizes)[]);
    const shapes = { weight: [outputSize, sizes[index]!], bias: [outputSize] };
    return Object.entries(shapes).map(([part, right]) => {
      const shape = maker.part(right, [
        [...right].reverse(),
        [...right, 1, 1],
        [],
        [0, ...right],
        right.slice(1),
      ]);
      const count = shape.reduce((product, length) => product * length, 1);
      return {
        name: `${prefix}${2 * index}.${part}`,
        shape,
        dtype,
        bytes: floatBytes(maker, count, dtypeSizes[dtype]),
      };
    });
  });
  const last = sizes.at(-1)!;
  return safetensors(maker, tensors, [
    ["activation", maker.pick(["elu", "LeakyReLU", "tanh", '{"name":"elu","alpha":0.5}'])],
    ["outputActivation", "sigmoid"],
    ["loss", maker.pick(["bce", "mse", "crossEntropy"])],
    ["reduction", maker.pick(["mean", "sum"])],
    ["outputShape", `[${last}]`],
    ["format", "pt"],
  ]);
}

/** What a decoder's file has of its outputs. */
function probe(maker: Maker): Uint8Array {
  const [rows, count] = [1 + maker.below(5), 1 + maker.below(probedSizes.outputSize)];
  const tensor = (name: string, right: readonly number[]): NamedTensor => {
    const shape = maker.part(right, [[...right].reverse(), [], [0, ...right], [...right, 1], [2, 3]]);
    const size = shape.reduce((product, length) => product * length, 1);
    const isIndices = name === "indices";
    const indices = Int32Array.from({ length: size }, () =>
      maker.part(maker.below(probedSizes.outputSize), [-1, probedSizes.outputSize, 2 ** 31 - 1]),
    );
    return {
      name,
      shape,
      dtype: isIndices ? "I32" : "F32",
      bytes: isIndices ? new Uint8Array(indices.buffer) : floatBytes(maker, size, 4),
    };
  };
  const hasIndices = maker.below(2) === 0;
  const tensors = [
    tensor("z", [rows, probedSizes.latentSize]),
    ...(hasIndices ? [tensor("indices", [count])] : []),
    tensor("x", [rows, hasIndices ? count : probedSizes.outputSize]),
  ];
  return safetensors(maker, tensors, [["format", "1"]]);
}

/** The decoder that a probe is of. */
export const probedSizes = { latentSize: 3, outputSize: 5, fixedInputs: [] } as const;

/** A decoder whose file says what its graph is, with a convolution of either kind. */
function graphDecoder(maker: Maker): Uint8Array {
  const kind = maker.pick(["conv", "convTranspose"]);
  const [kernel, channels, stride] = [1 + maker.below(2), 1 + maker.below(9), 1 + maker.below(3)];
  const wrong = (right: unknown) =>
    maker.part(JSON.stringify(right), [...hostileJson, "1e9", "[1,2,3]", "-1", "0"]);
  const object = (entries: readonly (readonly [string, string])[]) =>
    `{${entries.map(([key, value]) => `${JSON.stringify(maker.part(key, hostileNames))}:${value}`).join()}}`;
  const operation = (name: string, before: string, settings: readonly (readonly [string, string])[]) =>
    object([
      ["kind", wrong(settings[0]![1])],
      ["name", wrong(name)],
      ["inputs", wrong([before])],
      ...settings.slice(1),
    ]);
  const operations = [
    operation("0", "z", [
      ["kind", "dense"],
      ["units", wrong(8)],
    ]),
    operation("1", "0", [
      ["kind", "reshape"],
      ["shape", wrong([2, 2, 2])],
    ]),
    operation("2", "1", [
      ["kind", kind],
      ["channels", wrong(channels)],
      ["kernel", wrong([kernel, kernel])],
      ["stride", wrong(stride)],
      ["padding", wrong([0, 0, 0, 0])],
      ["groups", wrong(1)],
    ]),
    operation("3", "2", [
      ["kind", "activation"],
      ["activation", wrong({ name: "sigmoid" })],
    ]),
  ];
  const graph = object([
    ["format", wrong(1)],
    ["layout", wrong("channelsLast")],
    ["latentSize", wrong(3)],
    ["operations", maker.errs() ? maker.pick(hostileJson) : `[${disturb(maker, operations)}]`],
  ]);
  const tensor = (name: string, shape: number[]): NamedTensor => {
    const count = shape.reduce((product, length) => product * length, 1);
    return { name, shape, dtype: "F32" as const, bytes: floatBytes(maker, count, 4) };
  };
  const weight = kind === "conv" ? [channels, 2, kernel, kernel] : [2, channels, kernel, kernel];
  return safetensors(
    maker,
    [
      tensor("0.weight", [8, 3]),
      tensor("0.bias", [8]),
      tensor("2.weight", weight),
      tensor("2.bias", [channels]),
    ],
    [
      ["latentflow.graph", graph],
      ["loss", maker.pick(["bce", "mse"])],
    ],
  );
}

/** Not one that `train` would go on from: the run is another's. */
function checkpoint(maker: Maker): Uint8Array {
  const tensor = (name: string, count: number, dtype: NamedTensor["dtype"]): NamedTensor => ({
    name,
    dtype,
    shape: [count],
    bytes: maker.bytes(count * (dtype === "F64" ? 8 : 4)),
  });
  const moved = (tensor: string) => ({ tensor: maker.errs() ? "checksum" : tensor });
  const state = {
    ...{ images: 3, sampler: maker.pick([3, [1, 2, 3, 4], null]), random: [1, 2, 3, 4] },
    codes: { values: moved("0.values") },
    trainer: { updates: 3, parameters: moved("1.parameters"), vectors: [moved("2.0")] },
    ...{ history: moved("3.history"), validation: moved("4.validation") },
  };
  const bytes = safetensors(
    maker,
    [
      tensor("0.values", 6, "F64"),
      tensor("1.parameters", 11, "F32"),
      tensor("2.0", 11, "F32"),
      tensor("3.history", 9, "F64"),
      tensor("4.validation", 4, "F64"),
      tensor("checksum", 1, "U32"),
    ],
    [
      ["format", FORMAT],
      ["checkpoint", JSON.stringify(maker.errs() ? { state } : { run: { seed: 1 }, state })],
    ],
  );
  if (bytes.length < 4 || maker.errs()) return bytes;
  const end = bytes.length - 4;
  new DataView(bytes.buffer).setUint32(end, checksum(bytes.subarray(0, end)), true);
  return bytes;
}

const npyTypes: Readonly<Record<string, number>> = {
  "|u1": 1,
  "|i1": 1,
  "|b1": 1,
  "<u2": 2,
  ">i2": 2,
  "<f2": 2,
  ">u4": 4,
  "<i4": 4,
  "<f4": 4,
  ">f4": 4,
  "<i8": 8,
  ">u8": 8,
  "<f8": 8,
  ">f8": 8,
};

function npyValues(maker: Maker, descr: string, length: number, size: number): Uint8Array {
  if (maker.errs()) return maker.bytes(length);
  // Integers of 0 and 1 in their lowest byte.
  const littleEndian = descr.includes("f")
    ? floatBytes(maker, length / size, size)
    : maker.bytes(length).map((byte, i) => (i % size === 0 ? byte & 1 : 0));
  // Backwards, values are big-endian.
  return descr.startsWith(">") ? littleEndian.reverse() : littleEndian;
}

function npy(maker: Maker): Uint8Array {
  const descr = maker.pick(Object.keys(npyTypes));
  const shape = Array.from({ length: 1 + maker.below(3) }, () => 1 + maker.below(4));
  const count = shape.reduce((product, length) => product * length, 1);
  const numbers = hostileNumbers.map((number) => number.toString().replace("e+", "0"));
  const lengths = shape.map((length) =>
    maker.part(String(length), [...numbers, "None", "(1,)", "1L", "'1'", "-1"]),
  );
  const nested = "(".repeat(2 ** maker.below(13));
  const values = [
    ...numbers,
    "None",
    "[]",
    "{}",
    "()",
    "'",
    '"\\x41"',
    "'\\q'",
    nested,
    "{'shape': (1,)}",
    "True",
  ];
  const descrs = ["'|O'", "'<c8'", "[('a', '<f4')]", "'<f16'", "'<U9'", "'__proto__'", "'<f4", ...values];
  const fields: [string, string][] = [
    ["'descr'", maker.part(`'${descr}'`, descrs)],
    ["'fortran_order'", maker.part(maker.pick(["True", "False"]), values)],
    ["'shape'", maker.part(`(${lengths.join(", ")},)`, values)],
  ];
  const names = hostileNames.map((name) => `'${name}'`);
  const pairs = disturb(maker, fields).map(
    ([key, value]) => `${maker.part(key, [...names, ...values])}: ${value}`,
  );
  const text = maker.part(`{${pairs.join(", ")}, }`, [...values, "{", "{,}", ""]);
  const header = utf8(`${maker.errs() ? spliced(maker, text) : text}${" ".repeat(maker.below(64))}\n`);
  const major = maker.part(maker.pick([1, 2, 3]), [0, 4, 255]);
  const length = new Uint8Array(major === 1 ? 2 : 4);
  const view = new DataView(length.buffer);
  const size = maker.part(header.length, hostileNumbers);
  if (major === 1) view.setUint16(0, size, true);
  else view.setUint32(0, size, true);
  const valueSize = npyTypes[descr]!;
  const data = npyValues(maker, descr, count * valueSize, valueSize);
  return concat(latin1("\x93NUMPY"), Uint8Array.of(major, maker.part(0, [1])), length, header, data);
}

function idx(maker: Maker): Uint8Array {
  const types = [
    [0x08, 1],
    [0x09, 1],
    [0x0b, 2],
    [0x0c, 4],
    [0x0d, 4],
    [0x0e, 8],
  ] as const;
  const [type, size] = maker.pick(types);
  const shape = Array.from({ length: 1 + maker.below(3) }, () => 1 + maker.below(4));
  const count = shape.reduce((product, length) => product * length, 1);
  const axes = maker.part(shape.length, [0, 1, 200, 255]);
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint32(0, (maker.part(type, [0, 0x0a, 0x42, 0xff]) << 8) | axes);
  shape.forEach((length, axis) => {
    header.setUint32(4 + 4 * axis, maker.part(length, hostileNumbers));
  });
  // Doubles near 1, since most others are beyond float32.
  const values = maker.bytes(count * size).map((byte, i) => (size === 8 && i % 8 === 0 ? 0x3f : byte));
  return concat(new Uint8Array(header.buffer), values);
}

interface Entry {
  readonly name: Uint8Array;
  readonly content: Uint8Array;
}

/** A zip with zip64 fields where `wide` says so. */
function zip(maker: Maker, entries: readonly Entry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const records: Uint8Array[] = [];
  let offset = 0;
  const add = (list: Uint8Array[], bytes: Uint8Array) => void list.push(bytes);
  for (const { name, content } of entries) {
    const deflated = maker.below(2) === 1;
    const packed = deflated ? new Uint8Array(deflateRawSync(content)) : content;
    const wide = maker.below(4) === 0;
    const method = maker.part(deflated ? 8 : 0, [1, 12, 14, 93, 8, 0]);
    const sum = maker.part(checksum(content), hostileNumbers);
    const sizes = [packed.length, content.length].map((size) => maker.part(size, hostileNumbers));
    const [packedSize, size] = sizes as [number, number];
    const flags = maker.part(0x800, [1, 8, 0xffff]);
    const local = new DataView(new ArrayBuffer(30));
    local.setUint32(0, maker.part(0x04034b50, hostileNumbers), true);
    local.setUint16(8, method, true);
    local.setUint16(26, maker.part(name.length, hostileNumbers), true);
    const record = new DataView(new ArrayBuffer(46));
    record.setUint32(0, maker.part(0x02014b50, hostileNumbers), true);
    record.setUint16(8, flags, true);
    record.setUint16(10, maker.part(method, [0, 8, 9]), true);
    record.setUint32(16, sum, true);
    record.setUint32(20, wide ? 0xffffffff : packedSize, true);
    record.setUint32(24, wide ? 0xffffffff : size, true);
    record.setUint16(28, maker.part(name.length, hostileNumbers), true);
    const extra = new DataView(new ArrayBuffer(wide ? 20 : 0));
    if (wide) {
      extra.setUint16(0, maker.part(1, [0, 2]), true);
      extra.setUint16(2, maker.part(16, hostileNumbers), true);
      extra.setBigUint64(4, BigInt.asUintN(64, BigInt(Math.trunc(size))), true);
      extra.setBigUint64(12, BigInt.asUintN(64, BigInt(Math.trunc(packedSize))), true);
    }
    record.setUint16(30, maker.part(extra.byteLength, hostileNumbers), true);
    record.setUint32(42, maker.part(offset, [...hostileNumbers, 0]), true);
    add(parts, concat(new Uint8Array(local.buffer), name, packed));
    add(records, concat(new Uint8Array(record.buffer), name, new Uint8Array(extra.buffer)));
    offset += 30 + name.length + packed.length;
  }
  disturb(maker, records);
  const directory = concat(...records);
  const count = maker.part(records.length, hostileNumbers);
  const tail = [count, directory.length, offset].map((value) => maker.part(value, hostileNumbers));
  const end64 = maker.below(4) === 0 ? zip64End(maker, tail, offset + directory.length) : new Uint8Array(0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(4, maker.part(0, [1]), true);
  end.setUint16(8, tail[0]!, true);
  end.setUint16(10, tail[0]!, true);
  end.setUint32(12, tail[1]!, true);
  end.setUint32(16, tail[2]!, true);
  end.setUint16(20, maker.part(0, [1, 0xffff]), true);
  return concat(...parts, directory, end64, new Uint8Array(end.buffer));
}

function zip64End(maker: Maker, [count = 0, size = 0, start = 0]: readonly number[], at: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(76));
  const set = (offset: number, value: number) =>
    view.setBigUint64(
      offset,
      BigInt.asUintN(64, BigInt(Math.trunc(maker.part(value, hostileNumbers)))),
      true,
    );
  view.setUint32(0, 0x06064b50, true);
  set(4, 44);
  set(24, count);
  set(32, count);
  set(40, size);
  set(48, start);
  view.setUint32(56, 0x07064b50, true);
  set(64, at);
  return new Uint8Array(view.buffer);
}

function npz(maker: Maker): Uint8Array {
  const labels = npyOf("<i8", [1 + maker.below(4)], new Uint8Array(32));
  const arrays = [
    { name: "x", content: npy(maker) },
    { name: "y", content: maker.errs() ? maker.bytes(maker.below(200)) : npy(maker) },
    { name: "labels", content: labels },
  ].slice(0, 1 + maker.below(3));
  return zip(
    maker,
    disturb(maker, arrays).map(({ name, content }) => ({
      name: utf8(`${maker.part(name, hostileNames)}${maker.part(".npy", ["", ".pkl", "/data.pkl"])}`),
      content,
    })),
  );
}

/** A sound .npy file of these values. */
function npyOf(descr: string, shape: readonly number[], values: Uint8Array): Uint8Array {
  const header = utf8(`{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }\n`);
  const data = values.subarray(
    0,
    shape.reduce((product, length) => product * length, npyTypes[descr]!),
  );
  return concat(latin1("\x93NUMPY\x01\0"), Uint8Array.of(header.length, 0), header, data);
}

/** An IDX file that is longer than any header, so that it is unpacked twice, in pieces. */
function longIdx(maker: Maker): Uint8Array {
  const header = new DataView(new ArrayBuffer(12));
  const [rows, columns] = [1 + maker.below(300), 1 + maker.below(800)];
  header.setUint32(0, 0x0802);
  header.setUint32(4, maker.part(rows, [rows + 1, rows - 1]));
  header.setUint32(8, columns);
  const step = 1 + maker.below(100);
  return concat(
    new Uint8Array(header.buffer),
    Uint8Array.from({ length: rows * columns }, (_, i) => (i * i) % step),
  );
}

/** Gzip of something, or of several one after the other; now and then of gigabytes' promise, or of a megabyte of zeros. */
function gzip(maker: Maker): Uint8Array {
  const content = maker.below(4) === 0 ? longIdx(maker) : maker.pick([idx, npy])(maker);
  const long =
    maker.below(20) === 0 && maker.errs() ? new Uint8Array(2 ** (16 + maker.below(8))) : new Uint8Array(0);
  const packed = gzipSync(concat(content, long), { level: maker.pick([0, 1, 9]) });
  const members = maker.part(
    [packed],
    [[packed, packed], [packed, gzipSync(""), gzipSync("")], [packed.subarray(0, -1)]],
  );
  return concat(...members);
}

/** What begins like files that are not read, or like files of one array. */
function foreign(maker: Maker): Uint8Array {
  const starts = [
    ...[
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19",
      "\x89HDF\r\n\x1a\n",
      "\x08\x07\x12\x07pytorch",
    ],
    ...[
      "<!DOCTYPE html>",
      '{"error":',
      "version https://git-lfs.github.com/spec/v1\n",
      "\x80\x04\x95",
      "BZh9",
      "PAR1",
    ],
    ...["a,b,c\n1,2,3\n", "PK\x03\x04", "PK\x05\x06", "\x1f\x8b\x08\x00", "", "\x93NUMPY", "\0\0"],
  ];
  return concat(latin1(maker.pick(starts)), maker.bytes(maker.below(300)));
}

/** A file of each kind. */
export const kinds = {
  decoder,
  "graph decoder": graphDecoder,
  probe,
  checkpoint,
  npy,
  npz,
  idx,
  gzip,
  foreign,
} as const;

/** The name of a kind. */
export type Kind = keyof typeof kinds;

/** Bytes changed without a thought for what they are. */
export function mutateBytes(maker: Maker, file: Uint8Array): Uint8Array {
  if (file.length === 0) return maker.bytes(8);
  const changed = file.slice();
  const at = maker.below(file.length);
  switch (maker.below(7)) {
    case 0:
      for (let flips = 1 + maker.below(4); flips > 0; flips--)
        changed[maker.below(changed.length)]! ^= 1 << maker.below(8);
      return changed;
    case 1:
      changed[at] = maker.pick([0, 1, 0x7f, 0x80, 0xff]);
      return changed;
    case 2:
      return changed.subarray(0, at);
    case 3:
      return concat(changed, maker.bytes(1 + maker.below(64)));
    case 4:
      return changed.copyWithin(maker.below(file.length), at, at + maker.below(100));
    case 5:
      // A part repeated or lost.
      return concat(changed.subarray(0, at), changed.subarray(maker.below(file.length)));
    default:
      return concat(changed.subarray(0, at), maker.bytes(1 + maker.below(8)), changed.subarray(at));
  }
}
