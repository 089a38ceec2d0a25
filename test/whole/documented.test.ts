// run: alone
import { readFileSync } from "node:fs";
import { transform } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FLOORS } from "../../reproduce/floors.ts";
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
    const activation = normaliseActivation("", "", settings.activation);
    assert.equal(activation, { name, ...(parameter && { [parameter.name]: parameter.default }) });
  }
});

/** A cell of a table of site/paper/: in the first row that begins so, of the section if one is named, in the column of this heading. */
function cellOf(page: string, row: string, column: string, section?: string): string {
  const lines = readFileSync(`site/paper/${page}.md`, "utf8").split("\n");
  const first = section === undefined ? 0 : lines.indexOf(`## ${section}`);
  assert.ok(first >= 0, `${page}.md has a section ${section}`);
  const next = section === undefined ? -1 : lines.findIndex((line, i) => i > first && line.startsWith("## "));
  const last = next < 0 ? lines.length : next;
  const at = lines.findIndex((line, i) => i >= first && i < last && line.startsWith(`| ${row} |`));
  assert.ok(at >= 0, `${page}.md has a row ${row}`);
  const cells = (line: string) => line.split("|").map((cell) => cell.trim());
  const head = lines.slice(0, at).findLastIndex((line) => line.startsWith("| --- |")) - 1;
  const index = cells(lines[head]!).indexOf(column);
  assert.ok(index >= 0, `${page}.md has a column ${column}`);
  return cells(lines[at]!)[index]!;
}

test("the figure of the guide's example of training is the frontier's", () => {
  const text = between(training, "\nWith 400 epochs", "\n\nThe encoder is needed").replace(/\s+/g, " ");
  const recipe = "autoencoder, 400 passes; shifts of 3; large convolutions";
  const [, loss, excess] = /^(\S+) ± \S+ \((\S+)\)$/.exec(
    cellOf("frontier", recipe, "from the mean code", "480 images"),
  )!;
  const said = `is ${loss} nats a pixel, ${excess} above the targets' own entropy`;
  assert.ok(text.includes(said), `site/guides/training.md says: ${said}`);
});

/** A cell without its deviation: a loss, and its excess in brackets. */
const mean = (...cell: Parameters<typeof cellOf>) => cellOf(...cell).replace(/ ± \S+/, "");

test("README, limits and the guide to missing data have the figures of little data as they are elsewhere", () => {
  const large = "large convolutions";
  const [few, all] = [
    ["frontier", `autoencoder, 400 passes; shifts of 3; ${large}`, "480 images"],
    ["frontier", `autoencoder, 24 passes; no shifts; ${large}`, "50,000 images"],
  ] as const;
  const of = ([page, row, section]: typeof few | typeof all, column: string) =>
    mean(page, row, column, section);
  const [, loss, excess] = /^(\S+) \((\S+)\)$/.exec(of(few, "from the mean code"))!;
  const [, fromZero, above] = /^(\S+) \((\S+)\)$/.exec(of(all, "by `lbfgs`"))!;
  for (const [file, ...said] of [
    [
      "README.md",
      `is at ${loss} nats a pixel, ${excess} above the floor`,
      `its own encoder is at ${of(few, "its own code").replace(")", " above it)")}. Trained on 50,000, an encoder is at ${of(all, "its own code")}.`,
      `comes to a cross entropy of ${loss} nats a pixel on test digits, ${excess} above the least possible`,
    ],
    [
      "site/limits.md",
      `end at ${fromZero} (${above} above the targets' own entropy) where those from the mean code end at ${of(all, "from the mean code")}`,
    ],
  ] as const) {
    const text = readFileSync(file, "utf8").replace(/\s+/g, " ");
    for (const each of said) assert.ok(text.includes(each), `${file} says: ${each}`);
  }
  const row = /^\| nine tenths, at random \| \S+ \| (\S+) \| (\S+) \| (\S+) \|/m;
  const [, encoder, flow, held] = row.exec(readFileSync("site/guides/missing-data.md", "utf8"))!;
  const readme = readFileSync("README.md", "utf8").replace(/\s+/g, " ");
  assert.ok(
    readme.includes(`trained so has ${encoder}, latentflow ${flow} without a prior and ${held} with it.`),
  );
});

