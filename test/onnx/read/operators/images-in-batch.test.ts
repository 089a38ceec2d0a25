import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode, encode } from "../../../../src/index.ts";
import { loadOnnx, toOnnx } from "../../../../src/onnx/index.ts";
import { OnnxFile } from "../../../../src/onnx/write/file.ts";
import { builds } from "../../../support/builds.ts";
import { checkDerivatives, derivativeCase } from "../../../support/derivatives.ts";
import { decodeOnCpu } from "../../../support/graph-on-cpu.ts";
import { onnxVectors } from "../../../support/onnx-vectors.ts";
import { relativeDistance } from "../../../support/reference.ts";
import { rejected } from "../../../support/refusal.ts";

// Tests src/onnx/read/traced-batch.ts: images of one sample that are beside each other in the batch. What ONNX Runtime computes:
// test/fixtures/onnx/images.py makes the files and computes what is expected; make.py there has whole decoders.

const CASES = onnxVectors("images");

for (const [name, { bytes, z, y, shape }] of Object.entries(CASES)) {
  test(`${name}: it computes what ONNX Runtime does`, async () => {
    const decoder = await loadOnnx(bytes);
    assert.equal(decoder.outputShape, shape.slice(1));
    const got = await decode(decoder, z);
    assert.is(got.length, y.length, "the number of outputs");
    // A few roundings of float32, in other orders.
    assert.ok(relativeDistance(got, Array.from(y)) < 1e-6, `[${got}], not [${y}]`);
  });
}

/** Decoders with images of a sample in the batch, of 6 latents each. */
const DECODERS = ["slot-decoder", "upfirdn", "planes", "images"];

const load = (name: string) =>
  loadOnnx(new URL(`../../../fixtures/onnx/read/${name}.onnx`, import.meta.url), { loss: "mse" });

// Every build has the kinds' own tests. The others take the reference seconds.
test("their derivatives are those of differences", async () => {
  const build = builds.find(({ name }) => name === "plain")!;
  for (const name of ["upfirdn", "planes"]) {
    await checkDerivatives(build, derivativeCase(await load(name), { samples: 1, parametersOfEach: 2 }));
  }
});

test("as ONNX and on the GPU's graphs they are the same, and each sample is found again", async () => {
  const z = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i + 1));
  for (const name of DECODERS) {
    const decoder = await load(name);
    const y = await decode(decoder, z);
    const again = await loadOnnx(await toOnnx(decoder));
    for (const got of [await decode(again, z), await decodeOnCpu(decoder, z)]) {
      assert.ok(relativeDistance(got, Array.from(y)) < 1e-5, name);
    }
    const { loss } = await encode(decoder, y);
    assert.ok(
      loss.every((each) => each < 1e-6),
      `${name}: ${loss}`,
    );
  }
});

/** A convolution of `images` images in the batch. */
function fileOf(images: number, channels: number, goesBack = true): Uint8Array {
  const file = new OnnxFile(["z", "y"]);
  const z = file.input("z", ["batch", images, channels, 2, 2]);
  const merged = file.apply("merged", "Reshape", [z, file.integers([-1, channels, 2, 2])]);
  const kernel = file.parameter("kernel", [channels, channels, 2, 2], new Float32Array(4 * channels ** 2));
  const made = file.apply("module", "Conv", [merged, kernel]);
  const back = goesBack ? file.apply("back", "Reshape", [made, file.integers([-1, images, channels])]) : made;
  return file.toMessage("y", back, ["batch"], []).toBytes();
}

test("a kernel that would be repeated too often is refused, as is an output that is no sample's", async () => {
  await rejected(
    loadOnnx(fileOf(2 ** 14, 2 ** 6)),
    "invalid_file",
    /it would repeat its kernel of 16384 numbers for 16384 images .*, expected at most 134217728 numbers; stack them in/,
  );
  await rejected(
    loadOnnx(fileOf(3, 2, false)),
    "invalid_file",
    /its output is \[batch·3, 2, 1, 1\], expected the batch as the first axis/,
  );
});

test.run();
