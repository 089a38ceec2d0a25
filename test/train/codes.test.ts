import { test } from "uvu";
import * as assert from "uvu/assert";
import { adam, type Optimizer, rmsprop, sgd } from "../../src/backend/optimizer.ts";
import { createRandom } from "../../src/base/random.ts";
import { type KeptCode, updateCode } from "../../src/train/code-updates.ts";
import { Codes } from "../../src/train/codes.ts";

// The codes that a run keeps, each sample's beside the others.

const SAMPLES = 5;
const SIZE = 3;
const FROM_0 = { latentSize: SIZE, start: undefined };
/** Of a decoder whose codes lie elsewhere. */
const START = Float32Array.of(0.1, -3, 2);

/** Mini-batches drawn with replacement, with gradients, of which some are not finite. */
function* updates(seed: number) {
  const random = createRandom(seed);
  for (let step = 0; step < 30; step++) {
    const indices = Uint32Array.from({ length: 1 + random.below(7) }, () => random.below(SAMPLES));
    const gradients = Float64Array.from({ length: indices.length * SIZE }, () => random.uniform() - 0.5);
    if (step % 4 === 1)
      gradients[random.below(gradients.length)] = [Number.NaN, Infinity, -Infinity][step % 3]!;
    yield { indices, gradients, factor: 0.5 + random.uniform() };
  }
}

for (const optimizer of [sgd({ momentum: 0.9 }), sgd(), rmsprop(), adam({ weightDecay: 0.1 })]) {
  test(`${optimizer.name}, ${optimizer.stateVectors} vectors: each sample is updated as if it were alone`, () => {
    const codes = new Codes(SAMPLES, { latentSize: SIZE, start: START }, optimizer);
    const alone = Array.from({ length: SAMPLES }, () => {
      const zeros = () => new Float64Array(SIZE);
      return {
        values: Float64Array.from(START),
        vectors: Array.from({ length: optimizer.stateVectors }, zeros),
        updates: 0,
      };
    });
    let restarts = 0;
    for (const { indices, gradients, factor } of updates(1)) {
      const restarted = codes.update(indices, gradients, factor);
      restarts += restarted.length;
      for (const [sample, code] of alone.entries()) {
        const rows = [...indices.keys()].filter((i) => indices[i] === sample);
        if (rows.length === 0) continue;
        // Drawn twice, it has the sum of its gradients, in one update.
        const sum = new Float64Array(SIZE).map((_, k) =>
          rows.map((i) => gradients[i * SIZE + k]!).reduce((total, value) => total + value),
        );
        const isSound = sum.every(Number.isFinite);
        assert.is(restarted.includes(sample), !isSound);
        if (!isSound) {
          code.values.set(START);
          for (const vector of code.vectors) vector.fill(0);
          code.updates = 0;
          continue;
        }
        code.updates++;
        updateCode(optimizer, code satisfies KeptCode, sum, optimizer.learningRate * factor);
      }
      const state = codes.state();
      for (const [sample, code] of alone.entries()) {
        const row = (all: Float64Array) => all.subarray(sample * SIZE, (sample + 1) * SIZE);
        assert.equal(row(state.values), code.values);
        assert.equal(state.vectors.map(row), code.vectors);
        assert.is(state.updates[sample], code.updates);
      }
      const read = new Float64Array(indices.length * SIZE);
      codes.read(indices, read);
      assert.equal(
        [...read],
        [...indices].flatMap((sample) => [...alone[sample]!.values]),
      );
    }
    assert.ok(restarts > 3);
    assert.ok(alone.every(({ updates: count }) => count < 30));
  });
}

test("a code that would lie beyond float32 begins again at 0, and the others do not", () => {
  const codes = new Codes(SAMPLES, FROM_0, sgd({ learningRate: 1e30, momentum: 0.5 }));
  const gradients = Float64Array.of(1, 1, 1, 1, 1e9, 1);
  assert.equal(codes.update(Uint32Array.of(3, 0), gradients, 1), [0]);
  const { values, vectors, updates } = codes.state();
  const row = (all: Float64Array, sample: number) => [...all.subarray(sample * SIZE, (sample + 1) * SIZE)];
  assert.equal(row(values, 0), [0, 0, 0]);
  assert.equal(row(vectors[0]!, 0), [0, 0, 0]);
  assert.equal(row(values, 3), [-1e30, -1e30, -1e30]);
  assert.equal([...updates], [0, 0, 0, 1, 0]);
});

