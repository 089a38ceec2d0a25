import type { Element, Page, Results, Settings } from "./element.ts";
import { Figures, hasWay, WAY_NAMES } from "./encoder-gap-figures.ts";
import { findings, findingTables } from "./encoder-gap-findings.ts";
import { type GapFound, type GapWay, NOISE, REFINED_STEPS } from "./encoder-gap-measuring.ts";
import { ENCODED, GAP_DATA, type GapData, jobsOfGap } from "./encoder-gap-runs.ts";
import { sectionsOf } from "./encoder-gap-tables.ts";
import { CODE_TRAVEL, GAP_COUNTS, RECIPES, type Recipe } from "./encoder-gap-training.ts";
import { testFloor } from "./floors.ts";
import { excessAxis, excessPoint, NOT_YET, showCount, table } from "./page.ts";
import { ALL } from "./trained-decoders.ts";

// Beyond the paper: how far an encoder's codes are from those of the inversion of the same decoder, by the number of images.

function page(results: Results<GapFound>, settings: Settings): Page {
  const figures = new Figures(results, settings);
  const there = GAP_DATA.filter((data) => figures.has(data));
  return {
    markdown: [question(figures), SETTING, ...(figures.has("MNIST") ? [findings(figures)] : [])].join("\n"),
    appendix: [
      LIMITS,
      ...(figures.has("MNIST") ? [findingTables(figures)] : []),
      ...(there.length > 0 ? ["## All figures\n"] : []),
      ...there.map((data) => sectionsOf(figures, data)),
    ].join("\n"),
    charts: {
      "encoder-gap": {
        title: "MNIST: an encoder's codes and the inversion's",
        xTitle: "images trained on",
        yTitle: excessAxis(testFloor("MNIST")),
        xScale: "log",
        yScale: "log",
        lines: ENCODED.flatMap((method) =>
          (["encoder", "inverted"] as const)
            .filter((way) => hasWay(method, way))
            .map((way) => ({
              name: `${method}, ${WAY_NAMES[way]}`,
              points: GAP_COUNTS.flatMap((count) =>
                excessPoint(
                  count,
                  figures.of("MNIST", count, method, ({ intact }) => intact[way]?.loss),
                  testFloor("MNIST"),
                ),
              ),
            })),
        ).filter(({ points }) => points.length > 0),
      },
    },
    summary: {
      paper: "(not in the paper)",
      letter: "–",
      ours: GAP_COUNTS.map((count) => figures.ratio("MNIST", count, "autoencoder").text).join(", "),
      holds: answer(figures, "MNIST"),
    },
  };
}

/** Means of an autoencoder's figure, by the number of images; undefined if one is missing. */
function byCount(figures: Figures, data: GapData, of: (found: GapFound) => number | undefined) {
  const found = GAP_COUNTS.map((count) => figures.of(data, count, "autoencoder", of).mean);
  return found.some((mean) => mean === undefined) ? undefined : (found as number[]);
}

const excessBy =
  (way: GapWay, data: GapData) =>
  ({ intact }: GapFound) =>
    intact[way] && intact[way].loss - testFloor(data);

const gapOf = ({ intact: { encoder, inverted } }: GapFound) =>
  encoder && inverted && encoder.loss - inverted.loss;

/** Share of the gap that the steps from the encoder's code close. */
const closedOf = ({ intact: { encoder, refined, inverted } }: GapFound) =>
  encoder && refined && inverted && (encoder.loss - refined.loss) / (encoder.loss - inverted.loss);

/** The answer for a data set in sentences, by the figures. */
function answer(figures: Figures, data: GapData): string {
  const [few, more, all] = GAP_COUNTS.map(showCount);
  const encoder = byCount(figures, data, excessBy("encoder", data));
  const inverted = byCount(figures, data, excessBy("inverted", data));
  const gaps = byCount(figures, data, gapOf);
  if (!encoder || !inverted || !gaps) return `On ${data} the answer is ${NOT_YET}.`;
  const ofFall = (gaps[0]! - gaps[2]!) / (encoder[0]! - encoder[2]!);
  const ratio = figures.ratio(data, ALL, "autoencoder").mean!;
  const isWhole = GAP_COUNTS.every((count) => figures.of(data, count, "autoencoder", gapOf).isWhole);
  return (
    `On ${data} the gap shrinks from ${gaps[0]!.toFixed(4)} with ${few} images to ${gaps[1]!.toFixed(4)} with ${more} and ` +
    `${gaps[2]!.toFixed(4)} with ${all}. The encoder's excess is the sum of the inversion's and the gap. It falls from ` +
    `${encoder[0]!.toFixed(4)} to ${encoder[2]!.toFixed(4)}; ${percent(ofFall)} of this fall is the gap's, ${percent(1 - ofFall)} the inversion's. ` +
    `The gap does not close: with ${all} images the encoder's excess is ${ratio.toFixed(2)} times the inversion's. Inverted, the ` +
    `decoder of ${few} images is at ${inverted[0]!.toFixed(4)}, where the encoder is at ${encoder[1]!.toFixed(4)} with ${more} images and ` +
    `at ${encoder[2]!.toFixed(4)} with ${all}.${isWhole ? "" : " Not all seeds have been computed."}`
  );
}

