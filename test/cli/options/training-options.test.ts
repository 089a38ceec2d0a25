// Tests src/cli/options/choice.ts.
import { Command } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { settingsOf } from "../../../src/cli/options/library-flags.ts";
import { addRunningOptions } from "../../../src/cli/options/running.ts";
import {
  addTrainingOptions,
  type ChosenTraining,
  chosenTraining,
} from "../../../src/cli/options/training-options.ts";
import {
  amd,
  createDecoder,
  dormandPrince,
  euler,
  gradientFlow,
  lbfgs,
  linearGrid,
  nesterovFlow,
  wasm,
} from "../../../src/index.ts";
import { AUTOENCODER_FIELDS, TRAIN_FIELDS } from "../../../src/train/check-options.ts";
import {
  adam,
  cosine,
  createDataset,
  direct,
  full,
  linear,
  type RunOptions,
  rmsprop,
  sgd,
  shift,
  type TrainOptions,
  type TrainResult,
  train,
  trainAutoencoder,
} from "../../../src/train/index.ts";

// What the flags of `latentflow train` make of a run: the library's options, and what its report says of them.

/** As the command line has them. */
function parse(line: string): ChosenTraining {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addTrainingOptions(addRunningOptions(command)).option("--validate <file>");
  const words = line.split(" ").filter((word) => word !== "");
  command.parse(["--threads", "1", ...words], { from: "user" });
  return chosenTraining(command);
}

const values = Float32Array.from({ length: 42 }, (_, i) => Math.sin(i) ** 2);
const images = createDataset(values, { shape: [3, 2] });
const backend = wasm({ threads: 1 });
const make = () => createDecoder({ layers: [2, 5, 6], outputShape: [3, 2], loss: "bce", seed: 1 });

const endOf = ({ decoder, history, codes }: TrainResult) => {
  return { parameters: decoder.parameters, history, codes };
};

/** Losses and gradients that tell the options apart: an exception is one that two settings would share. */
async function check(line: string, options: TrainOptions): Promise<void> {
  const result = await parse(line).train(make(), images, {});
  assert.equal(endOf(result), endOf(await train(make(), images, { ...options, backend })), line);
}

const runs: Record<string, TrainOptions> = {
  "": {},
  "--batch-size 3": { batchSize: 3 },
  "--epochs 2": { epochs: 2 },
  "--seed 3": { seed: 3 },
  "--replacement --epochs 2": { replacement: true, epochs: 2 },
  "--warm-start --epochs 2": { warmStart: true, epochs: 2 },
  "--shift 1": { augment: shift({ pixels: 1 }) },
  "--gradient-clip 0.001 --optimizer sgd": { gradientClip: 0.001, optimizer: sgd() },
  "--learning-rate 0.1": { optimizer: rmsprop({ learningRate: 0.1 }) },
  "--rmsprop-alpha 0.5": { optimizer: rmsprop({ alpha: 0.5 }) },
  "--optimizer-epsilon 0.1": { optimizer: rmsprop({ epsilon: 0.1 }) },
  "--optimizer adam": { optimizer: adam() },
  "--optimizer adam --learning-rate 0.1 --beta1 0.5 --epochs 2": {
    optimizer: adam({ learningRate: 0.1, beta1: 0.5 }),
    epochs: 2,
  },
  "--optimizer adam --beta2 0.5 --epochs 2": { optimizer: adam({ beta2: 0.5 }), epochs: 2 },
  "--optimizer adam --optimizer-epsilon 0.1": { optimizer: adam({ epsilon: 0.1 }) },
  "--optimizer adam --weight-decay 0.5": { optimizer: adam({ weightDecay: 0.5 }) },
  "--optimizer sgd --learning-rate 0.5": { optimizer: sgd({ learningRate: 0.5 }) },
  "--optimizer sgd --momentum 0.5": { optimizer: sgd({ momentum: 0.5 }) },
  "--schedule linear": { schedule: linear() },
  "--schedule linear --schedule-to 0.5": { schedule: linear({ to: 0.5 }) },
  "--schedule cosine": { schedule: cosine() },
  "--schedule cosine --schedule-to 0.5": { schedule: cosine({ to: 0.5 }) },
  "--adjoint full": { adjoint: full() },
  "--adjoint direct": { adjoint: direct() },
  "--adjoint full --solver amd --step-max 10": { adjoint: full(), solver: amd() },
  "--solver amd": { solver: amd({ stepMax: 1000 }) },
  "--max-steps 2": { solver: lbfgs({ maxSteps: 2 }) },
  "--solver dormand-prince --t1 2": { solver: dormandPrince({ t1: 2 }) },
  "--flow nesterov --solver euler --t1 2 --grid linear --slices 3": {
    flow: nesterovFlow(),
    solver: euler({ grid: linearGrid({ t1: 2, slices: 3 }) }),
  },
  "--alpha 2 --solver euler --t1 2 --grid linear --slices 3": {
    flow: gradientFlow({ alpha: 2 }),
    solver: euler({ grid: linearGrid({ t1: 2, slices: 3 }) }),
  },
  "--codes kept": { codes: "kept" },
  "--codes kept --code-learning-rate 0": { codes: "kept", codeOptimizer: adam({ learningRate: 0 }) },
  "--codes kept --code-learning-rate 0.5 --schedule linear --epochs 2": {
    codes: "kept",
    codeOptimizer: adam({ learningRate: 0.5 }),
    schedule: linear(),
    epochs: 2,
  },
};

