// Tests src/cli/options/flags.ts.
import { Command } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { callOf, clause, option, scopeOf, theOption } from "../../../src/base/message.ts";
import { invalid, refused } from "../../../src/base/refuse.ts";
import { showLocation } from "../../../src/base/show.ts";
import { addFlags, flag } from "../../../src/cli/options/flag-table.ts";
import { inFlags } from "../../../src/cli/options/flags.ts";
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

test("flags take the place of options, by the function and the option that holds them", () => {
  for (const [message, expected] of [
    [refused("encode", "y", "is", "NaN", "numbers"), "--data a.npy has NaN, expected numbers"],
    [refused("encode", "z0", "has", "3 values", "2"), "z0 has 3 values, expected 2"],
    [
      refused(`${callOf("train")}: ${scopeOf("validation")}`, "y", "has", "0 values", "some"),
      "--validate b.npy has 0 values, expected some",
    ],
    [refused("wasm", "threads", "is", "0", "a number"), "--threads is 0, expected a number"],
    [invalid(`${callOf("train")}: ${scopeOf("validation")}: too short`), "--validate: too short"],
    [refused("--weights w.npy", "count", "is", "0", "1"), "--weights w.npy: count is 0, expected 1"],
  ] as const) {
    assert.is(said(message), expected);
  }
});

test("a file that a function was given is named, unless the message begins with a flag", () => {
  const where = callOf("loadDecoder", showLocation("d.onnx"));
  assert.is(said(invalid(`${where}: no floats`)), "--decoder d.onnx: no floats");
  const shape = refused(where, "outputShape", "is", "[5]", "[6]");
  assert.is(said(shape), "--output-shape is [5], expected [6]");
});

test("advice has the flag and its value; a clause is left out where no flag can follow it", () => {
  const shapes = option("inputShapes", { z: [4, 8], "a b": [2] }, "…");
  for (const [text, expected] of [
    [`give ${option("loss", "mse", "squaredError()")}`, "give --loss mse"],
    [`go on with ${option("resume", true)}`, "go on with --resume"],
    [`give ${option("outputShape", [28, 28])}`, "give --output-shape 28,28"],
    [`give ${shapes}`, "give --input-shape z=4,8 --input-shape a b=2"],
    [`give ${option("prior", "none")} or ${theOption("prior")}`, 'give prior: "none" or the option prior'],
    [`stop${clause("loss", `, or give ${theOption("loss")}`)}`, "stop, or give --loss"],
    [`stop${clause("prior", `, or give ${theOption("prior")}`)}`, "stop"],
  ] as const) {
    assert.is(said(invalid(`${callOf("encode")}: ${text}`)), expected);
  }
});

test.run();
