// Tests site/page/own-decoder/use-files.ts and sort-files.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Engine } from "../../site/page/engine/client.ts";
import type { FileCalls } from "../../site/page/own-decoder/messages.ts";
import { sortFiles } from "../../site/page/own-decoder/sort-files.ts";
import { useFiles } from "../../site/page/own-decoder/use-files.ts";

const fileOf = (name: string, type = "") => new File([], name, { type });
/** What is open once all is, in its order. */
const ALL = ["decoderFile", "decoder", "samplesFile", "samples", "codes"];
const [onnx, npy] = [fileOf("decoder.onnx"), fileOf("y.npy")];

/** Files of an engine whose calls the test answers. */
function open() {
  const calls: {
    name: string;
    given: unknown;
    signal: AbortSignal;
    resolve(value: unknown): void;
    reject(error: Error): void;
  }[] = [];
  const engine = {
    call: (name: string, given: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((resolve, reject) => calls.push({ name, given, signal, resolve, reject })),
    close() {},
    onFailure: undefined as ((error: Error) => void) | undefined,
  };
  const files = useFiles(() => engine as unknown as ReturnType<Parameters<typeof useFiles>[0]>);
  const keys = () => Object.keys(files.opened.value);
  const tick = () => new Promise((resolve) => setTimeout(resolve));
  return { files, calls, keys, tick, failEngine: (error: Error) => engine.onFailure?.(error) };
}

/** Such files, a decoder, its samples and their codes open. */
async function openToTheEnd() {
  const all = open();
  const steps = [
    () => all.files.openDecoder(onnx),
    () => all.files.openSamples(npy),
    () => all.files.encode(),
  ];
  for (const [i, step] of steps.entries()) {
    void step();
    all.calls[i]!.resolve({});
    await all.tick();
  }
  return all;
}

test("each stage has what the earlier ones have, and other samples drop the codes", async () => {
  const { files, calls, keys, tick } = open();
  assert.equal(keys(), []);
  void files.openDecoder(onnx);
  calls[0]!.resolve({});
  await tick();
  assert.equal(keys(), ["decoderFile", "decoder"]);
  void files.openSamples(npy);
  calls[1]!.resolve({});
  await tick();
  assert.equal(keys(), ["decoderFile", "decoder", "samplesFile", "samples"]);
  void files.encode();
  assert.is(files.task.value!.name, "Encoding …");
  calls[2]!.resolve({});
  await tick();
  assert.equal(keys(), ALL);
  assert.is(files.task.value, undefined);
  void files.openSamples(npy);
  assert.equal(keys(), ALL);
  calls[3]!.resolve({});
  await tick();
  assert.equal(keys(), ALL.slice(0, -1));
});

test("a file that cannot be read leaves all as it is, beside the message", async () => {
  const { files, calls, keys, tick } = await openToTheEnd();
  const before = files.opened.value;
  void files.openDecoder(fileOf("model.pt"));
  calls[3]!.reject(new Error("loadOnnx: it is a PyTorch file"));
  await tick();
  assert.is(files.problem.value, "it is a PyTorch file");
  void files.openSamples(fileOf("torn.npy"));
  assert.is(files.problem.value, "");
  calls[4]!.reject(new Error("torn.npy: it is cut short"));
  await tick();
  assert.is(files.opened.value, before);
  assert.equal(keys(), ALL);
});

test("another decoder takes the samples that are there, and encodes them anew if they fit", async () => {
  const { files, calls, keys, tick } = await openToTheEnd();
  void files.openDecoder(fileOf("second.onnx"));
  calls[3]!.resolve({ loss: "squaredError" });
  await tick();
  calls[4]!.resolve("samples anew");
  await tick();
  assert.is(files.task.value!.name, "Encoding …");
  calls[5]!.resolve("codes anew");
  await tick();
  const { decoderFile, samples, codes } = files.opened.value as Record<string, unknown>;
  assert.equal([(decoderFile as File).name, samples, codes], ["second.onnx", "samples anew", "codes anew"]);
  assert.equal(
    calls.slice(2).map(({ name, given }) => [name, given]),
    [
      ["encode", { loss: "mse" }],
      ["readDecoder", { file: decoderFile }],
      ["readSamples", { file: npy }],
      ["encode", { loss: undefined }],
    ],
  );
  void files.openDecoder(fileOf("third.onnx"));
  calls[6]!.resolve({});
  await tick();
  calls[7]!.reject(new Error("y.npy has 16 values, expected a multiple of 10"));
  await tick();
  assert.equal(keys(), ["decoderFile", "decoder"]);
  assert.match(files.problem.value, /expected a multiple of 10/);
});

test("a newer task ends the one under way", async () => {
  const { files, calls, tick } = open();
  void files.openDecoder(fileOf("first.onnx"));
  void files.openDecoder(fileOf("second.onnx"));
  assert.ok(calls[0]!.signal.aborted);
  calls[0]!.reject(new Error("aborted"));
  calls[1]!.resolve("second");
  await tick();
  assert.is(files.opened.value.decoder as unknown, "second");
  assert.is(files.opened.value.decoderFile!.name, "second.onnx");
  void files.encode();
  files.cancel();
  calls[2]!.reject(new Error("aborted"));
  await tick();
  assert.is(files.problem.value, "", "what a visitor has ended is no failure");
  void files.encode();
  files.cancel();
  calls[3]!.resolve({});
  await tick();
  assert.is(files.opened.value.codes, undefined, "codes that were on their way when they were cancelled");
});

test("files that are dropped together are opened by their kind, and the rest is named", async () => {
  const { files, calls, keys, tick } = open();
  void files.openAll([npy, fileOf("other.npy"), onnx]);
  calls[0]!.resolve({});
  await tick();
  calls[1]!.resolve({});
  await tick();
  assert.equal(
    calls.map(({ name }) => name),
    ["readDecoder", "readSamples"],
  );
  assert.equal(keys(), ALL.slice(0, -1));
  assert.is(files.opened.value.samplesFile, npy);
  assert.match(files.problem.value, /^Ignored: other\.npy\. One decoder/);
  const { decoder, samples } = sortFiles([fileOf("picture", "image/png"), fileOf("decoder.pt")]);
  assert.equal([decoder!.name, samples!.name], ["decoder.pt", "picture"]);
});

test("samples without a decoder, and a worker that fails, are told", async () => {
  const { files, failEngine } = open();
  await files.openAll([npy]);
  assert.match(files.problem.value, /y\.npy is read by the size .* Choose a decoder first/);
  failEngine(new Error("The page's worker has failed"));
  assert.is(files.problem.value, "The page's worker has failed");
  const broken = useFiles(
    () =>
      new Engine<FileCalls>(() => {
        throw new Error("no workers here");
      }),
  );
  assert.match(broken.problem.value, /no workers here/);
  await broken.openDecoder(onnx);
  assert.match(broken.problem.value, /no workers here/);
});

test.run();
