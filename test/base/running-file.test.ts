import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fileOfStack } from "../../src/base/running-file.ts";
import { workerUrl } from "../support/threads.ts";
import { printed, program } from "../support/two-threads.ts";

test("the running file is found in the stacks of all engines", () => {
  for (const [stack, file] of [
    // Chrome and Node.
    [
      "Error\n    at runningFile (https://a.org/lib/index.js:1:2)\n    at x (https://b.org/y.js:3:4)",
      "https://a.org/lib/index.js",
    ],
    ["Error\n    at file:///home/a b/index.js:10:20", "file:///home/a b/index.js"],
    ["Error\n    at new Pool (/home/user/lib/index.cjs:10:20)", "/home/user/lib/index.cjs"],
    ["Error\n    at f (C:\\lib\\index.cjs:10:20)", "C:\\lib\\index.cjs"],
    // Firefox, with a CDN's version in the address.
    [
      "runningFile@https://cdn.org/npm/latentflow@0.1.0/a.js:1:2\nx@https://b.org/y.js:3:4\n",
      "https://cdn.org/npm/latentflow@0.1.0/a.js",
    ],
    [
      "async*f@http://localhost:5173/deps/latentflow.js?v=1a2b:10:20\n",
      "http://localhost:5173/deps/latentflow.js?v=1a2b",
    ],
    ["@https://a.org/index.js:1:2", "https://a.org/index.js"],
    // Safari.
    ["runningFile@https://a.org/index.js:1:2\nmodule code@https://b.org/y.js:3:4", "https://a.org/index.js"],
    ["https://cdn.org/latentflow@0.1.0/a.js:1:2", "https://cdn.org/latentflow@0.1.0/a.js"],
    ["", undefined],
    ["Error", undefined],
    ["f@[native code]", undefined],
  ] as const) {
    assert.is(fileOfStack(stack), file, stack);
  }
});

test("the file beside the library's is found where Error is frozen, and by both kinds of modules", () => {
  const library = new URL("index.js", workerUrl).href;
  const evaluated = ["--input-type=module", "--eval"];
  assert.is(printed([...evaluated, program(library)]), "2 undefined");
  const frozen = "Error.stackTraceLimit = 10; Object.freeze(Error);";
  const imported = `${frozen} await import("data:text/javascript," + ${JSON.stringify(encodeURIComponent(program(library)))});`;
  assert.is(printed([...evaluated, imported]), "2 undefined");
  assert.is(printed(["--frozen-intrinsics", "--no-warnings", ...evaluated, program(library)]), "2 undefined");
  const required = program("x").replace(/import (.*) from "x"/, `const $1 = require("./index.js")`);
  assert.is(printed(["--eval", required], fileURLToPath(new URL(".", workerUrl))), "2 undefined");
});

test.run();
