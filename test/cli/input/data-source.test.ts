// run: slow
// Tests src/cli/input/files.ts, src/cli/input/samples.ts.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readNpy } from "../../../src/files/npy.ts";
import { createDecoder, decode, encode, wasm } from "../../../src/index.ts";
import { createDataset, evaluate } from "../../../src/train/index.ts";
import { BundledProgram } from "../../support/bundled-program.ts";
import { column, endOf, readCsv, Workplace } from "../../support/program.ts";
import { runHere } from "../../support/run-here.ts";

// What the program reads beside samples, and from where.

const workplace = new Workplace();
test.after(() => workplace.dispose());
const program = new BundledProgram(workplace.folder);
const backend = wasm({ relaxed: false });
const running = ["--plain", "--threads", "1", "--quiet", "--json"];
const values = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i) ** 2);
const data = workplace.writeFloats(values, [4, 3, 2]);
const z0 = Float32Array.from({ length: 8 }, (_, i) => Math.cos(i) / 2);
const weights = Float32Array.from({ length: 24 }, (_, i) => i % 5);
const decoder = createDecoder({ layers: [2, 5, 6], loss: "bce", seed: 3 });
const decoderFile = `${workplace.newPath()}.safetensors`;
writeFileSync(decoderFile, decoder.toSafetensors());

