// Half of each picture is missing: it is left out of the loss, and the decoder of a VAE fills it.
import { writeFileSync } from "node:fs";
import { decode, encode } from "latentflow";
import { loadOnnx } from "latentflow/onnx";
import { mnist } from "latentflow/train";
import { fromNearest } from "./nearest.js";
import { drawGrid } from "./picture.js";
import { createRandom } from "./random.js";

const decoder = await loadOnnx("decoder.onnx", { loss: "bce" });
const originals = (await mnist()).test.slice(0, 100).toFloat32();
const random = createRandom(1);

/** NaN is missing. */
const halves = {
  "half of the pixels": originals.map((value) => (random() < 0.5 ? value : Number.NaN)),
  "the lower half": originals.map((value, i) => (i % 784 < 392 ? value : Number.NaN)),
};

const errors = {};
const rows = [];
for (const [name, given] of Object.entries(halves)) {
  const weights = given.map((value) => (Number.isNaN(value) ? 0 : 1));
  const { z } = await encode(decoder, given, { weights });
  const x = await decode(decoder, z);
  const filled = given.map((value, i) => (Number.isNaN(value) ? x[i] : value));
  errors[name] = {
    "filled by the decoder": meanError(filled, weights),
    "by the nearest given pixels": meanError(fromNearest(given), weights),
  };
  const shown = [given.map((value) => (Number.isNaN(value) ? 0.5 : value)), filled, originals];
  for (const digits of shown) {
    rows.push(Array.from({ length: 12 }, (_, i) => digits.subarray(784 * i, 784 * (i + 1))));
  }
}
console.log("Mean error of the missing pixels, which are numbers from 0 to 1:");
console.table(errors);
writeFileSync("filled.png", drawGrid(rows));
console.log("filled.png: digits as given, filled, as they were; first without half of the pixels");

/** |x - original| where the weight is 0, to four digits. */
function meanError(x, weights) {
  const missing = [...x.keys()].filter((i) => weights[i] === 0);
  const sum = missing.reduce((total, i) => total + Math.abs(x[i] - originals[i]), 0);
  return Number((sum / missing.length).toFixed(4));
}
