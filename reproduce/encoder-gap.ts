import type { Element, Page, Results, Settings } from "./element.ts";
import { Figures, hasWay, WAY_NAMES } from "./encoder-gap-figures.ts";
import { findings } from "./encoder-gap-findings.ts";
import { type GapFound, type GapWay, NOISE, REFINED_STEPS } from "./encoder-gap-measuring.ts";
import { ENCODED, GAP_DATA, type GapData, jobsOfGap } from "./encoder-gap-runs.ts";
import { sectionsOf } from "./encoder-gap-tables.ts";
import { CODE_TRAVEL, GAP_COUNTS, type GapCount, RECIPES, type Recipe } from "./encoder-gap-training.ts";
import { testFloor } from "./floors.ts";
import { excessAxis, excessOf, excessPoint, NOT_YET, showCount, table } from "./page.ts";

// Beyond the paper: how far an encoder's codes are from those of the inversion of the same decoder, by the number of images.

function page(results: Results<GapFound>, settings: Settings): Page {
  const figures = new Figures(results, settings);
  const there = GAP_DATA.filter((data) => figures.has(data));
  return {
    markdown: [question(figures), SETTING, ...(figures.has("MNIST") ? [findings(figures)] : [])].join("\n"),
    appendix: [
      limits(figures),
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

/** Mean excess loss of autoencoders' codes; undefined if it has not been computed. */
function excess(figures: Figures, data: GapData, count: GapCount, way: GapWay): number | undefined {
  const loss = figures.of(data, count, "autoencoder", ({ intact }) => intact[way]?.loss);
  return excessOf(loss, testFloor(data)).mean;
}

/** The answer for a data set in sentences, by the figures. */
function answer(figures: Figures, data: GapData): string {
  const [few, , all] = GAP_COUNTS;
  const excesses = (way: GapWay) =>
    [few!, all!].map((count) => excess(figures, data, count, way) ?? Number.NaN);
  const [encoder, refined, inverted] = [excesses("encoder"), excesses("refined"), excesses("inverted")];
  if ([encoder, refined, inverted].flat().some(Number.isNaN)) return `On ${data} the answer is ${NOT_YET}.`;
  const gaps = encoder.map((loss, i) => loss - inverted[i]!);
  const closed = refined.map((loss, i) => percent((encoder[i]! - loss) / gaps[i]!));
  const ofFall = (gaps[0]! - gaps[1]!) / (encoder[0]! - encoder[1]!);
  const isWhole = [few!, all!].every((count) => figures.of(data, count, "autoencoder", () => 1).isWhole);
  return (
    `On ${data}, from ${few} to ${showCount(all!)} images, the excess loss of the encoder's codes falls from ${fromTo(encoder)}, that ` +
    `of the inverted codes of the same decoders from ${fromTo(inverted)}. So the gap between the two shrinks from ${fromTo(gaps)}. ` +
    `That is ${percent(ofFall)} of the encoder's fall; the rest is due to better decoders. ` +
    `From the encoder's code, ${REFINED_STEPS} steps of \`lbfgs\` close ${closed[0]} of the gap with ${few} images, ${closed[1]} with ` +
    `${showCount(all!)}.${isWhole ? "" : " Not all seeds have been computed."}`
  );
}

const percent = (share: number) => `${Math.round(100 * share)} %`;
const fromTo = (losses: readonly number[]) => losses.map((loss) => loss.toFixed(4)).join(" to ");

const question = (figures: Figures) => `
## Question

How much is lost by taking the code that an encoder guesses, in place of the best that its decoder has? And does more data help? Each
decoder below is measured twice: by the codes of the encoder that was trained with it, and by the codes that \`lbfgs\` finds.
[The paper](index.md) does not ask this.

${GAP_DATA.map((data) => answer(figures, data)).join("\n\n")}

The number of images is not all that changes: so do the passes over them and the random shifts.
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

Autoencoders have three seeds with 480 and 5,000 images and one with all images. Kept codes and flows have one seed, and on
Fashion-MNIST there are flows for ${GAP_COUNTS[0]} images alone: more would take longer than a day of one core. Decoders are trained by

- an **autoencoder**;
- a **masked autoencoder**, whose encoder is trained on images of which a share from 0 to 0.95 of the pixels is black. Its decoder is
  not inverted: the plain autoencoder's is;
- **kept codes**: there is no encoder, each training image has its own code, updated by Adam together with the decoder, at a learning
  rate of ${CODE_TRAVEL.toFixed(2)} ÷ passes; without shifts. [An experiment](../results/experiments.md#kept-codes) chose the rate by validation;
- **flows**: \`train\` with \`lbfgs\` and the paper's approximate gradient. There is no encoder.

Codes of test images are

- **the encoder's**, by one pass through it;
- **the encoder's, ${REFINED_STEPS} steps on**: at most ${REFINED_STEPS} steps of \`lbfgs\` from there, by the same decoder;
- **inverted**: by \`lbfgs\` to its end, from the mean code of the training images; with a decoder of flows from z = 0;
- **inverted with a prior**, which is chosen for each kind of damage.

*Excess loss* is the cross entropy of all test images above its [floor](index.md), the least that is possible. Errors of hidden pixels
and of noise are of 1,000 test images, accuracies of 2,000. Figures with ± are means over seeds ± their standard deviation.

The prior: a Gaussian whose negative logarithm is multiplied by 0.1, 0.3, 1, 3 or 10, or a mixture of ten Gaussians, fitted to the
inverted codes of at most 5,000 training images. For each kind of damage the one with the lowest squared error on 200 validation images is
used.

Hidden pixels: \`lbfgs\` leaves them out of its loss; an encoder sees black there. Noise: Gaussian, of standard deviation ${NOISE};
\`lbfgs\` minimises the squared error, the noise's likelihood.
`;

/** Returns a number of each recipe, in the order of their images. */
const showEach = (of: (recipe: Recipe, count: number) => number) =>
  GAP_COUNTS.map((count) => showCount(of(RECIPES[count], count))).join(", ");

/** A number of passes of MNIST's inverted codes in words, from the decoder of fewest images. */
function passesInWords(figures: Figures): string {
  const { mean } = figures.of(
    "MNIST",
    GAP_COUNTS[0]!,
    "autoencoder",
    ({ intact }) => intact.inverted?.passes,
  );
  return mean === undefined
    ? "many evaluations of the decoder or its gradient"
    : `${Math.round(mean)} evaluations of the decoder or its gradient on average`;
}

const limits = (figures: Figures) => `
## What it does not show

- One network and two data sets of grey pictures of 28 × 28. Encoders of other sizes were not tried, nor any that is told which pixels
  are hidden, or that was trained with noise; no new encoder was trained for a fixed decoder.
- On the same decoder the inversion's loss is lower almost by construction, since it minimises what is reported. The difference is the
  encoder's error of amortisation.
- The plain encoder has never seen a hidden pixel: its column shows what happens if one is asked all the same. The masks hide pixels at
  random: an encoder trained with hidden halves would fill halves better.
- The comparison favours the inversion in two more ways. Passes and shifts were chosen by the loss of inverted validation digits, and the
  prior among six by validation images with the same damage; encoders had no such choice. And \`lbfgs\` is told which pixels are hidden
  and how noise is distributed.
- The learning rate of kept codes was chosen with 480 digits, for all numbers of images and both data sets.
- Passes and shifts were chosen on MNIST, and change with the number of images: a fall along a column is of both. Images times passes
  are ${showEach(({ passes }, count) => passes * count)} for autoencoders and kept codes, ${showEach(({ flowPasses }, count) => flowPasses * count)} for flows.
- Digits turned by 20° and 45° are interpolated, those turned by 90° or not at all are not: some of what tells them apart is blur.
- Accuracies are of 2,000 test images: differences below 0.01 say nothing.
- Inverting a digit takes ${passesInWords(figures)} with the decoder of ${GAP_COUNTS[0]} digits, the encoder is evaluated once.
`;

/** See site/paper/encoder-gap.md. */
export const encoderGap: Element<GapFound> = {
  name: "encoder-gap",
  title: "Beyond the paper: what an encoder's codes lose",
  source: "encoder-gap-runs.ts",
  jobs: jobsOfGap,
  page,
};