/** Runs the program with bytes in its stdin. */
async function runWith(input: Uint8Array | undefined, ...args: string[]) {
  if (!input) return runHere(...args);
  const child = program.start(args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin?.end(input);
  return endOf(child);
}

async function succeed(input: Uint8Array | undefined, ...args: string[]) {
  const { exit, stdout, stderr } = await runWith(input, ...args, ...running);
  assert.is(exit, 0, stderr);
  return JSON.parse(stdout);
}

test("encode --z0 --weights --reconstructions: as the API has it, the first samples with --limit", async () => {
  for (const count of [4, 3]) {
    const out = workplace.newPath();
    const files = [
      "--z0",
      workplace.writeFloats(z0, [4, 2]),
      "--weights",
      workplace.writeFloats(weights, [4, 3, 2]),
    ];
    const args = ["--decoder", decoderFile, "--data", data, "--out", out, ...files, "--reconstructions"];
    const document = await succeed(undefined, "encode", ...args, "--limit", `${count}`);
    const { z, initialLoss } = await encode(decoder, values.slice(0, count * 6), {
      z0: z0.slice(0, count * 2),
      weights: weights.slice(0, count * 6),
      backend,
    });
    assert.equal(readNpy(readFileSync(join(out, "latents.npy"))).data, z);
    assert.equal(
      Float32Array.from(column(readCsv(join(out, "results.csv")), "initial_loss"), Number),
      initialLoss,
    );
    const { shape, data: decoded } = readNpy(readFileSync(join(out, "reconstructions.npy")));
    assert.equal(shape, [count, 3, 2]);
    assert.equal(decoded, await decode(decoder, z, { backend }));
    assert.ok(document.files.includes(join(out, "reconstructions.npy")));
    assert.equal([document.z0, document.weights], [files[1], files[3]]);

    // One's own latents are where it stays.
    const again = workplace.newPath();
    await succeed(
      undefined,
      ...["encode", "--decoder", decoderFile, "--data", data, "--out", again, "--limit", `${count}`],
      ...["--z0", join(out, "latents.npy")],
    );
    // Without --reconstructions there are none, also none of the run before.
    await succeed(undefined, "encode", "--decoder", decoderFile, "--data", data, "--out", out);
    assert.throws(() => readFileSync(join(out, "reconstructions.npy")), /ENOENT/);
  }
});

test("encode --z0: one latent for all samples, in every part and in the pictures", async () => {
  const one = z0.slice(2, 4);
  const { z, initialLoss } = await encode(decoder, values, { z0: one, backend });
  for (const shape of [[2], [1, 2]]) {
    const out = workplace.newPath();
    const args = ["--decoder", decoderFile, "--data", data, "--z0", workplace.writeFloats(one, shape)];
    await succeed(undefined, "encode", ...args, "--parts", "2", "--out", out);
    assert.equal(readNpy(readFileSync(join(out, "latents.npy"))).data, z);
    const initial = column(readCsv(join(out, "results.csv")), "initial_loss");
    assert.equal(Float32Array.from(initial, Number), initialLoss);
  }
  const args = ["--decoder", decoderFile, "--data", data, "--out", workplace.newPath()];
  const refused = async (values: Float32Array, shape: readonly number[]) =>
    (
      await runWith(
        undefined,
        ...["encode", ...args, "--z0", workplace.writeFloats(values, shape)],
        ...running,
      )
    ).stderr;
  assert.match(await refused(z0.slice(0, 6), [3, 2]), /3 × 2 of floats, expected floats, 4 × 2 .* or 1 × 2/);
  assert.match(
    await refused(new Float32Array([0, Number.NaN]), [2]),
    /^latentflow: --z0 \S+\.npy has NaN at element 1, expected finite/,
  );
  // Before any part has been worked on.
  const wrong = z0.slice();
  wrong[7] = Number.POSITIVE_INFINITY;
  const folder = args.at(-1)!;
  assert.match(await refused(wrong, [4, 2]), /^latentflow: --z0 \S+ has Infinity at sample 3, element 1,/);
  assert.not(existsSync(folder));
});

test("evaluate --weights: as the API has it; not with an encoder", async () => {
  const images = createDataset(values, { shape: [3, 2] });
  for (const [own, shape] of [
    [weights, [4, 3, 2]],
    [weights.slice(0, 6), [3, 2]],
  ] as const) {
    const file = workplace.writeFloats(own, shape);
    const args = ["evaluate", "--decoder", decoderFile, "--data", data, "--weights", file];
    const { meanLoss, meanExcessLoss } = await succeed(undefined, ...args);
    const expected = await evaluate(decoder, images, { weights: own, backend });
    assert.equal([meanLoss, meanExcessLoss], [expected.meanLoss, expected.meanExcessLoss]);
    const refused = await runWith(undefined, ...args, "--encoder", decoderFile);
    assert.is(refused.exit, 2);
    assert.match(
      refused.stderr,
      /^latentflow: --weights does not go with --encoder, which takes all values alike/,
    );
  }
});

test("evaluate --max-bytes bounds the encoder's file, too", async () => {
  const encoderFile = `${workplace.newPath()}.safetensors`;
  writeFileSync(encoderFile, createDecoder({ layers: [6, 1000, 2] }).toSafetensors());
  const args = ["evaluate", "--decoder", decoderFile, "--data", data, "--encoder", encoderFile];
  const { exit, stderr } = await runWith(undefined, ...args, "--max-bytes", "9000");
  assert.is(exit, 1);
  assert.match(stderr, /^latentflow: --encoder \S+: .* more than --max-bytes, 9000; to read it give/);
  await succeed(undefined, ...args);
});

test("- is stdin, wherever a file of data is read, in every format", async () => {
  const npy = readFileSync(data);
  const header = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 2);
  const idx = Buffer.concat([header, Uint8Array.from(values, (value) => value * 255)]);
  const at = (name: string, stdin: Uint8Array, ...args: string[]) =>
    succeed(stdin, ...args, `--${name}`, "-");
  const out = () => ["--out", workplace.newPath()];
  for (const [name, bytes] of Object.entries({ npy, idx, gzip: gzipSync(idx) })) {
    const document = await at("data", bytes, "encode", "--decoder", decoderFile, ...out());
    assert.equal([document.samples, document.data.file], [4, "-"], name);
  }
  const latents = readFileSync(workplace.writeFloats(z0, [4, 2]));
  assert.is((await at("latents", latents, "decode", "--decoder", decoderFile, ...out())).samples, 4);
  const encoding = ["encode", "--decoder", decoderFile, "--data", data];
  assert.is((await at("z0", latents, ...encoding, ...out())).samples, 4);
  assert.is((await at("weights", npy, ...encoding, ...out())).samples, 4);
  assert.is((await at("data", npy, "evaluate", "--decoder", decoderFile)).data.source, "stdin");
  assert.is((await at("weights", npy, "evaluate", "--decoder", decoderFile, "--data", data)).samples, 4);
  const training = ["train", "--layers", "2,5,6"];
  assert.is((await at("data", npy, ...training, ...out())).data.samples, 4);
  assert.is((await at("validate", npy, ...training, "--data", data, ...out())).validationData.samples, 4);
});

