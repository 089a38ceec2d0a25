// run: slow
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { computeFloor, FLOOR_NAMES, FLOORS, testFloor } from "../../reproduce/floors.ts";
import { fashionMnist, mnist, segMnist } from "../../src/train/index.ts";
import { rejected } from "../support/refusal.ts";

// The floors that site/paper's losses are held above are the entropy of the images themselves.

const hasFashion = await fashionMnist().then(
  () => true,
  () => false,
);
const isHere = (name: string) => hasFashion || !name.startsWith("Fashion-MNIST");

test("each floor is what is computed of its images", async () => {
  for (const name of FLOOR_NAMES.filter(isHere)) {
    const computed = await computeFloor(name);
    assert.ok(Math.abs(computed - FLOORS[name]) < 5e-8, `${name}: ${computed}`);
  }
  // Where its files are not, Fashion-MNIST's two are held by the page alone.
  if (!hasFashion) await rejected(fashionMnist(), "not_found", /dataset-fashion-mnist/);
});

test("a floor is the mean entropy of pixels as chances, by their grey levels", async () => {
  for (const [name, { test: images }] of [
    ["MNIST", await mnist()],
    ["SegMNIST", await segMnist()],
  ] as const) {
    const levels = new Float64Array(256);
    for (const value of images.toFloat32()) levels[Math.round(255 * value)]!++;
    let sum = 0;
    for (let level = 1; level < 255; level++) {
      const p = level / 255;
      sum -= levels[level]! * (p * Math.log(p) + (1 - p) * Math.log(1 - p));
    }
    const entropy = sum / (images.count * 784);
    assert.ok(Math.abs(entropy - testFloor(name)) < 1e-7, `${name}: ${entropy}`);
  }
});

test("docs say the floors as they are", () => {
  const walk = readFileSync("site/paper/index.md", "utf8").replace(/\s+/g, " ");
  const said = (name: Parameters<typeof testFloor>[0]) => testFloor(name).toFixed(4);
  assert.ok(
    walk.includes(
      `${said("MNIST")} for MNIST's test images, ${said("SegMNIST")} for SegMNIST's, ${said("Fashion-MNIST")} for Fashion-MNIST's`,
    ),
  );
  const experiments = readFileSync("site/results/experiments.md", "utf8");
  for (const name of FLOOR_NAMES)
    assert.ok(experiments.includes(`| ${name} | ${FLOORS[name].toFixed(4)} |`), name);
});

test.run();
