// run: alone
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import packageJson from "../../package.json" with { type: "json" };
import {
  amd,
  encode,
  type GradientFlow,
  lbfgs,
  loadDecoder,
  type Solver,
  summary,
  wasm,
} from "../../src/index.ts";
import { demoDigits } from "../support/demo-digits.ts";
import { findNewerNode } from "../support/runtimes.mjs";

// The files that are published, as they lie here: in its own folder the package knows itself by its name.

const root = fileURLToPath(new URL("../..", import.meta.url));
const library = join(root, "build/lib");

/** Programs that end with an error that nobody catches, by the arguments that run them in the package's folder. */
const uncaught = [
  {
    name: "an ES module",
    args: [
      "--input-type=module",
      "--eval",
      refusedCall('import { createDecoder, encode } from "latentflow";'),
    ],
    message: "y has 3 values",
  },
  {
    name: "a CommonJS module",
    args: ["--eval", refusedCall('const { createDecoder, encode } = require("latentflow");')],
    message: "y has 3 values",
  },
  {
    name: "the module that CDNs serve",
    args: [
      "--input-type=module",
      "--eval",
      refusedCall(`import { createDecoder, encode } from "./build/lib/latentflow.min.js";`),
    ],
    message: "y has 3 values",
  },
  {
    name: "the worker's file, by itself",
    args: [join(library, "latentflow-worker.js")],
    message: "is the file of a worker",
  },
  {
    name: "the program",
    // As a defect would: nothing of its own throws what it does not catch.
    args: [
      "--import",
      "data:text/javascript,delete String.prototype.padEnd",
      join(library, "cli.js"),
      "--help",
    ],
    message: "padEnd is not a function",
  },
];

/** What npm would publish. */
const [packed] = JSON.parse(
  execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root, encoding: "utf8" }),
) as [{ readonly unpackedSize: number; readonly files: readonly { readonly path: string }[] }];

function refusedCall(imports: string): string {
  return `${imports} encode(createDecoder({ layers: [2, 4], loss: "mse" }), new Float32Array(3));`;
}

for (const node of [process.execPath, findNewerNode()]) {
  const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  for (const { name, args, message } of uncaught) {
    test(`an error that nobody catches prints its message and no library: ${name}, Node ${version}`, () => {
      const { status, stderr } = spawnSync(node, args, { cwd: root, encoding: "utf8" });
      assert.is(status, 1);
      assert.match(stderr, message);
      assert.ok(stderr.length < 2000, `${stderr.length} characters`);
    });
  }
}

test("no line of code is long: an error prints the one that threw, and a line of blanks to point into it", () => {
  for (const file of readdirSync(library).filter((name) => /\.js$/.test(name))) {
    // Without the kernels in base64 and a regular expression of all emojis.
    const code = readFileSync(join(library, file), "utf8").replace(
      /[\w+/]{1000,}|\\u[\da-f]{4}[-|[\]?:()]*/gi,
      "",
    );
    const lines = code.split("\n").map((line) => line.length);
    assert.ok(Math.max(...lines) < 1000, `${file}: ${Math.max(...lines)} characters`);
  }
});

test("no string of the worker continues on the next line: Rollup, and so Vite 6 and 7, would indent it", () => {
  assert.not.match(readFileSync(join(library, "latentflow-worker.js"), "utf8"), /\\$/m);
});

test("the package unpacks to as much at most as CONTRIBUTING says", () => {
  const text = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
  const [, megabytes] = /the package stays within ([\d.]+) MB/.exec(text)!;
  assert.ok(packed.unpackedSize <= 1e6 * Number(megabytes), `${packed.unpackedSize} bytes`);
});

