// A decoder that is told which digit to draw: the latent found is the handwriting alone.
import { writeFileSync } from "node:fs";
import { decode, encode, loadDecoder } from "latentflow";
import { toImageData } from "latentflow/images";
import { encodePng } from "latentflow/images/png";
import { mnist } from "latentflow/train";

const decoder = await loadDecoder("decoder.safetensors");
const digits = (await mnist()).test.slice(0, 100);
const y = digits.toFloat32();
const classes = Array.from({ length: 10 }, (_, label) => label);

// Each digit is encoded ten times, as if it were each of the ten: the label is given, the latent is found.
const attempts = await Promise.all(
  classes.map((label) => encode(decoder, y, { fixed: { label: Uint8Array.of(label) } })),
);
const losses = Array.from(digits.labels, (_, i) => attempts.map(({ loss }) => loss[i]));
const right = losses.map((row, i) => row[digits.labels[i]]);
const wrong = losses.flatMap((row, i) => row.filter((_, label) => label !== digits.labels[i]));
const best = losses.filter((row, i) => Math.min(...row) === row[digits.labels[i]]);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
console.log(`${digits.count} digits, mean loss:`);
console.log(`  with the right label   ${mean(right).toFixed(4)}`);
console.log(`  with wrong labels      ${mean(wrong).toFixed(4)}`);
console.log(`The right label has the least loss for ${best.length} of them.`);

// The same handwriting, other digits: the latent that was found with the right label, decoded with all ten.
const rows = [];
for (let i = 0; i < 10; i++) {
  const { z } = attempts[digits.labels[i]];
  const style = z.slice(i * decoder.latentSize, (i + 1) * decoder.latentSize);
  rows.push(y.subarray(784 * i, 784 * (i + 1)));
  for (const label of classes)
    rows.push(await decode(decoder, style, { fixed: { label: Uint8Array.of(label) } }));
}
const x = Float32Array.from(rows.flatMap((values) => [...values]));
const picture = toImageData(x, decoder, { columns: 11, gap: 4, scale: 2 });
writeFileSync("digits.png", encodePng(picture));
console.log("digits.png: a digit, and its handwriting with the labels 0 to 9, row by row");
