import type { ChartPoint } from "./chart.ts";
import type { DataName, Element, Page, Settings } from "./element.ts";
import { testFloor, validationFloor } from "./floors.ts";
import { INVERSION_HEADING, INVERSION_LINK, type Inversion, inversionNote } from "./inversion.ts";
import {
  BRACKETS,
  excessAxis,
  excessPoint,
  type Figure,
  floorRow,
  listed,
  means,
  NOT_YET,
  showCount,
  table,
  withExcess,
} from "./page.ts";
import { PAPER_TABLE, seedsOf } from "./paper-setting.ts";
import {
  beside,
  FLOW_ROWS,
  LETTER_ROWS,
  losses,
  type Measure,
  OUR_ROWS,
  printedFigures,
  ROWS,
  type Row,
  summaryOf,
  texts,
  word,
  wordsOnAll,
} from "./table1-rows.ts";
import { ALL, jobFor, type Method, methods, resultOf, type Trained } from "./trained-decoders.ts";
import { isAstray, lowestOf, type Validation } from "./validation.ts";

// Table 1, right: the same after all images of three data sets.

const { sets: RIGHT, ...PAPER_RIGHT } = PAPER_TABLE.complete;
const FLOORS_RIGHT = RIGHT.map(testFloor);

/** Several: GFE-amd's, where it takes minutes and not hours; and an autoencoder that may go astray. */
const seedsRight = (name: DataName, method: Method, settings: Settings) =>
  (method === "flow, amd" && name !== "Fashion-MNIST") ||
  (method === "autoencoder, 12 passes" && name === "SegMNIST")
    ? seedsOf(settings)
    : [0];

