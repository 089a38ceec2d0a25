// run: slow
// Tests site/page/train/trainer.ts.
import { decode, encode, loadDecoder } from "latentflow";
import { loadOnnx } from "latentflow/onnx";
import { mnist } from "latentflow/train";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Check, Step } from "../../site/page/train/messages.ts";
import { ROUNDS, SHOWN } from "../../site/page/train/setting.ts";
import { type Observer, Trainer, type TrainingData } from "../../site/page/train/trainer.ts";

const { train, test: unseen } = await mnist();
/** Few: a round of them is four mini-batches. */
const DATA = { seen: train.slice(0, 64), unseen: unseen.slice(0, 10) };

/** A trainer, what it has reported, and a run of it that ends once `until` is true of that. */
function makeTrainer(data: TrainingData = DATA) {
  const steps: Step[] = [];
  const checks: Check[] = [];
  let stop = () => {};
  const trainer = new Trainer(data);
  const observer: Observer = {
    onStep: (step) => {
      steps.push(step);
      stop();
    },
    onCheck: (check) => {
      checks.push(check);
      stop();
    },
  };
  const runUntil = async (until: () => boolean) => {
    const controller = new AbortController();
    stop = () => {
      if (until()) controller.abort();
    };
    await trainer.run(controller.signal, observer);
  };
  return { trainer, steps, checks, runUntil };
}

const whole = makeTrainer();
whole.checks.push(await whole.trainer.check());
await whole.runUntil(() => whole.checks.length === 5);

test("each round lowers the loss, and unseen digits are drawn better", () => {
  const { checks, steps } = whole;
  assert.equal(
    checks.map(({ round, digits }) => [round, digits]),
    [0, 1, 2, 3, 4].map((round) => [round, 64 * round]),
  );
  assert.ok(checks[4]!.loss < 0.4 * checks[0]!.loss, checks.map(({ loss }) => loss.toFixed(3)).join(", "));
  assert.ok(steps.at(-1)!.loss < steps[0]!.loss);
  assert.equal(
    steps.map(({ digits }) => digits),
    steps.map((_, i) => 16 * (i + 1)),
  );
  const error = ({ x, y }: Check) => x.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0);
  assert.is(checks[0]!.y.length, SHOWN * 784);
  assert.ok(error(checks[4]!) < error(checks[0]!));
});

test("a run that is paused within a round goes on to the same decoder", async () => {
  const paused = makeTrainer();
  await paused.runUntil(() => paused.steps.length === 2);
  assert.is(paused.checks.length, 0);
  await paused.runUntil(() => paused.steps.length === 7);
  await paused.runUntil(() => paused.checks.length === 2);
  assert.equal(paused.checks[1]!.x, whole.checks[2]!.x);
  assert.equal(
    paused.steps.map(({ digits, loss }) => [digits, loss]),
    whole.steps.slice(0, paused.steps.length).map(({ digits, loss }) => [digits, loss]),
  );
});

test("its files compute what was shown, and have a prior of the codes", async () => {
  const { trainer, checks } = whole;
  const { y, x } = checks.at(-1)!;
  const decoder = await loadDecoder(await trainer.file("safetensors"));
  const { z } = await encode(decoder, y, { prior: "none" });
  assert.equal(await decode(decoder, z), x);
  assert.is(decoder.prior?.name, "gaussian");
  const fromOnnx = await loadOnnx(await trainer.file("onnx"));
  assert.is(fromOnnx.verified, true);
  assert.equal(fromOnnx.prior, decoder.prior);
});

test("after the last round it goes on for as many rounds more", async () => {
  const { trainer, checks, runUntil } = makeTrainer({ seen: train.slice(0, 16), unseen: unseen.slice(0, 1) });
  await runUntil(() => false);
  assert.ok(trainer.hasEnded);
  await runUntil(() => checks.length === ROUNDS + 1);
  assert.equal(
    checks.map(({ round }) => round),
    Array.from({ length: ROUNDS + 1 }, (_, i) => i + 1),
  );
  assert.not(trainer.hasEnded);
});

test("a reset begins again with the same untrained decoder", async () => {
  const { trainer, checks } = whole;
  trainer.reset();
  const check = await trainer.check();
  assert.equal(check.x, checks[0]!.x);
  assert.is(check.round, 0);
});

test.run();
