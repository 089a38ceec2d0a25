// run: alone
// Tests src/files/local-file.ts, src/files/remote-file.ts, src/files/source.ts.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadDecoder } from "../../src/api/load-decoder.ts";
import { readArray } from "../../src/files/read.ts";
import { loadOnnx } from "../../src/onnx/index.ts";
import { OnnxFile } from "../../src/onnx/write/file.ts";
import { ProtobufMessage } from "../../src/onnx-format/protobuf.ts";
import { mnist } from "../../src/train/mnist.ts";
import { readDataset } from "../../src/train/read-dataset.ts";
import { PATIENCE } from "../support/patience.ts";
import { rejected } from "../support/refusal.ts";
import { fileOf } from "../support/safetensors-file.ts";

// What a file costs is the caller's choice: its size and what it unpacks to are bounded, it is read in turns with the
// event loop, and an abort ends that.

const folder = mkdtempSync(join(tmpdir(), "latentflow-limits-"));
test.after(() => rmSync(folder, { recursive: true }));

/** An IDX file of bytes. */
function idx(count: number): Buffer {
  const header = Buffer.alloc(12);
  header.set([0, 0, 8, 2]);
  header.writeUInt32BE(count, 4);
  header.writeUInt32BE(1, 8);
  return Buffer.concat([header, Buffer.alloc(count)]);
}

/** A decoder of one layer, of about so many weights. */
function decoderFile(count: number, dtype: "BF16" | "F16" | "F32" | "F64"): Uint8Array {
  const size = { BF16: 2, F16: 2, F32: 4, F64: 8 }[dtype];
  const outputs = Math.ceil(count / 1000);
  const end = outputs * 1000 * size;
  const header = {
    "0.weight": { dtype, shape: [outputs, 1000], data_offsets: [0, end] },
    "0.bias": { dtype, shape: [outputs], data_offsets: [end, end + outputs * size] },
  };
  return fileOf(header, end + outputs * size);
}

test("bytes: what they unpack to is bounded", async () => {
  const packed = gzipSync(idx(5000));
  const take = (maxBytes: number) => readDataset(packed, { maxBytes });
  await rejected(
    take(5011),
    "invalid_file",
    /unpacks to more than maxBytes, 5011 bytes; give a larger maxBytes/,
  );
  assert.is((await take(5012)).count, 5000);
  await rejected(
    readArray(idx(5000), { maxBytes: 4999 }),
    "invalid_file",
    /its values take 5000 bytes, more than/,
  );

  const file = decoderFile(4000, "BF16");
  const parameters = 4 * (4000 + 4);
  await rejected(
    loadDecoder(file, { maxBytes: parameters - 1 }),
    "invalid_file",
    /^loadDecoder: as float32 its parameters take 16016 bytes, more than maxBytes, 16015; to read it give maxBytes: 16016/,
  );
  assert.is((await loadDecoder(file, { maxBytes: parameters })).parameterCount, 4004);
  await rejected(
    loadDecoder(file, { maxBytes: 1.5 }),
    "invalid_argument",
    /maxBytes is 1\.5, expected an integer >= 1/,
  );
});

test("a header that promises terabytes of decoder is refused at once", async () => {
  // Zero-sized tensors chain with any size.
  const header = { "0.weight": { dtype: "F32", shape: [2 ** 40, 0], data_offsets: [0, 0] } };
  await rejected(loadDecoder(fileOf(header)), "needs_conversion", /do not chain/);
});