for (const [line, options] of Object.entries(runs)) {
  test(`train ${line}: the library's run`, () => check(line, options));
}

test("no two of these lines make the same run", async () => {
  const ends = new Map<string, string>();
  for (const [line, options] of Object.entries(runs)) {
    const end = JSON.stringify(endOf(await train(make(), images, { ...options, backend })));
    assert.not(ends.has(end), `${line || "no flags"} is as ${ends.get(end)}`);
    ends.set(end, line || "no flags");
  }
});

test("with --codes kept validations are encoded by the flow and solver that are given", async () => {
  const options = { validation: { data: values } };
  const flags =
    "--codes kept --validate seen.npy --flow nesterov --solver euler --t1 1 --grid linear --slices 2";
  const { validation } = await parse(flags).train(make(), images, options);
  const expected = await train(make(), images, {
    ...options,
    backend,
    codes: "kept",
    flow: nesterovFlow(),
    solver: euler({ grid: linearGrid({ t1: 1, slices: 2 }) }),
  });
  assert.equal(validation, expected.validation);
});

test("train --autoencoder: the library's run, of twelve passes", async () => {
  for (const [line, options] of Object.entries<RunOptions>({
    "": {},
    "--epochs 2 --optimizer adam --schedule cosine": {
      epochs: 2,
      optimizer: adam(),
      schedule: cosine(),
    },
    "--epochs 1 --shift 1 --batch-size 2": { epochs: 1, augment: shift({ pixels: 1 }), batchSize: 2 },
    "--epochs 1 --gradient-clip 0.001 --seed 2 --replacement --optimizer sgd": {
      epochs: 1,
      gradientClip: 0.001,
      seed: 2,
      replacement: true,
      optimizer: sgd(),
    },
  })) {
    const result = await parse(`--autoencoder ${line}`).train(make(), images, {});
    const expected = await trainAutoencoder(make(), images, { ...options, backend });
    assert.equal(endOf(result), endOf(expected), line);
    assert.equal((result as typeof expected).encoder.parameters, expected.encoder.parameters, line);
  }
});

