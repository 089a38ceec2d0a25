// run: slow
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readNpy } from "../../../src/files/npy.ts";
import { dense, type GraphDefinition, sequential, sigmoid } from "../../../src/graph/index.ts";
import { binaryCrossEntropy, createDecoder, loadDecoder, wasm } from "../../../src/index.ts";
import { adam, createDataset, type TrainOptions, train } from "../../../src/train/index.ts";
import { type DecoderCase, decoderCases } from "../../support/decoders.ts";
import { Workplace } from "../../support/program.ts";
import { runHere } from "../../support/run-here.ts";

// `latentflow train` with a decoder's definition, fixed inputs, points and kept codes.

const workplace = new Workplace();
test.after(() => workplace.dispose());
const backend = wasm({ relaxed: false, threads: 1 });

function writeJson(value: unknown): string {
  const file = `${workplace.newPath()}.json`;
  writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
  return file;
}

async function runTrain(...args: string[]) {
  const out = workplace.newPath();
  const running = ["--out", out, "--plain", "--threads", "1", "--json"];
  return { out, ...(await runHere("train", ...args, ...running)) };
}

async function refusal(...args: string[]): Promise<string> {
  const { exit, stderr } = await runTrain(...args);
  assert.ok(exit === 1 || exit === 2, `exit ${exit}: ${stderr}`);
  return stderr;
}

const caseOf = (name: string): DecoderCase => decoderCases.find((one) => one.name === name)!;

function fixedFlags(flag: string, { given, sampleCount }: DecoderCase): string[] {
  return Object.entries(given.fixed ?? {}).flatMap(([name, values]) => {
    const numbers = Float32Array.from(values);
    const isEach = name !== "label";
    const shape = isEach ? [sampleCount, numbers.length / sampleCount] : [numbers.length];
    if (name === "xyz") shape.splice(1, 1, 6, 3);
    return [flag, `${name}=${workplace.writeFloats(numbers, shape)}`];
  });
}

for (const name of ["a DCGAN", "conditions", "points with a skip"]) {
  const decoderCase = caseOf(name);
  test(`${name}: --architecture, --fixed and --codes train what the library trains`, async () => {
    const { make, y, size, sampleCount, given } = decoderCase;
    const before = make();
    const sample = name === "a DCGAN" ? before.outputShape : [size];
    const data = workplace.writeFloats(y, [sampleCount, ...sample]);
    const loss = before.loss!.name;
    const common = [
      ...["--data", data, "--architecture", writeJson(before.definition), "--loss", loss],
      ...["--seed", "6", "--epochs", "2", "--optimizer", "adam"],
      ...fixedFlags("--fixed", decoderCase),
    ];
    const options = { ...given, optimizer: adam(), epochs: 2, seed: 6, backend };
    const ways: [args: string[], options: object][] = [
      [["--validate", data, ...fixedFlags("--validate-fixed", decoderCase)], {}],
      [
        ["--codes", "kept", "--code-learning-rate", "0.02"],
        { codes: "kept", codeOptimizer: adam({ learningRate: 0.02 }) },
      ],
    ];
    for (const [args, more] of ways) {
      const { exit, stderr, stdout, out } = await runTrain(...common, ...args);
      assert.is(exit, 0, stderr);
      const trained = await loadDecoder(join(out, "decoder.safetensors"));
      const untrained = createDecoder(before.definition, { seed: 6, loss: before.loss! });
      const expected = await train(untrained, createDataset(y, { shape: sample }), {
        ...options,
        ...more,
      } as TrainOptions);
      assert.equal(trained.parameters, expected.decoder.parameters);
      const report = JSON.parse(stdout);
      assert.is(report.codes ?? "encoded", (more as { codes?: string }).codes ?? "encoded");
      if (expected.codes) {
        const codes = readNpy(readFileSync(join(out, "codes.npy")));
        assert.equal(codes.data, expected.codes);
        assert.equal(codes.shape, [sampleCount, 3]);
        assert.is(report.codeOptimizer.learningRate, 0.02);
      } else {
        assert.is(report.validation.length, 3);
      }
      if (given.fixed) assert.is(report.fixed.length, Object.keys(given.fixed).length);
    }
  });
}

