import { passesOf } from "../bench/passes.ts";
import { stepsTo } from "../bench/steps-to.ts";
import { mean } from "../bench/timing.ts";
import { amd, type EncodeResult, encode, lbfgs, summary } from "../src/index.ts";
import { type Subject, subjects } from "./decoders.ts";
import type { ExperimentSettings } from "./experiment-settings.ts";
import { type Row, report } from "./table.ts";

/**
 * Which solver `encode` is best left to: amd and lbfgs, each as it comes, on two data sets with both losses and several
 * decoders, each trained for it in one pass over 1,920 images. Loss, time and passes of 1,000 test images, how they
 * ended, and lbfgs's time to amd's loss as a share of amd's time.
 */
export async function compareSolvers({ seed, out }: ExperimentSettings): Promise<void> {
  const rows: Row[] = [];
  for await (const subject of subjects("the paper's", seed)) {
    const row = await compare(subject);
    console.log(Object.values(row).join(", "));
    rows.push(row);
    subject.decoder.dispose();
  }
  report(out, "solvers", rows);
}

async function compare({ decoder, y, traits }: Subject): Promise<Row> {
  // Not what is made for a decoder on its first call, once for all.
  await encode(decoder, y.subarray(0, decoder.outputSize), { solver: lbfgs() });
  const byAmd = await encode(decoder, y, { solver: amd() });
  const byLbfgs = await encode(decoder, y, { solver: lbfgs() });
  const amdsLoss = summary(byAmd).meanLoss;
  const afterSteps = (maxSteps: number) => encode(decoder, y, { solver: lbfgs({ maxSteps }) });
  let soFar: EncodeResult | undefined;
  if (summary(byLbfgs).meanLoss <= amdsLoss) {
    const steps = await stepsTo(amdsLoss, async (count) => summary(await afterSteps(count)).meanLoss);
    soFar = await afterSteps(steps);
  }
  const passes = (result: EncodeResult) => mean(passesOf(result, decoder.latentSize));
  return {
    ...traits,
    "amd loss": amdsLoss.toFixed(5),
    "amd passes": passes(byAmd).toFixed(0),
    "amd s": byAmd.seconds.toFixed(2),
    "amd statuses": statusesOf(byAmd),
    "lbfgs loss": summary(byLbfgs).meanLoss.toFixed(5),
    "lbfgs passes": passes(byLbfgs).toFixed(1),
    "lbfgs s": byLbfgs.seconds.toFixed(2),
    "lbfgs statuses": statusesOf(byLbfgs),
    "to amd's loss s": soFar ? soFar.seconds.toFixed(2) : "never",
    "÷ amd": soFar ? (soFar.seconds / byAmd.seconds).toFixed(3) : "never",
  };
}

function statusesOf(result: EncodeResult): string {
  return Object.entries(summary(result).statuses)
    .map(([status, count]) => `${count} ${status}`)
    .join(" ");
}
