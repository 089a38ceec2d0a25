import packageJson from "../../package.json" with { type: "json" };
import { targetEntropy } from "../data/entropy.ts";
import { type EncodeSummary, summary } from "../index.ts";
import { shortPath } from "./files.ts";
import type { Run } from "./job.ts";
import type { Output } from "./outputs.ts";
import { formatCount, formatMean, formatTable } from "./table.ts";

/** The figures of a run: what `--json` prints, and the table shows in part. */
interface Figures extends EncodeSummary {
  readonly aborted: boolean;
  /** The least that the mean loss can come to, for cross entropy. */
  readonly meanTargetEntropy: number | null;
  readonly meanLossAboveEntropy: number | null;
}

/** A run's report: a table and the files written, or with `--json` one JSON document. */
export function formatReport(run: Run, outputs: readonly Output[]): string {
  const figures = figuresOf(run);
  return run.job.json ? formatJson(run, figures, outputs) : formatText(run, figures, outputs);
}

function figuresOf(run: Run): Figures {
  const figures = { ...summary(run.result), aborted: run.signal.aborted };
  if (run.loss.name !== "crossEntropy") {
    return { ...figures, meanTargetEntropy: null, meanLossAboveEntropy: null };
  }
  const { decoder, loss, result, samples, weights } = run;
  const entropies = targetEntropy(samples.y, decoder.outputSize, loss.reduction, weights);
  // Over the same samples as the mean loss: those that were started.
  const started = entropies.filter((_, sample) => !Number.isNaN(result.loss[sample]!));
  const meanTargetEntropy = started.reduce((sum, entropy) => sum + entropy, 0) / started.length;
  return { ...figures, meanTargetEntropy, meanLossAboveEntropy: figures.meanLoss - meanTargetEntropy };
}

function formatJson(run: Run, figures: Figures, outputs: readonly Output[]): string {
  const { job, decoder, samples, loss } = run;
  const { latentSize, outputSize, parameterCount } = decoder;
  const document = {
    latentflow: packageJson.version,
    decoder: { file: job.decoder, latentSize, outputSize, parameterCount },
    data: {
      file: job.data,
      samples: samples.total,
      shape: samples.shape,
      dividedBy: samples.scaled ? 255 : 1,
    },
    loss,
    solver: { name: "amd", ...job.solver },
    ...figures,
    files: outputs.map(({ path }) => path),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const lossNames = { crossEntropy: "cross entropy", squaredError: "squared error" };

function formatText(run: Run, figures: Figures, outputs: readonly Output[]): string {
  const { job, decoder, samples, loss } = run;
  const name = `mean ${lossNames[loss.name]}`;
  const unit = loss.name === "crossEntropy" ? " nats" : "";
  const sizes = [decoder.latentSize, ...decoder.layers.map((layer) => layer.outputSize)];
  const statuses = Object.entries(figures.statuses).map(
    ([status, count]) => `${formatCount(count)} ${status}`,
  );
  const values = `${samples.shape.join(" × ")} values each${samples.scaled ? ", bytes divided by 255" : ""}`;
  const rows: [string, string][] = [
    ["decoder", `${shortPath(job.decoder)}: ${sizes.join(" → ")}`],
    ["data", shortPath(job.data)],
    ["samples", `${formatCount(samples.count)} of ${formatCount(samples.total)}, ${values}`],
    [`${name} before`, formatMean(figures.meanInitialLoss, unit)],
    [`${name} after`, formatMean(figures.meanLoss, unit)],
  ];
  if (figures.meanLossAboveEntropy !== null) {
    rows.push(["above the targets' own entropy", formatMean(figures.meanLossAboveEntropy, unit)]);
  }
  rows.push(
    ["mean accepted steps", formatMean(figures.meanAcceptedSteps)],
    ["mean backtracks", formatMean(figures.meanBacktracks)],
    ["statuses", statuses.join(", ") || "none"],
    [
      "samples per second",
      `${formatCount(Math.round(figures.samplesPerSecond))} (${figures.seconds.toFixed(2)} s)`,
    ],
    ["WASM build", `${figures.build} SIMD`],
  );
  const width = Math.max(...outputs.map(({ path }) => shortPath(path).length));
  const files = outputs.map(({ path, content }) => `${shortPath(path).padEnd(width)}  ${content}\n`);
  return `${formatTable(rows)}\n${files.join("")}`;
}
