// run: both, alone
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { crc32 } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import packageJson from "../../package.json" with { type: "json" };
import { packDecoder } from "../../src/backend/wasm/packed.ts";
import { amd, binaryCrossEntropy, createDecoder, encode, wasm } from "../../src/index.ts";
import { recogniseKernels } from "../../src/kernels/load.ts";
import { builds, plain, wideBuilds } from "../support/builds.ts";
import { PATIENCE } from "../support/patience.ts";
import { randomArray } from "../support/random.ts";
import { refused } from "../support/refusal.ts";
import { workerUrl } from "../support/threads.ts";

// The kernels as they come into a runtime: compiled by somebody else, or unpacked from the module and compiled where
// parts of the platform are missing.

const layers = [2, 9, 5];
const loss = binaryCrossEntropy();
const decoder = createDecoder({ layers, seed: 1, outputActivation: "sigmoid", loss });
const y = randomArray(1, 20 * 5, 0, 1);
const solver = amd({ maxSteps: 20 });

const indexUrl = new URL("../../src/index.ts", import.meta.url).href;
const trainUrl = new URL("../../src/train/index.ts", import.meta.url).href;
const file = (name: string) => new URL(`../../build/wasm/${name}.wasm`, import.meta.url);

/** A module with nothing but a custom section. */
function moduleWith(name: string, text: string): WebAssembly.Module {
  const content = [name.length, ...Buffer.from(name), ...Buffer.from(text)];
  assert.ok(content.length < 128, "its size is one byte");
  return new WebAssembly.Module(
    Uint8Array.of(...[0, 97, 115, 109, 1, 0, 0, 0], 0, content.length, ...content),
  );
}

test("a compiled module gives what the package's own gives, on threads, too, and says which build it is", async () => {
  const expected = await encode(decoder, y, { solver, backend: wasm({ relaxed: false, threads: 1 }) });
  const module = new WebAssembly.Module(readFileSync(file("plain")));
  const wide = wideBuilds[0]!.module;
  for (const [of, threads] of [
    [module, 1],
    [wide, 1],
    [wide, 2],
  ] as const) {
    const backend = wasm({ module: of, threads, worker: workerUrl });
    const result = await encode(decoder, y, { solver, backend });
    assert.equal(result.z, expected.z);
    assert.equal(result.backend, { name: "wasm", build: "plain", threads });
  }
  const { z, backend } = await encode(decoder, y, { solver, backend: wasm({ module, threads: 2 }) });
  assert.equal(z, expected.z);
  assert.is(backend.threads, 1);
  assert.match(
    backend.reason!,
    /^the kernels given as module have a memory that threads cannot share; leave module out, or/,
  );
});

test("a module that was given is enough, also with a prior, where nothing may be compiled", () => {
  // In a process of its own: what has been compiled before is kept. The library is imported first, since tsx compiles
  // a module of its own while it reads TypeScript.
  const source = `
    import { readFileSync } from "node:fs";
    import { createDecoder, encode, gaussian, wasm } from ${JSON.stringify(indexUrl)};
    import { evaluate, train } from ${JSON.stringify(trainUrl)};
    const module = new WebAssembly.Module(readFileSync(${JSON.stringify(fileURLToPath(file("plain")))}));
    const refuse = () => { throw new Error("not here"); };
    WebAssembly.compile = refuse;
    WebAssembly.Module = new Proxy(WebAssembly.Module, { construct: refuse });
    const decoder = createDecoder({ layers: [2, 5], loss: "mse" });
    const [y, prior, backend] = [new Float32Array(10), gaussian(), wasm({ module, threads: 1 })];
    const { status } = await encode(decoder, y, { prior, backend });
    await evaluate(decoder, y, { prior, backend });
    await train(decoder, y, { prior, backend, validation: { data: y } });
    console.log(status.join());
  `;
  const args = ["--import", "tsx", "--input-type=module", "--eval", source];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.is(stdout, "converged,converged\n", stderr);
});

test("a module of another realm is taken", async () => {
  const bytes = readFileSync(file("plain"));
  const module = runInContext("new WebAssembly.Module(bytes)", createContext({ bytes }));
  assert.not(module instanceof WebAssembly.Module);
  const { backend } = await encode(decoder, y, { solver, backend: wasm({ module, threads: 1 }) });
  assert.is(backend.build, "plain");
});

