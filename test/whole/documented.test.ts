// run: alone
import { readdirSync, readFileSync } from "node:fs";
import { transform } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createConvolutionalDecoder } from "../../reproduce/paper-setting.ts";
import { listKinds } from "../../scripts/document-exporter.ts";
import { documentLists } from "../../scripts/document-lists.ts";
import { docsOf } from "../../scripts/option-docs.ts";
import { FIELDS } from "../../scripts/option-tables.ts";
import { ENCODE_FIELDS } from "../../src/api/encode.ts";
import { OPTIMIZERS } from "../../src/backend/optimizer.ts";
import { createRandom } from "../../src/base/random.ts";
import type { Bounds } from "../../src/base/show.ts";
import { OPTION_TEXTS } from "../../src/cli/options/option-texts.ts";
import { createProgram } from "../../src/cli/program.ts";
import { type ActivationLike, activations } from "../../src/graph/activation.ts";
import * as layers from "../../src/graph/index.ts";
import { normaliseActivation } from "../../src/graph/normalise-activation.ts";
import { KINDS } from "../../src/graph/operations.ts";
import * as library from "../../src/index.ts";
import {
  createDecoder,
  decode,
  encode,
  fitGaussian,
  type LoadDecoderOptions,
  loadDecoder,
} from "../../src/index.ts";
import type { LoadOnnxOptions } from "../../src/onnx/index.ts";
import { MAX_COUNT } from "../../src/solver/base.ts";
import { SOLVER_FIELDS } from "../../src/solver/solver.ts";
import { STATUSES } from "../../src/solver/status.ts";
import { AUTOENCODER_FIELDS, TRAIN_FIELDS } from "../../src/train/check-options.ts";
import * as trainEntry from "../../src/train/index.ts";
import { readDataset } from "../../src/train/read-dataset.ts";
import { SCHEDULES } from "../../src/train/schedule.ts";
import { standardLosses } from "../support/losses.ts";

// Lists in the site's guides, docstrings and messages name all that there is.

const guide = (name: string) => readFileSync(`site/guides/${name}.md`, "utf8");
const ownDecoders = guide("own-decoders");
const solvers = guide("solvers");
const training = guide("training");

/** The text from one place to another, which both have to be there. */
function between(text: string, start: string, end: string): string {
  const first = text.indexOf(start);
  const last = text.indexOf(end, first + start.length);
  assert.ok(first >= 0 && last > first, `there is a text from ${start} to ${end}`);
  return text.slice(first, last);
}

const quoted = (text: string) => [...text.matchAll(/`(\w+)[`(]/g)].map(([, name]) => name!);