test("an array of a .npz file on stdin: -#name, which the message says", async () => {
  const npz = readFileSync(new URL("../../vectors/numpy.npz", import.meta.url));
  const args = ["encode", "--decoder", decoderFile, "--out", workplace.newPath()];
  const unnamed = await runWith(npz, ...args, "--data", "-");
  assert.is(unnamed.exit, 1);
  assert.match(
    unnamed.stderr,
    /^latentflow: --data \(stdin\): the \.npz file holds .*; say which, as in "--data=-#little i1"\n$/,
  );
  const named = await runWith(npz, ...args, "--data=-#little i1");
  assert.match(named.stderr, /^latentflow: --data \(stdin\): its s[a-z]+ (is|are) /);
  const twice = await runWith(npz, ...args, "--data=-#a", "--weights", "-");
  assert.is(twice.exit, 2);
  assert.match(twice.stderr, /^latentflow: --data and --weights are both -, stdin/);
  // In a file, its own name.
  const file = `${workplace.newPath()}.npz`;
  writeFileSync(file, npz);
  const { stderr } = await runWith(undefined, ...args, "--data", file);
  assert.ok(stderr.includes(`say which, as in "--data=${file}#little i1"`), stderr);
});

test("a decoder or an encoder on stdin is wrong usage", async () => {
  for (const [flag, args] of [
    ["decoder", ["decode", "--decoder", "-", "--latents", data, "--out", workplace.newPath()]],
    ["encoder", ["evaluate", "--decoder", decoderFile, "--data", data, "--encoder", "-"]],
  ] as const) {
    const { exit, stderr } = await runWith(new Uint8Array(0), ...args);
    assert.is(exit, 2);
    assert.match(
      stderr,
      new RegExp(`^latentflow: --${flag} cannot be -, stdin, which is for data; give a file or a URL\n`),
    );
  }
});

test("what is wrong with a file names the flag and the file", async () => {
  const folder = workplace.newPath();
  mkdirSync(folder);
  const cut = `${workplace.newPath()}.npy`;
  writeFileSync(cut, readFileSync(data).subarray(0, 150));
  const all: Record<string, Record<string, string>> = {
    encode: { decoder: decoderFile, data, out: workplace.newPath() },
    decode: { decoder: decoderFile, latents: data, out: workplace.newPath() },
    train: { layers: "2,5,6", data, out: workplace.newPath() },
    evaluate: { decoder: decoderFile, data },
  };
  for (const [verb, flag] of [
    ["encode", "data"],
    ["encode", "weights"],
    ["encode", "z0"],
    ["decode", "latents"],
    ["train", "data"],
    ["train", "validate"],
    ["evaluate", "data"],
  ] as const) {
    for (const [file, more, message] of [
      [cut, [], "the header promises .* cut short"],
      [
        data,
        ["--max-bytes", "20"],
        "the file has \\d+ bytes, more than --max-bytes, 20; to read it give --max-bytes \\d+",
      ],
      [`${cut}.npy`, [], "there is no such file or folder"],
      [
        folder,
        [],
        ["z0", "latents"].includes(flag)
          ? "it is a folder, expected a file"
          : "the folder has no PNG or JPEG files, expected at least one",
      ],
      ["https://x/y.npy", [], "a URL, expected a file; send it in: curl -L URL \\| latentflow … --\\w+ -"],
    ] as const) {
      // The decoder's file has more than 20 bytes, too.
      if (more.length > 0 && all[verb]!.decoder) continue;
      const given = Object.entries({ ...all[verb]!, [flag]: file });
      const { exit, stderr } = await runWith(
        undefined,
        ...[verb, ...given.flatMap(([name, value]) => [`--${name}`, value]), ...more, "--quiet"],
      );
      assert.is(exit, 1, stderr);
      // With the validation samples, the others have come first.
      const blamed = more.length > 0 ? "data" : flag;
      assert.match(stderr, new RegExp(`^latentflow: --${blamed} ${file}: ${message}\n$`));
    }
  }
  const { stderr } = await runWith(
    undefined,
    ...["decode", "--decoder", `${cut}.no`, "--latents", data, "--out", workplace.newPath()],
  );
  assert.match(
    stderr,
    new RegExp(
      `^latentflow: --decoder ${cut}\\.no: cannot be read: ENOENT: there is no such file or folder\n$`,
    ),
  );
  const lossless = `${workplace.newPath()}.safetensors`;
  writeFileSync(lossless, createDecoder({ layers: [2, 6] }).toSafetensors());
  const unnamed = await runWith(undefined, "evaluate", "--decoder", lossless, "--data", data);
  assert.is(
    unnamed.stderr,
    `latentflow: --decoder ${lossless} names no loss; give --loss bce or --loss mse\n`,
  );
});