test("files, Blobs and servers' answers are not read beyond the limit", async () => {
  const path = join(folder, "large.safetensors");
  const sparse = openSync(path, "w");
  ftruncateSync(sparse, 2 ** 31);
  closeSync(sparse);
  const before = process.memoryUsage().arrayBuffers;
  const message =
    /loadDecoder\(".*large\.safetensors"\): the file has 2147483648 bytes, more than maxBytes, 1073741824/;
  await rejected(loadDecoder(path), "invalid_file", message);
  await rejected(
    readDataset(path),
    "invalid_file",
    /^readDataset: ".*": the file has 2147483648 bytes, more than/,
  );
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 24);

  const small = decoderFile(4000, "F32");
  const limits = { maxBytes: 10_000 };
  await rejected(
    loadDecoder(new Blob([new Uint8Array(small)]), limits),
    "invalid_file",
    /the file has \d+ bytes, more/,
  );

  let sent = 0;
  const server = createServer((request, response) => {
    if (request.url === "/sized")
      return void response.writeHead(200, { "content-length": 2 ** 40 }).write("abc");
    if (request.url === "/bomb") {
      return void response
        .writeHead(200, { "content-encoding": "gzip" })
        .end(gzipSync(Buffer.alloc(2 ** 26)));
    }
    // More than may be taken.
    const more = () => {
      while (!response.destroyed && sent < 2 ** 27 && response.write(Buffer.alloc(2 ** 16))) sent += 2 ** 16;
      if (sent === 2 ** 27) response.end();
    };
    response.on("drain", more);
    more();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const read = (name: string) => loadDecoder(`${base}/${name}`, { maxBytes: 2 ** 22 });
    await rejected(read("sized"), "invalid_file", /the file has 1099511627776 bytes, more than maxBytes/);
    await rejected(
      read("bomb"),
      "invalid_file",
      /the file has more than maxBytes, 4194304 bytes; give a larger maxBytes/,
    );
    await rejected(read("endless"), "invalid_file", /the file has more than maxBytes, 4194304 bytes/);
    assert.ok(sent < 2 ** 26, `${sent} bytes were taken`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("what has no size, a device say, is read up to the limit", async () => {
  await rejected(
    readDataset("/dev/zero", { maxBytes: 2 ** 20 }),
    "invalid_file",
    /"\/dev\/zero": the file has more than maxBytes, 1048576 bytes/,
  );
});

test("mnist takes the options", async () => {
  await rejected(mnist({ maxBytes: 1000 }), "invalid_file", /^mnist: .* bytes, more than maxBytes, 1000/);
  await rejected(mnist({ maxBytes: 0 }), "invalid_argument", /^mnist: maxBytes is 0/);
  const reason = new Error("enough");
  assert.is(await mnist({ signal: AbortSignal.abort(reason) }).catch((error) => error), reason);
});

/** Runs something beside `work`, a turn of the event loop at a time; returns how many turns there were. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await work.catch(() => {});
  isDone = true;
  return turns;
}

/** A decoder's file that has this graph, of operations without parameters. */
function graphFile(latentSize: number, operations: readonly object[]): Uint8Array {
  const definition = { format: 1, layout: "channelsLast", latentSize, operations };
  return fileOf({ __metadata__: { "latentflow.graph": JSON.stringify(definition) } });
}

/** Many values beside each other, again and again. */
const wide = graphFile(
  1,
  Array.from({ length: 40 }, (_, i) => {
    const inputs = new Array(1000).fill("z").fill(i > 0 ? `c${i - 1}` : "z", 0, 1);
    return { kind: "concat", name: `c${i}`, inputs };
  }),
);

const packed = gzipSync(idx(2 ** 25), { level: 9 });
const works: [name: string, work: (signal?: AbortSignal) => Promise<unknown>][] = [
  ["unpacking", (signal) => readArray(packed, { signal })],
  ["a graph", (signal) => loadDecoder(wide, signal ? { signal } : {})],
  ...(["BF16", "F16", "F32", "F64"] as const).map(
    (dtype): [string, (signal?: AbortSignal) => Promise<unknown>] => {
      const file = decoderFile(2 ** 24, dtype);
      return [`converting ${dtype}`, (signal) => loadDecoder(file, signal ? { signal } : {})];
    },
  ),
];

for (const [name, work] of works) {
  test(`${name}: the event loop has its turns, and an abort ends it soon`, async () => {
    const start = process.cpuUsage();
    const turns = await turnsDuring(work());
    const { user, system } = process.cpuUsage(start);
    const whole = (user + system) / 1000;
    // A turn takes about 8 ms, a piece of work a few more; other threads' time counts too. Without a pause there is none.
    assert.ok(turns >= Math.max(1, Math.floor(whole / 50)), `${turns} turns in ${whole} ms`);

    const reason = new Error("enough");
    const controller = new AbortController();
    const aborted = work(controller.signal).catch((error: unknown) => error);
    // After a turn, in the midst of it.
    await new Promise((resolve) => setImmediate(resolve));
    const before = process.cpuUsage();
    controller.abort(reason);
    assert.is(await aborted, reason);
    const after = process.cpuUsage(before);
    const left = (after.user + after.system) / 1000;
    assert.ok(left < Math.max(whole / 2, 100), `${left} of ${whole} ms after the abort`);
  });
}

test("a named pipe is read as it comes; an abort waits for no writer, and no thread of Node's does", async () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const reading = readDataset(pipe);
  // In two goes: what is there at first is not all.
  const writer = spawn("sh", ["-c", '(head -c 1000; sleep 0.1; cat) > "$1"', "sh", pipe]);
  writer.stdin.end(gzipSync(idx(65_536), { level: 0 }));
  assert.is((await reading).count, 65_536);

  // At every turn from the call on: before the file is looked at, before it is opened, while it is waited for.
  for (let turns = 0; turns < 8; turns++) {
    const controller = new AbortController();
    const call = loadDecoder(pipe, { signal: controller.signal });
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
    controller.abort();
    assert.is(await call.catch(({ name }) => name), "AbortError");
  }

  // More than Node has threads for files.
  const script = `
    import { loadDecoder } from ${JSON.stringify(new URL("../../build/lib/index.js", import.meta.url).href)};
    const [pipe] = process.argv.slice(1);
    const signal = AbortSignal.timeout(50);
    const calls = Array.from({ length: 6 }, () => loadDecoder(pipe, { signal }).catch(({ name }) => name));
    console.log([...new Set(await Promise.all(calls))].join());`;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script, pipe], {
    encoding: "utf8",
    timeout: PATIENCE,
  });
  assert.is(stdout, "TimeoutError\n");
  assert.is(status, 0);
});

test("headers that are huge, or promise what no file holds, are refused at once", async () => {
  const start = process.cpuUsage();
  const json = `{"a":${"[".repeat(2 ** 25)}`;
  await rejected(
    loadDecoder(fileOf(json)),
    "invalid_file",
    /header has \d+ bytes, more than the 1048576 that are read/,
  );
  const shape = Buffer.alloc(4 + 255 * 4, 0xff);
  shape.set([0, 0, 0x0e, 255]);
  await rejected(
    readDataset(shape),
    "invalid_file",
    /the header promises 4294967295 × .* × \.\.\. values .*cut short/,
  );
  await rejected(readDataset(gzipSync(shape)), "invalid_file", /the header promises .*cut short/);
  const { user, system } = process.cpuUsage(start);
  assert.ok(user + system < 5e6);
});

test("a file of 2.7 kB that moves millions of numbers again and again is read or refused without listing them", async () => {
  const length = 2 ** 22;
  const chain = (count: number) => {
    const operations: object[] = [{ kind: "reshape", name: "r", inputs: ["z"], shape: [1, 1] }];
    for (let i = 0, last = "r"; i < count; i++, last = `s${i - 1}`) {
      operations.push({ kind: "upsample", name: `u${i}`, inputs: [last], scale: length });
      operations.push({ kind: "slice", name: `s${i}`, inputs: [`u${i}`], axis: 0, start: 0, end: 1 });
    }
    return graphFile(1, operations);
  };
  const onnx = (count: number) => {
    const file = new OnnxFile(["z", "y"]);
    const z = file.input("z", ["batch", 4]);
    let last = file.apply("module", "Reshape", [z, file.integers([-1, 4, 1, 1])]);
    const padding = file.integers([0, 0, 0, 0, 0, 0, 0, length - 1]);
    const bounds = [file.integers([0]), file.integers([1]), file.integers([3])];
    for (let i = 0; i < count; i++) {
      const far = file.apply("module", "Pad", [last, padding]);
      last = file.apply("module", "Slice", [far, ...bounds]);
    }
    return file.toMessage("y", last, ["batch"], []).toBytes();
  };
  const start = process.cpuUsage();
  // One after the other: a promise that rejects while another one is waited for would end the process.
  for (const read of [
    () => loadDecoder(chain(17)),
    () => loadDecoder(chain(4000)),
    () => loadOnnx(onnx(20)),
  ]) {
    // As many as all fit into WebAssembly's memory: 2^27.
    const refusal =
      /the operations up to this one move more than 134217728 numbers or rows of them one by one/;
    await rejected(read(), "invalid_file", refusal);
  }
  assert.is((await loadDecoder(chain(16))).operations.length, 33);
  const { user, system } = process.cpuUsage(start);
  assert.ok(user + system < 2e6, `${user + system} µs`);
});

test("an ONNX file that would be more in memory than the heap holds is refused, which no program could outlive", async () => {
  const message = () => new ProtobufMessage();
  const opset = message().string(1, "").integer(2, 17);
  const file = (graph: ProtobufMessage) => message().message(8, opset).message(7, graph).toBytes();
  const tensor = message().raw(5, new Uint8Array(2 ** 25 + 1));
  const node = message();
  for (let i = 0; i <= 10_000; i++) node.string(1, "z");
  // Messages of no bytes within messages of no others: two bytes of the file each.
  const lengths = new Uint8Array(2 ** 24 + 2).map((_, i) => (i % 2 === 0 ? 0x0a : 0));
  const names = JSON.stringify(new Array(2 ** 14).fill("z"));
  const entry = message().string(1, "latentflow.points").string(2, names);
  const long = message().message(8, opset).message(14, entry).message(7, message()).toBytes();
  await rejected(
    loadOnnx(long),
    "invalid_file",
    /latentflow\.points has \d+ characters, more than the 65536 that are read/,
  );
  for (const [graph, refusal] of [
    [
      message().message(5, tensor),
      /more than 33554432 numbers that are not raw data; export it with raw data/,
    ],
    [message().message(1, node), /a node of the file has more than 10000 inputs and outputs/],
    // In two inputs: it is the file that may have so many, and not each message.
    [
      message()
        .raw(11, lengthsOf(lengths.subarray(0, 2 ** 23)))
        .raw(11, lengthsOf(lengths.subarray(2 ** 23))),
      /the file has more than 8388608 fields/,
    ],
  ] as const) {
    await rejected(loadOnnx(file(graph)), "invalid_file", refusal);
  }
});

/** A declared input whose shape has these lengths. */
function lengthsOf(lengths: Uint8Array): Uint8Array {
  const shape = new ProtobufMessage().raw(2, lengths);
  return new ProtobufMessage().message(2, new ProtobufMessage().message(1, shape)).toBytes();
}

test("bytes that are transferred before they are read are an error that says so; small ones have been read", async () => {
  const transfer = (bytes: Uint8Array) => void structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  const loadTransferred = async () => {
    const small = decoderFile(1000, "F32");
    const loading = loadDecoder(small);
    transfer(small);
    return (await loading.catch(() => undefined))?.parameterCount;
  };
  // A busy machine may stop the process for as long as the first turn lasts, but not every time.
  let count: number | undefined;
  for (let tries = 0; tries < 10 && count === undefined; tries++) count = await loadTransferred();
  assert.is(count, 1001);

  const message = /the bytes were transferred or resized while they were read; wait for it, or give a copy/;
  const large = decoderFile(2 ** 22, "BF16");
  const loadingLarge = loadDecoder(large);
  transfer(large);
  await rejected(loadingLarge, "invalid_argument", message);
  for (const file of [new Uint8Array(idx(2 ** 28)), new Uint8Array(packed)]) {
    const reading = readDataset(file);
    transfer(file);
    await rejected(reading, "invalid_argument", message);
  }
  // In its midst: also a gzip file, whose reader looks at its memory again.
  for (const turns of [1, 2, 5]) {
    const file = new Uint8Array(packed);
    const reading = readDataset(file.buffer);
    const refusal = rejected(reading, "invalid_argument", /^readDataset: the bytes were transferred/);
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    transfer(file);
    await refusal;
  }
});

test("a file's bytes are copied, however it is read", async () => {
  const file = idx(3);
  const dataset = await readDataset(file);
  file.fill(9);
  assert.equal(dataset.toFloat32(), new Float32Array(3));
  const path = join(folder, "small.idx");
  writeFileSync(path, idx(3));
  assert.is((await readDataset(path)).count, 3);
  assert.equal(readFileSync(path), idx(3));
});

test.run();
