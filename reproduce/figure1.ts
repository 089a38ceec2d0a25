import { type GradientFlow, lbfgs, type Solver } from "../src/index.ts";
import { type RunOptions, train, trainAutoencoder } from "../src/train/index.ts";
import type { Element, JobContext, Page, Settings } from "./element.ts";
import { means, table } from "./page.ts";
import { adamOfFigure1, createPaperDecoder, imagesOf, letter, readData, training } from "./setting.ts";
import { followTraining, type Point } from "./training-run.ts";

// Figure 1: the loss of validation images as training goes on and on, against images and against seconds.

/** Images processed, drawn with replacement from all training images. */
const IMAGES = 800_000;
/** The flow has learnt much before 10,000 images: many looks at few digits, not few at many. */
const POINTS = 800;
const VALIDATED = 100;

interface Method {
  readonly label: string;
  /** None: the autoencoder. */
  readonly solver?: () => Solver<GradientFlow<1>>;
  /** For 1,000 images trained on and 1,000 validated, on one core. */
  readonly seconds: readonly [trained: number, validated: number];
}

const METHODS: Readonly<Record<string, Method>> = {
  autoencoder: { label: "AE", seconds: [1.1, 0.1] },
  "GFE-amd": { label: "GFE-amd", solver: letter, seconds: [60, 40] },
  lbfgs: { label: "lbfgs, latentflow's default", solver: lbfgs, seconds: [4, 5] },
};

export const figure1: Element<readonly Point[]> = {
  name: "figure1",
  title: "Figure 1: validation loss as training goes on",
  // One seed: each flow takes hours.
  jobs: (settings) =>
    Object.entries(METHODS).map(([name, { solver, seconds }]) => ({
      id: idOf(name),
      data: "MNIST",
      seconds: (seconds[0] * IMAGES + seconds[1] * POINTS * VALIDATED) / 1000,
      run: (context) => follow(solver?.(), context, settings),
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
      const last = results.get(idOf(name))?.at(-1);
      const soFar = last && last.images < IMAGES ? ` (after ${last.images} images)` : "";
      return `${means([last?.loss]).text}${soFar}`;
    };
    return {
      markdown: `The loss of ${VALIDATED} validation digits, encoded as in training, as ${IMAGES} images are processed: mini-batches of
5 drawn with replacement from all 50,000, Adam with PyTorch's settings (the paper names none), one seed. Seconds are of training
alone, on one core, beside as many other jobs as there were cores.

${table(
  ["", "images so far", "loss after them", "lowest", "after images", "hours of training"],
  runs.map(({ label, points }) => {
    // JSON has null for what is not finite.
    const lossOf = ({ loss }: Point) => loss ?? Number.POSITIVE_INFINITY;
    const lowest = points.reduce((least, point) => (lossOf(point) < lossOf(least) ? point : least));
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
        paper: "a figure without numbers",
        letter: `GFE-amd ${end("GFE-amd")}, AE ${end("autoencoder")}`,
        ours: end("lbfgs"),
      },
    };
  },
};

const idOf = (name: string) => `${IMAGES} images, ${name}, seed 0`;

async function follow(
  solver: Solver<GradientFlow<1>> | undefined,
  context: JobContext<readonly Point[]>,
  settings: Settings,
): Promise<readonly Point[]> {
  const data = await readData("MNIST", settings);
  const total = imagesOf(IMAGES, settings);
  const images = data.train.slice(0, Math.min(data.train.count, total));
  const following = followTraining(context, "training", context.progress);
  const options: RunOptions = {
    ...training(0),
    optimizer: adamOfFigure1(),
    replacement: true,
    epochs: Math.max(1, Math.round(total / images.count)),
    validation: {
      data: data.validation.slice(0, Math.min(VALIDATED, data.validation.count)),
      everyImages: Math.ceil(total / POINTS),
    },
    ...following.options,
    onEvent(event) {
      following.options.onEvent(event);
      if (event.kind === "checkpoint") context.soFar(following.points());
    },
  };
  const decoder = createPaperDecoder(0);
  await (solver
    ? train(decoder, images, { ...options, solver })
    : trainAutoencoder(decoder, images, options));
  return following.points();
}