test("what a terminal would not show as it is comes escaped, whoever says it", async () => {
  const hidden = "a\u202eb";
  for (const args of [
    // Of a file's reader, of what is written, of the library and of commander.
    ["decode", "--decoder", decoderFile, "--latents", hidden, "--out", workplace.newPath()],
    ["evaluate", "--decoder", decoderFile, "--data", data, "--out", join(data, hidden)],
    ["decode", "--decoder", hidden, "--latents", data, "--out", workplace.newPath()],
    ["evaluate", "--decoder", decoderFile, `--${hidden}`],
  ]) {
    const { exit, stderr } = await runWith(undefined, ...args, "--quiet");
    assert.ok(exit === 1 || exit === 2, stderr);
    assert.match(stderr, /^latentflow: .*a\\u202eb/);
    assert.not.match(stderr, /\u202e/);
  }
  // Nor does a report, in its table and in its list of files.
  const folder = join(workplace.newPath(), "a\u001b[31mb\u202e");
  mkdirSync(folder, { recursive: true });
  const [samples, network] = [join(folder, "data.npy"), join(folder, "decoder.safetensors")];
  writeFileSync(samples, readFileSync(data));
  writeFileSync(network, decoder.toSafetensors());
  for (const args of [
    ["encode", "--decoder", network, "--data", samples, "--weights", samples, "--out", join(folder, "out")],
    ["evaluate", "--decoder", network, "--data", samples],
    ["describe", "--decoder", network],
    [
      "train",
      "--layers",
      "2,6",
      "--loss",
      "mse",
      "--data",
      samples,
      "--epochs",
      "1",
      "--out",
      join(folder, "trained"),
    ],
  ]) {
    const { exit, stdout, stderr } = await runWith(
      undefined,
      ...args,
      ...(args[0] === "describe" ? [] : ["--quiet"]),
    );
    assert.is(exit, 0, stderr);
    if (args[0] !== "describe") assert.match(stdout, /a\\u001b\[31mb\\u202e/);
    assert.not.match(stdout, /(?!\n)[\p{Cc}\p{Cf}]/u);
  }
});

test("what is wrong with stdin is said of stdin", async () => {
  const args = ["encode", "--decoder", decoderFile, "--data", "-", "--out", workplace.newPath()];
  for (const [bytes, message] of [
    [readFileSync(data).subarray(0, 150), /^latentflow: --data \(stdin\): .*cut short\n$/],
    [new Uint8Array(0), /^latentflow: --data \(stdin\): it is an empty file; .*\n$/],
  ] as const) {
    const { exit, stderr } = await runWith(bytes, ...args);
    assert.is(exit, 1);
    assert.match(stderr, message);
  }
});

test.run();
