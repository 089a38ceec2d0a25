import type { Element, Page, Results } from "./element.ts";
import {
  AUTOENCODER,
  CLIP,
  FLOW,
  HELD,
  IMAGES,
  idOf,
  jobsOfMethods,
  METHODS,
  OURS,
  TAMED,
  VALIDATED,
} from "./figure1-runs.ts";
import { FLOORS } from "./floors.ts";
import { INVERSION_LINK } from "./inversion.ts";
import {
  BRACKETS,
  capital,
  excessAxis,
  excessPoint,
  floorRow,
  means,
  NOT_YET,
  percent,
  showCount,
  table,
  withExcess,
} from "./page.ts";
import { PRIOR, training } from "./paper-setting.ts";
import { ALL, resultOf, type Trained } from "./trained-decoders.ts";
import type { Point } from "./training-run.ts";
import { isAstray, lowestOf } from "./validation.ts";

// Figure 1: the loss of validation images as training goes on and on, against images and against seconds.

const FLOOR = FLOORS["MNIST, first 100 of validation"];
/** Of the last table: the losses after so many images, and so many seconds of training. */
const MARKS = { images: [1000, 10_000, 50_000, IMAGES], seconds: [10, 100, 1000, 10_000] } as const;

export const figure1: Element<readonly Point[]> = {
  name: "figure1",
  title: "Figure 1: validation loss as training goes on",
  source: "figure1-runs.ts",
  jobs: jobsOfMethods,
  page(results, _settings, resultsOf): Page {
    const runs = Object.entries(METHODS).flatMap(([name, { label }]): Run[] => {
      const points = results.get(idOf(name));
      const last = points?.at(-1);
      return last ? [{ name, label, points: points!, lowest: lowestOf(points!) ?? last, last }] : [];
    });
    const line = (x: (point: Point) => number) =>
      runs.map(({ label, points }) => ({
        name: label,
        points: points
          .filter((point) => x(point) > 0)
          .flatMap((point) => excessPoint(x(point), means([point.loss]), FLOOR)),
      }));
    const axes = {
      yTitle: excessAxis(FLOOR),
      xScale: "log",
      yScale: "log",
    } as const;
    const runOf = (name: string) => runs.find((run) => run.name === name);
    const end = (name: string) => {
      const run = runOf(name);
      if (!run) return "…";
      const { lowest, last } = run;
      const when = last.images < IMAGES ? `after ${showCount(last.images)} images` : "at the end";
      const how = isAstray(run.points) ? ", gone astray" : "";
      return `${showBoth(lowest)} at its lowest, ${showBoth(last)} ${when}${how}`;
    };
    return {
      markdown: `The loss of ${VALIDATED} validation digits, encoded as in training, with the run's prior, if any, as training goes on: to
${showCount(IMAGES)} images processed, and by ${brokenOff()}.
${BRACKETS}
Mini-batches of 5, as in the authors' code, are drawn with replacement from all 50,000. The optimizer is Adam, as
the paper's section 3 says of this figure ([its appendix says otherwise](slips.md)), at 0.001 with PyTorch's settings: the paper
names none. One seed. Seconds are of training alone, on one core, with as many jobs at a time as there were cores.
${pace(runs)}${paceOfTable1(resultsOf("table1-right") as Results<Trained>)}
${table(
  ["", "images so far", "loss after them", "lowest", "after images", "hours of training"],
  [
    ...runs.map(({ label, lowest, last }) => [
      ...[label, showCount(last.images), showBoth(last), showBoth(lowest), showCount(lowest.images)],
      (last.seconds / 3600).toFixed(2),
    ]),
    ["the floor", "", ...floorRow([FLOOR, FLOOR]).slice(1), "", ""],
  ],
)}
${astray(runs)}
## The methods compared

Each method beside the AE at its lowest loss. ${noiseOf(runOf(AUTOENCODER))}

${[FLOW, OURS, TAMED, HELD]
  .map((name) => {
    const [run, autoencoder] = [runOf(name), runOf(AUTOENCODER)];
    const said = againstAutoencoder(METHODS[name]!.label, run, autoencoder);
    return `- ${said}${run && autoencoder ? againstTime(run, autoencoder) : ""}`;
  })
  .join("\n")}

Table 1's decoders, trained by RMSprop, show ${INVERSION_LINK}. The AE of this figure has not been inverted.

After how many images, and seconds, a method first is at the lowest loss of another:

${table(
  ["", ...runs.map(({ label, lowest }) => `${label}: ${showBoth(lowest)}`)],
  runs.map((run) => [run.label, ...runs.map((other) => (other === run ? "" : crossing(run, other)))]),
)}

The loss at the last validation before so many images, or seconds, have gone by (–: the run has not come so far, or was over):

${table(
  [
    "",
    ...MARKS.images.map((mark) => `${showCount(mark)} images`),
    ...MARKS.seconds.map((mark) => `${showCount(mark)} s`),
  ],
  runs.map((run) => [
    run.label,
    ...MARKS.images.map((mark) => lossAt(run, "images", mark)),
    ...MARKS.seconds.map((mark) => lossAt(run, "seconds", mark)),
  ]),
)}
`,
      charts: {
        "figure1-images": {
          title: "Validation loss against images",
          xTitle: "images processed",
          ...axes,
          lines: line(({ images }) => images),
        },
        "figure1-seconds": {
          title: "Validation loss against time",
          xTitle: "seconds of training, one core",
          ...axes,
          lines: line(({ seconds }) => seconds),
        },
      },
      summary: {
        holds: `${[FLOW, OURS]
          .map((name) => againstAutoencoder(METHODS[name]!.label, runOf(name), runOf(AUTOENCODER)))
          .join(" ")} ${noiseOf(runOf(AUTOENCODER))} See ${INVERSION_LINK}.`,
        paper: "a figure without numbers",
        letter: `GFE-amd ${end(FLOW)}; AE ${end(AUTOENCODER)}`,
        ours: end(OURS),
      },
    };
  },
};

