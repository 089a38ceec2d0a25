import { mean } from "../../bench/timing.ts";
import { dense, leakyRelu, rmsNorm, sequential, sigmoid } from "../../src/graph/index.ts";
import {
  type Amd,
  createDecoder,
  type Decoder,
  type GraphDefinition,
  type Lbfgs,
  lbfgs,
} from "../../src/index.ts";
import { AMD_IN_TRAINING } from "../../src/train/check-options.ts";
import { rmsprop, train } from "../../src/train/index.ts";
import { chooseDigits, testLoss } from "../digits.ts";
import type { Row } from "../table.ts";
import { backend } from "./case.ts";
import { measure } from "./measures.ts";
import { startsAt } from "./starts.ts";
import { percent } from "./summarise.ts";

const DIGITS = 480;
const LATENTS = 20;
/** Test digits that a trained decoder is tried on. */
const TESTED = 300;

const leaky = () => leakyRelu({ slope: 0.2 });
const layers = [dense(150), leaky(), dense(300), leaky(), dense(784), sigmoid()];
const DECODERS: Readonly<Record<string, GraphDefinition>> = {
  "RMSNorm on z": sequential(LATENTS, [rmsNorm({ epsilon: 1e-8 }), ...layers]),
  "without a norm": sequential(LATENTS, layers),
};
/** Each flow from 0, or from where the digit's last one ended. */
const RUNS = [
  { start: "0", epochs: 1, warmStart: false },
  { start: "0", epochs: 3, warmStart: false },
  { start: "the last flow's end", epochs: 3, warmStart: true },
] as const;

/**
 * Do ends that are not converged spoil a training by flows? A decoder that normalises its latent and one that does not, 480 digits,
 * by both solvers: the losses after, and the short lies of flows that start where training left the codes, or at random.
 */
export async function compareTrainings(seed: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, definition] of Object.entries(DECODERS)) {
    for (const solver of [lbfgs(), AMD_IN_TRAINING]) {
      for (const run of RUNS) {
        const row = { decoder: name, ...(await trainAndTest(definition, solver, run, seed)) };
        console.log(Object.values(row).join(", "));
        rows.push(row);
      }
    }
  }
  return rows;
}

async function trainAndTest(
  definition: GraphDefinition,
  solver: Amd | Lbfgs,
  { start, ...options }: (typeof RUNS)[number],
  seed: number,
): Promise<Row> {
  const digits = await chooseDigits(DIGITS, seed);
  const untrained = createDecoder(definition, { loss: "bce", seed });
  const { decoder, history, codes } = await train(untrained, digits.train, {
    ...options,
    solver,
    seed,
    backend,
    optimizer: rmsprop(),
  });
  const lastEpoch = history.slice(-history.length / options.epochs);
  const row = {
    solver: solver.name,
    start,
    epochs: options.epochs,
    "mean loss in the last epoch": mean(lastEpoch.map(({ loss }) => loss)).toFixed(4),
    "test loss": (await testLoss(decoder, digits.test.slice(0, TESTED))).toFixed(4),
    "short lies, from 0": await lies(decoder, digits.train, undefined),
    "short lies, from the codes": codes ? await lies(decoder, digits.train, codes) : "no codes",
    "short lies, from N(0, I)": await lies(decoder, digits.train, startsAt("N", DIGITS, LATENTS, undefined)),
  };
  decoder.dispose();
  untrained.dispose();
  return row;
}

/** Share of digits whose end by lbfgs, called converged, is none. */
async function lies(decoder: Decoder, y: Float32Array, z0: Float32Array | undefined): Promise<string> {
  const subject = { decoder, y, sampleCount: DIGITS, options: {} };
  const { short } = await measure(subject, z0, { solver: "lbfgs", long: false });
  return percent(short!.length, DIGITS);
}