const percent = (share: number) => `${Math.round(100 * share)} %`;

/** Excess losses and the gap, by the number of images, of the data sets of which anything is known. */
function gapTable(figures: Figures): string {
  const there = GAP_DATA.filter((data) => figures.has(data));
  if (there.length === 0) return "";
  return table(
    ["data", "images", "encoder's code", "inverted", "gap", `closed by ${REFINED_STEPS} steps`],
    there.flatMap((data) =>
      GAP_COUNTS.map((count) => {
        const of = (value: (found: GapFound) => number | undefined) =>
          figures.of(data, count, "autoencoder", value);
        const closed = of(closedOf).mean;
        const cells = [excessBy("encoder", data), excessBy("inverted", data), gapOf].map(
          (value) => of(value).text,
        );
        return [data, showCount(count), ...cells, closed === undefined ? "…" : percent(closed)];
      }),
    ),
  );
}

/** What a few steps from the encoder's code close, and cost; nothing where a figure is missing. */
function stepsInWords(figures: Figures): string {
  const all = (of: (found: GapFound) => number | undefined) => {
    const found = GAP_DATA.map((data) => byCount(figures, data, of));
    return found.every((means) => means !== undefined) ? found.flat() : undefined;
  };
  const closed = all(closedOf);
  const costs = all(({ intact }) => intact.refined?.passes);
  const inversions = all(({ intact }) => intact.inverted?.passes);
  if (!closed || !costs || !inversions) return "";
  const range = (values: readonly number[]) => {
    const [least, most] = [Math.min(...values), Math.max(...values)].map(Math.round);
    return least === most ? `${least}` : `${least} to ${most}`;
  };
  return `
From the encoder's code, ${REFINED_STEPS} steps of \`lbfgs\` close ${range(closed.map((share) => 100 * share))} % of the gap. They take ${range(costs)} evaluations of the decoder or its
gradient for an image, inversions ${range(inversions)}. All of this is of undamaged images.
`;
}

const question = (figures: Figures) => `
## Question

A picture's code can be guessed by the encoder that was trained with the decoder, or found by inversion: \`lbfgs\` lowers the
decoder's loss from a mean code on, to its end. How much higher is the loss of the guess? And does more data help?
[The paper](index.md) does not ask this.

*Excess loss* is the mean cross entropy of the 10,000 test images in nats a pixel, above its [floor](index.md), their own entropy, the least that is
possible. The *gap* is the excess of an autoencoder's own codes less that of its decoder's inverted codes.

${gapTable(figures)}

${GAP_DATA.map((data) => answer(figures, data)).join("\n\n")}
${stepsInWords(figures)}
The recipes change with the number of images: passes and random shifts. With other recipes [the frontier](frontier.md) has gaps of
0.0220 to 0.0231 with 480 digits and of 0.0041 to 0.0050 with 50,000.
`;

