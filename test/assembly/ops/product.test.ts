// run: newer-node
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { optimisedCodes } from "../../../bench/machine-code.ts";
import { REVECTORIZE } from "../../../src/cli/vectors.ts";
import { instantiateKernels } from "../../../src/kernels/instance.ts";
import { builds, wideBuilds } from "../../support/builds.ts";

// What products compute is held by kernels.test.ts; here, that V8 finds every pair of vectors in their loops. It looks for pairs
// from neighbouring stores back, so another order of instructions, by another compiler say, may hide them.

const root = fileURLToPath(new URL("../../..", import.meta.url));

for (const build of [...builds.filter(({ name }) => name !== "debug"), ...wideBuilds]) {
  test(`${build.name}: with V8's flag all arithmetic in the loops of products has 256 bits`, async () => {
    const kernels = await instantiateKernels(build.module, new WebAssembly.Memory({ initial: 1 }));
    // An exported function is named by its index.
    const index = kernels.multiply.name;
    const optimise = ["--no-liftoff", "--no-wasm-lazy-compilation"];
    const args = [REVECTORIZE, ...optimise, `--print-wasm-code-function-index=${index}`];
    const file = `build/wasm/${build.name}.wasm`;
    const print = execFileSync(process.execPath, [...args, "bench/compile-module.mjs", file], {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
    const codes = [...optimisedCodes(print)].filter((code) => String(code.index) === index);
    assert.is(codes.length, 1, print.slice(0, 1000));
    assert.is(codes[0]!.narrow, 0);
    assert.ok(codes[0]!.wide >= 64, `${codes[0]!.wide} instructions`);
  });
}

test.run();