/** Names in the first column of the tables below a heading, up to the next one. */
function firstColumn(text: string, heading: string): string[] {
  const section = between(text, `\n${heading}\n`, "\n##");
  return Array.from(section.matchAll(/^\| (`.*?) \|/gm), ([, cell]) => quoted(cell!)).flat();
}

test("the guide's table of operations has all kinds, each a layer of latentflow/graph", () => {
  const listed = firstColumn(ownDecoders, "## Operations");
  assert.equal([...listed].sort(), Object.keys(KINDS).sort());
  const missing = listed.filter((kind) => !Object.keys(layers).includes(kind));
  assert.equal(missing, []);
});

test("the lists, the tables of options and their help are as they are written (node --import tsx scripts/document-lists.ts)", () => {
  for (const [path, text] of documentLists()) assert.is(readFileSync(path, "utf8"), text, path);
});

test("each activation is a layer of latentflow/graph", () => {
  const made: Readonly<Record<string, unknown>> = { ...layers };
  for (const [name, { parameter }] of Object.entries(activations)) {
    const make = made[name];
    assert.type(make, "function", name);
    const settings = (make as () => layers.Layer)().settings as { activation: ActivationLike };
    const activation = normaliseActivation("", settings.activation);
    assert.equal(activation, { name, ...(parameter && { [parameter.name]: parameter.default }) });
  }
});

test("losses that README, limits and the guide to training quote stand in site/paper/ or the guide to missing data", () => {
  /** Losses, each with its excess in brackets if it has one. */
  const lossesOf = (text: string) =>
    text.replace(/ ± [\d.]+/g, "").match(/\b\d\.\d{4}\b(?:\s\(-?\d\.\d{4}\))?/g) ?? [];
  const pages = readdirSync("site/paper").filter((name) => name.endsWith(".md"));
  const there = [guide("missing-data"), ...pages.map((name) => readFileSync(`site/paper/${name}`, "utf8"))];
  const losses = new Set(there.flatMap(lossesOf).flatMap((loss) => [loss, ...loss.split(/[ ()]+/)]));
  for (const file of ["README.md", "site/limits.md", "site/guides/training.md"]) {
    const quoted = lossesOf(readFileSync(file, "utf8")).map((loss) => loss.replace(/\s/, " "));
    assert.ok(quoted.length > 0, file);
    assert.equal(
      quoted.filter((loss) => !losses.has(loss)),
      [],
      `${file} quotes losses that are nowhere`,
    );
  }
});

test("with the demo's decoder a fitted prior does what the guide of missing data says", async () => {
  const said =
    "it hardly lowers the error of a missing half, and raises it where pixels are hidden at random";
  assert.ok(readFileSync("site/guides/missing-data.md", "utf8").replace(/\s+/g, " ").includes(said));
  const decoder = await loadDecoder("demo/convolutional.safetensors");
  const digits = (await readDataset("demo/mnist-test-300.idx.gz")).toFloat32();
  const [y, others] = [digits.slice(0, 100 * 784), digits.slice(100 * 784)];
  const { z: codes } = await encode(decoder, others);
  const prior = fitGaussian(codes, { latentSize: decoder.latentSize, covariance: "full", shrinkage: 0.1 });
  const { uniform } = createRandom(1);
  const gains = [];
  for (const isGiven of [(i: number) => i % 784 < 392, () => uniform() < 1 / 3, () => uniform() < 0.1]) {
    const weights = y.map((_, i) => Number(isGiven(i)));
    const errorOf = async ({ z }: { readonly z: Float32Array }) => {
      const drawn = await decode(decoder, z);
      return y.reduce((sum, value, i) => (weights[i] === 0 ? sum + (drawn[i]! - value) ** 2 : sum), 0);
    };
    const without = await errorOf(await encode(decoder, y, { weights }));
    gains.push(1 - (await errorOf(await encode(decoder, y, { weights, prior }))) / without);
  }
  const [half, ...atRandom] = gains;
  assert.ok(half! > 0 && half! < 0.1, `${gains}`);
  assert.ok(
    atRandom.every((gain) => gain < 0),
    `${gains}`,
  );
});

test("Hamiltonian Monte Carlo of the guide, as it stands there, draws from the posterior with the demo's decoder", async () => {
  const text = guide("own-solvers");
  assert.match(
    text,
    "With `demo/convolutional.safetensors`, a prior of 200 digits and the upper half of another one hidden, more than nine of",
  );
  const [, block] = between(text, "## Hamiltonian Monte Carlo", "\nWith `demo").split("```ts\n");
  const { code } = await transform(block!.split("```")[0]!.replace(/^import .*$/gm, ""), { loader: "ts" });
  const digits = (await readDataset("demo/mnist-test-300.idx.gz")).toFloat32();
  const { uniform } = createRandom(1);
  const given = {
    ...library,
    Math: Object.create(Math, { random: { value: uniform } }),
    decoder: await loadDecoder("demo/convolutional.safetensors"),
    digits: digits.slice(100 * 784),
    y: digits.slice(0, 784),
    weights: Float32Array.from({ length: 784 }, (_, i) => Number(i >= 392)),
    console: { log() {} },
  };
  const run = new Function(
    ...Object.keys(given),
    `return (async () => {${code}; return { draws, accepted }})()`,
  );
  const { draws, accepted }: { draws: Float64Array[]; accepted: number } = await run(...Object.values(given));
  const rate = accepted / draws.length;
  assert.ok(rate > 0.9 && rate < 1, `${rate}`);
  assert.ok(draws.every((draw) => draw.every(Number.isFinite)));
});

test("the decoder of the guide's example of training is the frontier's large one", () => {
  const code = between(training, "const convolutional = createDecoder(", "const few = ");
  const [, list] = /sequential\(20, (\[[^;]+\n {2}\])\)/.exec(code)!;
  const made: layers.Layer[] = new Function(...Object.keys(layers), `return ${list}`)(
    ...Object.values(layers),
  );
  const decoder = createDecoder(layers.sequential(20, made), { loss: "bce", seed: 0 });
  assert.equal(decoder.parameters, createConvolutionalDecoder("large", 0).parameters);
});

test("the exporter's tables of losses and priors are those of the library", () => {
  assert.is(listKinds(), readFileSync("python/latentflow_export.py", "utf8"));
});

test("each loss, optimizer and schedule is exported by its name, and made by no more than it needs", () => {
  const names = [
    ...standardLosses().map(({ name }) => name),
    ...Object.keys({ ...OPTIMIZERS, ...SCHEDULES }),
  ];
  for (const name of names) assert.is(makers[name]!().name, name);
});

/** Exported functions by their names. */
const makers = { ...library, ...trainEntry } as unknown as Readonly<
  Record<string, (options?: object) => { readonly name: string }>
>;

/** Bounds of a number as docstrings say them: `≥ 1`, `in [0, 1)`, `2 to 1,000`. */
function boundsInWords({ min, above, max, below }: Bounds): string {
  const grouped = (value: number) => (value >= 1000 ? value.toLocaleString("en") : String(value));
  // A decay rate is below 1 also in float32.
  const end = max === 1 - 2 ** -24 ? 1 : below;
  if (end !== undefined) return `in ${above === undefined ? "[" : "("}${above ?? min}, ${end})`;
  if (max === undefined || max >= MAX_COUNT) return above === undefined ? `≥ ${min}` : `> ${above}`;
  return max === 1 ? `in [${min}, ${max}]` : `${min} to ${grouped(max)}`;
}

/** Defaults that a docstring says in words, for what is chosen in a call or for each function. */
const IN_WORDS: Readonly<Record<string, string>> = {
  "encode.batchSize": "chosen for the decoder",
  "evaluate.batchSize": "chosen for the decoder",
  "train.gradientClip": "unbounded",
  "checkValidation.everyImages": "one epoch",
  "trainAutoencoder.gradientClip": "unbounded",
  "train.epochs": "1 for `train` and 12 for `trainAutoencoder`, as in the paper (arXiv 2412.00864)",
  "trainAutoencoder.epochs":
    "1 for `train` and 12 for `trainAutoencoder`, as in the paper (arXiv 2412.00864)",
};

/** A default as a docstring says it: `10,000`, `1e-6`, `false`, `"accepted"`, and perhaps a remark after it. */
function readDefault(text: string): unknown {
  const [, value = ""] = /^(?:`?"?)([\w/.-]+(?:,\d{3})*)/.exec(text) ?? [];
  if (text.startsWith("`")) return value;
  return value === "false" ? false : Number(value.replaceAll(",", ""));
}

for (const [call, fields] of Object.entries(FIELDS)) {
  test(`the docstrings of the options of ${call} say what each is, its bounds and its default`, () => {
    const docs = docsOf(call);
    assert.equal(
      Object.keys(fields).filter((option) => !docs.has(option)),
      [],
    );
    for (const [option, { bounds, choices = [], standard }] of Object.entries(fields)) {
      const said = docs.get(option)!;
      const where = `${call}: ${option}: ${said.text}`;
      if (bounds)
        assert.ok(
          `${said.text.replaceAll(/[.,;:]/g, " ")} `.includes(
            ` ${boundsInWords(bounds)} `.replaceAll(/[.,;:]/g, " "),
          ),
          where,
        );
      for (const choice of choices) assert.ok(said.text.includes(`\`"${choice}"\``), where);
      for (const sentence of said.text.split(/[.;:] /)) assert.ok(sentence.split(" ").length <= 25, sentence);
      const inWords = IN_WORDS[`${call}.${option}`];
      if (inWords) assert.is(said.standard, inWords, where);
      else if (["number", "boolean", "string"].includes(typeof standard)) {
        assert.is(readDefault(said.standard ?? "none is said"), standard, where);
      } else if (bounds) assert.is(said.standard, undefined, where);
    }
  });
}

test("epochs that the docstring says are the defaults", () => {
  assert.equal([TRAIN_FIELDS.epochs.standard, AUTOENCODER_FIELDS.epochs.standard], [1, 12]);
});

test("each flag made from an option has its help, without the marks of Markdown and calls", () => {
  for (const command of createProgram().commands) {
    for (const option of command.options) {
      assert.ok(option.description.trim().length > 0, `${command.name()} ${option.flags}`);
    }
  }
  for (const [call, texts] of Object.entries(OPTION_TEXTS)) {
    for (const [option, text] of Object.entries(texts)) {
      assert.not.match(text, /`|\w\(\)|undefined|\{|\bTrue to\b/, `${call}: ${option}`);
      for (const [flag] of text.matchAll(/--[a-z0-9-]+/g)) {
        const isFlag = createProgram().commands.some(({ options }) =>
          options.some(({ long }) => long === flag),
        );
        assert.ok(isFlag, `${call}: ${option}: ${flag}`);
      }
    }
  }
});

/** Names of all options of an interface. */
type NamesOf<Options> = { readonly [Name in keyof Required<Options>]: true };

const ONNX_OPTIONS: NamesOf<LoadOnnxOptions> = {
  latent: true,
  output: true,
  points: true,
  inputShapes: true,
  loss: true,
  prior: true,
  start: true,
  starts: true,
  outputActivation: true,
  outputShape: true,
  layout: true,
  externalData: true,
  probe: true,
  maxBytes: true,
  signal: true,
};
const FILE_OPTIONS: NamesOf<LoadDecoderOptions> = {
  activation: true,
  outputActivation: true,
  loss: true,
  outputShape: true,
  prior: true,
  start: true,
  starts: true,
  probe: true,
  prefix: true,
  maxBytes: true,
  signal: true,
};
for (const [name, text, heading, all] of [
  ["encode", solvers, "## Options of encode", ENCODE_FIELDS],
  ["loadOnnx", guide("decoders"), "## Options of loadOnnx", ONNX_OPTIONS],
  ["loadDecoder", guide("decoders"), "## Linear layers as safetensors", FILE_OPTIONS],
  ["train", training, "## Options of training", TRAIN_FIELDS],
] as const) {
  test(`the guide's table of the options of ${name} has all`, () => {
    assert.equal(firstColumn(text, heading).sort(), Object.keys(all).sort());
  });
}

test("the guide's table of statuses, and the docstring of Status, have all", () => {
  const table = between(solvers, "\n| status |", "\n\n");
  assert.equal(
    Array.from(table.matchAll(/^\| `"(\w+)"` \|/gm), ([, status]) => status),
    [...STATUSES],
  );
  const doc = between(
    readFileSync("src/solver/status.ts", "utf8"),
    "End of a sample's solve",
    "export type Status",
  );
  assert.equal(
    Array.from(doc.matchAll(/^ \* - `(\w+)`: /gm), ([, status]) => status),
    [...STATUSES],
  );
});

test("the guide names each solver", () => {
  const chosen = between(solvers, "\n## Which solver?", "\n## ");
  for (const name of Object.keys(SOLVER_FIELDS)) assert.match(chosen, `\`${name}(`);
});

test.run();
