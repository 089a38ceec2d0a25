import type { Element, Page, Results, Settings } from "./element.ts";
import { Figures, hasWay, WAY_NAMES } from "./encoder-gap-figures.ts";
import { findings } from "./encoder-gap-findings.ts";
import { type GapFound, NOISE } from "./encoder-gap-measuring.ts";
import { ENCODED, GAP_DATA, jobsOfGap } from "./encoder-gap-runs.ts";
import { sectionsOf } from "./encoder-gap-tables.ts";
import { CODE_TRAVEL, GAP_COUNTS, type GapCount, RECIPES } from "./encoder-gap-training.ts";
import { testFloor } from "./floors.ts";
import { excessAxis, excessOf, excessPoint, NOT_YET, showCount, table } from "./page.ts";

// Beyond the paper: how far an encoder's codes are from those of the inversion of the same decoder, by the number of images.

function page(results: Results<GapFound>, settings: Settings): Page {
  const figures = new Figures(results, settings);
  const there = GAP_DATA.filter((data) => figures.has(data));
  return {
    markdown: [
      question(figures),
      SETTING,
      ...(figures.has("MNIST") ? [findings(figures)] : []),
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
      holds: answer(figures),
    },
  };
}

/** The answer in a sentence, by the figures. */
function answer(figures: Figures): string {
  const [few, , all] = GAP_COUNTS;
  const floor = testFloor("MNIST");
  const excess = (way: "encoder" | "inverted", count: GapCount) =>
    excessOf(
      figures.of("MNIST", count, "autoencoder", ({ intact }) => intact[way]?.loss),
      floor,
    ).mean;
  const [encoderFew, encoderAll] = [excess("encoder", few!), excess("encoder", all!)];
  const [invertedFew, invertedAll] = [excess("inverted", few!), excess("inverted", all!)];
  if (
    encoderFew === undefined ||
    encoderAll === undefined ||
    invertedFew === undefined ||
    invertedAll === undefined
  )
    return `The answer is ${NOT_YET}.`;
  const [encoderFall, invertedFall] = [encoderFew - encoderAll, invertedFew - invertedAll];
  const share = Math.round(100 * (1 - invertedFall / encoderFall));
  return (
    `From ${few} to ${showCount(all!)} digits the excess loss of the encoder's codes falls from ${encoderFew.toFixed(4)} to ` +
    `${encoderAll.toFixed(4)}, that of the inverted codes of the same decoders from ${invertedFew.toFixed(4)} to ` +
    `${invertedAll.toFixed(4)}: ${share} % of the fall is the encoder coming closer to the inversion.`
  );
}

const question = (figures: Figures) => `
## Question

An autoencoder trains two networks. Which of them needs the data? Each decoder below is measured twice: by the codes of the
encoder that was trained with it, and by the codes that \`lbfgs\` finds.

${answer(figures)}
`;

const SETTING = `
## Setting

Networks: the large convolutions of [the frontier of little data](frontier.md) and an encoder that mirrors their layers, trained on
MNIST and on Fashion-MNIST with that page's optimizer.

${table(
  ["images", "passes", "passes by flows", "random shifts, pixels"],
  GAP_COUNTS.map((count) => {
    const { passes, flowPasses, pixels } = RECIPES[count];
    return [showCount(count), `${passes}`, `${flowPasses}`, `${pixels}`];
  }),
)}

Three seeds; one seed for all images, for kept codes and for flows. On Fashion-MNIST flows are run for ${GAP_COUNTS[0]} images alone. So
all runs take about a day of one core. Decoders are trained by

- an **autoencoder**;
- a **masked autoencoder**, whose encoder is trained on images of which a share from 0 to 0.95 of the pixels is black. Only its
  encoder's codes are measured; its decoder is not inverted;
- **kept codes**: there is no encoder, each training image has its own code, updated by Adam together with the decoder, at a learning
  rate of ${CODE_TRAVEL.toFixed(2)} ÷ passes; without shifts. [An experiment](../results/experiments.md#kept-codes) chose the rate by validation;
- **flows**.

*With a prior*: a Gaussian whose negative logarithm is multiplied by 0.1, 0.3, 1, 3 or 10, or a mixture of ten Gaussians, fitted to the
inverted codes of at most 5,000 training images. For each kind of damage the one with the lowest squared error on 200 validation images is
used.

Hidden pixels: the inversion leaves them out of its loss; an encoder sees black there. Noise: Gaussian, of standard deviation ${NOISE};
the inversion minimises the squared error, the noise's likelihood.
`;

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
- The learning rate of kept codes was chosen with 480 digits, for all numbers of images and both data sets.
- Passes and shifts were chosen on MNIST by the loss of inverted validation digits, and change with the number of images: a
  fall along a column is of both.
- Digits turned by 20° and 45° are interpolated, those turned by 90° and the others are not: some of what tells them apart is blur.
- Accuracies are of 2,000 test images: differences below 0.01 say nothing.
- Inverting a digit takes ${passesInWords(figures)}, the encoder is evaluated once.
`;

/** See site/paper/encoder-gap.md. */
export const encoderGap: Element<GapFound> = {
  name: "encoder-gap",
  title: "Beyond the paper: how much data an encoder needs",
  source: "encoder-gap-runs.ts",
  jobs: jobsOfGap,
  page,
};
