// run: both, alone
// Tests src/backend/wasm/threads/worker-file.ts.
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { printed, program } from "../support/two-threads.ts";

/** A project with the package in node_modules/, and a server's bundle of a program in dist/, without its worker. */
async function bundledServer(format: "esm" | "cjs") {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "latentflow-server-")));
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const installed = join(folder, "node_modules/latentflow");
  mkdirSync(installed, { recursive: true });
  cpSync(join(root, "package.json"), join(installed, "package.json"));
  cpSync(join(root, "build/lib"), join(installed, "build/lib"), { recursive: true });
  writeFileSync(join(folder, "program.mjs"), program("latentflow"));
  const bundle = join(folder, "dist/server", format === "esm" ? "index.mjs" : "index.cjs");
  const entry = join(folder, "program.mjs");
  await build({ entryPoints: [entry], outfile: bundle, bundle: true, platform: "node", format });
  return { folder, installed, bundle, dispose: () => rmSync(folder, { recursive: true }) };
}

for (const format of ["esm", "cjs"] as const) {
  test(`a server's bundle, ${format}, finds the installed package's file, from itself and from where it is started`, async () => {
    const server = await bundledServer(format);
    try {
      assert.is(printed([server.bundle], tmpdir()), "2 undefined");
      const elsewhere = realpathSync(mkdtempSync(join(tmpdir(), "latentflow-elsewhere-")));
      const moved = join(elsewhere, `moved.${format === "esm" ? "mjs" : "cjs"}`);
      cpSync(server.bundle, moved);
      assert.is(printed([moved], server.folder), "2 undefined");
      assert.match(
        printed([moved], elsewhere),
        /^1 workers cannot be started here: .*latentflow-worker.*require\.resolve/,
      );
      rmSync(elsewhere, { recursive: true });
    } finally {
      server.dispose();
    }
  });
}

test.run();