test("the report has the run's options, with their defaults", () => {
  // As the report prints it: without what is undefined.
  const printed = <T>(value: T): T => JSON.parse(JSON.stringify(value));
  const { warmStart, codes, ...own } = printed(settingsOf(TRAIN_FIELDS, {}));
  assert.equal([own.batchSize, own.epochs, own.seed, own.replacement], [5, 1, 0, false]);
  const optimizer = { name: "rmsprop", learningRate: 5e-4, alpha: 0.9, epsilon: 1e-6 };
  const common = { autoencoder: false, optimizer, schedule: { name: "constant" }, ...own };
  const { t1, name, flows, solve, ...solver } = lbfgs() as unknown as Record<string, unknown>;
  const described = (line: string) => printed(parse(line).description);
  const description = described("");
  assert.equal(
    { ...description, solver: description.solver?.name },
    {
      ...common,
      flow: { name: "gradient", alpha: 1 },
      solver: "lbfgs",
      adjoint: { name: "approximate" },
      warmStart: false,
    },
  );
  for (const option of ["tolerance", "maxSteps", "memory", "slope"]) {
    assert.is(description.solver?.[option], solver[option], option);
  }
  assert.equal(described("--codes kept"), { codes: "kept", codeOptimizer: adam(), ...common });
  const settings = printed(settingsOf(AUTOENCODER_FIELDS, {}));
  assert.is(settings.epochs, 12);
  assert.equal(described("--autoencoder"), {
    autoencoder: true,
    optimizer,
    schedule: { name: "constant" },
    ...settings,
  });

  const all = described(
    "--batch-size 2 --epochs 3 --seed 4 --replacement --warm-start --shift 5 --gradient-clip 6 --adjoint full " +
      "--optimizer sgd --momentum 0.5 --schedule linear --schedule-to 0.25",
  );
  const { flow, solver: followed, ...rest } = all;
  assert.equal(rest, {
    ...own,
    autoencoder: false,
    adjoint: { name: "full" },
    batchSize: 2,
    epochs: 3,
    seed: 4,
    replacement: true,
    warmStart: true,
    shift: 5,
    gradientClip: 6,
    optimizer: { name: "sgd", learningRate: 1e-3, momentum: 0.5 },
    schedule: { name: "linear", to: 0.25 },
  });
  assert.equal([flow?.name, followed?.name, followed?.stepMax], ["gradient", "amd", 1000]);
});

test("flags that do not go together are refused by their names", () => {
  const cases: Record<string, RegExp> = {
    "--autoencoder --flow nesterov": /--flow does not go with --autoencoder: no flow is followed$/,
    "--autoencoder --solver amd": /--solver does not go with --autoencoder/,
    "--autoencoder --max-steps 3": /--max-steps does not go with --autoencoder/,
    "--autoencoder --adjoint full": /--adjoint does not go with --autoencoder/,
    "--autoencoder --warm-start": /--warm-start does not go with --autoencoder/,
    "--autoencoder --codes kept": /--codes does not go with --autoencoder/,
    "--autoencoder --code-learning-rate 1": /--code-learning-rate does not go with --autoencoder/,
    "--codes kept --warm-start":
      /--warm-start does not go with --codes kept: no flow is followed in training$/,
    "--codes kept --adjoint direct": /--adjoint does not go with --codes kept/,
    "--code-learning-rate 1":
      /--code-learning-rate does not go with --codes encoded: nothing is kept to be updated$/,
    "--codes kept --code-learning-rate -1": /--code-learning-rate <number>' argument '-1' is invalid/,
    "--codes some": /--codes <name>' argument 'some' is invalid\. Allowed choices are encoded, kept\./,
    "--adjoint full --solver lbfgs":
      /--adjoint full goes back along the gradient flow, which --solver lbfgs does not/,
    "--adjoint direct --solver lbfgs": /--adjoint direct .*; use --solver amd, or --adjoint approximate$/,
    "--optimizer adam --rmsprop-alpha 0.5": /--rmsprop-alpha is no option of --optimizer adam/,
    "--optimizer adam --momentum 0.5": /--momentum is no option of --optimizer adam/,
    "--beta1 0.5": /--beta1 is no option of --optimizer rmsprop/,
    "--beta2 0.5": /--beta2 is no option of --optimizer rmsprop/,
    "--weight-decay 0.5": /--weight-decay is no option of --optimizer rmsprop/,
    "--optimizer sgd --optimizer-epsilon 1": /--optimizer-epsilon is no option of --optimizer sgd/,
    "--rmsprop-alpha 1": /--rmsprop-alpha is 1, expected/,
    "--optimizer-epsilon 0": /--optimizer-epsilon is 0, expected/,
    "--schedule linear --schedule-to -1": /--schedule-to is -1, expected/,
    "--epochs 0": /--epochs <n>' argument '0' is invalid/,
    "--batch-size 1.5": /--batch-size <n>' argument '1.5' is invalid/,
    "--seed -1": /--seed <n>' argument '-1' is invalid/,
    "--shift x": /--shift <n>' argument 'x' is invalid/,
    "--gradient-clip x": /--gradient-clip <number>' argument 'x' is invalid/,
  };
  for (const [line, message] of Object.entries(cases)) {
    assert.throws(
      () => parse(line),
      (error: Error) => message.test(error.message),
      `${line}: ${message}`,
    );
  }
});

test.run();
