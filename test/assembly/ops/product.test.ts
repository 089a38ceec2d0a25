// run: newer-node
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { optimisedCodes } from "../../../bench/machine-code.ts";
import { REVECTORIZE } from "../../../src/cli/vectors.ts";
import { newInstance } from "../../../src/kernels/instance.ts";
import { builds, wideBuilds } from "../../support/builds.ts";

// What products compute is held by kernels.test.ts; here, that V8 finds every pair of vectors in their loops. It looks for pairs
// from neighbouring stores back, so another order of instructions, by another compiler say, may hide them.

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Number of functions of a build that hold tiles, since the compiler inlines them in several places. */
const FUNCTIONS = { plain: 7, relaxed: 7, "plain-wide": 8, "relaxed-wide": 8 };

for (const [name, expected] of Object.entries(FUNCTIONS)) {
  const build = [...builds, ...wideBuilds].find((one) => one.name === name)!;
  test(`${name}: with V8's flag the arithmetic in the loops of products has 256 bits`, async () => {
    const optimise = ["--no-liftoff", "--no-wasm-lazy-compilation", "--wasm-num-compilation-tasks=1"];
    const args = [REVECTORIZE, ...optimise, "--print-wasm-code", "bench/compile-module.mjs"];
    const file = `build/wasm/${name}.wasm`;
    const options = { cwd: root, encoding: "utf8", maxBuffer: 2 ** 28 } as const;
    const codes = [...optimisedCodes(execFileSync(process.execPath, [...args, file], options))];
    const { kernels } = await newInstance(build.module);
    // An exported function is named by its index.
    const multiply = codes.find(({ index }) => String(index) === kernels.multiply.name)!;
    assert.is(multiply.narrow, 0);
    // Other arithmetic is inlined beside the tiles, up to 19 instructions of it.
    const joined = codes.filter(({ wide, narrow }) => wide >= 16 && narrow < 20);
    assert.ok(joined.includes(multiply));
    assert.ok(joined.length >= expected, joined.map(({ index, wide }) => `${index}: ${wide}`).join(", "));
  });
}

test.run();
