// run: both

import { Command } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { calling, within } from "../../src/base/calling.ts";
import { LatentflowError, remade } from "../../src/base/errors.ts";
import { clause, option, theOption, words } from "../../src/base/message.ts";
import { invalid, refused } from "../../src/base/refuse.ts";
import { inFlags } from "../../src/cli/options/message-in-flags.ts";
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

test("messages print what is marked as JavaScript has it, whatever is nested", () => {
  const advice = words`give ${option("loss", "mse")}${clause("probe", words`, or ${theOption("probe")}`)}`;
  const error = thrownBy(() =>
    calling("encode", () => within("solver", refuse(invalid(words`no; ${advice}`)))),
  );
  assert.is(error.message, 'encode: solver: no; give loss: "mse", or the option probe');
  assert.is(remade(error, { before: { text: "item 3" } }).message, `item 3: ${error.message}`);
  const refusal = refused("t1", "is", "0", "a finite number > 0", words`; give ${option("t1", 10)}`);
  assert.is(refusal.message, "t1 is 0, expected a finite number > 0; give t1: 10");
  assert.equal([...partsOf(refusal), refusal.advice], ["t1", "0", "a finite number > 0", "give t1: 10"]);
});

test("advice is what to do, without the punctuation around it, and in no other part", async () => {
  const moved = new Float32Array(3);
  structuredClone(moved, { transfer: [moved.buffer] });
  const withoutLoss = createDecoder({ layers: [2, 3] });
  const given = (value: unknown) => value as never;
  const cases: [call: () => unknown, got: string | undefined, advice: string | undefined][] = [
    [() => encode(decoder, moved), undefined, "give a copy, by slice()"],
    [() => encode(decoder, given(Promise.resolve(y))), "a Promise", "is an await missing?"],
    [
      () => encode(given(Promise.resolve(decoder)), y),
      "a Promise",
      "is an await missing before loadDecoder?",
    ],
    [() => encode(decoder, given([1])), "an Array", "convert with Float32Array.from(y)"],
    [() => encode(decoder, new Proxy(y, {})), "a Float32Array", undefined],
    [() => encode(decoder, y, { loss: given(lbfgs) }), "a function", BRACKETS],
    [() => encode(decoder, y, { solver: given(lbfgs) }), "a function", BRACKETS],
    [() => encode(decoder, y, { backend: given(lbfgs) }), "a function", BRACKETS],
    [() => encode(withoutLoss, y), undefined, 'give { loss: "bce" } or { loss: "mse" }'],
  ];
  for (const [call, got, advice] of cases) {
    const error = await errorOf(call);
    assert.equal([error.got, error.advice], [got, advice], error.message);
    assert.ok(error.message.includes(advice ?? "itself, not a Proxy of one"), error.message);
  }
});

test("the innermost call gives an error its name, at its door, and the stack begins with the message", async () => {
  const refusal = () => refused("t1", "is", "0", "more");
  const inner = () => calling("inner", refuse(refusal()));
  const named = thrownBy(() => calling("outer", () => within("option", inner)));
  assert.equal([named.call, named.message], ["inner", "inner: t1 is 0, expected more"]);
  const ways: (() => unknown)[] = [
    () => calling("outer", refuse(refusal()), "a.npy"),
    () => calling("outer", async () => refuse(refusal())(), "a.npy"),
  ];
  for (const way of ways) {
    const { call, message, stack } = await errorOf(way);
    assert.equal([call, message], ["outer", "outer(a.npy): t1 is 0, expected more"]);
    assert.match(stack!, `Error: ${message}\n`);
  }
  const other = new Error("$& of a callback");
  assert.throws(
    () =>
      calling("outer", () => {
        throw other;
      }),
    (error: unknown) => error === other,
  );
  const onProgress = () => void createDecoder({ layers: [] });
  const own = await errorOf(() => encode(decoder, y, { onProgress }));
  assert.equal([own.call, own.option], ["createDecoder", "layers"]);
  assert.is(
    (await errorOf(() => encode(decoder, y, { solver: { ...lbfgs(), tolerance: -1 } }))).call,
    "encode",
  );
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

const BRACKETS = "are the brackets of the call missing?";
const refuse = (error: LatentflowError) => (): never => {
  throw error;
};

function thrownBy(call: () => unknown): LatentflowError {
  try {
    call();
  } catch (error) {
    return error as LatentflowError;
  }
  throw new Error("nothing was refused");
}

test.run();
