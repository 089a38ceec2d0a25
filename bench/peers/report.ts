import type { EncodeFigure } from "./encode.ts";
import type { GradientFigure } from "./gradient.ts";
import type { Machine } from "./machine.ts";
import type { ScaleFigure } from "./scale.ts";
import { checkTargets } from "./targets.ts";
import type { TrainingFigure } from "./training.ts";

/** Everything measured in one run; the JSON file is this. */
export interface Results {
  readonly machine: Machine;
  readonly quick: boolean;
  readonly implementations: readonly { readonly name: string; readonly about: string }[];
  readonly gradient: readonly GradientFigure[];
  readonly encode: { readonly samples: number; readonly figures: readonly EncodeFigure[] };
  readonly training: readonly TrainingFigure[];
  readonly scale: readonly ScaleFigure[];
}

/** The results as a page of Markdown. */
export function toMarkdown(results: Results): string {
  const { machine } = results;
  const parts = [
    "# Beside peers",
    "The same work by latentflow, onnxruntime-web, TensorFlow.js, jax-js and PyTorch: the gradient for z, " +
      "encoding, training. [How fast it is](index.md) has the summary; trained decoders beside the best of " +
      "five solvers in PyTorch are [at the end](#ahead-of-pytorch-s-best).",
    "The decoder is the paper's (20 → 150 → 300 → 600 → 784, ELU, cross entropy), the data are MNIST test " +
      "digits. All is measured in one run, in turns; a ratio is the median over the rounds of one time " +
      "divided by another of the same round. Each gradient is compared with ours before it is timed. `npm " +
      "run bench:peers -- --write` writes this page and peers.json; close everything else first.",
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.system}; Node ${machine.node}; ` +
      `${machine.date}, load before the run ${machine.load}.` +
      (results.quick ? " **A quick run: too few repeats to be quoted.**" : ""),
    table(
      ["", "what it is"],
      results.implementations.map(({ name, about }) => [name, about]),
    ),
    "## z-gradient",
    "The loss and its gradient for z, from z to gradient in the caller's own arrays: µs per sample by size of batch, in " +
      "brackets the share of the register peak (what 128-bit vectors could do at most; PyTorch has wider ones).",
    gradientTable(results.gradient, ({ microsecondsPerSample, shareOfPeak }) => {
      return `${microsecondsPerSample.toFixed(1)} (${shareOfPeak.toFixed(2)})`;
    }),
    "The same divided by the time of our relaxed build:",
    gradientTable(results.gradient, ({ ratio }) => `${ratio.toFixed(2)}×`),
    "## Encoding",
    `${results.encode.samples.toLocaleString("en")} digits to the mean loss at which our \`amd\` ends. The peers run the same ` +
      "AMD on a whole batch, of 128 digits at most, and stop once its mean loss is there, so they need not find out which sample has " +
      "converged. Our `lbfgs` takes the fewest steps that come there. Those timed on fewer digits are scaled.",
    table(
      ["", "seconds", "÷ amd", "÷ lbfgs", "mean loss", "digits timed"],
      results.encode.figures.map(({ name, seconds, toAmd, toLbfgs, meanLoss, samples }) => [
        ...[name, seconds.toFixed(2), `${toAmd.toFixed(2)}×`, `${toLbfgs.toFixed(2)}×`],
        ...[meanLoss.toFixed(4), samples.toLocaleString("en")],
      ]),
    ),
    "## Training",
    "Images a second on one thread, from the same untrained decoder: AMD to its end, the approximate adjoint, RMSprop.",
    table(
      ["mini-batch", "latentflow", "PyTorch", "ratio", "images"],
      results.training.map(({ miniBatch, images, imagesPerSecond, peer }) => [
        ...[String(miniBatch), imagesPerSecond.toFixed(1)],
        ...(peer ? [peer.imagesPerSecond.toFixed(1), `${peer.ratio.toFixed(2)}×`] : ["–", "–"]),
        String(images),
      ]),
    ),
    "## Scale",
    "`encode` on one thread, each line in a process of its own. Time grows with weights × samples as long as the share of the " +
      "register peak stays. A weight takes 8 bytes, since it is packed for both directions. A hundred samples pay for their " +
      "first and last rounds, which are not full. *Grown* is how much larger the process had become, the data apart; less than nothing where memory that " +
      "reading the data had taken was given back.",
    table(
      ["", "weights", "µs a pass", "share of the peak", "WASM memory, MB", "data, MB", "grown, MB"],
      results.scale.map((figure) => [
        ...[`${figure.varied} ${scaleValue(figure)}`, figure.weights.toLocaleString("en")],
        ...[figure.microsecondsPerPass.toFixed(1), figure.shareOfPeak.toFixed(2)],
        ...[figure.wasmBytes, figure.dataBytes, figure.grownBytes].map((bytes) => (bytes / 1e6).toFixed(1)),
      ]),
    ),
    "## Targets",
    "For one thread. *At the peak* is what a ratio would be if every operation of ours ran at the register peak: no kernel of " +
      "128-bit vectors can do better. What ours leaves of the peak goes to the activations, the loss and its gradient, and " +
      "to fetching weights; `npm run bench -- --profile` says how much to each.",
    table(
      ["", "target", "measured", "at the peak", ""],
      checkTargets(results).map(({ what, least, measured, atPeak }) => [
        ...[what, `≥ ${least}×`, `${measured.toFixed(2)}×`, atPeak ? `${atPeak.toFixed(1)}×` : ""],
        measured >= least ? "met" : "**missed**",
      ]),
    ),
  ];
  return `${parts.join("\n\n")}\n`;
}

function scaleValue({ varied, value }: ScaleFigure): string {
  return varied === "width" ? `×${value}` : value.toLocaleString("en");
}

function gradientTable(figures: readonly GradientFigure[], cell: (figure: GradientFigure) => string): string {
  const batches = [...new Set(figures.map(({ rows }) => rows))];
  const names = [...new Set(figures.map(({ name }) => name))];
  return table(
    ["batch", ...batches.map(String)],
    names.map((name) => [
      name,
      ...batches.map((rows) => cell(figures.find((figure) => figure.name === name && figure.rows === rows)!)),
    ]),
  );
}

/** A Markdown table: the first column to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, i) => (i === 0 || head.length === 2 ? "---" : "---:"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
