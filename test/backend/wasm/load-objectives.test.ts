// run: both, alone
// Tests src/backend/wasm/load-objectives.ts, src/backend/wasm/wasm.ts: code that is loaded on first use.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { EncodeOptions } from "../../../src/index.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "latentflow-parts-"));
test.after(() => rmSync(folder, { recursive: true }));
await build({
  absWorkingDir: root,
  entryPoints: ["src/index.ts"],
  outdir: folder,
  bundle: true,
  splitting: true,
  format: "esm",
  logLevel: "silent",
});
for (const part of ["objectives", "shared-session"]) {
  const files = readdirSync(folder).filter((name) => name.startsWith(`${part}-`));
  assert.is(files.length, 1, `${part} is a file of its own`);
  rmSync(join(folder, files[0]!));
}
const library: typeof import("../../../src/index.ts") = await import(
  pathToFileURL(join(folder, "index.js")).href
);
const { createDecoder, decode, dormandPrince, encode, wasm } = library;
const decoder = createDecoder({ layers: [2, 6, 4], outputActivation: "sigmoid", loss: "bce", seed: 1 });
const y = Float32Array.of(0, 1, 0.5, 0, 1, 1, 0, 0.25);
const encodeWith = (options: EncodeOptions) => encode(decoder, y, options);

test("a default call on one thread loads no more code", async () => {
  const { backend, status } = await encodeWith({ backend: wasm({ threads: 1 }) });
  assert.equal([backend.threads, backend.reason], [1, undefined]);
  assert.is(status.length, 2);
});

test("without the code for workers, calls stay on one thread and say why", async () => {
  const backend = wasm({ threads: 2 });
  const result = await encodeWith({ backend });
  assert.is(result.backend.threads, 1);
  assert.match(
    result.backend.reason!,
    /^workers cannot be started here: Cannot find module .*shared-session.*; wasm\(\{ threads: 1 \}\) does without$/,
  );
  assert.equal(result.z, (await encodeWith({ backend: wasm({ threads: 1 }) })).z);
  assert.is((await decode(decoder, result.z, { backend })).length, 8);
});

for (const [what, options] of [
  ["solver", { solver: dormandPrince({ t1: 1 }) }],
  ["saveAt", { saveAt: "steps" }],
] as const) {
  test(`without the code for objectives, a call that needs it rejects: ${what}`, async () => {
    try {
      await encodeWith({ backend: wasm({ threads: 1 }), ...options });
    } catch (error) {
      assert.instance(error, library.LatentflowError);
      const { code, message } = error as InstanceType<typeof library.LatentflowError>;
      assert.is(code, "unsupported");
      assert.match(
        message,
        /^wasm: a part of the library could not be loaded \(Cannot find module .*objectives/,
      );
      return;
    }
    assert.unreachable("it needs none");
  });
}

test.run();
