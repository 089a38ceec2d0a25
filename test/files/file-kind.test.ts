import { deflateRawSync, gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadDecoder } from "../../src/api/load-decoder.ts";
import { createDecoder } from "../../src/decoder/initialise.ts";
import { isOnnx, recognise } from "../../src/files/file-kind.ts";
import { toNpy } from "../../src/files/npy.ts";
import { loadOnnx } from "../../src/onnx/index.ts";
import { readDataset } from "../../src/train/read-dataset.ts";
import { rejected } from "../support/refusal.ts";
import { fileOf } from "../support/safetensors-file.ts";

// What people give in place of a decoder or data is named, with the way to convert it.

const latin1 = (text: string) => new Uint8Array(Buffer.from(`${text}${"\x01\xfe".repeat(40)}`, "latin1"));
const npy = toNpy(Float32Array.of(1, 2), [1, 2]);
const idx = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7);

/** The beginning of a zip file whose first entry has this name, as PyTorch, numpy and Keras write them. */
function zipBeginning(name: string): Uint8Array {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50);
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, Buffer.from(name), deflateRawSync(Buffer.alloc(100))]);
}

const cure =
  /Python: .*\(|state_dict|git lfs pull|check the address|unpack it first|safetensors file|loadOnnx|end\?|decodePng|to ONNX|latentflow_export/;

const kinds: [name: RegExp, file: Uint8Array, asDecoder: RegExp | "read", asData: RegExp | "read"][] = [
  [/an empty file/, new Uint8Array(0), /downloaded, to its end/, /downloaded, to its end/],
  [
    /git-lfs pointer/,
    latin1("version https://git-lfs.github.com/spec/v1\noid sha256:"),
    /git lfs pull/,
    /git lfs pull/,
  ],
  [
    /an HTML page/,
    Buffer.from("\ufeff\n <!DOCTYPE html><html>404"),
    /check the address/,
    /check the address/,
  ],
  [/an HTML page/, Buffer.from("<html><body>"), /check the address/, /check the address/],
  [
    /a PyTorch file/,
    zipBeginning("archive/data.pkl"),
    /torch\.load\("decoder\.pt", weights_only=True\)/,
    /torch\.load\("data/,
  ],
  [
    /a PyTorch file/,
    latin1("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."),
    /weights_only=True/,
    /\.numpy\(\)/,
  ],
  [
    /a Keras file/,
    zipBeginning("model.weights.h5"),
    /load_model\("decoder\.keras"\)\.export\("decoder\.onnx", format="onnx"\)/,
    /numpy\.save/,
  ],
  [/a pickle/, latin1("\x80\x04\x95"), /can run code, .*weights_only=True/, /can run code, .*numpy\.save/],
  [/an HDF5 file/, latin1("\x89HDF\r\n\x1a\n"), /load_model\("decoder\.h5"\)/, /h5py\.File\("data\.h5"\)/],
  [/a TensorFlow Lite model/, latin1("\x1c\0\0\0TFL3"), /tf2onnx\.convert --tflite/, /numpy\.save/],
  [/a GGUF file/, latin1("GGUF\x03\0\0\0"), /no graph; .*latentflow_export/, /numpy\.save/],
  [/an ONNX file/, latin1("\x08\x07\x12\x07pytorch"), /loadOnnx of "latentflow\/onnx"/, /numpy\.save/],
  [/a \.npy file/, npy, /safetensors\.torch\.save_file/, "read"],
  [/a \.npz file/, zipBeginning("x.npy"), /numpy\.load\("decoder\.npz"\)/, "read"],
  [/a zip file/, zipBeginning("decoder.safetensors"), /unzip/, "read"],
  [/an IDX file/, idx, /safetensors\.torch\.save_file/, "read"],
  [/a gzip file/, gzipSync(npy), /gunzip/, "read"],
  [/a TensorFlow model/, latin1("\x08\x01\x12\xb4\x07"), /tf2onnx\.convert --saved-model/, /numpy\.save/],
  [/a PNG picture/, latin1("\x89PNG\r\n"), /state_dict/, /decodePng .* fromImageData/],
  [/a JPEG picture/, latin1("\xff\xd8\xff"), /state_dict/, /JPEG by the command line/],
  [/a Parquet file/, latin1("PAR1"), /state_dict/, /read_parquet/],
  [/text/, Buffer.from("index,loss\n0,1\n"), /state_dict/, /pandas\.read_csv/],
  [
    /a safetensors file/,
    createDecoder({ layers: [2, 3] }).toSafetensors(),
    "read",
    /a decoder, perhaps\? .*load_file/,
  ],
];

test("each kind is named where a decoder is wanted, and where data are", async () => {
  for (const [name, file, asDecoder, asData] of kinds) {
    const kind = recognise(file);
    assert.match(kind?.name ?? "nothing", name);
    for (const [load, expected] of [
      [loadDecoder, asDecoder],
      [readDataset, asData],
    ] as const) {
      const error: unknown = await load(file).then(
        () => undefined,
        (reason) => reason,
      );
      // A bit of a zip file is damaged, and a data set needs two axes: here it only counts that reading began.
      if (expected === "read") {
        assert.not.match(String(error), /; (convert|unpack|a decoder is)/);
        continue;
      }
      assert.match(String(error), new RegExp(`${name.source}.*${expected.source}`, "s"));
      assert.match(String(error), cure);
      assert.ok(String(error).length < 1000);
    }
  }
});

test("a decoder of another kind may be ONNX or safetensors; loadOnnx advises on what is no model at all", async () => {
  await rejected(
    loadDecoder(npy),
    "invalid_file",
    /one array; a decoder is an ONNX file.*or a safetensors file/,
  );
  const page = Buffer.from("<!DOCTYPE html><html>404");
  await rejected(loadOnnx(page), "invalid_file", /HTML page, expected an ONNX file.*; .*check the address/);
  await rejected(
    loadOnnx(npy),
    "invalid_file",
    /one array, expected an ONNX file, as torch\.onnx\.export writes it$/,
  );
  for (const [start, message] of [
    [
      "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",
      /PyTorch file, expected .*; export .*latentflow_export import export; export\(/,
    ],
    ["\x80\x04\x95", /a pickle, expected .*; export .*latentflow_export import export; export\(/],
    ["\x89HDF\r\n\x1a\n", /HDF5 file, expected .*load_model.*format="onnx"/],
    ["\x1c\0\0\0TFL3", /TensorFlow Lite model, expected .*--tflite/],
    ["GGUF\x03\0\0\0", /a GGUF file, expected .*latentflow_export/],
  ] as const) {
    await rejected(loadOnnx(latin1(start)), "invalid_file", message);
  }
});

test("of another kind the first bytes are shown", async () => {
  const gif = latin1("GIF89a\x01\0");
  assert.is(recognise(gif), undefined);
  await rejected(
    readDataset(gif),
    "invalid_file",
    /it begins with "GIF89a\\u0001.*", expected an IDX file, a \.npy file or a \.npz file; save it from Python: numpy/,
  );
  await rejected(
    loadDecoder(gif),
    "invalid_file",
    /it begins with "GIF89a\\u0001.*: is it truncated, or another/,
  );
});

test("a safetensors file is one, whatever its first bytes look like", async () => {
  // The length of a header may be the beginning of a gzip file, a pickle or an ONNX file.
  for (const length of [0x8b1f, 0x0280, 0x0708, 0x0308]) {
    const file = fileOf(`{}${" ".repeat(length - 2)}`);
    await rejected(loadDecoder(file), "invalid_file", /the file holds no tensors/);
  }
});

test("an ONNX file is told from a safetensors file by its first bytes", () => {
  assert.ok(isOnnx(latin1("\x08\x07\x12\x07pytorch")));
  assert.not.ok(isOnnx(npy));
  assert.not.ok(isOnnx(new Uint8Array(0)));
  // A header of 1,182,472 bytes: its length begins as an ONNX file does.
  const safetensors = latin1('\x08\x0b\x12\0\0\0\0\0{"0.weight":');
  assert.not.ok(isOnnx(safetensors));
  safetensors[8] = 0x41;
  assert.ok(isOnnx(safetensors));
});

test.run();
