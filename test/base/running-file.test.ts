import { test } from "uvu";
import * as assert from "uvu/assert";
import { fileOfStack } from "../../src/base/running-file.ts";

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

test.run();