test("each build carries its name and the checksum of what comes before it", () => {
  for (const { name, module } of builds) {
    const { build, checksum } = recogniseKernels(module);
    assert.is(build, name);
    const bytes = readFileSync(file(name));
    const section = Buffer.from(WebAssembly.Module.customSections(module, "latentflow")[0]!);
    // Before it: the section's kind, its size, the name's size, the name.
    const rest = bytes.subarray(0, bytes.indexOf(section) - "latentflow".length - 3);
    assert.is(checksum, crc32(rest).toString(16).padStart(8, "0"));
    assert.is(JSON.parse(String(section)).version, packageJson.version);
  }
});

test("a decoder is packed once for a module", async () => {
  const module = new WebAssembly.Module(readFileSync(file("plain")));
  const [first, second] = await Promise.all(
    [recogniseKernels(module), recogniseKernels(module)].map((compiled) => packDecoder(decoder, compiled)),
  );
  assert.is(first, second);
});

test("what is no module of this version is refused, with the line to write", () => {
  const line = /import kernels from "latentflow\/wasm\/plain\.wasm"/;
  const foreign = new RegExp(`not latentflow's, expected the kernels of latentflow "${packageJson.version}"`);
  const old = moduleWith("latentflow", '{"version":"0.0.1","build":"plain","checksum":"00000000"}');
  for (const [module, message] of [
    [5, /^wasm: module is 5, expected a WebAssembly.Module/],
    [readFileSync(file("plain")), /^wasm: module is a Buffer, expected a WebAssembly.Module/],
    [Object.create(WebAssembly.Module.prototype), /^wasm: module is a Module, expected a WebAssembly.Module/],
    [new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)), foreign],
    [moduleWith("latentflow", "no JSON"), foreign],
    [moduleWith("latentflow", "null"), foreign],
    [moduleWith("other", '{"version":"0.0.1"}'), foreign],
    [old, /^wasm: module is the kernels of latentflow "0\.0\.1", expected the kernels of latentflow "/],
  ] as const) {
    refused(() => wasm({ module: module as WebAssembly.Module }), "invalid_argument", message);
    refused(() => wasm({ module: module as WebAssembly.Module }), "invalid_argument", line);
  }
  refused(
    () => wasm({ module: recogniseKernels(plain.module).module, relaxed: true }),
    "invalid_argument",
    /leave it out together with module/,
  );
});

test("a processor without a fused multiply-add gets the plain build, and the relaxed one is refused", () => {
  // V8 then computes as on a processor without AVX, for which Node 24 would compile the relaxed build wrongly.
  const source = `
    import { readFileSync } from "node:fs";
    import { amd, createDecoder, encode, wasm } from ${JSON.stringify(indexUrl)};
    const decoder = createDecoder({ layers: [2, 9, 5], seed: 1, outputActivation: "sigmoid", loss: "bce" });
    const y = Float32Array.from({ length: 100 }, (_, i) => (i % 7) / 7);
    const call = (options) => encode(decoder, y, { solver: amd({ maxSteps: 20 }), backend: wasm({ threads: 1, ...options }) });
    const [best, plain] = [await call({}), await call({ relaxed: false })];
    console.log(best.backend.build, String(best.z) === String(plain.z));
    const report = ({ code, message }) => console.log(code, message);
    await call({ relaxed: true }).catch(report);
    const module = await WebAssembly.compile(readFileSync(${JSON.stringify(fileURLToPath(file("relaxed")))}));
    try { wasm({ module }) } catch (error) { report(error) }`;
  const args = ["--no-enable-avx", "--import", "tsx", "--input-type=module", "--eval", source];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 2 * PATIENCE });
  const [builds, ...refusals] = stdout.trim().split("\n");
  assert.is(builds, "plain true", stderr);
  const reason = "this runtime or its processor has no relaxed SIMD with fused multiply-add";
  assert.equal(refusals, [
    `unsupported wasm: relaxed is true, but ${reason}; leave the option out to get the plain build`,
    // A runtime without relaxed SIMD cannot even compile it.
    ...(Number(process.versions.node.split(".")[0]) < 22
      ? []
      : [`unsupported wasm: module is the relaxed build, but ${reason}; give the plain build`]),
  ]);
});

