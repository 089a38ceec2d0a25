// run: alone
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { saidOfCurrent } from "../../scripts/build-state.mjs";

// In a copy, since other tests read what is built here, and of kernels of one line: the compiler takes half a minute for the real
// ones, which every other test has been built with.
const root = fileURLToPath(new URL("../..", import.meta.url));
const copy = realpathSync(mkdtempSync(join(tmpdir(), "latentflow-build-")));
for (const name of ["asconfig.json", "scripts", "package.json"]) {
  cpSync(join(root, name), join(copy, name), { recursive: true });
}
symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
mkdirSync(join(copy, "assembly"));
writeFileSync(join(copy, "assembly/index.ts"), "export function one(): i32 { return 1; }\n");
// The optimizer would say something in the middle, which is not for users.
appendFileSync(join(copy, "scripts/stamp-wasm.mjs"), '\nconsole.log("stamped");\n');
test.after(() => rmSync(copy, { recursive: true }));

const areKernelsCurrent = (root: string) => saidOfCurrent(root, "wasm") !== undefined;

function build(part: string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/build.mjs", part], {
    cwd: copy,
    encoding: "utf8",
  });
  // Where CI is set, the compiler writes in colour, to a pipe as well.
  return { status, output: stripVTControlCharacters(stdout + stderr) };
}

test("a build that works says nothing but what its last step says", () => {
  assert.equal(build("wasm"), { status: 0, output: "" });
  for (const name of ["debug.wasm", "plain.wasm", "relaxed.wasm", "embedded.ts"]) {
    assert.ok(existsSync(join(copy, "build/wasm", name)), name);
  }
});

test("kernels are built again only where what there is is torn, or of other sources", () => {
  const file = join(copy, "build/wasm/plain.wasm");
  const built = () => statSync(file).mtimeMs;
  const first = built();
  assert.equal(build("wasm"), { status: 0, output: "" });
  assert.is(built(), first);
  const whole = readFileSync(file);
  writeFileSync(file, whole.subarray(0, whole.length / 2));
  assert.not(areKernelsCurrent(copy));
  writeFileSync(file, whole);
  assert.ok(areKernelsCurrent(copy));
});

test("a build that fails shows all that the failing step has said, and which it was", () => {
  appendFileSync(join(copy, "assembly/index.ts"), "\nexport function broken(): i32 { return missing; }\n");
  const { status, output } = build("wasm");
  assert.is(status, 1, output);
  assert.ok(output.includes("ERROR TS2304: Cannot find name 'missing'"), `the build said: ${output}`);
  assert.match(output, /build: node .*asc\.js --target debug failed with exit code 1\n$/);
  // What there was before is not taken for what was to be built.
  assert.not(areKernelsCurrent(copy));
});

test("an unknown part is refused", () => {
  assert.equal(build("everything"), {
    status: 2,
    output: "build: there is no part everything, the parts are wasm, library\n",
  });
});

test.run();
