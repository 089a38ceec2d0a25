// Tests src/backend/wasm/parameter-gradient.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type Adam,
  adam,
  type Optimizer,
  type Rmsprop,
  rmsprop,
  type Sgd,
  sgd,
} from "../../src/backend/optimizer.ts";
import { createDecoder, type Decoder, euler, linearGrid, squaredError } from "../../src/index.ts";
import { constant, linear, type Schedule } from "../../src/train/schedule.ts";
import { train } from "../../src/train/train.ts";
import { builds } from "../support/builds.ts";
import { randomArray } from "../support/random.ts";
import { norm, relativeDistance } from "../support/reference.ts";

// Updates as `train` makes them, one after the other, against PyTorch's definitions in float64. The decoder is linear
// and its flow one step of Euler's: so the gradient is known, and all samples are in every mini-batch.

const [D, N, SAMPLES] = [2, 3, 4];
const decoder = createDecoder({ layers: [D, N], seed: 2, outputActivation: "identity" });
const y = randomArray(1, SAMPLES * N, -1, 1);
/** The length of Euler's step. */
const STEP = 0.1;
const UPDATES = 12;

/** ∂/∂θ of the summed loss Σ‖Wz + b - y‖², θ = W row by row and b, at the ends of the flows. */
function gradientAt(parameters: readonly number[]): number[] {
  const weight = (i: number, k: number) => parameters[i * D + k]!;
  const bias = (i: number) => parameters[N * D + i]!;
  const gradient = parameters.map(() => 0);
  for (let sample = 0; sample < SAMPLES; sample++) {
    const target = (i: number) => y[sample * N + i]!;
    const z = Array.from({ length: D }, (_, k) => {
      let slope = 0;
      for (let i = 0; i < N; i++) slope += 2 * (bias(i) - target(i)) * weight(i, k);
      return -STEP * slope;
    });
    for (let i = 0; i < N; i++) {
      const output = z.reduce((sum, value, k) => sum + weight(i, k) * value, bias(i));
      const slope = 2 * (output - target(i));
      for (let k = 0; k < D; k++) gradient[i * D + k]! += slope * z[k]!;
      gradient[N * D + i]! += slope;
    }
  }
  return gradient;
}

/** θ ← θ - …, at update t, which begins at 1; `states` are the optimizer's, 0 at first. */
type Update = (theta: number, g: number, states: [number, number], lr: number, t: number) => number;

const rmspropUpdate =
  ({ alpha, epsilon }: Rmsprop): Update =>
  (theta, g, states, lr) => {
    states[0] = alpha * states[0] + (1 - alpha) * g * g;
    return theta - (lr * g) / (Math.sqrt(states[0]) + epsilon);
  };
const adamUpdate =
  ({ beta1, beta2, epsilon, weightDecay }: Adam): Update =>
  (theta, g, states, lr, t) => {
    states[0] = beta1 * states[0] + (1 - beta1) * g;
    states[1] = beta2 * states[1] + (1 - beta2) * g * g;
    const mean = states[0] / (1 - beta1 ** t);
    const square = states[1] / (1 - beta2 ** t);
    return theta - lr * weightDecay * theta - (lr * mean) / (Math.sqrt(square) + epsilon);
  };
const sgdUpdate =
  ({ momentum }: Sgd): Update =>
  (theta, g, states, lr) => {
    states[0] = momentum * states[0] + g;
    return theta - lr * states[0];
  };

interface Case {
  readonly name: string;
  readonly optimizer: Optimizer;
  readonly update: Update;
  readonly schedule?: Schedule;
  readonly gradientClip?: number;
}

function caseOf<O extends Optimizer>(
  name: string,
  optimizer: O,
  update: (optimizer: O) => Update,
  options: Pick<Case, "schedule" | "gradientClip"> = {},
): Case {
  return { name, optimizer, update: update(optimizer), ...options };
}

