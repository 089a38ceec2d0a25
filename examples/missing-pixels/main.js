// Pixels of digits are hidden. An encoder guesses their codes; latentflow finds them from the pixels that are left.
import { writeFileSync } from "node:fs";
import { decode, encode, fitGaussian, loadDecoder, sampleCodes } from "latentflow";
import { toImageData } from "latentflow/images";
import { encodePng } from "latentflow/images/png";
import { encodeWith, mnist } from "latentflow/train";

const [decoder, encoder] = [await load("plain-decoder"), await load("plain-encoder")];
const [maskedDecoder, maskedEncoder] = [await load("masked-decoder"), await load("masked-encoder")];
const { train, test } = await mnist();
const originals = test.slice(0, 100).toFloat32();

// Codes of the digits that the decoder was trained on say where codes of digits lie.
const { z: codes } = await encode(decoder, train.slice(0, 480).toFloat32());
const prior = fitGaussian(codes, { latentSize: decoder.latentSize, covariance: "full", shrinkage: 0.1 });

/** A number from 0 to 1 for each pixel, the same in every run. */
const chance = (i) => (Math.abs(Math.sin(i + 1)) * 10_000) % 1;
/** Weights of the pixels: 1 is given, 0 is hidden. */
const hidden = {
  "two thirds of the pixels": originals.map((_, i) => (chance(i) < 1 / 3 ? 1 : 0)),
  "nine tenths of the pixels": originals.map((_, i) => (chance(i) < 0.1 ? 1 : 0)),
  "the lower half": originals.map((_, i) => (i % 784 < 392 ? 1 : 0)),
};

const errors = {};
for (const [what, weights] of Object.entries(hidden)) {
  const withZeros = originals.map((value, i) => value * weights[i]);
  const plain = await decode(decoder, await encodeWith(encoder, withZeros));
  const masked = await decode(maskedDecoder, await encodeWith(maskedEncoder, withZeros));
  const { z } = await encode(decoder, originals, { weights });
  const found = await decode(decoder, z);
  const likely = await encode(decoder, originals, { weights, prior });
  const samples = await sampleCodes(decoder, originals, likely, { weights, prior, count: 200, seed: 1 });
  const drawn = await decode(decoder, samples.codes);
  const means = meanOf(drawn, samples.weights);

  errors[what] = {
    "an encoder, hidden pixels 0": errorOf(plain, weights),
    "an encoder trained with hidden pixels": errorOf(masked, weights),
    latentflow: errorOf(found, weights),
    "latentflow with a prior": errorOf(await decode(decoder, likely.z), weights),
    "mean of 200 draws": errorOf(means, weights),
  };
  if (what === "two thirds of the pixels")
    draw("filled.png", [originals, plain, masked, await decode(decoder, likely.z), originals], weights);
  if (what === "the lower half")
    draw("samples.png", [originals, means, ...likelyDraws(drawn, samples.weights)], weights);
}
console.log("Mean squared error of the hidden pixels, which are numbers from 0 to 1, over 100 digits:");
console.table(errors);
console.log(
  "filled.png: digits as given, an encoder's, that of one trained with hidden pixels, latentflow's, originals",
);
console.log("samples.png: digits as given, the mean of 200 draws, four draws");

function load(name) {
  return loadDecoder(new URL(`${name}.safetensors`, import.meta.url));
}

/** Mean squared error where the weight is 0, to four digits. */
function errorOf(x, weights) {
  const pixels = [...x.keys()].filter((i) => weights[i] === 0);
  const sum = pixels.reduce((total, i) => total + (x[i] - originals[i]) ** 2, 0);
  return Number((sum / pixels.length).toFixed(4));
}

/** Weighted mean of the pictures of each digit. */
function meanOf(drawn, weights) {
  const count = weights.length / 100;
  return originals.map((_, i) => {
    const [digit, pixel] = [Math.floor(i / 784), i % 784];
    let mean = 0;
    for (let k = digit * count; k < (digit + 1) * count; k++) mean += weights[k] * drawn[k * 784 + pixel];
    return mean;
  });
}

/** Four of the pictures of each digit, chosen with the chances that their weights give. */
function likelyDraws(drawn, weights) {
  const count = weights.length / 100;
  return [0, 1, 2, 3].map((row) => {
    const pictures = new Float32Array(originals.length);
    for (let digit = 0; digit < 100; digit++) {
      let k = digit * count;
      for (let rest = chance(4 * digit + row); k < (digit + 1) * count - 1; k++) {
        rest -= weights[k];
        if (rest < 0) break;
      }
      pictures.set(drawn.subarray(k * 784, (k + 1) * 784), digit * 784);
    }
    return pictures;
  });
}

/** Draws rows of the first twelve digits; hidden pixels are hatched in the first row. */
function draw(file, rows, weights) {
  const size = 12 * 784;
  const pictures = new Float32Array(rows.length * size);
  const seen = new Float32Array(pictures.length).fill(1);
  for (const [row, x] of rows.entries()) pictures.set(x.subarray(0, size), row * size);
  seen.set(weights.subarray(0, size));
  const image = toImageData(pictures, decoder, { columns: 12, gap: 2, scale: 2, weights: seen });
  writeFileSync(file, encodePng(image));
}
