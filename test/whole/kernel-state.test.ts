// run: alone
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { areKernelsCurrent, rememberKernels, sourcesOfKernels } from "../../scripts/kernel-state.mjs";

// Which kernels are taken for those of the sources, without a build: test/whole/build.test.ts has builds.

const folder = mkdtempSync(join(tmpdir(), "latentflow-kernel-state-"));
test.after(() => rmSync(folder, { recursive: true }));

const SOURCE = "assembly/index.ts";
const KERNELS = "build/wasm/plain.wasm";
const COMPILER = "node_modules/assemblyscript/package.json";
const FILES = [
  ...[SOURCE, "asconfig.json", "package.json", COMPILER],
  ...["build", "stamp-wasm", "write-structs", "embed-wasm"].map((name) => `scripts/${name}.mjs`),
];

/** A repository of next to nothing. */
function repository(): { root: string; write(file: string, text: string): void } {
  const root = mkdtempSync(join(folder, "root-"));
  const write = (file: string, text: string) => {
    mkdirSync(join(root, file, ".."), { recursive: true });
    writeFileSync(join(root, file), text);
  };
  for (const file of FILES) write(file, file);
  return { root, write };
}

/** The same, built; `meanwhile` is what happens in the middle of it. */
function built(meanwhile: (write: (file: string, text: string) => void) => void = () => {}) {
  const { root, write } = repository();
  const sources = sourcesOfKernels(root);
  write(KERNELS, "built");
  meanwhile(write);
  rememberKernels(root, sources);
  return { root, write };
}

test("kernels are current as they were built, wherever the repository lies", () => {
  assert.not(areKernelsCurrent(repository().root));
  const { root } = built();
  assert.ok(areKernelsCurrent(root));
  cpSync(root, `${root}-elsewhere`, { recursive: true });
  assert.ok(areKernelsCurrent(`${root}-elsewhere`));
});

for (const file of [...FILES, KERNELS, "assembly/added.ts", "build/wasm/added.wasm"]) {
  test(`they are not when ${file} is another`, () => {
    const { root, write } = built();
    write(file, "another");
    assert.not(areKernelsCurrent(root));
  });
}

test("they are not when a source was changed while they were built, and changed back or not", () => {
  const { root, write } = built((change) => change(SOURCE, "changed"));
  assert.not(areKernelsCurrent(root));
  write(SOURCE, SOURCE);
  assert.not(areKernelsCurrent(root));
});

test("a link that leads nowhere is no source, and without its packages the repository has no current kernels", () => {
  const { root } = built();
  symlinkSync("user@host.1", join(root, "assembly/.#index.ts"));
  assert.ok(areKernelsCurrent(root));
  renameSync(join(root, "node_modules"), join(root, "elsewhere"));
  assert.not(areKernelsCurrent(root));
});

test.run();
