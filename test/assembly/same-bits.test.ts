// run: both, slow
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findChangedRuns } from "../../experiments/run-hashes.ts";
import { compiledPath } from "../support/compile.mjs";

// wasm({ relaxed: false }) gives the same bits on every machine. This file runs on Node 20 and on Node 24.

test("the plain build's runs have the bits that are kept of them", async () => {
  const { count, differences } = await findChangedRuns();
  assert.ok(count > 1000);
  assert.equal(differences, [], "meant? then `npm run experiment -- record-runs` keeps them");
});

const [major] = process.versions.node.split(".");
if (Number(major) >= 24) {
  // site/performance/index.md recommends the flag.
  for (const [kernels, ...options] of [["the same"], ["the wide", "--wide"]]) {
    test(`and have them where V8 joins vectors to 256 bits, with ${kernels} kernels`, () => {
      const root = fileURLToPath(new URL("../..", import.meta.url));
      const program = compiledPath(root, "experiments/main.ts");
      const { stdout, stderr } = spawnSync(
        process.execPath,
        ["--experimental-wasm-revectorize", program, "runs", ...options],
        { cwd: root, encoding: "utf8" },
      );
      const [, same, count] = /^plain runs: (\d+) of (\d+) as they were\n$/.exec(stdout) ?? [];
      assert.ok(same !== undefined && same === count, stdout + stderr);
    });
  }
}

const source = fileURLToPath(new URL("../../src/", import.meta.url));
/**
 * What has last bits that the language leaves to its engines. Powers of 2 and squares are exact, and so is `log2` where it
 * is rounded to integers.
 */
const LEFT_TO_ENGINES = new RegExp(
  [
    /\bMath\.(a?(cos|sin|tan)h?|atan2|cbrt|exp|expm1|hypot|log|log10|log1p|pow)\b/,
    /(?<!Math\.(floor|ceil)\()\bMath\.log2\b/,
    /(?<!(?:^|[^\w.])2) \*\* (?!2\b(?!\.))/,
    /\*\*=/,
  ]
    .map(({ source }) => source)
    .join("|"),
);
/** Where no result depends on the last bits. */
const ALLOWED: Readonly<Record<string, string>> = {
  "api/verify.ts": "compared with a tolerance",
  "backend/webgpu/auto.ts": "inputs of a measurement",
  "backend/webgpu/calibration.ts": "inputs of a comparison",
  "cli/input/array-files/store-value.ts": "powers of two",
  "onnx/read/folding/elementwise.ts": "of constants, which are rounded to float32 afterwards",
  "onnx/read/folding/norms.ts": "of constants, which are rounded to float32 afterwards",
  "onnx/read/folding/reductions.ts": "of constants, which are rounded to float32 afterwards",
  "onnx/read/operators/table.ts": "of constants, which are rounded to float32 afterwards",
  "train/run-warnings.ts": "words of a warning",
};

test("what is left to engines is found, and what is exact is not", () => {
  const lines = {
    found: [
      "Math.exp(x)",
      "Math.acosh(x)",
      "Math.log2(x)",
      "x ** 0.5",
      "x ** 2.5",
      "10 ** k",
      "x2 ** k",
      "x **= 3",
    ],
    exact: ["x ** 2", "2 ** k", "(2 ** -k)", "Math.floor(Math.log2(x))", "Math.sqrt(x)", "exponential(x)"],
  };
  assert.equal(
    [...lines.found, ...lines.exact].filter((line) => LEFT_TO_ENGINES.test(line)),
    lines.found,
  );
});

test("nothing else that results depend on is left to the engine's last bits", () => {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const users = files.filter((file) =>
    readFileSync(source + file, "utf8")
      .split("\n")
      .some((line) => !/^\s*(\/?\*|\/\/)/.test(line) && LEFT_TO_ENGINES.test(line)),
  );
  assert.equal(users.sort(), Object.keys(ALLOWED));
});

test.run();
