import { Command } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { choice, count, type Field, flag, later, number, optional } from "../../../src/base/options.ts";
import { addFlags } from "../../../src/cli/options/flag-table.ts";
import { settingFlags, settingsOf, usageOf } from "../../../src/cli/options/library-flags.ts";
import { addEncodeSettings, encodeSettings } from "../../../src/cli/options/running.ts";

const FIELDS = {
  steps: count(1, 5),
  share: optional(number({ min: 0, below: 1 })),
  way: choice("short", "long"),
  isOn: flag(false),
  data: later<Float32Array | undefined>(),
  points: later<number | undefined>(),
};

/** The settings that a command line gives. */
function settings(...words: readonly string[]) {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addFlags(command, settingFlags("none", FIELDS)).parse(words, { from: "user" });
  return settingsOf(FIELDS, command.opts());
}

test("numbers within bounds, words and switches are flags; others are none", () => {
  assert.equal(Object.keys(settingFlags("none", FIELDS)), ["steps", "share", "way", "isOn"]);
  assert.equal(settings("--steps", "3", "--share", "0.5", "--way", "long", "--is-on"), {
    steps: 3,
    share: 0.5,
    way: "long",
    isOn: true,
  });
});

test("what is left out has its default", () => {
  assert.equal(settings(), { steps: 5, share: undefined, way: "short", isOn: false });
});

test("a value out of bounds, and a word that is none of them, are refused by the flag", () => {
  assert.throws(
    () => settings("--steps", "1.5"),
    /--steps <n>' argument '1\.5' is invalid\. Expected an integer/,
  );
  assert.throws(() => settings("--share", "1"), /--share <share>' argument '1' is invalid/);
  assert.throws(() => settings("--way", "other"), /--way <name>' argument 'other' is invalid/);
});

test("a placeholder follows from an option's bounds", () => {
  const cases: readonly (readonly [Field<unknown>, string])[] = [
    [count(1), "<n>"],
    [number({ above: 0, below: 1 }), "<share>"],
    [number({ min: 0, max: 1 }), "<share>"],
    [number({ min: 0, max: 2 }), "<number>"],
    [number({ above: 0 }), "<number>"],
    [choice("a", "b"), "<name>"],
    [later(), "<value>"],
  ];
  for (const [field, usage] of cases) assert.is(usageOf(field), usage);
});

test("encode and evaluate have the flags of their own options, with the docstrings' texts", () => {
  for (const call of ["encode", "evaluate"] as const) {
    const command = addEncodeSettings(new Command(), call).exitOverride();
    const batchSize = command.options.find(({ long }) => long === "--batch-size");
    assert.match(batchSize!.description, /^maximum number of samples that each thread processes/);
    command.parse(["--batch-size", "3"], { from: "user" });
    assert.is(encodeSettings(command.opts(), call).batchSize, 3);
  }
});

test.run();
