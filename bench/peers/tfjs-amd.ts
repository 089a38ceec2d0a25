import * as tf from "@tensorflow/tfjs";
import { mean } from "../timing.ts";
import { AMD, MOST_ITERATIONS, type PeerEncoded, tooMany } from "./peer.ts";

/** The loss of each row [rows, 1], and its gradient [rows, latentSize]. */
export type Evaluated = {
  readonly loss: tf.Tensor;
  readonly slope: tf.Tensor;
};

/** AMD, eager: TensorFlow.js has no jit. */
export async function encodeByAmd<Targets extends tf.Tensor>(
  evaluate: (latents: tf.Tensor2D, targets: Targets) => Evaluated,
  shape: readonly [rows: number, latentSize: number],
  makeTargets: () => Targets,
  wanted: number,
): Promise<PeerEncoded> {
  const start = performance.now();
  const targets = makeTargets();
  let state = tf.tidy(() => {
    const latents: tf.Tensor2D = tf.zeros([...shape]);
    return { latents, ...evaluate(latents, targets), dt: tf.fill([shape[0], 1], AMD.stepInit) };
  });
  let meanLoss = Number.POSITIVE_INFINITY;
  let iterations = 1;
  for (; iterations < MOST_ITERATIONS; iterations++) {
    const before = state;
    state = tf.tidy(() => {
      const { latents, loss, slope, dt } = before;
      const ahead: tf.Tensor2D = tf.sub(latents, tf.mul(dt, slope));
      const trial = evaluate(ahead, targets);
      const lower = tf.less(trial.loss, loss);
      const grown = tf.clipByValue(tf.mul(dt, AMD.increaseFactor), AMD.stepInit, AMD.stepMax);
      return {
        latents: tf.where(lower, ahead, latents),
        loss: tf.where(lower, trial.loss, loss),
        slope: tf.where(lower, trial.slope, slope),
        dt: tf.where(lower, grown, tf.mul(dt, AMD.decreaseFactor)),
      };
    });
    tf.dispose(before);
    meanLoss = mean(state.loss.dataSync());
    if (meanLoss <= wanted) break;
  }
  await state.latents.data();
  tf.dispose([state.latents, state.loss, state.slope, state.dt, targets]);
  if (meanLoss > wanted) throw tooMany("tfjs", meanLoss, wanted);
  return { seconds: (performance.now() - start) / 1000, meanLoss, iterations };
}
