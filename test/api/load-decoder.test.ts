import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DecoderSource, loadDecoder } from "../../src/api/load-decoder.ts";
import { showLocation, showPath, wordsWithoutSecrets } from "../../src/base/show.ts";
import { createDecoder } from "../../src/decoder/initialise.ts";
import { layersOf } from "../../src/graph/layers.ts";
import { binaryCrossEntropy, squaredError } from "../../src/terms/losses.ts";
import { rejected } from "../support/refusal.ts";

const url = new URL("../vectors/mlp20.safetensors", import.meta.url);
const path = fileURLToPath(url);
const bytes = readFileSync(path);

test("the full-size decoder", async () => {
  const decoder = await loadDecoder(path);
  assert.is(decoder.latentSize, 20);
  assert.is(decoder.outputSize, 784);
  // 20·150 + 150 + 150·300 + 300 + 300·600 + 600 + 600·784 + 784
  assert.is(decoder.parameterCount, 700_234);
  assert.is(decoder.loss?.name, "binaryCrossEntropy");
  assert.equal(
    layersOf(decoder).map(({ name, activation }) => [name, activation]),
    [
      ["decoder.0", { name: "elu", alpha: 1 }],
      ["decoder.2", { name: "elu", alpha: 1 }],
      ["decoder.4", { name: "elu", alpha: 1 }],
      ["decoder.6", { name: "sigmoid" }],
    ],
  );
  // In this file the tensors lie in the order of the layers, so that its data are the parameters.
  const data = bytes.subarray(bytes.length - 4 * 700_234);
  assert.ok(data.equals(Buffer.from(decoder.parameters.buffer)), "the parameters' bits");
  // decoder.2.weight begins at byte 12,600 of the data.
  assert.is(layersOf(decoder)[1]!.weight[7], data.readFloatLE(12_600 + 4 * 7));
});

test("every kind of source gives the same decoder", async () => {
  const expected = await loadDecoder(bytes);
  const unaligned = new Uint8Array(bytes.length + 3).subarray(3);
  unaligned.set(bytes);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const sources: DecoderSource[] = [
    unaligned,
    shared,
    new Uint8Array(bytes).buffer,
    new Blob([new Uint8Array(bytes)]),
    pathToFileURL(path),
    pathToFileURL(path).href,
  ];
  for (const source of sources) assert.equal(await loadDecoder(source), expected);
});

test("bytes are copied", async () => {
  const own = createDecoder({ layers: [2, 3] });
  const file = own.toSafetensors();
  const decoder = await loadDecoder(file);
  file.fill(0);
  assert.equal(decoder.parameters, own.parameters);
});

test("options override the metadata, and stand in for what is missing", async () => {
  const decoder = await loadDecoder(path, {
    activation: { name: "leakyRelu", slope: 0.2 },
    outputActivation: "tanh",
    outputShape: [28, 28],
    loss: squaredError({ reduction: "sum" }),
  });
  assert.equal(layersOf(decoder)[0]!.activation, { name: "leakyRelu", slope: 0.2 });
  assert.equal(decoder.outputActivation, { name: "tanh" });
  assert.equal(decoder.outputShape, [28, 28]);
  assert.equal(decoder.loss, { name: "squaredError", reduction: "sum" });
});

