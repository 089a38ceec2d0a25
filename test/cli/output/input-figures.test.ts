import { test } from "uvu";
import * as assert from "uvu/assert";
import { decoderFigure } from "../../../src/cli/output/input-figures.ts";
import { createDecoder } from "../../../src/index.ts";

test("a report names a decoder's address without its secrets", () => {
  const decoder = createDecoder({ layers: [2, 3, 4] });
  const report = decoderFigure("https://user:pass@host/d.onnx?token=abc#def", decoder);
  assert.match(
    JSON.stringify(report),
    /"https:\/\/host\/d\.onnx\?…: 2 → 3 → 4".*"file":"https:\/\/host\/d\.onnx\?…"/,
  );
  assert.not.match(JSON.stringify(report), /user|pass|token|abc|def/);
});

test.run();
