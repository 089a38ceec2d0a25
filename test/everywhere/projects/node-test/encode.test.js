import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { encodeSome } from "./program.js";

test("encodes", async () => {
  const report = await encodeSome();
  assert.ok(report.threads >= 1);
  writeFileSync("report.json", JSON.stringify(report));
});
