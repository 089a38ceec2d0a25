// Tests src/cli/options/message-in-flags.ts.
// Tests src/cli/options/other-run.ts.

import { Command } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { about, calling, within } from "../../../src/base/calling.ts";
import { clause, option, theOption, words } from "../../../src/base/message.ts";
import { invalid, refused } from "../../../src/base/refuse.ts";
import { showLocation } from "../../../src/base/show.ts";
import { addFlags, flag } from "../../../src/cli/options/flag-table.ts";
import { inFlags } from "../../../src/cli/options/message-in-flags.ts";
import type { LatentflowError } from "../../../src/index.ts";

const command = addFlags(new Command(), {
  data: flag("<file>", "", { gives: ["y"] }),
  validate: flag("[file]", "", { gives: ["validation", "validation.y"] }),
  threads: flag("<n>", "", { gives: ["wasm.threads"] }),
  decoder: flag("<file>", ""),
  loss: flag("<name>", ""),
  resume: flag("", ""),
  outputShape: flag("<lengths>", ""),
  inputShape: flag("<name=lengths>", "", { gives: ["inputShapes"] }),
});
command.parse(["--data", "a.npy", "--validate", "b.npy", "--decoder", "d.onnx"], { from: "user" });

const said = (error: LatentflowError) => inFlags(error, command);

/** Returns an error as it leaves a call. */
function left(call: (fail: () => never) => unknown, error: LatentflowError): LatentflowError {
  assert.throws(() =>
    call(() => {
      throw error;
    }),
  );
  return error;
}

const inEncode = (fail: () => never) => calling("encode", fail);
const inValidation = (fail: () => never) => calling("train", () => within("validation", fail));

test("flags take the place of options, by the function and the option that holds them", () => {
  for (const [message, expected] of [
    [left(inEncode, refused("y", "is", "NaN", "numbers")), "--data a.npy has NaN, expected numbers"],
    [left(inEncode, refused("z0", "has", "3 values", "2")), "z0 has 3 values, expected 2"],
    [
      left(inValidation, refused("y", "has", "0 values", "some")),
      "--validate b.npy has 0 values, expected some",
    ],
    [
      left((fail) => calling("wasm", fail), refused("threads", "is", "0", "a number")),
      "--threads is 0, expected a number",
    ],
    [left(inValidation, invalid("too short")), "--validate: too short"],
    [left(inValidation, invalid("too short for --validated")), "--validate: too short for --validated"],
    [
      left((fail) => about("--weights w.npy", fail), refused("count", "is", "0", "1")),
      "--weights w.npy: count is 0, expected 1",
    ],
  ] as const) {
    assert.is(said(message), expected);
  }
});

test("a file that a function was given is named, unless the message begins with a flag", () => {
  const inLoading = (fail: () => never) => calling("loadDecoder", fail, showLocation("d.onnx"));
  assert.is(said(left(inLoading, invalid("no floats"))), "--decoder d.onnx: no floats");
  const shape = refused("outputShape", "is", "[5]", "[6]");
  assert.is(said(left(inLoading, shape)), "--output-shape is [5], expected [6]");
});

test("advice has the flag and its value; a clause is left out where no flag can follow it", () => {
  const shapes = option("inputShapes", { z: [4, 8], "a b": [2] }, "…");
  for (const [text, expected] of [
    [words`give ${option("loss", "mse", "squaredError()")}`, "give --loss mse"],
    [words`go on with ${option("resume", true)}`, "go on with --resume"],
    [words`give ${option("outputShape", [28, 28])}`, "give --output-shape 28,28"],
    [words`give ${shapes}`, "give --input-shape z=4,8 --input-shape a b=2"],
    [
      words`give ${option("prior", "none")} or ${theOption("prior")}`,
      'give prior: "none" or the option prior',
    ],
    [words`stop${clause("loss", words`, or give ${theOption("loss")}`)}`, "stop, or give --loss"],
    [words`stop${clause("prior", words`, or give ${theOption("prior")}`)}`, "stop"],
  ] as const) {
    assert.is(said(left(inEncode, invalid(text))), expected);
  }
});

test.run();