/** What there is of a method: at least one point. */
interface Run {
  readonly name: string;
  readonly label: string;
  readonly points: readonly Point[];
  /** Where the loss is lowest. */
  readonly lowest: Point;
  readonly last: Point;
}

/** A loss with its excess. */
const showBoth = ({ loss }: Point) => withExcess(means([loss]), FLOOR);

/** Says which runs are broken off. */
function brokenOff(): string {
  return Object.values(METHODS)
    .flatMap(({ label, stopsAfter }) => (stopsAfter ? `${label} to ${showCount(stopsAfter)}` : []))
    .join(" and ")
    .concat(", where they are broken off");
}

/** Says of the runs that are broken off how long all images would take. */
function pace(runs: readonly Run[]): string {
  return runs
    .map(({ name, label, points, last }) => {
      if (METHODS[name]!.stopsAfter === undefined || points.length < 3) return "";
      const secondsAt = (i: number) => {
        const [before, after] = [points.at(i - 1)!, points.at(i)!];
        return (after.seconds - before.seconds) / (after.images - before.images);
      };
      const hours = (last.seconds + (IMAGES - last.images) * secondsAt(-1)) / 3600;
      const all = hours < 24 ? `${hours.toFixed(1)} hours` : `${(hours / 24).toFixed(1)} days`;
      const lately = showCount(last.images - points.at(-2)!.images);
      return `The first ${showCount(points[1]!.images)} images of ${label} took ${secondsAt(1).toFixed(3)} s each, its last ${lately} ${secondsAt(-1).toFixed(3)} s:
at that pace all ${showCount(IMAGES)} would take ${all}.
`;
    })
    .join("");
}

/** Says how long the same solver takes in table 1, whose training is by another optimizer. */
function paceOfTable1(results: Results<Trained>): string {
  const trained = resultOf(results, "MNIST", ALL, "flow, amd", 0);
  if (!trained) return "";
  const seconds = (trained.trainedInSeconds / ALL).toFixed(3);
  return `Table 1's training by GFE-amd, one pass over all ${showCount(ALL)} by RMSprop at ${training(0).optimizer.learningRate}, took ${seconds} s an image.\n`;
}

/** Says which runs have gone astray, and what is known of the cause. */
function astray(runs: readonly Run[]): string {
  const find = (name: string) => runs.find((run) => run.name === name);
  const autoencoder = find(AUTOENCODER);
  const isSound = autoencoder && !isAstray(autoencoder.points);
  return (
    runs
      // What is run beside OURS alone is said beside it.
      .filter(({ name, points }) => isAstray(points) && name !== TAMED && name !== HELD)
      .map(({ name, label, lowest, last }) => {
        const others =
          name !== AUTOENCODER && isSound
            ? " The AE, trained by Adam at the same rate, does not go astray."
            : "";
        return `
${label}: training goes astray. Its loss is lowest, ${showBoth(lowest)}, after ${showCount(lowest.images)} images, and
${showBoth(last)} after ${showCount(last.images)}. The cause has not been found out.${others}${name === OURS ? ` ${tamed(find(TAMED))} ${held(find(HELD))}` : ""}
`;
      })
      .join("")
  );
}