/** What a program prints, in a process that loads the published library after something else. */
function printed(prepare: string, options: readonly string[] = [], threads = 1): string {
  const program = `
    ${prepare}
    const { amd, createDecoder, encode, wasm } = await import(${JSON.stringify(new URL("index.js", workerUrl).href)});
    const decoder = createDecoder({ layers: [2, 9, 5], outputActivation: "sigmoid", loss: "bce" });
    const backend = wasm({ threads: ${threads} });
    const call = encode(decoder, new Float32Array(500), { solver: amd({ maxSteps: 3 }), backend });
    const told = ({ status, backend }) => [status.length, backend.reason].join(" ").trim();
    console.log(await call.then(told, ({ code, message }) => code + " " + message));`;
  const args = [...options, "--input-type=module", "--eval", program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: PATIENCE });
  return stdout.trim() || stderr;
}

for (const [what, prepare] of [
  [
    "TextDecoder and TextEncoder, as in jest's jsdom",
    "delete globalThis.TextDecoder; delete globalThis.TextEncoder;",
  ],
  ["Blob.stream and Response, as in jsdom", "delete Blob.prototype.stream; delete globalThis.Response;"],
  [
    "setImmediate and MessageChannel, as in jest's jsdom",
    // Each look at the clock says that it is time for a pause.
    "delete globalThis.setImmediate; delete globalThis.MessageChannel; let t = 0; performance.now = () => (t += 100);",
  ],
  ["DecompressionStream", "delete globalThis.DecompressionStream;"],
  [
    "Instance, where a page's main thread refuses big modules",
    "WebAssembly.Instance = function () { throw new RangeError('too big') };",
  ],
  [
    "awaiting an instance, at which Node 20 hangs now and then",
    "WebAssembly.instantiate = () => new Promise(() => {});",
  ],
] as const) {
  test(`it works without ${what}`, () => {
    assert.is(printed(prepare), "100");
  });
}

test("it works where the built-in objects are frozen", () => {
  assert.is(printed("", ["--frozen-intrinsics", "--no-warnings"]), "100");
});

test("processes that make one decoder after the other come to their end", () => {
  const file = fileURLToPath(new URL("../soak.mjs", import.meta.url));
  const { stdout } = spawnSync(process.execPath, [file, "2"], { encoding: "utf8", timeout: 2 * PATIENCE });
  assert.match(stdout, /\n2 processes on Node [\d.]+: 0 hung, 0 failed\n$/);
});

test("where there are no workers, as in Cloudflare's, one thread does it, and the reason says so", () => {
  assert.is(
    printed("process.getBuiltinModule = undefined; delete globalThis.Worker;", [], 2),
    "100 workers cannot be started here: this runtime has no Worker; wasm({ threads: 1 }) does without",
  );
});

test("what could not be compiled or unpacked is tried again by a later call", () => {
  const early = (fail: string) => `
    const early = await import(${JSON.stringify(new URL("index.js", workerUrl).href)});
    const { DecompressionStream } = globalThis;
    const { compile } = WebAssembly;
    process.on("unhandledRejection", (reason) => console.log("unhandled", reason));
    ${fail}
    const linear = early.createDecoder({ layers: [1, 1] });
    await early.decode(linear, new Float32Array(1), { backend: early.wasm({ threads: 1 }) }).then(
      () => console.log("nothing has failed"),
      ({ message }) => console.log(message.includes("not yet")),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    WebAssembly.compile = compile;
    globalThis.DecompressionStream = DecompressionStream;`;
  const broken = (kind: string) => `new ${kind}Stream({ start: (side) => side.error(new Error("not yet")) })`;
  for (const fail of [
    "WebAssembly.compile = async () => { throw new Error('not yet') };",
    `globalThis.DecompressionStream = class {
      readable = ${broken("Readable")};
      writable = ${broken("Writable")};
    };`,
  ]) {
    assert.is(printed(early(fail)), "true\n100");
  }
});

test("where nothing can be compiled, or unpacked, the error has the line to write", () => {
  const line = /import kernels from "latentflow\/wasm\/plain\.wasm".*wasm\(\{ module: kernels \}\)/;
  for (const [prepare, message] of [
    [
      "WebAssembly.compile = async () => { throw new WebAssembly.CompileError('disallowed by embedder') };",
      /^unsupported wasm: the kernels could not be compiled \(disallowed by embedder\).*'wasm-unsafe-eval'/,
    ],
    [
      "delete globalThis.DecompressionStream; process.getBuiltinModule = undefined;",
      /^unsupported wasm: this runtime has no DecompressionStream/,
    ],
  ] as const) {
    const output = printed(prepare);
    assert.match(output, message);
    assert.match(output, line);
  }
});

test.run();