test("the pages of site/ are published, and every link of a published page leads to a published file", () => {
  const paths = new Set(packed.files.map(({ path }) => path));
  const pages = readdirSync(join(root, "site"), { recursive: true, encoding: "utf8" })
    .map((path) => join("site", path))
    .filter((path) => path.endsWith(".md") && !path.startsWith("site/reference/api/"));
  assert.equal(
    pages.filter((path) => !paths.has(path)),
    [],
  );
  const published = [...paths].filter((path) => path.endsWith(".md"));
  const broken = published.flatMap((page) => {
    const links = readFileSync(join(root, page), "utf8").matchAll(/(!?)\[[^\]]*\]\((?![a-z]+:|#)([^)#\s]+)/g);
    return [...links].flatMap(([, isPicture, link]) => {
      const target = join(dirname(page), link!);
      // Charts weigh 3 MB: the site and the repository have them.
      const isThere = isPicture ? existsSync(join(root, dirname(page), link!)) : paths.has(target);
      return isThere ? [] : [`${page} leads to ${target}`];
    });
  });
  assert.equal(broken, []);
});

test("the README says that the package has pages without charts, as long as it has", () => {
  const paths = new Set(packed.files.map(({ path }) => path));
  const missing = [...paths]
    .filter((path) => path.endsWith(".md"))
    .flatMap((page) => {
      const pictures = readFileSync(join(root, page), "utf8").matchAll(
        /!\[([^\]]*)\]\((?![a-z]+:)([^)\s]+)\)/g,
      );
      return [...pictures].filter(([, , link]) => !paths.has(join(dirname(page), link!)));
    });
  const readme = readFileSync(join(root, "README.md"), "utf8").replace(/\s+/g, " ");
  assert.is(readme.includes("all pages, without their charts"), missing.length > 0);
  for (const [, title, link] of missing) assert.ok(title, `a chart without a title: ${link}`);
});

test("the page of licences names every bundled package, with its licence", () => {
  const notices = readFileSync(join(library, "THIRD_PARTY_LICENSES.txt"), "utf8").split(/^-{80}$/m);
  const bundled = notices.map((notice) => /^(\S+) [\d.]+ \((\S+)\)$/m.exec(notice)!.slice(1).join(", "));
  assert.ok(bundled.length >= 10, `${bundled.length} packages`);
  const page = readFileSync(join(root, "site/project/licences.md"), "utf8");
  const table = page.slice(page.indexOf("## Bundled packages"), page.indexOf("## The paper"));
  const documented = [...table.matchAll(/^\| (\S.*?) \| (\S+) \|/gm)]
    .slice(1)
    .flatMap(([, names, licence]) => names!.split(", ").map((name) => `${name}, ${licence}`));
  assert.equal(documented.sort(), bundled.sort());
});

test("no published file has a placeholder for an owner", () => {
  const placeholders = packed.files.filter(({ path }) =>
    /\bOWNER\b/.test(readFileSync(join(root, path), "utf8")),
  );
  assert.equal(placeholders, []);
});

test("CDNs serve one file", () => {
  const { unpkg, jsdelivr } = packageJson;
  assert.is(unpkg, jsdelivr);
  const imports = /(^|[;}\n])import[\s{*"]/;
  assert.match(readFileSync(join(library, "index.js"), "utf8"), imports);
  assert.not.match(readFileSync(join(root, unpkg), "utf8"), imports);
});

test("the paper's decoder is as good in half the bytes as it was", async () => {
  const decoder = await loadDecoder(new URL("../../demo/decoder.safetensors", import.meta.url));
  const digits = await demoDigits(300);
  const meanLossBy = async (solver: Solver<GradientFlow<1>>, count: number) =>
    summary(
      await encode(decoder, digits.subarray(0, count * decoder.outputSize), {
        solver,
        backend: wasm({ relaxed: false }),
      }),
    ).meanLoss;
  // As it was trained, in float32: see demo/README.md.
  const meanLoss = await meanLossBy(lbfgs(), 300);
  assert.ok(Math.abs(meanLoss - 0.086172) < 1e-4, `${meanLoss}`);
  // The flow takes ten times as long.
  const byFlow = await meanLossBy(amd(), 40);
  assert.ok(Math.abs(byFlow - 0.086085) < 1e-4, `${byFlow}`);
  // AMD stops before rest.
  assert.ok((await meanLossBy(lbfgs(), 40)) < byFlow);
});

test("the demo's decoder is as good as it was trained to be", async () => {
  const decoder = await loadDecoder(new URL("../../demo/convolutional.safetensors", import.meta.url));
  const definition = JSON.parse(
    readFileSync(new URL("../../demo/convolutional.json", import.meta.url), "utf8"),
  );
  assert.equal(decoder.definition, definition);
  const { meanLoss } = summary(
    await encode(decoder, await demoDigits(300), { backend: wasm({ relaxed: false }) }),
  );
  // See demo/README.md.
  assert.ok(Math.abs(meanLoss - 0.0764) < 1e-4, `${meanLoss}`);
});

test.run();