const SETTING = `
## Setting

Networks: the large convolutions of [the frontier of little data](frontier.md), of 20 latents, and an encoder that mirrors their layers, trained on
MNIST and on Fashion-MNIST with that page's optimizer.

${table(
  ["images", "passes", "passes by flows", "random shifts, pixels"],
  GAP_COUNTS.map((count) => {
    const { passes, flowPasses, pixels } = RECIPES[count];
    return [showCount(count), `${passes}`, `${flowPasses}`, `${pixels}`];
  }),
)}

A pass is one over all images, an epoch; a random shift moves an image in training by up to so many pixels. Autoencoders have three
seeds with 480 and 5,000 images and one with all images. Kept codes and flows have one seed. On Fashion-MNIST flows were trained on
${GAP_COUNTS[0]} images alone, to save time. Decoders are trained by

- an **autoencoder**;
- a **masked autoencoder**, whose encoder, *the encoder trained with masks*, is trained on images of which a share from 0 to 0.95 of the
  pixels is black. Its decoder was not inverted;
- **kept codes**: there is no encoder, each training image has its own code, updated by Adam together with the decoder, at a learning
  rate of ${CODE_TRAVEL.toFixed(2)} ÷ passes; without shifts. [An experiment](../results/experiments.md#kept-codes) chose the rate by validation;
- **flows**: \`train\` with \`lbfgs\` and the paper's approximate gradient. There is no encoder.

Codes of test images are

- **the encoder's**, by evaluating it once;
- **the encoder's, ${REFINED_STEPS} steps on**: at most ${REFINED_STEPS} steps of \`lbfgs\` from there, by the same decoder;
- **inverted**: by \`lbfgs\` to its end, from the mean code of the training images; with a decoder of flows from z = 0;
- **inverted with a prior**, which is chosen for each kind of damage.

Errors of hidden pixels and of noise are of 1,000 test images, accuracies of 2,000. Figures with ± are means over seeds ± their
standard deviation. Shares, excesses in brackets and the tables of the best two are of these means.

The prior: a Gaussian of full covariance (shrinkage 0.01) and weight 0.1, 0.3, 1, 3 or 10, or a mixture of ten Gaussians, fitted to
the inverted codes of at most 5,000 training images. For each kind of damage the one with the lowest squared error on 200 validation
images is used.

Hidden pixels: \`lbfgs\` leaves them out of its loss; an encoder sees black there. Noise: Gaussian, of standard deviation ${NOISE};
\`lbfgs\` minimises the noise's negative log-likelihood, which is a scaled squared error.
`;

/** Returns a number of each recipe, in the order of their images. */
const showEach = (of: (recipe: Recipe, count: number) => number) =>
  GAP_COUNTS.map((count) => showCount(of(RECIPES[count], count))).join(", ");

const LIMITS = `
## What it does not show

- One network and two data sets of grey pictures of 28 × 28. Encoders of other sizes were not tried. None was told which pixels are
  hidden, none was trained with noise, and none was trained anew for a fixed decoder.
- Inverted codes are local minima from one start, so the best codes may be better still. On the same decoder the inversion's loss is lower
  almost by construction, since it minimises what is reported. How much of the gap is overfitting of the encoder was not measured:
  all images are test images.
- The plain encoder has never seen a hidden pixel: its column shows what happens if one is asked all the same. The masks hide pixels at
  random: an encoder trained with hidden halves would fill halves better.
- The masked autoencoder's decoder was not inverted, and its codes were not improved with a prior. Where its encoder leads, that may
  come from its decoder, from where the steps start, or from stopping early.
- The comparison favours the inversion. Recipes were chosen by the loss of inverted validation digits, and the prior by validation
  images with the same damage, by squared error. Encoders had no such choice. And \`lbfgs\` is told which pixels are hidden and how
  noise is distributed.
- Of the weights of priors the least, 0.1, was often chosen with pixels hidden at random, and the greatest, 10, now and then with the
  top half: weights beyond them may do better.
- The autoencoders' recipes are those that [the frontier](frontier.md) has chosen on MNIST: for 5,000 images that of its 5,760, for 50,000
  with half of the passes, to save time. Those of flows were not chosen. The learning rate of kept codes was chosen with 480 digits.
- Passes and shifts change with the number of images: a fall along a column is of both. Images times passes
  are ${showEach(({ passes }, count) => passes * count)} for autoencoders and kept codes, ${showEach(({ flowPasses }, count) => flowPasses * count)} for flows.
- Flows differ much from seed to seed. [The frontier](frontier.md) has the flow of 480 digits with three: 0.0799 ± 0.0047. So a row of
  single flows shows no trend.
- Digits turned by 20° and 45° are interpolated, those turned by 90° or not at all are not: some of what tells them apart is blur.
- Accuracies are of 2,000 test images. The standard error of one of 0.85 is 0.008: of single seeds, differences below 0.02 say nothing.
`;

/** See site/paper/encoder-gap.md. */
export const encoderGap: Element<GapFound> = {
  name: "encoder-gap",
  title: "Beyond the paper: what an encoder's codes lose",
  source: "encoder-gap-runs.ts",
  jobs: jobsOfGap,
  page,
};
