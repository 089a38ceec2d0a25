// Tests site/page/own-decoder/use-files.ts and sort-files.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Engine } from "../../site/page/engine/client.ts";
import type { FileCalls } from "../../site/page/own-decoder/messages.ts";
import { sortFiles } from "../../site/page/own-decoder/sort-files.ts";
import { useFiles } from "../../site/page/own-decoder/use-files.ts";

const fileOf = (name: string, type = "") => new File([], name, { type });
const [onnx, npy] = [fileOf("decoder.onnx"), fileOf("y.npy")];

/** Files of an engine whose calls the test answers. */
function open() {
  const calls: {
    name: string;
    signal: AbortSignal;
    resolve(value: unknown): void;
    reject(error: Error): void;
  }[] = [];
  const engine = {
    call: (name: string, _: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((resolve, reject) => calls.push({ name, signal, resolve, reject })),
    close() {},
    onFailure: undefined as ((error: Error) => void) | undefined,
  };
  const files = useFiles(() => engine as unknown as ReturnType<Parameters<typeof useFiles>[0]>);
  const keys = () => Object.keys(files.opened.value);
  const tick = () => new Promise((resolve) => setTimeout(resolve));
  return { files, calls, keys, tick, failEngine: (error: Error) => engine.onFailure?.(error) };
}

test("each stage has what the earlier ones have, and another file drops the later ones", async () => {
  const { files, calls, keys, tick } = open();
  assert.equal(keys(), []);
  void files.openDecoder(onnx);
  assert.equal(keys(), ["decoderFile"]);
  calls[0]!.resolve({});
  await tick();
  assert.equal(keys(), ["decoderFile", "decoder"]);
  void files.openSamples(npy);
  calls[1]!.resolve({});
  await tick();
  assert.equal(keys(), ["decoderFile", "decoder", "samplesName", "samples"]);
  void files.encode("mse");
  assert.is(files.task.value!.name, "Encoding …");
  calls[2]!.resolve({});
  await tick();
  assert.equal(keys(), ["decoderFile", "decoder", "samplesName", "samples", "codes"]);
  assert.is(files.task.value, undefined);
  void files.openSamples(npy);
  assert.equal(keys(), ["decoderFile", "decoder", "samplesName"]);
  void files.openDecoder(onnx);
  assert.equal(keys(), ["decoderFile"]);
});

test("a newer task ends the one under way, whose late answer is dropped", async () => {
  const { files, calls, tick } = open();
  void files.openDecoder(fileOf("first.onnx"));
  void files.openDecoder(fileOf("second.onnx"));
  assert.ok(calls[0]!.signal.aborted);
  calls[1]!.resolve("second");
  calls[0]!.resolve("first");
  await tick();
  assert.is(files.opened.value.decoder as unknown, "second");
  assert.is(files.opened.value.decoderFile!.name, "second.onnx");
  void files.encode(undefined);
  files.cancel();
  calls[2]!.reject(new Error("aborted"));
  await tick();
  assert.is(files.problem.value, "", "what a visitor has ended is no failure");
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
  assert.equal(keys(), ["decoderFile", "decoder", "samplesName", "samples"]);
  assert.is(files.opened.value.samplesName, "y.npy");
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