/** PyTorch's updates of one number by its gradients, one after the other. */
function updated(optimizer: Optimizer, gradients: readonly number[], rate: number): number {
  let [x, m, v] = [0.5, 0, 0];
  for (const [i, g] of gradients.entries()) {
    if (optimizer.name === "sgd") {
      m = optimizer.momentum * m + g;
      x -= rate * m;
    } else if (optimizer.name === "rmsprop") {
      v = optimizer.alpha * v + (1 - optimizer.alpha) * g ** 2;
      x -= (rate * g) / (Math.sqrt(v) + optimizer.epsilon);
    } else if (optimizer.name === "adam") {
      const { beta1, beta2, epsilon, weightDecay } = optimizer;
      x *= 1 - rate * weightDecay;
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g ** 2;
      x -= (rate * (m / (1 - beta1 ** (i + 1)))) / (Math.sqrt(v / (1 - beta2 ** (i + 1))) + epsilon);
    }
  }
  return x;
}

for (const optimizer of [
  ...[sgd(), sgd({ momentum: 0.7 }), rmsprop(), rmsprop({ alpha: 0.3, epsilon: 0.1 }), adam()],
  ...[adam({ beta1: 0.4, beta2: 0.6, epsilon: 0.1 }), adam({ weightDecay: 0.9 })],
]) {
  test(`${JSON.stringify(optimizer)}: each number of a code follows its own gradients`, () => {
    const gradients = Array.from({ length: 6 }, (_, step) =>
      Float64Array.from({ length: SIZE }, (_, i) => Math.sin(1 + 5 * step + 2 * i)),
    );
    const values = Float64Array.from({ length: SIZE }, (_, i) => 0.5 + i);
    const vectors = Array.from({ length: optimizer.stateVectors }, () => new Float64Array(SIZE));
    const rate = 0.2;
    for (const [i, gradient] of gradients.entries()) {
      updateCode(optimizer, { values, vectors, updates: i + 1 }, gradient, rate);
    }
    const decay = optimizer.name === "adam" ? (1 - rate * optimizer.weightDecay) ** gradients.length : 1;
    for (const [i, value] of values.entries()) {
      const own = gradients.map((gradient) => gradient[i]!);
      // Where it begins only shrinks, by the decay.
      assert.ok(
        Math.abs(value - (updated(optimizer, own, rate) + i * decay)) < 1e-12,
        `number ${i}: ${value}`,
      );
    }
  });
}

test("a state that is restored goes on as the one that it is of", () => {
  const optimizer = adam({ weightDecay: 0.1 });
  const [codes, restored] = [new Codes(SAMPLES, FROM_0, optimizer), new Codes(SAMPLES, FROM_0, optimizer)];
  for (const [step, { indices, gradients, factor }] of [...updates(4)].entries()) {
    if (step === 12) restored.restore(codes.state());
    codes.update(indices, gradients, factor);
    if (step >= 12) restored.update(indices, gradients, factor);
  }
  assert.equal(restored.state(), codes.state());
});

test("what is kept of some samples is read of these, and leaves the others", () => {
  const codes = new Codes(SAMPLES, FROM_0, undefined);
  const expected = new Float64Array(SAMPLES * SIZE);
  const random = createRandom(2);
  for (const indices of [Uint32Array.of(3, 0), Uint32Array.of(4), Uint32Array.of(1, 4, 3)]) {
    const z = Float64Array.from({ length: indices.length * SIZE }, () => random.uniform());
    codes.keep(indices, z);
    for (const [i, sample] of indices.entries()) {
      expected.set(z.subarray(i * SIZE, (i + 1) * SIZE), sample * SIZE);
    }
    assert.equal(codes.state().values, expected);
    const all = new Float64Array(SAMPLES * SIZE);
    codes.read(
      Uint32Array.from({ length: SAMPLES }, (_, sample) => sample),
      all,
    );
    assert.equal(all, expected);
  }
});

test.run();
