import { type Figures, hasWay, sayingSeedsOnce, WAY_NAMES, WAYS } from "./encoder-gap-figures.ts";
import { mainTable } from "./encoder-gap-findings.ts";
import { HIDING_NAMES, NOISE, TURNS } from "./encoder-gap-measuring.ts";
import { type GapData, isComputed } from "./encoder-gap-runs.ts";
import { GAP_COUNTS, GAP_METHODS, type GapCount, type GapMethod } from "./encoder-gap-training.ts";
import { testFloor } from "./floors.ts";
import { BRACKETS, floorRow, showCount, table, withExcess } from "./page.ts";

// All figures of the encoder gap, as tables of its page.

/** All tables of a data set. */
export function sectionsOf(figures: Figures, data: GapData): string {
  return [
    `### ${data}\n`,
    ...(data === "MNIST" ? [] : [mainTable(figures, data)]),
    `\n#### ${data}: loss\n`,
    `Test loss in nats a pixel of all test images. ${BRACKETS} The ratio is the encoder's excess ÷ the inversion's, of the same decoder.\n`,
    intactTable(figures, data),
    `\n#### ${data}: hidden pixels\n`,
    "Squared error of the hidden pixels of 1,000 test images, and their cross entropy in nats a pixel. An encoder sees 0 where a pixel is hidden. *No network* is the mean of the training images.\n",
    hiddenTable(figures, data),
    `\n#### ${data}: noise\n`,
    `Squared error of 1,000 denoised test images. Gaussian noise of standard deviation ${NOISE} was added.\n`,
    noiseTable(figures, data),
    `\n#### ${data}: classes\n`,
    "Accuracy on 2,000 test images of a linear and of a 5-nearest-neighbour classifier, trained on codes of at most 5,000 training images.\n",
    classTable(figures, data),
    `\n#### ${data}: turned images\n`,
    "Area under the ROC curve of test images turned by so many degrees against others that are not, by the excess loss of the inverted code, of the encoder's code, and by the gap, the second less the first.\n",
    turnTable(figures, data),
    "",
  ].join("\n");
}

function intactTable(figures: Figures, data: GapData): string {
  const floor = testFloor(data);
  const ways = ["encoder", "refined", "inverted"] as const;
  return table(
    ["images", "decoder trained by", ...ways.map((way) => WAY_NAMES[way]), "ratio"],
    [
      ...rowsOf(data, (count, method) => [
        ...ways.map((way) =>
          hasWay(method, way)
            ? withExcess(
                figures.of(data, count, method, ({ intact }) => intact[way]?.loss),
                floor,
              )
            : "",
        ),
        hasWay(method, "encoder") && hasWay(method, "inverted")
          ? figures.ratio(data, count, method).text
          : "",
      ]),
      ["", ...floorRow([floor, floor, floor]), ""],
    ],
  );
}

/** Rows of a table: each number of images with each method. */
function rowsOf(data: GapData, cells: (count: GapCount, method: GapMethod) => readonly string[]): string[][] {
  return GAP_COUNTS.flatMap((count) =>
    GAP_METHODS.filter((method) => isComputed(data, count, method)).map((method) =>
      sayingSeedsOnce(showCount(count), [method, ...cells(count, method)]),
    ),
  );
}

function hiddenTable(figures: Figures, data: GapData): string {
  return table(
    ["images", "decoder trained by", "hidden", "no network", ...WAYS.map((way) => WAY_NAMES[way])],
    GAP_COUNTS.flatMap((count) =>
      GAP_METHODS.filter((method) => isComputed(data, count, method)).flatMap((method) =>
        HIDING_NAMES.map((hiding) =>
          sayingSeedsOnce(showCount(count), [
            method,
            hiding,
            ...[undefined, ...WAYS].map((way) => {
              if (way && !hasWay(method, way)) return "";
              const of = (measure: "squaredError" | "crossEntropy") =>
                figures.of(
                  data,
                  count,
                  method,
                  ({ hidden, baselines }) => (way ? hidden[hiding][way] : baselines[hiding])?.[measure],
                ).text;
              return `${of("squaredError")}; ${of("crossEntropy")}`;
            }),
          ]),
        ),
      ),
    ),
  );
}

function noiseTable(figures: Figures, data: GapData): string {
  return table(
    ["images", "decoder trained by", ...WAYS.map((way) => WAY_NAMES[way])],
    rowsOf(data, (count, method) =>
      WAYS.map((way) =>
        hasWay(method, way)
          ? figures.of(data, count, method, ({ noisy }) => noisy[way]?.squaredError).text
          : "",
      ),
    ),
  );
}

function classTable(figures: Figures, data: GapData): string {
  const ways = ["encoder", "inverted"] as const;
  return table(
    ["images", "decoder trained by", ...ways.map((way) => `${WAY_NAMES[way]}: linear; neighbours`)],
    rowsOf(data, (count, method) =>
      ways.map((way) => {
        if (!hasWay(method, way)) return "";
        const of = (classifier: "linear" | "neighbours") =>
          figures.of(data, count, method, ({ classified }) => classified[way]?.[classifier], 3).text;
        return `${of("linear")}; ${of("neighbours")}`;
      }),
    ),
  );
}

function turnTable(figures: Figures, data: GapData): string {
  return table(
    [
      "images",
      "decoder trained by",
      ...TURNS.map((degrees) => `${degrees}°: inverted; encoder; encoder less inverted`),
    ],
    rowsOf(data, (count, method) =>
      TURNS.map((degrees) => {
        if (!hasWay(method, "inverted")) return "";
        const of = (score: "inverted" | "encoder" | "gap") =>
          figures.of(data, count, method, ({ turns }) => turns[degrees]?.[score], 2).text;
        return hasWay(method, "encoder")
          ? `${of("inverted")}; ${of("encoder")}; ${of("gap")}`
          : of("inverted");
      }),
    ),
  );
}