test("the figures of site/guides/training.md are those of site/paper/", () => {
  const text = training;
  const [small, large] = ["small convolutions", "large convolutions"];
  const code = "from the mean code";
  const best = `autoencoder, 24 passes; no shifts; ${large}`;
  /** Of a row: the digits, what is said of them, and the frontier's recipe. */
  const recipes = [
    ["480", "the large decoder, 400 passes, shifts of 3", `autoencoder, 400 passes; shifts of 3; ${large}`],
    ["480", "the small decoder, 800 passes, shifts of 2", `autoencoder, 800 passes; shifts of 2; ${small}`],
    ["1,920", "the large decoder, 120 passes, shifts of 3", `autoencoder, 120 passes; shifts of 3; ${large}`],
    ["1,920", "the small decoder, 400 passes, shifts of 2", `autoencoder, 400 passes; shifts of 2; ${small}`],
    ["5,760", "the large decoder, 60 passes, shifts of 2", `autoencoder, 60 passes; shifts of 2; ${large}`],
    ["50,000", "the large decoder, 24 passes, no shifts", best],
  ] as const;
  const whole = (...cell: Parameters<typeof cellOf>) => Number.parseFloat(mean(...cell)).toFixed(0);
  const rows = [
    ...recipes.map(([digits, row, recipe]) => {
      const section = `${digits} images`;
      const minutes = whole("frontier", recipe, "minutes", section);
      return `| ${digits} | ${row} | ${cellOf("frontier", recipe, code, section)} | ${minutes} |`;
    }),
    `one pass | ${cellOf("table1-right", "GFE-amd", "MNIST")} | ${Math.round(secondsOfThePapers() / 60)} |`,
  ];
  for (const row of rows) assert.ok(text.includes(row), `site/guides/training.md says: ${row}`);

  const prose = text.replace(/\s+/g, " ");
  // What lowered nothing, to a tenth of a thousandth: small after 1,920 digits, large after 50,000.
  for (const [digits, trained, flow, rest] of [
    ["1,920", "autoencoder, 400 passes", "then flow, 10 passes", `shifts of 3; ${small}`],
    ["50,000", "autoencoder, 12 passes", "then flow, 1 pass", `no shifts; ${large}`],
  ] as const) {
    const before = mean("frontier", `${trained}; ${rest}`, code, `${digits} images`);
    const after = mean("frontier", `${trained}; ${flow}; ${rest}`, "by `lbfgs`", `${digits} images`);
    assert.ok(Number.parseFloat(after) >= Number.parseFloat(before), `${digits}: ${before}, ${after}`);
  }
  const [plain, tamed, held] = [
    "lbfgs, latentflow's default",
    "lbfgs, falling rate and clipping",
    "lbfgs with a prior",
  ];
  const twice = (digits: string, passes: number, pixels: number) =>
    mean(
      "frontier",
      `autoencoder, ${passes} passes; shifts of ${pixels}; ${large}`,
      code,
      `${digits} images`,
    );
  /** What it says of the paper's decoder where the flow goes on after an autoencoder. */
  function polished(
    all: readonly (readonly [digits: string, trained: string, passes: number, shifts: string])[],
  ) {
    const losses = all.map(([digits, trained, passes, shifts]) => {
      const of = (recipe: string, column: string) =>
        mean(
          "frontier",
          [trained, ...(recipe ? [recipe] : []), shifts].join("; "),
          column,
          `${digits} images`,
        );
      const flow = `then flow, ${passes} passes`;
      return [of("", code), of(`${flow} with a prior`, "by `lbfgs`"), of(flow, "by `lbfgs`")] as const;
    });
    return losses.map((figures, i) => `| ${[all[i]![0], ...figures].join(" | ")} |`);
  }
  const ofAll = (flow: string, column: string) =>
    mean("frontier", `autoencoder, 40 passes${flow}; shifts of 1`, column, "50,000 images");
  const [, highest] = /it rises to (\S+ \(\S+\)) at most/.exec(
    readFileSync("site/paper/figure1.md", "utf8"),
  )!;
  for (const said of [
    `lowered ${mean("frontier", `autoencoder, 800 passes; shifts of 3; ${small}`, code, "480 images")} to ` +
      mean(
        "frontier",
        `autoencoder, 800 passes; then flow, 40 passes; shifts of 3; ${small}`,
        "by `lbfgs`",
        "480 images",
      ),
    `two passes lowered ${mean("frontier", `autoencoder, 60 passes; shifts of 2; ${large}`, code, "5,760 images")} to ` +
      mean(
        "frontier",
        `autoencoder, 60 passes; then flow, 2 passes; shifts of 2; ${large}`,
        "by `lbfgs`",
        "5,760 images",
      ),
    ...polished([
      ["480", "autoencoder, 1600 passes", 40, "shifts of 3"],
      ["1,920", "autoencoder, 500 passes", 20, "shifts of 3"],
      ["5,760", "autoencoder, 200 passes", 10, "shifts of 2"],
    ]),
    `After 480, 1,920 and 5,760 digits they are ${twice("480", 800, 3)}, ${twice("1,920", 240, 3)} and ${twice("5,760", 120, 2)}`,
    `from 0 its flows end at ${mean("frontier", best, "by `lbfgs`", "50,000 images")}.`,
    `comes to ${mean("table1-left", "the flow, `lbfgs`", "480 images")} trained by flows, ` +
      `to ${mean("table1-left", "AE, one pass, inverted by `lbfgs`", "480 images")} by the autoencoder. ` +
      `After twelve passes of the autoencoder it comes to ${mean("table1-left", "AE, twelve passes, inverted by `lbfgs`", "480 images")}. ` +
      `After 1,920 and 5,760 digits the autoencoder's twelve passes, inverted, are ahead: ${[
        "AE, twelve passes, inverted by `lbfgs`",
        "the flow, `lbfgs`",
      ]
        .map((row) =>
          ["1920 images", "5760 images"].map((column) => mean("table1-left", row, column)).join(" and "),
        )
        .join(" beside ")}`,
    `| 50,000 | ${ofAll("", code)} | ${ofAll("; then flow, 3 passes with a prior", "by `lbfgs`")} | ` +
      `${ofAll("; then flow, 3 passes", "by `lbfgs`")} |`,
    `one lowered nothing after 50,000`,
    `whose own entropy is ${FLOORS["MNIST, first 100 of validation"].toFixed(4)}`,
    `after ${cellOf("figure1", plain, "after images")} of ${cellOf("figure1", plain, "images so far")} digits: ` +
      `from ${mean("figure1", plain, "lowest")} to ${mean("figure1", plain, "loss after them")} at the end`,
    `came to ${mean("figure1", tamed, "lowest")}, rose to ${highest} and ended at ${mean("figure1", tamed, "loss after them")}`,
    `from ${mean("figure1", held, "lowest")} to ${mean("figure1", held, "loss after them")} within ` +
      `${cellOf("figure1", held, "images so far")} digits`,
  ])
    assert.ok(prose.includes(said), `site/guides/training.md says: ${said}`);
});