const cases: readonly Case[] = [
  caseOf("rmsprop", rmsprop({ learningRate: 0.01 }), rmspropUpdate),
  // A large ε, so that it counts where it stands.
  caseOf("rmsprop, another alpha", rmsprop({ learningRate: 0.02, alpha: 0.5, epsilon: 0.5 }), rmspropUpdate),
  caseOf("adam", adam({ learningRate: 0.01 }), adamUpdate),
  caseOf(
    "adam, other options",
    adam({ learningRate: 0.03, beta1: 0.7, beta2: 0.9, epsilon: 0.3 }),
    adamUpdate,
  ),
  caseOf("adam with weight decay", adam({ learningRate: 0.01, weightDecay: 0.6 }), adamUpdate),
  caseOf("sgd", sgd({ learningRate: 0.01 }), sgdUpdate),
  caseOf("sgd with momentum", sgd({ learningRate: 0.005, momentum: 0.8 }), sgdUpdate),
  caseOf("sgd with a schedule", sgd({ learningRate: 0.02 }), sgdUpdate, { schedule: linear({ to: 0.1 }) }),
  caseOf("adam with decay and a schedule", adam({ weightDecay: 0.5, learningRate: 0.02 }), adamUpdate, {
    schedule: linear(),
  }),
  // The summed gradient is longer than this times the four samples for some updates, and then no more.
  caseOf("sgd, clipped", sgd({ learningRate: 0.02, momentum: 0.5 }), sgdUpdate, { gradientClip: 0.6 }),
  caseOf("rmsprop, clipped", rmsprop({ learningRate: 0.01, epsilon: 0.1 }), rmspropUpdate, {
    gradientClip: 1.65,
  }),
];

/** The parameters after so many of `UPDATES` updates, and the gradients' norms before clipping, in float64. */
function follow(
  { optimizer, update, schedule = constant(), gradientClip = Infinity }: Case,
  updates: number,
) {
  let parameters = Array.from(decoder.parameters);
  const states = parameters.map((): [number, number] => [0, 0]);
  const norms: number[] = [];
  for (let t = 1; t <= updates; t++) {
    const gradient = gradientAt(parameters);
    norms.push(norm(gradient));
    const shrink = Math.min(1, (gradientClip * SAMPLES) / norm(gradient));
    const lr = optimizer.learningRate * schedule.factor((t - 1) / updates);
    parameters = parameters.map((theta, i) => update(theta, shrink * gradient[i]!, states[i]!, lr, t));
  }
  return { parameters, norms };
}

/** What updates have changed, which float32's rounding of the parameters themselves must not hide. */
function changeOf(parameters: ArrayLike<number>): number[] {
  return Array.from(parameters, (value, i) => value - decoder.parameters[i]!);
}

for (const { name: build, backend } of builds) {
  for (const given of cases) {
    const { name, optimizer, schedule, gradientClip } = given;
    test(`${build}: ${name}: train takes the steps of the definition`, async () => {
      for (const updates of [1, 2, UPDATES]) {
        const run: { decoder: Decoder; history: readonly { gradientNorm: number }[] } = await train(
          decoder,
          y,
          {
            backend,
            optimizer,
            batchSize: SAMPLES,
            epochs: updates,
            loss: squaredError({ reduction: "sum" }),
            solver: euler({ grid: linearGrid({ t1: STEP, slices: 1 }) }),
            ...(schedule && { schedule }),
            ...(gradientClip !== undefined && { gradientClip }),
          },
        );
        const expected = follow(given, updates);
        assert.is(run.history.length, updates);
        const error = relativeDistance(changeOf(run.decoder.parameters), changeOf(expected.parameters));
        assert.ok(error < 2e-5, `after ${updates} updates off by ${error}`);
        const norms = run.history.map(({ gradientNorm }) => gradientNorm);
        assert.ok(relativeDistance(norms, expected.norms) < 2e-5, `${norms}, not ${expected.norms}`);
      }
    });
  }
}

test("the case of clipping has gradients on both sides of the limit", () => {
  for (const given of cases.filter(({ gradientClip }) => gradientClip !== undefined)) {
    const { norms } = follow(given, UPDATES);
    const clipped = norms.filter((length) => length > given.gradientClip! * SAMPLES).length;
    assert.ok(clipped > 1 && clipped < UPDATES - 1, `${norms}`);
  }
});

test("a last mini-batch that is smaller is clipped by its own size", async () => {
  // Four times the same sample, in mini-batches of three and one: both gradients have next to the same direction.
  const same = Float32Array.from({ length: SAMPLES * N }, (_, i) => y[i % N]!);
  const run = await train(decoder, same, {
    optimizer: sgd({ learningRate: 1 }),
    batchSize: 3,
    gradientClip: 1e-3,
    loss: squaredError({ reduction: "sum" }),
    solver: euler({ grid: linearGrid({ t1: STEP, slices: 1 }) }),
  });
  assert.ok(Math.abs(norm(changeOf(run.decoder.parameters)) / 4e-3 - 1) < 1e-2);
});

test.run();
