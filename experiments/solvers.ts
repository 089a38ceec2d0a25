import { stepsTo } from "../bench/steps-to.ts";
import { amd, encode, implicitAmd, summary } from "../src/index.ts";
import { type Subject, subjects } from "./decoders.ts";
import type { ExperimentSettings } from "./paper.ts";
import { type Row, report } from "./table.ts";

/**
 * Which solver `encode` is best left to: amd and implicitAmd, each as it comes, on two data sets with both losses and
 * several decoders, each trained for it in one pass over 1,920 images. Loss and time of 1,000 test images, and
 * implicitAmd's time to amd's loss.
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
  const explicit = await encode(decoder, y, { solver: amd() });
  const implicit = await encode(decoder, y, { solver: implicitAmd() });
  const explicitLoss = summary(explicit).meanLoss;
  const afterSteps = (maxSteps: number) => encode(decoder, y, { solver: implicitAmd({ maxSteps }) });
  const steps = await stepsTo(explicitLoss, async (count) => summary(await afterSteps(count)).meanLoss);
  const soFar = await afterSteps(steps);
  return {
    ...traits,
    "amd loss": explicitLoss.toFixed(5),
    "amd s": explicit.seconds.toFixed(2),
    "implicitAmd to that s": soFar.seconds.toFixed(2),
    "implicitAmd loss": summary(implicit).meanLoss.toFixed(5),
    "implicitAmd s": implicit.seconds.toFixed(2),
  };
}