export const table1Right: Element<Trained> = {
  name: "table1-right",
  title: "Table 1, right: complete sets",
  source: "table1-right.ts",
  jobs: (settings) =>
    RIGHT.flatMap((name) =>
      methods.flatMap((method) =>
        seedsRight(name, method, settings).map((seed) => jobFor(name, ALL, method, seed, settings, true)),
      ),
    ),
  page(results, settings): Page {
    const trained = (name: DataName, method: Method) =>
      seedsRight(name, method, settings).map((seed) => resultOf(results, name, ALL, method, seed));
    const figure = (name: DataName, { method, by }: Row, of: Measure = "loss", digits = 4) =>
      means(
        trained(name, method).map((one) => one?.tests[by]?.[of]),
        digits,
      );
    const lines = (rows: readonly Row[], of: Measure, digits = 4) =>
      rows.map((row) => [row.label, ...RIGHT.map((name) => figure(name, row, of, digits).text)]);
    const lossesOf = (row: Row) => RIGHT.map((name) => figure(name, row));
    const lossLines = (rows: readonly Row[]) =>
      rows.map((row) => [row.label, ...losses(lossesOf(row), FLOORS_RIGHT)]);
    const [flows, ours] = [lossesOf(ROWS.gfe), lossesOf(ROWS.ours)];
    const [autoencoders, mixed] = [lossesOf(ROWS.twelve), lossesOf(ROWS.mixedTwelve)];
    const head = ["", ...RIGHT];
    const [paperFlows, paperAutoencoders] = [printedFigures(PAPER_RIGHT.GFE), printedFigures(PAPER_RIGHT.AE)];
    const paper = [
      ["the paper's GFE-amd", ...losses(paperFlows, FLOORS_RIGHT)],
      ["the paper's AE", ...losses(paperAutoencoders, FLOORS_RIGHT)],
    ];
    const goesAstray = (name: DataName) =>
      trained(name, "autoencoder, 12 passes").some((one) => isAstray(one?.validation ?? []));
    /** Words for each set, except those whose autoencoder is no fair opponent by its own code. */
    const held = (some: readonly Figure[], others: readonly Figure[]) => {
      const isFair = (name: DataName) => ![some, others].includes(autoencoders) || !goesAstray(name);
      const said = RIGHT.flatMap((name, i) =>
        isFair(name) ? [`${word(some[i]!, others[i]!)} on ${name}`] : [],
      );
      const unfair = RIGHT.filter((name) => !isFair(name));
      return [
        said.join(", "),
        ...(unfair.length > 0
          ? [`${listed(unfair.map((name) => `${name}'s`))} autoencoder has gone astray`]
          : []),
      ].join("; ");
    };
    const claim = (text: string, some: readonly Figure[], others: readonly Figure[]) =>
      `- ${text}: ${held(some, others)}.`;
    const twelfths = RIGHT.flatMap((name) => {
      const [autoencoder] = trained(name, "autoencoder, 12 passes");
      return trained(name, "flow, amd").map((flow) => ({ name, ...shareOfImages(flow, autoencoder) }));
    });
    const inversionsBy = (flow: Row, inverted: Row) =>
      RIGHT.map(
        (name): Inversion => ({
          name,
          flow: figure(name, flow),
          code: figure(name, ROWS.once),
          inverted: figure(name, inverted),
        }),
      );
    const show = (name: DataName, row: Row) => withExcess(figure(name, row), testFloor(name));
    const twelveInverted = lossesOf(ROWS.twelveInverted);
    /** Says where AMD inverts a decoder worse than its own encoder. */
    const poorlyInverted = RIGHT.flatMap((name, i) =>
      word(mixed[i]!, autoencoders[i]!) === "higher"
        ? [
            ` On ${name} AMD inverts the decoder to ${show(name, ROWS.mixedTwelve)}, worse than its own encoder, ${show(name, ROWS.twelve)}; \`lbfgs\` inverts it to ${show(name, ROWS.twelveInverted)}.`,
          ]
        : [],
    ).join("");
    return {
      markdown: `Mean cross entropy of all test images, after training on all training images: MNIST's and Fashion-MNIST's
50,000; SegMNIST's are the 25,538 among MNIST's that are of digits 0 to 4, tested on the 4,861 of digits 5 to 9.
One seed where there is no ±; else the mean over seeds ± the standard deviation over them.
${BRACKETS} *AE*: the autoencoder, by its own
codes; *mixed*: its decoder, inverted by AMD in the test.

## To the letter

AMD with s_max = 10: its steps grow from the accepted step, as in the authors' code, or from the step tried first, as the
paper prints it.

${table(head, [...lossLines(LETTER_ROWS), ...paper, floorRow(FLOORS_RIGHT)])}

PCA's outputs are cut to [1/510, 1 - 1/510] for their cross entropy. By the excess, our GFE-amd beside the paper's is ${RIGHT.map(
        (name, i) => `${beside(flows[i]!, PAPER_RIGHT.GFE[i]!, FLOORS_RIGHT[i]!)} on ${name}`,
      ).join(", ")}.
${RIGHT.map((name) => astray(name, trained(name, "autoencoder, 12 passes"))).join("")}
## As latentflow does it

${table(head, [...lossLines(OUR_ROWS), floorRow(FLOORS_RIGHT)])}

## In squared error

${table(head, lines([...LETTER_ROWS, ...OUR_ROWS], "squaredError"))}

## What it takes

Passes through the decoder for a test image, a mean over the images: a pass forward is one, and one back is one.

${table(head, lines(FLOW_ROWS, "passes", 0))}

Seconds of training, on one core of a busy machine and by engines of several speeds (results/table1-right.json names them): they tell
orders of magnitude.

${table(
  head,
  TRAINED.map(([label, method]) => [
    label,
    ...RIGHT.map(
      (name) =>
        means(
          trained(name, method).map((one) => one?.trainedInSeconds),
          0,
        ).text,
    ),
  ]),
)}

## The paper's claims, by these figures

*As low*: the difference is within the deviations over seeds; where there is one seed, any difference counts.

${[
  claim("GFE-amd's one pass against the autoencoder's twelve", flows, autoencoders),
  `${claim("GFE-amd against *mixed*, twelve passes, inverted by AMD", flows, mixed)}${poorlyInverted}`,
  claim("GFE-amd against the autoencoder's twelve inverted by `lbfgs`", flows, twelveInverted),
  claim("*mixed* against the autoencoder's own code, twelve passes", mixed, autoencoders),
  claim("the paper's GFE-amd against its autoencoder", paperFlows, paperAutoencoders),
  claim("our autoencoder, twelve passes, against the paper's", autoencoders, paperAutoencoders),
  claim(
    "the flow by `lbfgs`, one pass, against the autoencoder's one inverted by `lbfgs`",
    ours,
    lossesOf(ROWS.onceInverted),
  ),
  claim(
    "the flow by `lbfgs`, one pass, against the autoencoder's twelve inverted by `lbfgs`",
    ours,
    twelveInverted,
  ),
].join("\n")}

## A twelfth of the iterations?

The loss of 1,000 validation images (of SegMNIST of all ten digits, five of which it was trained on) as training goes on: the
flow's one pass by \`amd\`, encoded by \`amd\` and validated ten times; the autoencoder's twelve, encoded by its own encoder and
validated after each. *There*: where the flow first is as low as the autoencoder of seed 0 at its lowest. Both may fall further.

${BRACKETS}

${RIGHT.map((name) => twelfth(name, trained(name, "flow, amd"), trained(name, "autoencoder, 12 passes")[0])).join("\n\n")}

${twelfthVerdict(twelfths)} In seconds of training: see above, What it takes.

${INVERSION_HEADING}

${inversionNote(inversionsBy(ROWS.ours, ROWS.onceInverted), inversionsBy(ROWS.gfe, ROWS.mixedOnce))} On MNIST the
decoder of one pass, inverted by \`lbfgs\`, is at ${show("MNIST", ROWS.onceInverted)}; its own code after twelve passes at ${show("MNIST", ROWS.twelve)}.
After how many images an autoencoder whose validation images are inverted, too, comes to the flow's loss was not computed.
`,
      charts: Object.fromEntries(
        RIGHT.map((name) => [
          `table1-right-${name.toLowerCase()}`,
          {
            title: `${name}: validation loss as training goes on`,
            xTitle: "images processed",
            yTitle: excessAxis(validationFloor(name)),
            ...({ xScale: "log", yScale: "log" } as const),
            lines: FOLLOWED.map(([label, method]) => ({
              name: label,
              points: validationOf(trained(name, method), validationFloor(name)),
            })).filter(({ points }) => points.length > 0),
          },
        ]),
      ),
      summary: {
        paper: summaryOf(PAPER_RIGHT, FLOORS_RIGHT),
        letter: `${texts(flows, FLOORS_RIGHT)}; AE, twelve passes ${texts(autoencoders, FLOORS_RIGHT)}`,
        ours: texts(ours, FLOORS_RIGHT),
        holds:
          `GFE-amd against the AE of twelve passes: ${held(flows, autoencoders)}. Against that inverted by AMD: ` +
          `${wordsOnAll(flows, mixed)}; by \`lbfgs\`: ${wordsOnAll(flows, twelveInverted)}. ${twelfthVerdict(twelfths)} See ${INVERSION_LINK}.`,
      },
    };
  },
};

/** Whose validation loss the charts of the complete sets show. */
const FOLLOWED: readonly (readonly [label: string, method: Method])[] = [
  ["GFE-amd", "flow, amd"],
  ["AE, by its own code", "autoencoder, 12 passes"],
  ["flow by lbfgs", "flow, lbfgs"],
];
/** Whose seconds of training the page has. */
const TRAINED: typeof FOLLOWED = [
  ["GFE-amd, one pass", "flow, amd"],
  ["GFE-amd, grown as printed, one pass", "flow, amd as printed"],
  ["the flow, `lbfgs`, one pass", "flow, lbfgs"],
  ["AE, twelve passes", "autoencoder, 12 passes"],
];

/** The mean over the seeds that there are, by images processed. */
function validationOf(all: readonly (Trained | undefined)[], floor: number): ChartPoint[] {
  const runs = all.flatMap((one) => (one?.validation ? [one.validation] : []));
  return (runs[0] ?? []).flatMap(({ images }) => {
    const losses = runs.map((run) => run.find((one) => one.images === images)?.loss);
    return images > 0 ? excessPoint(images, means(losses), floor) : [];
  });
}

/** Says which seeds' autoencoders have gone astray: their figures are those of the last moment. */
function astray(name: DataName, all: readonly (Trained | undefined)[]): string {
  const show = ({ loss }: Validation) => withExcess(means([loss]), validationFloor(name));
  const found = all.flatMap((one, seed) => {
    const validation = one?.validation ?? [];
    if (!isAstray(validation)) return [];
    const [lowest, end] = [lowestOf(validation)!, validation.at(-1)!];
    return [
      `seed ${seed} is at ${show(lowest)} after ${showCount(lowest.images)} images and ends at ${show(end)}`,
    ];
  });
  if (found.length === 0) return "";
  const how = all.length > 1 && found.length === all.length ? ", with every seed" : "";
  return `
${name}'s autoencoder goes astray late in its twelve passes${how}, by the loss of validation images: ${found.join("; ")}. What it comes to in the
test then is no fair opponent.
`;
}

/**
 * Which share of the autoencoder's images the flow takes to its lowest validation loss: not to its last, for an autoencoder
 * may jump on the way, and what a flow is held against must not be chance.
 */
function shareOfImages(flow: Trained | undefined, autoencoder: Trained | undefined) {
  const lowest = lowestOf(autoencoder?.validation ?? []);
  if (!flow?.validation || !lowest) return { lowest, reached: undefined, share: undefined };
  const reached = flow.validation.find(({ loss }) => loss <= lowest.loss);
  return { lowest, reached, share: reached ? reached.images / lowest.images : Number.POSITIVE_INFINITY };
}

/** The claim that the flow needs a twelfth of the autoencoder's iterations, held against what was found. */
function twelfth(
  name: DataName,
  flows: readonly (Trained | undefined)[],
  autoencoder: Trained | undefined,
): string {
  const { lowest } = shareOfImages(flows[0], autoencoder);
  if (!autoencoder?.validation || !flows.some((flow) => flow?.validation)) return `${name}: ${NOT_YET}.`;
  if (!lowest) return `${name}: the autoencoder's losses are not finite.`;
  const end = autoencoder.validation.at(-1)!;
  const show = ({ loss }: Validation) => withExcess(means([loss]), validationFloor(name));
  const ends = end.loss === lowest.loss ? ", its last validation" : `, and ends at ${show(end)}`;
  const found = flows.map((flow, seed) => {
    const of = flows.length > 1 ? ` (seed ${seed})` : "";
    if (!flow?.validation) return `…${of}`;
    const { reached, share } = shareOfImages(flow, autoencoder);
    const last = flow.validation.at(-1)!;
    return reached
      ? `there after ${showCount(reached.images)}, ${share!.toFixed(3)} of them${of}`
      : `not there after ${showCount(last.images)}, at ${show(last)}${of}`;
  });
  return `${name}: the autoencoder is lowest after ${showCount(lowest.images)} images, ${show(lowest)}${ends}; the flow is ${found.join("; ")}.`;
}

/** Whether the claim holds. */
function twelfthVerdict(found: readonly { readonly share: number | undefined }[]): string {
  const shares = found.flatMap(({ share }) => (share === undefined ? [] : [share]));
  if (shares.length === 0) return `A twelfth of the iterations: ${NOT_YET}.`;
  const [least, most] = [Math.min(...shares), Math.max(...shares)];
  const part = (share: number) => (Number.isFinite(share) ? `1/${Math.round(1 / share)}` : "more than all");
  const range = least === most ? part(least) : `${part(least)} to ${part(most)}`;
  const holds = most <= 1 / 12 ? "Yes, in images" : "No, not in every run";
  return `A twelfth of the iterations? ${holds}: the flow takes ${range} of the autoencoder's images.`;
}
