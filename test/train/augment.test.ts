// Tests src/train/mini-batches.ts, too: the masks and augmentations of each.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDataset } from "../../src/api/dataset.ts";
import { sgd } from "../../src/backend/optimizer.ts";
import { createRandom } from "../../src/base/random.ts";
import { createDecoder } from "../../src/index.ts";
import { type Augmentation, shift } from "../../src/train/augment.ts";
import { trainAutoencoder } from "../../src/train/autoencoder.ts";
import { refused } from "../support/refusal.ts";

const [height, width] = [4, 5];

/** An image whose pixels all differ, and none is 0. */
const image = Float32Array.from({ length: height * width }, (_, i) => i + 1);

/** The image moved, pixel by pixel. */
function moved(down: number, right: number): Float32Array {
  return Float32Array.from({ length: height * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width) - down, (i % width) - right];
    const isInside = row >= 0 && row < height && column >= 0 && column < width;
    return isInside ? image[row * width + column]! : 0;
  });
}

/** `count` copies of the image, each shifted. */
function shifted(augmentation: Augmentation, count: number, seed = 1, shape = [height, width]): string[] {
  const samples = new Float32Array(count * image.length);
  for (let i = 0; i < count; i++) samples.set(image, i * image.length);
  augmentation.apply(samples, shape, createRandom(seed));
  return Array.from({ length: count }, (_, i) =>
    samples.subarray(i * image.length, (i + 1) * image.length).join(),
  );
}

test("each shift up to the limit comes, equally often, moved exactly and filled with 0", () => {
  for (const pixels of [1, 3]) {
    const expected = new Map<string, number>();
    for (let down = -pixels; down <= pixels; down++) {
      for (let right = -pixels; right <= pixels; right++) expected.set(moved(down, right).join(), 0);
    }
    const outcomes = (2 * pixels + 1) ** 2;
    assert.is(expected.size, outcomes);
    const perOutcome = 200;
    for (const result of shifted(shift({ pixels }), perOutcome * outcomes)) {
      assert.ok(expected.has(result), `not a shift by up to ${pixels}: ${result}`);
      expected.set(result, expected.get(result)! + 1);
    }
    // Five standard deviations of a count.
    for (const count of expected.values()) {
      assert.ok(Math.abs(count - perOutcome) < 5 * Math.sqrt(perOutcome), `${count} of about ${perOutcome}`);
    }
  }
});

test("the same seed gives the same shifts, and a batch in two parts the same as in one", () => {
  const augmentation = shift({ pixels: 2 });
  assert.equal(shifted(augmentation, 50), shifted(augmentation, 50));
  assert.not.equal(shifted(augmentation, 50, 1), shifted(augmentation, 50, 2));

  const whole = new Float32Array(2 * image.length);
  whole.set(image);
  whole.set(image, image.length);
  const parts = [image.slice(), image.slice()];
  const [random, same] = [createRandom(8), createRandom(8)];
  augmentation.apply(whole, [height, width], random);
  for (const part of parts) augmentation.apply(part, [height, width], same);
  assert.equal([...whole], [...parts[0]!, ...parts[1]!]);
  assert.equal(random.state(), same.state());
});

test("a changed copy shifts by its own number of pixels, which is checked", () => {
  const copy = { ...shift({ pixels: 1 }), pixels: 3 };
  assert.equal(shifted(copy, 50), shifted(shift({ pixels: 3 }), 50));
  refused(
    () => ({ ...copy, pixels: -1 }).check([height, width]),
    "invalid_argument",
    /^shift: pixels is -1, expected an integer >= 1/,
  );
});

test("a channel of one is no obstacle", () => {
  const augmentation = shift({ pixels: 1 });
  const plain = shifted(augmentation, 20);
  assert.equal(shifted(augmentation, 20, 1, [1, height, width]), plain);
  assert.equal(shifted(augmentation, 20, 1, [height, width, 1]), plain);
});

test("three channels move together, first or last", () => {
  const augmentation = shift({ pixels: 2 });
  const channel = (k: number) => image.map((value) => value + 100 * k);
  const first = Float32Array.from([0, 1, 2].flatMap((k) => [...channel(k)]));
  const last = Float32Array.from({ length: 60 }, (_, i) => channel(i % 3)[Math.floor(i / 3)]!);
  const ways: [Float32Array, number[], (values: Float32Array, k: number) => Float32Array][] = [
    [first, [3, height, width], (values, k) => values.slice(20 * k, 20 * k + 20)],
    [last, [height, width, 3], (values, k) => values.filter((_, i) => i % 3 === k)],
  ];
  for (const [values, shape, channelOf] of ways) {
    const samples = Float32Array.from([...values, ...values]);
    const expected = Float32Array.from([...image, ...image]);
    augmentation.apply(samples, shape, createRandom(4));
    augmentation.apply(expected, [height, width], createRandom(4));
    for (const i of [0, 1]) {
      const wanted = expected.subarray(20 * i, 20 * i + 20);
      for (const k of [0, 1, 2]) {
        const own = channelOf(samples.subarray(60 * i, 60 * i + 60), k);
        assert.equal(
          own,
          wanted.map((value) => (value === 0 ? 0 : value + 100 * k)),
        );
      }
    }
  }
});

test("each mini-batch of a run draws on, in the epochs that follow, too", async () => {
  const drawn: number[] = [];
  const apply: Augmentation["apply"] = (_samples, _shape, random) => void drawn.push(random.uniform());
  const augment: Augmentation = { name: "none", check() {}, apply };
  const data = createDataset(new Float32Array(4 * 2), { shape: [2] });
  const decoder = createDecoder({ layers: [1, 2], loss: "mse" });
  await trainAutoencoder(decoder, data, {
    augment,
    optimizer: sgd({ learningRate: 0.1 }),
    epochs: 2,
    batchSize: 2,
    seed: 3,
  });
  assert.is(drawn.length, 4);
  assert.is(new Set(drawn).size, 4);
});

test("is an immutable value that says what it does", () => {
  const augmentation = shift({ pixels: 2 });
  assert.is(augmentation.name, "shift");
  assert.is(augmentation.pixels, 2);
  assert.ok(Object.isFrozen(augmentation));
});

test("refuses what is no image, and shifts out of the image", () => {
  const augmentation = shift({ pixels: 4 });
  const refusedShape = (shape: readonly number[], message: RegExp) => {
    refused(() => augmentation.check(shape), "invalid_argument", message);
    refused(
      () => augmentation.apply(new Float32Array(0), shape, createRandom(0)),
      "invalid_argument",
      message,
    );
  };
  refusedShape(
    [784],
    /the samples are 784, expected images .* if they are, give the decoder an outputShape like \[28, 28\]$/,
  );
  refusedShape([2, 28, 28], /the samples are 2 × 28 × 28, expected images .*, grey or of three channels$/);
  refusedShape([4, 28], /pixels is 4, expected less than the images' height and width, 4 × 28/);
  augmentation.check([5, 28]);

  const create = shift as (options?: unknown) => Augmentation;
  refused(() => create(), "invalid_argument", /^shift: pixels is undefined, expected an integer >= 1/);
  refused(() => create({ pixel: 2 }), "invalid_argument", /unknown option "pixel"/);
  for (const pixels of [0, 1.5, -1, undefined, "2"]) {
    refused(() => create({ pixels }), "invalid_argument", /^shift: pixels is .*, expected an integer >= 1/);
  }
});

test.run();