test("with kept codes the solver is the validation's, and the report says which", async () => {
  const { y } = caseOf("a DCGAN");
  const data = workplace.writeFloats(
    y.slice(0, 5 * 9).map((value) => Math.abs(value)),
    [5, 9],
  );
  const common = ["--data", data, "--architecture", writeJson(sequential(2, [dense(9)])), "--loss", "mse"];
  const kept = [...common, "--codes", "kept", "--validate", data, "--solver", "amd"];
  const [few, many] = [await runTrain(...kept, "--max-steps", "1"), await runTrain(...kept)];
  const [first, second] = [few, many].map(({ exit, stderr, stdout }) => {
    assert.is(exit, 0, stderr);
    return JSON.parse(stdout);
  });
  assert.is(first.solver.name, "amd");
  assert.is(first.solver.maxSteps, 1);
  assert.is(first.flow.name, "gradient");
  assert.ok(second.validation[0].loss < first.validation[0].loss);
  assert.is(second.meanLossLastTenth, first.meanLossLastTenth);
});

test("--layers with --output-shape: the samples' shape is the one that is said", async () => {
  const y = new Float32Array(27).fill(0.5);
  const data = workplace.writeFloats(y, [3, 9]);
  for (const [flags, shape] of [
    [
      ["--output-shape", "3,3"],
      [3, 3],
    ],
    [[], [9]],
  ] as const) {
    const { exit, stderr, out } = await runTrain("--data", data, "--layers", "2,5,9", ...flags);
    assert.is(exit, 0, stderr);
    const { outputShape, loss } = await loadDecoder(join(out, "decoder.safetensors"));
    assert.equal([...outputShape], shape);
    assert.equal(loss, binaryCrossEntropy());
  }
  const { out } = await runTrain("--data", data, "--layers", "2,9", "--reduction", "sum");
  const { loss } = await loadDecoder(join(out, "decoder.safetensors"));
  assert.equal(loss, binaryCrossEntropy({ reduction: "sum" }));
  const layers = ["--dataset", "mnist", "--limit", "2", "--layers", "2,8"];
  assert.match(
    await refusal(...layers),
    /--layers ends with 8, expected 784 \(a sample of --dataset has 28 × 28/,
  );
});

test("--validate-weights: validation samples may be missing values, as the API has them", async () => {
  const weights = Float32Array.from({ length: 45 }, (_, i) => i % 3);
  const values = Float32Array.from({ length: 45 }, (_, i) =>
    weights[i] === 0 ? Number.NaN : Math.sin(i) ** 2,
  );
  const missing = workplace.writeFloats(values, [5, 9]);
  const whole = workplace.writeFloats(new Float32Array(45).fill(0.5), [5, 9]);
  const definition = sequential(2, [dense(9), sigmoid()]);
  const common = [
    "--data",
    whole,
    "--architecture",
    writeJson(definition),
    "--loss",
    "mse",
    "--validate",
    missing,
  ];
  assert.match(
    await refusal(...common, "--missing", "refuse"),
    /latentflow: --validate \S+ has NaN at sample 0, element 0, .*; where data are missing, give --validate-weights or --validate-mask that are 0 there, or --missing omit\n$/,
  );
  for (const [own, shape] of [
    [weights, [5, 9]],
    [weights.slice(0, 9), [9]],
  ] as const) {
    const file = workplace.writeFloats(own, shape);
    const { exit, stderr, stdout } = await runTrain(...common, "--validate-weights", file);
    assert.is(exit, 0, stderr);
    const expected = await train(createDecoder(definition, { loss: "mse" }), new Float32Array(45).fill(0.5), {
      backend,
      validation: { data: values, weights: own },
    });
    assert.equal(
      JSON.parse(stdout).validation.map(({ loss }: { loss: number }) => loss),
      expected.validation.map(({ loss }) => loss),
    );
  }
  const short = workplace.writeFloats(weights.slice(0, 8), [8]);
  assert.match(
    await refusal(...common, "--validate-weights", short),
    /--validate-weights \S+: its shape is 8, expected 9/,
  );
  assert.match(
    await refusal(...common.slice(0, -2), "--validate-weights", short),
    /--validate-weights needs --validate/,
  );
});

test("what makes no sense with a definition is refused by name", async () => {
  const whole = sequential(2, [dense(9)]);
  const negative = { ...whole, operations: whole.operations.map((each) => ({ ...each, units: -1 })) };
  const { y, make } = caseOf("conditions");
  const data = workplace.writeFloats(y, [7, 9]);
  const conditions = writeJson(make().definition);
  const plain = writeJson(sequential(2, [dense(9), sigmoid()]) satisfies GraphDefinition);
  const cases: [args: string[], message: RegExp][] = [
    [
      ["--architecture", plain, "--layers", "2,9"],
      /expected --layers <sizes>, --architecture <file> or --decoder/,
    ],
    [["--architecture", data], /--architecture .*: it is no JSON, expected a decoder's definition/],
    [["--architecture", writeJson("{}")], /format is undefined, expected 1/],
    [
      ["--architecture", writeJson('{"format":1,"latentSize":2}')],
      /--architecture \S+: layout is undefined, expected "channelsLast"/,
    ],
    [
      ["--architecture", writeJson(negative)],
      /--architecture \S+: dense "\w+": units is -1, expected an integer >= 1/,
    ],
    [["--architecture", writeJson("[1")], /it is no JSON/],
    [["--architecture", writeJson("[]")], /it holds an Array, expected a definition/],
    [
      ["--architecture", plain, "--codes", "kept", "--code-learning-rate", "-1"],
      /--code-learning-rate <number>' argument '-1' is invalid\. Expected a finite number >= 0\./,
    ],
    [
      ["--architecture", plain, "--output-activation", "tanh"],
      /--output-activation is given with --architec/,
    ],
    [["--architecture", plain, "--output-shape", "3,3"], /--output-shape is given with --architecture/],
    [
      ["--layers", "2,9", "--prefix", "a"],
      /--prefix says how a file is read; leave it out with --layers, or/,
    ],
    [["--layers", "2,5,7,9", "--activation", "elu,tanh"], /--activation names several, expected one for all/],
    [["--layers", "2,8"], /--layers ends with 8, expected 9 \(a sample of --data has 9 values\)/],
    [["--architecture", `${plain}.missing`], /--architecture .*there is no such file/],
    [["--architecture", plain, "--activation", "elu"], /--activation is given with --architecture/],
    [
      ["--architecture", plain, "--prefix", "a"],
      /--prefix says how a file is read; leave it out with --architec/,
    ],
    [
      ["--architecture", writeJson(sequential(2, [dense(8), sigmoid()]))],
      /--data \S+: its samples are 9, the decoder's output has 8 values/,
    ],
    [
      ["--architecture", conditions],
      /fixed inputs, "label", "kind".*add --fixed label=FILE --fixed kind=NUMBER/,
    ],
    [
      ["--architecture", plain, "--validate", data, "--validate-fixed", "label=1"],
      /--validate-fixed: the decoder has no fixed input "label"/,
    ],
    [["--architecture", plain, "--validate-fixed", "a=1"], /--validate-fixed needs --validate/],
    [
      ["--architecture", plain, "--codes", "kept", "--warm-start"],
      /--warm-start does not go with --codes kept/,
    ],
    [
      ["--architecture", plain, "--codes", "kept", "--adjoint", "full"],
      /--adjoint does not go with --codes kept/,
    ],
    [
      ["--architecture", plain, "--codes", "kept", "--solver", "amd"],
      /--solver does not go with --codes kept: no flow is followed in training, and there is no --validate/,
    ],
    [
      ["--architecture", plain, "--codes", "kept", "--max-steps", "3"],
      /--max-steps does not go with --codes kept/,
    ],
    [
      ["--architecture", plain, "--codes", "kept", "--flow", "gradient"],
      /--flow does not go with --codes kept/,
    ],
    [
      ["--architecture", plain, "--code-learning-rate", "1"],
      /--code-learning-rate does not go with --codes encod/,
    ],
    [["--architecture", plain, "--autoencoder", "--codes", "kept"], /--codes does not go with --autoencoder/],
  ];
  for (const [args, message] of cases) {
    assert.match(await refusal("--data", data, "--loss", "mse", ...args), message);
  }
});

test.run();