test("files over HTTP", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/decoder") response.end(bytes);
    else if (request.url === "/page") response.end("<!DOCTYPE html><html><body>Welcome</body></html>");
    else if (request.url === "/cut")
      response.writeHead(200, { "content-length": 1000 }).write("abc", () => response.destroy());
    else if (request.url === "/hangs") response.writeHead(500, { "content-length": 1000 }).write("abc");
    else if (request.url === "/large") response.writeHead(200, { "content-length": 2 ** 40 }).write("abc");
    // Node's own server refuses to send controls.
    else if (request.url === "/says")
      response.socket!.end(`HTTP/1.1 404 \u001b[31m${"x".repeat(2000)}\r\n\r\n`);
    else response.writeHead(Number(request.url?.match(/\d+/)?.[0] ?? 404)).end();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    assert.equal(await loadDecoder(`${base}/decoder`), await loadDecoder(bytes));
    assert.is((await loadDecoder(new URL(`${base}/decoder`))).outputSize, 784);
    await rejected(
      loadDecoder(`${base}/no`),
      "not_found",
      /^loadDecoder\("http.*\/no"\): .* answered 404 Not Found/,
    );
    await rejected(loadDecoder(new URL(`${base}/no`)), "not_found", /^loadDecoder\("http.*answered 404/);
    await rejected(loadDecoder(`${base}/page`), "invalid_file", /it is an HTML page; a web server's/);
    // Another try may help, or not.
    await rejected(loadDecoder(`${base}/cut`), "unreachable", /cannot be read/);
    for (const status of [408, 425, 429, 500, 503]) {
      await rejected(loadDecoder(`${base}/${status}`), "unreachable", new RegExp(`answered ${status} `));
    }
    for (const status of [403, 410]) {
      await rejected(loadDecoder(`${base}/${status}`), "not_found", new RegExp(`answered ${status} `));
    }
    // Messages go into logs: who asks, and with which token, does not.
    const secret = `${base.replace("//", "//user:pass@")}/no?token=abc`;
    const without = await loadDecoder(secret.replace("user:pass@", "")).catch((error) => error);
    assert.match(
      without.message,
      /^loadDecoder\("http:\/\/127[\d.:]+\/no\?…"\): cannot be read: the server answered 404/,
    );
    const credentials = await loadDecoder(secret).catch((error) => error);
    assert.not.match(credentials.message, /user|pass|token|abc/);
    // The runtime's own words are cut, and may not be before the secrets are out; a "$&" in a URL is no pattern.
    for (const tail of ["a".repeat(1000), "$&"]) {
      const error = await loadDecoder(`${secret.replace("/no", `/${tail}`)}${tail}`).catch(
        (thrown) => thrown,
      );
      assert.match(error.message, /credentials/);
      // As an uncaught error is printed, with its cause.
      assert.not.match(inspect(error), /user|pass|token|abc/);
    }
    // Words of the server's are no more than others.
    const { message } = await loadDecoder(`${base}/says`).catch((error) => error);
    assert.match(message, /answered 404 \\u001b\[31mx+\.\.\.$/);
    assert.ok(message.length < 200);
    // A body that is not read holds no connection.
    for (const [page, code] of [
      ["hangs", "unreachable"],
      ["large", "invalid_file"],
    ] as const) {
      const closed = new Promise((resolve) => {
        server.once("request", (request) => request.socket.once("close", resolve));
      });
      await rejected(loadDecoder(`${base}/${page}`), code, /./);
      assert.is(await Promise.race([closed.then(() => "closed"), waited(1000)]), "closed", page);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
  await rejected(loadDecoder(`${base}/decoder`), "unreachable", /cannot be read: fetch failed: ./);
});

/** Resolves a while later. */
const waited = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

test("what is secret of a URL is in no message, however it is written; paths are shown as they are", () => {
  for (const [location, shown] of [
    ["https://user:pass@host/a@b?token=abc&key=d/e?f#name", "https://host/a@b?…"],
    ["https://host/data.npz#access_token=abc?d", "https://host/data.npz#…"],
    ["https:/user:pass@host/a", "https:/host/a"],
    ["HTTP:user:pass@host", "HTTP:host"],
    ["http:\\\\user:p@ss@host", "http:\\\\host"],
    [" https://user:pass@host/a?token", " https://host/a?…"],
    ["'https://user:pass@host'", "'https://host'"],
    ["https: //user:pass@host/a", "https: //host/a"],
    ["https://user:pa/ss@host/a", "https://host/a"],
    ["https://host:80/a@b", "https://host:80/a@b"],
    ["https://[::1]:80/a@b", "https://[::1]:80/a@b"],
    ["ftp://user:pass@host/a", "ftp://host/a"],
    ["s3://bucket/a?token", "s3://bucket/a?…"],
    ["https://host/a?token=\nabc", "https://host/a?…"],
    ["a:b@c?d", "a:b@c?d"],
    ["file:///a?b", "file:///a?b"],
  ] as const) {
    assert.is(showPath(location), shown);
    assert.is(showLocation(location), JSON.stringify(shown));
  }
});

test("an address that is no URL, or is taken for a path, has its secrets in no cause; a path has its cause", async () => {
  const addresses = [
    "http://localhost:99999/x?s3cret",
    "https://user:s3/cret@localhost/x",
    "ftp://user:s3cret@host/x?s3cret",
  ];
  for (const address of addresses) {
    const error = await loadDecoder(address).catch((thrown) => thrown);
    assert.is(error.code, "not_found");
    assert.match(error.message, /cannot be read: (Invalid URL|ENOENT)/);
    assert.not.match(inspect(error), /s3/);
  }
  const { cause } = await loadDecoder("no-such-file").catch((thrown) => thrown);
  assert.is(cause.code, "ENOENT");
});

test("in a page a location without a scheme is a URL, whose secrets are not shown", () => {
  const { process } = globalThis;
  assert.is(showPath("a?b#c"), "a?b#c");
  try {
    Object.assign(globalThis, { process: undefined });
    assert.is(showPath("decoder.onnx?token=abc"), "decoder.onnx?…");
    assert.is(showPath("../decoder@2.onnx#token"), "../decoder@2.onnx#…");
  } finally {
    Object.assign(globalThis, { process });
  }
});

test("what a runtime says of a URL is shown without its secrets, as the runtime writes it", () => {
  const words =
    'no "https://user:pa%20ss@host/a?token=abc" and HTTP://user:pa ss@HOST/a?token=abc#def either';
  const shown = wordsWithoutSecrets(words, "HTTP://user:pa ss@HOST/a?token=abc#def");
  assert.is(shown, 'no "https://host/a?… and HTTP://HOST/a?… either');
});

test("a path that leads to no file is refused", async () => {
  await rejected(
    loadDecoder("no/such.safetensors"),
    "not_found",
    /^loadDecoder\("no\/such.safetensors"\): cannot be read: ENOENT/,
  );
  await rejected(loadDecoder(""), "not_found", /ENOENT/);
  await rejected(loadDecoder("a\0b"), "not_found", /null bytes/);
  await rejected(loadDecoder(fileURLToPath(new URL(".", url))), "invalid_file", /EISDIR/);
  await rejected(loadDecoder(new URL("no.safetensors", url)), "not_found", /ENOENT/);
  await rejected(loadDecoder("http://["), "not_found", /Invalid URL/);
  const error = await loadDecoder("no/such").catch((reason) => reason);
  assert.is(error.cause.code, "ENOENT");
});

test("a source that is none, and bad options, are refused before anything is read", async () => {
  for (const source of [undefined, null, 3, {}, [1], new Float32Array(3)]) {
    await rejected(
      loadDecoder(source as unknown as DecoderSource),
      "invalid_argument",
      /^loadDecoder: the source is .*, expected bytes, a Blob, a URL or a string/,
    );
  }
  const load = (options: object) => loadDecoder("no/such", options);
  await rejected(load({ activations: "elu" }), "invalid_argument", /unknown option "activations"/);
  await rejected(load({ activation: "mish" }), "invalid_argument", /activation is "mish"/);
  await rejected(load({ outputActivation: 1 }), "invalid_argument", /outputActivation is 1/);
  await rejected(load({ signal: "x" }), "invalid_argument", /signal is "x", expected an AbortSignal/);
  await rejected(
    load({ loss: "l1" }),
    "invalid_argument",
    /loss is "l1", expected "bce", .*squaredError\(\)$/,
  );
});

test("an abort rejects with the signal's reason", async () => {
  const reason = new Error("enough");
  for (const source of [path, bytes, url, new Blob([]), "http://127.0.0.1:1/"]) {
    const error = await loadDecoder(source, { signal: AbortSignal.abort(reason) }).catch((thrown) => thrown);
    assert.is(error, reason);
  }
  for (const source of [path, new Blob([new Uint8Array(bytes)])]) {
    const controller = new AbortController();
    const loading = loadDecoder(source, { signal: controller.signal });
    controller.abort(reason);
    assert.is(await loading.catch((thrown) => thrown), reason);
  }
  const { signal } = new AbortController();
  assert.is((await loadDecoder(path, { signal })).outputSize, 784);
});

test("without Node's file system a string is a URL", async () => {
  const { fetch } = globalThis;
  const { getBuiltinModule } = process;
  const asked: unknown[] = [];
  globalThis.fetch = async (location) => {
    asked.push(location);
    return new Response(new Uint8Array(bytes));
  };
  Object.assign(process, { getBuiltinModule: undefined });
  try {
    assert.is(
      (await loadDecoder("models/mlp20.safetensors", { loss: binaryCrossEntropy() })).outputSize,
      784,
    );
  } finally {
    Object.assign(process, { getBuiltinModule });
    globalThis.fetch = fetch;
  }
  assert.equal(asked, ["models/mlp20.safetensors"]);
});

test.run();
