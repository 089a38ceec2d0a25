// run: both
import { Command } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LatentflowError, markedMessage } from "../../src/base/errors.ts";
import { callOf, clause, option, scopeOf, theOption } from "../../src/base/message.ts";
import { invalid, refused } from "../../src/base/refuse.ts";
import { inFlags } from "../../src/cli/options/flags.ts";
import { kebabCase } from "../../src/cli/options/parse.ts";
import { createDecoder, encode, lbfgs, loadDecoder } from "../../src/index.ts";
import { train } from "../../src/train/index.ts";
import { fileOf } from "../support/safetensors-file.ts";

const decoder = createDecoder({ layers: [2, 3], loss: "mse" });
const y = new Float32Array(3);

async function errorOf(call: () => unknown): Promise<LatentflowError> {
  try {
    await call();
  } catch (error) {
    assert.instance(error, LatentflowError);
    return error as LatentflowError;
  }
  throw new Error("nothing was refused");
}

const partsOf = ({ option, got, expected }: LatentflowError) => [option, got, expected];

test("a refused argument: its path, what came and what was expected", async () => {
  const tolerance = await errorOf(() => encode(decoder, y, { solver: { ...lbfgs(), tolerance: -1 } }));
  assert.equal(partsOf(tolerance), ["solver.tolerance", "-1", "a finite number >= 0"]);
  const targets = await errorOf(() => encode(decoder, new Float32Array(4)));
  assert.equal(partsOf(targets), ["y", "4 values", "a multiple of 3 (the decoder's output size)"]);
  const validation = { data: y, everyImages: 0.5 };
  const everyImages = await errorOf(() => train(decoder, y, { validation }));
  assert.equal(partsOf(everyImages), ["validation.everyImages", "0.5", "an integer >= 1"]);
  const parts = ["code", "option", "got", "expected"] as const;
  for (const error of [tolerance, targets, everyImages]) {
    for (const part of parts.slice(1)) {
      const name = part === "option" ? error.option!.split(".").at(-1)! : error[part]!;
      assert.ok(error.message.includes(name), error.message);
    }
  }
  assert.is(everyImages.message, "train: validation: everyImages is 0.5, expected an integer >= 1");
});

test("an error about no argument has none of the parts", async () => {
  const copy = createDecoder({ layers: [2, 3], loss: "mse" });
  copy.dispose();
  const disposed = await errorOf(() => encode(copy, y));
  assert.equal([disposed.code, ...partsOf(disposed)], ["disposed", undefined, undefined, undefined]);
});

test("messages print what is marked as JavaScript has it, whatever is nested, and keep their marks", () => {
  const advice = `give ${option("loss", "mse")}${clause("probe", `, or ${theOption("probe")}`)}`;
  const error = invalid(`${callOf("encode")}: ${scopeOf("solver")}: no; ${advice}`);
  assert.is(error.message, 'encode: solver: no; give loss: "mse", or the option probe');
  const again = new LatentflowError(error.code, `item 3: ${markedMessage(error)}`);
  assert.is(again.message, `item 3: ${error.message}`);
  const refusal = refused("amd", "t1", "is", "0", "a finite number > 0", `; give ${option("t1", 10)}`);
  assert.is(refusal.message, "amd: t1 is 0, expected a finite number > 0; give t1: 10");
  assert.equal(partsOf(structuredError(refusal)), ["t1", "0", "a finite number > 0"]);
});

test("a program's own errors have any text, and lose none of it", () => {
  const texts = [
    "\u0001x\u0002",
    "\u0001null\u0002",
    "\u0001{}\u0002",
    "\u0001[1]\u0002 end",
    "a\u0001",
    "\u0002",
    "\u00015\u0002\u0001",
  ];
  for (const text of texts) {
    const error = new LatentflowError("invalid_file", text);
    assert.is(error.message, text);
    assert.equal(partsOf(error), [undefined, undefined, undefined]);
    const outer = refused("encode", "y", "is", text, "numbers", `; ${markedMessage(error)}`);
    assert.is(outer.message, `encode: y is ${text}, expected numbers; ${text}`);
    assert.equal(partsOf(outer), ["y", text, "numbers"]);
  }
});

test("what a file says is no option, though it has an option's name", async () => {
  const cases: [metadata: Record<string, string>, message: RegExp][] = [
    [
      { prior: '{"name":"gaussian","weight":-1}' },
      /the file's prior: gaussian: weight is -1.*option prior overrides/,
    ],
    [{ outputShape: "[4]" }, /the file's metadata: outputShape \[4\] holds.*option outputShape overrides/],
    [{ start: "[1]" }, /the file's start has 1 values/],
  ];
  const command = new Command();
  for (const [metadata] of cases) command.option(`--${kebabCase(Object.keys(metadata)[0]!)} <value>`);
  for (const [metadata, message] of cases) {
    const tensors = { "0.weight": { dtype: "F32", shape: [3, 2], data_offsets: [0, 24] } };
    const file = fileOf({ __metadata__: metadata, ...tensors }, new Uint8Array(24));
    const error = await errorOf(() => loadDecoder(file));
    assert.match(error.message, message);
    assert.equal([error.code, ...partsOf(error)], ["invalid_file", undefined, undefined, undefined]);
    const [key] = Object.keys(metadata);
    const flags = inFlags(error, command);
    assert.match(flags, new RegExp(`^the file's .*${key}.*; --${kebabCase(key!)} overrides the file's$`));
    assert.is(flags.split("--").length, 2, flags);
  }
});

/** The error as a thread hands it to another one. */
function structuredError(error: LatentflowError): LatentflowError {
  return new LatentflowError(error.code, structuredClone(markedMessage(error)));
}

test.run();