/** Says what a falling rate and clipping change, if they do. */
function tamed(run: Run | undefined): string {
  const how = `with a learning rate that falls linearly to 0 and gradients clipped to ${CLIP}`;
  if (!run) return `Whether it does so ${how}, too, is to be computed.`;
  const { points, lowest, last } = run;
  if (isAstray(points)) return `It goes astray ${how}, too: these are no cure.`;
  if (last.images < IMAGES) return `${capital(how)} it has not done so in ${showCount(last.images)} images.`;
  const later = points.filter(({ images }) => images > lowest.images);
  const highest = Math.max(...later.map(({ loss }) => loss));
  const above = (loss: number) => percent((loss - lowest.loss) / (lowest.loss - FLOOR));
  const outcome =
    last === lowest
      ? `does not: it ends at its lowest loss, ${showBoth(lowest)}`
      : `goes less far: from ${showBoth(lowest)} it rises to ${withExcess(means([highest]), FLOOR)} at most, its excess by ${above(highest)}, and ends at ${showBoth(last)}, its excess ${above(last.loss)} above the lowest`;
  return `${capital(how)} it ${outcome}.`;
}

/** Says what a prior changes, if it does. */
function held(run: Run | undefined): string {
  const prior = `\`gaussian({ weight: ${PRIOR.weight} })\`, which holds the codes near 0`;
  if (!run) return `Whether it does so with a prior, ${prior}, is to be computed.`;
  const { points, lowest, last } = run;
  return isAstray(points)
    ? `It goes astray with a prior, too, ${prior}: from ${showBoth(lowest)} after ${showCount(lowest.images)} images to ${showBoth(last)} after ${showCount(last.images)}.`
    : `With a prior, ${prior}, it has not done so in ${showCount(last.images)} images.`;
}

/** The first point at which the loss is as low. */
const firstAt = ({ points }: Run, loss: number) => points.find((point) => point.loss <= loss);

/** An excess so little above the lowest one is as low for our purpose. */
const NEAR = 0.05;

/** Says how far the place of the autoencoder's lowest loss is chance. */
function noiseOf(autoencoder: Run | undefined): string {
  if (!autoencoder) return "";
  const { points, lowest } = autoencoder;
  const near = firstAt(autoencoder, FLOOR + (1 + NEAR) * (lowest.loss - FLOOR));
  const after = near
    ? ` The AE's excess is within ${100 * NEAR} % of its lowest after ${showSeconds(near.seconds)} s.`
    : "";
  return `There is one seed, and the AE's lowest loss is one of ${showCount(points.length)} noisy values, each of ${VALIDATED} digits.${after}`;
}

/** What a run takes to come to the lowest loss of the autoencoder. */
function againstAutoencoder(label: string, run: Run | undefined, autoencoder: Run | undefined): string {
  if (!run || !autoencoder) return `${label}: ${NOT_YET}.`;
  const subject = label.includes(",") ? `${label},` : label;
  const { lowest } = autoencoder;
  if (lowest.images === 0) return `${label}: the AE has learnt nothing so far.`;
  const there = firstAt(run, lowest.loss);
  if (!there)
    return `${subject} has not come to the AE's lowest loss, ${showBoth(lowest)}; its own is ${showBoth(run.lowest)}.`;
  const part = (one: number, all: number) => `${Number(((100 * one) / all).toPrecision(2))} %`;
  const images = `${there.images < lowest.images ? "fewer images" : "no fewer images"} (${showCount(there.images)} and ${showCount(lowest.images)}, ${part(there.images, lowest.images)})`;
  const time = `${there.seconds < lowest.seconds ? "less time" : "no less time"} (${showSeconds(there.seconds)} and ${showSeconds(lowest.seconds)} s, ${part(there.seconds, lowest.seconds)})`;
  return `${subject} comes to the AE's lowest loss, ${showBoth(lowest)}, with ${images} and ${time}${isAstray(run.points) ? ", but goes astray later" : ""}.`;
}

/** On which side of the autoencoder a run is after so many seconds, as far as both go. */
function againstTime(run: Run, autoencoder: Run): string {
  const words = MARKS.seconds.flatMap((mark) => {
    const [own, its] = [run, autoencoder].map((one) => validationAt(one, "seconds", mark));
    if (!own || !its) return [];
    return `${own.loss < its.loss ? "below" : "not below"} the AE after ${showCount(mark)} s`;
  });
  return words.length > 0 ? ` Against time it is ${words.join(", ")}.` : "";
}

const showSeconds = (seconds: number) => showCount(Math.round(seconds));

function crossing(run: Run, other: Run): string {
  const there = firstAt(run, other.lowest.loss);
  return there ? `${showCount(there.images)}, ${showSeconds(there.seconds)} s` : "not so far";
}

/** The last validation before so many images, or seconds, have gone by; none where the run has not come so far, or was over. */
function validationAt({ points }: Run, of: "images" | "seconds", mark: number): Point | undefined {
  return points.at(-1)![of] < mark ? undefined : points.filter((point) => point[of] <= mark).at(-1);
}

function lossAt(run: Run, of: "images" | "seconds", mark: number): string {
  const point = validationAt(run, of, mark);
  return point ? showBoth(point) : "–";
}
