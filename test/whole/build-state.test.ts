// run: alone
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rememberBuild, saidOfCurrent, sourcesOf } from "../../scripts/build-state.mjs";

// Which kernels, and which library, are taken for those of the sources, without a build: test/whole/build.test.ts has builds.

const folder = mkdtempSync(join(tmpdir(), "latentflow-build-state-"));
test.after(() => rmSync(folder, { recursive: true }));

const SOURCE = "assembly/index.ts";
const KERNELS = "build/wasm/plain.wasm";
const COMPILER = "node_modules/assemblyscript/package.json";
const FILES = [
  ...[SOURCE, "asconfig.json", "package.json", COMPILER],
  ...["build", "stamp-wasm", "write-structs", "embed-wasm"].map((name) => `scripts/${name}.mjs`),
];

const isCurrent = (root: string, part: "wasm" | "library" = "wasm") =>
  saidOfCurrent(root, part) !== undefined;

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
  const sources = sourcesOf(root, "wasm");
  write(KERNELS, "built");
  meanwhile(write);
  rememberBuild(root, "wasm", sources);
  return { root, write };
}

test("kernels are current as they were built, wherever the repository lies", () => {
  assert.not(isCurrent(repository().root));
  const { root } = built();
  assert.ok(isCurrent(root));
  cpSync(root, `${root}-elsewhere`, { recursive: true });
  assert.ok(isCurrent(`${root}-elsewhere`));
});

for (const file of [...FILES, KERNELS, "assembly/added.ts", "build/wasm/added.wasm"]) {
  test(`they are not when ${file} is another`, () => {
    const { root, write } = built();
    write(file, "another");
    assert.not(isCurrent(root));
  });
}

test("they are not when a source was changed while they were built, and changed back or not", () => {
  const { root, write } = built((change) => change(SOURCE, "changed"));
  assert.not(isCurrent(root));
  write(SOURCE, SOURCE);
  assert.not(isCurrent(root));
});

test("a link that leads nowhere is no source, and without its packages the repository has no current kernels", () => {
  const { root } = built();
  symlinkSync("user@host.1", join(root, "assembly/.#index.ts"));
  assert.ok(isCurrent(root));
  renameSync(join(root, "node_modules"), join(root, "elsewhere"));
  assert.not(isCurrent(root));
});

const LIBRARY = ["src/index.ts", "tsconfig.json", "scripts/bundle.mjs", "node_modules/.package-lock.json"];

/** The same with a library, built. */
function builtLibrary() {
  const { root, write } = built();
  for (const file of LIBRARY) write(file, file);
  const sources = sourcesOf(root, "library");
  write("build/lib/index.js", "built");
  rememberBuild(root, "library", sources, "59.9 kB\n");
  return { root, write };
}

test("the library is current as it was built, and what its build said is known", () => {
  assert.not(isCurrent(built().root, "library"));
  const { root } = builtLibrary();
  assert.is(saidOfCurrent(root, "library"), "59.9 kB\n");
  assert.is(saidOfCurrent(root, "wasm"), "");
});

for (const file of [...LIBRARY, KERNELS, "src/cli/added.ts", "build/lib/index.js", "build/lib/added.js"]) {
  test(`the library is not when ${file} is another`, () => {
    const { root, write } = builtLibrary();
    write(file, "another");
    assert.not(isCurrent(root, "library"));
  });
}

/** Scripts that a part of the build runs, by scripts/build.mjs, and those that they import. */
function scriptsOf(part: "wasm" | "library"): string[] {
  const build = readFileSync("scripts/build.mjs", "utf8");
  const [, steps] = new RegExp(`^  ${part}: (\\[.*?^  \\])`, "ms").exec(build)!;
  const scripts = Array.from(steps!.matchAll(/node (scripts\/[\w-]+\.mjs)/g), ([, script]) => script!);
  for (const script of scripts) {
    for (const [, name] of readFileSync(script, "utf8").matchAll(/ from "\.\/([\w-]+\.mjs)"/g)) {
      if (!scripts.includes(`scripts/${name}`)) scripts.push(`scripts/${name}`);
    }
  }
  return scripts;
}

test("a part is not current when a script is another that it is built by", () => {
  for (const part of ["wasm", "library"] as const) {
    const scripts = scriptsOf(part);
    assert.ok(scripts.length >= 3, `${scripts}`);
    for (const script of scripts) {
      const { root, write } = builtLibrary();
      write(script, "another");
      assert.not(isCurrent(root, part), `${part}: ${script}`);
    }
  }
});

test.run();