test("docs say one figure of all digits by the large decoder: the frontier's best", () => {
  const [, best] = /^\| 50,000 \| 1,000 \| (\S+ \(\S+\)) /m.exec(
    readFileSync("site/paper/frontier.md", "utf8"),
  )!;
  const experiments = readFileSync("site/results/experiments.md", "utf8").replace(/\s+/g, " ");
  assert.ok(experiments.includes(`that comes to ${best} with all of them, from its mean code`), best);
  assert.match(training, `| ${best} |`);
});

test("the encoder gap's page has the frontier's gaps with other recipes of these networks", () => {
  const frontier = readFileSync("site/paper/frontier.md", "utf8");
  const page = readFileSync("site/paper/encoder-gap.md", "utf8").replace(/\s+/g, " ");
  const range = (section: string) => {
    const [, rows = ""] = frontier.split(`\n## ${section}\n`);
    // Of the page's own recipes the first table has the gaps.
    const own = /autoencoder, (400 passes; shifts of 3|12 passes; no shifts); large/;
    const gaps = [...rows.split("\n## ")[0]!.matchAll(/^\| (autoencoder, [^|]*large convolutions) \|/gm)]
      .filter(([, row]) => !own.test(row!))
      .map(([, row]) => {
        const code = mean("frontier", row!, "its own code", section);
        return code === ""
          ? undefined
          : Number.parseFloat(code) -
              Number.parseFloat(mean("frontier", row!, "from the mean code", section));
      })
      .filter((gap) => gap !== undefined);
    assert.ok(gaps.length >= 2, section);
    return `${Math.min(...gaps).toFixed(4)} to ${Math.max(...gaps).toFixed(4)}`;
  };
  const said = `gaps of ${range("480 images")} with 480 digits and of ${range("50,000 images")} with 50,000`;
  assert.ok(page.includes(said), said);
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

/** Of training on all MNIST digits by AMD; a mean over seeds. */
function secondsOfThePapers(): number {
  const { jobs } = JSON.parse(readFileSync("site/paper/results/table1-right.json", "utf8"));
  const seconds = [0, 1, 2].map(
    (seed): number => jobs[`MNIST, 50000 images, flow, amd, seed ${seed}`].result.trainedInSeconds,
  );
  return seconds.reduce((sum, each) => sum + each, 0) / seconds.length;
}

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
