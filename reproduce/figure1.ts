import { type GradientFlow, lbfgs, type Solver } from "../src/index.ts";
import { type RunOptions, train, trainAutoencoder } from "../src/train/index.ts";
import type { Element, JobContext, Page, Settings } from "./element.ts";
import { means, table } from "./page.ts";
import { adamOfFigure1, createPaperDecoder, imagesOf, letter, readData, training } from "./paper-setting.ts";
import { followTraining, type Point } from "./training-run.ts";

// Figure 1: the loss of validation images as training goes on and on, against images and against seconds.

/** Images processed, drawn with replacement from all training images. */
const IMAGES = 800_000;
/** The flow has learnt much before 10,000 images: many looks at few digits, not few at many. */
const EVERY_IMAGES = 1000;
const VALIDATED = 100;

interface Method {
  readonly label: string;
  /** None: the autoencoder. */
  readonly solver?: () => Solver<GradientFlow<1>>;
  /** For 1,000 images trained on and 1,000 validated, on one core. */
  readonly seconds: readonly [trained: number, validated: number];
  /** After how many images the run is broken off, where all of them would take days. */
  readonly stopsAfter?: number;
}

const METHODS: Readonly<Record<string, Method>> = {
  autoencoder: { label: "AE", seconds: [1.1, 0.1] },
  "GFE-amd": { label: "GFE-amd", solver: letter, seconds: [200, 100], stopsAfter: 100_000 },
  lbfgs: { label: "lbfgs, latentflow's default", solver: lbfgs, seconds: [4, 5] },
};

export const figure1: Element<readonly Point[]> = {
  name: "figure1",
  title: "Figure 1: validation loss as training goes on",
  source: "figure1.ts",
  // One seed: each flow takes hours.
  jobs: (settings) =>
    Object.entries(METHODS).map(([name, method]) => ({
      id: idOf(name),
      data: "MNIST",
      seconds: secondsOf(method),
      run: (context) => follow(method, context, settings),
    })),
  page(results): Page {
    const runs = Object.entries(METHODS).flatMap(([name, { label }]) => {
      const points = results.get(idOf(name));
      return points ? [{ name, label, points }] : [];
    });
    const line = (x: (point: Point) => number) =>
      runs.map(({ label, points }) => ({
        name: label,
        points: points
          .filter((point) => x(point) > 0 && Number.isFinite(point.loss))
          .map((point) => ({ x: x(point), y: point.loss, deviation: 0 })),
      }));
    const axes = { yTitle: "cross entropy of validation digits, nats a pixel", xScale: "log" } as const;
    const end = (name: string) => {
      const points = results.get(idOf(name)) ?? [];
      const last = points.at(-1);
      if (!last) return means([undefined]).text;
      const soFar = last.images < IMAGES ? ` after ${last.images} images` : "";
      return `${means([lowestOf(points).loss]).text} at its lowest, ${means([last.loss]).text}${soFar || " at the end"}`;
    };
    return {
      markdown: `The loss of ${VALIDATED} validation digits, encoded as in training, as ${IMAGES} images are processed: mini-batches of
5 drawn with replacement from all 50,000, Adam with PyTorch's settings (the paper names none), one seed. Seconds are of training
alone, on one core, beside as many other jobs as there were cores.
${stopped(runs)}${astray(runs)}
${table(
  ["", "images so far", "loss after them", "lowest", "after images", "hours of training"],
  runs.map(({ label, points }) => {
    const lowest = lowestOf(points);
    const last = points.at(-1)!;
    return [
      label,
      `${last.images}`,
      means([last.loss]).text,
      means([lowest.loss]).text,
      `${lowest.images}`,
      (last.seconds / 3600).toFixed(2),
    ];
  }),
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
        holds: "",
        paper: "a figure without numbers",
        letter: `GFE-amd ${end("GFE-amd")}, AE ${end("autoencoder")}`,
        ours: end("lbfgs"),
      },
    };
  },
};

const idOf = (name: string) => `${IMAGES} images, ${name}, seed 0`;

/** JSON has null for what is not finite. */
const lossOf = ({ loss }: Point): number => loss ?? Number.POSITIVE_INFINITY;

/** Where the loss is lowest; of one point at least. */
function lowestOf(points: readonly Point[]): Point {
  return points.reduce((least, point) => (lossOf(point) < lossOf(least) ? point : least));
}

/** How much there is to do, on one core. */
function secondsOf({ seconds: [trained, validated], stopsAfter = IMAGES }: Method): number {
  return (stopsAfter / 1000) * (trained + (validated * VALIDATED) / EVERY_IMAGES);
}

/** Says which runs are broken off, and why. */
function stopped(runs: readonly { readonly name: string; readonly points: readonly Point[] }[]): string {
  return runs
    .map(({ name, points }) => {
      const { label, stopsAfter } = METHODS[name]!;
      if (stopsAfter === undefined || points.length < 3) return "";
      const seconds = (i: number) => {
        const [before, after] = [points.at(i - 1)!, points.at(i)!];
        return ((after.seconds - before.seconds) / (after.images - before.images)).toFixed(3);
      };
      return `${label} is broken off after ${stopsAfter} images: its first took ${seconds(1)} s each, its last so far ${seconds(-1)} s, for the
better a decoder is trained, the more passes AMD to the letter takes with it. All ${IMAGES} would take days.
`;
    })
    .join("");
}

/** Says which runs have ended far above their lowest loss. */
function astray(runs: readonly { readonly label: string; readonly points: readonly Point[] }[]): string {
  return runs
    .map(({ label, points }) => {
      const [lowest, last] = [lowestOf(points), points.at(-1)!];
      if (lossOf(last) < 1.5 * lowest.loss) return "";
      return `Training by ${label.split(",")[0]} goes astray after ${lowest.images} images, where its loss is lowest. The learning rate stays
at 0.001 and gradients are not clipped here; README's recipe lets the one fall and clips the others.
`;
    })
    .join("");
}

async function follow(
  { solver, stopsAfter = IMAGES }: Method,
  context: JobContext<readonly Point[]>,
  settings: Settings,
): Promise<readonly Point[]> {
  const data = await readData("MNIST", settings);
  const total = imagesOf(IMAGES, settings);
  const last = imagesOf(stopsAfter, settings);
  const images = data.train.slice(0, total);
  const following = followTraining(context, "training", (share) => context.progress((share * total) / last));
  const breaking = new AbortController();
  const options: RunOptions = {
    ...training(0),
    optimizer: adamOfFigure1(),
    replacement: true,
    epochs: Math.max(1, Math.round(total / images.count)),
    validation: {
      data: data.validation.slice(0, VALIDATED),
      everyImages: Math.ceil((EVERY_IMAGES * total) / IMAGES),
    },
    ...following.options,
    signal: breaking.signal,
    onEvent(event) {
      following.options.onEvent(event);
      if (event.kind === "checkpoint") context.soFar(following.points());
      if (event.kind === "validation" && event.images >= last && last < total) breaking.abort();
    },
  };
  const decoder = createPaperDecoder(0);
  const run = solver
    ? train(decoder, images, { ...options, solver: solver() })
    : trainAutoencoder(decoder, images, options);
  await run.catch((error: unknown) => {
    if (!breaking.signal.aborted) throw error;
  });
  return following.points();
}
