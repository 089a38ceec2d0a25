import { test } from "uvu";
import { checksum } from "../src/checksum.ts";
import { writeSafetensors } from "../src/decoder/safetensors.ts";
import { readCheckpoint, writeCheckpoint } from "../src/train/checkpoint.ts";
import { refused, rejected } from "./support/refusal.ts";
import { resumeFrom, runSmall, runWithCheckpoints, smallDecoder } from "./support/small-run.ts";

test("every truncation and every flipped byte is found", async () => {
  const { checkpoints } = await runWithCheckpoints();
  const bytes = checkpoints[0]!;
  const pattern = /^run\.checkpoint: /;
  for (let length = 0; length < bytes.length; length++) {
    refused(() => readCheckpoint("run.checkpoint", bytes.subarray(0, length)), "invalid_file", pattern);
  }
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at]! ^= 1 << (at % 8);
    refused(() => readCheckpoint("run.checkpoint", damaged), "invalid_file", pattern);
  }
  const damaged = bytes.slice();
  damaged[damaged.length - 100]! ^= 1;
  refused(
    () => readCheckpoint("run.checkpoint", damaged),
    "invalid_file",
    /^run\.checkpoint: the checkpoint is damaged: its checksum is [0-9a-f]{8}, expected [0-9a-f]{8}$/,
  );
  await rejected(
    runSmall(resumeFrom(damaged)),
    "invalid_file",
    /^train: checkpoint\.resume: the checkpoint is damaged/,
  );
  await rejected(
    runSmall(resumeFrom(smallDecoder.toSafetensors())),
    "invalid_file",
    /not a checkpoint of this version: its format is undefined, expected "latentflow checkpoint 1"/,
  );
});

test("what no run has written is refused, though its checksum is right", async () => {
  const { checkpoints } = await runWithCheckpoints();
  const bytes = checkpoints[5]!;
  const { run, state } = readCheckpoint("checkpoint", bytes);
  const { trainer } = state;
  const forgeries: [state: object, message: RegExp][] = [
    [{ images: "x" }, /images/],
    [{ images: -1 }, /images/],
    [{ trainer: { ...trainer, updates: null } }, /updates/],
    [{ trainer: { ...trainer, parameters: new Float32Array(112) } }, /sizes of its tensors/],
    [{ trainer: { ...trainer, vectors: trainer.vectors.slice(1) } }, /sizes of its tensors/],
    [{ trainer: { ...trainer, vectors: [...trainer.vectors, ...trainer.vectors] } }, /sizes of its tensors/],
    [{ codes: undefined }, /sizes of its tensors/],
    [{ codes: { ...state.codes, values: new Float64Array(50) } }, /sizes of its tensors/],
    [{ codes: { ...state.codes, updates: new Float64Array(1) } }, /sizes of its tensors/],
    [{ codes: { ...state.codes, vectors: [new Float64Array(51)] } }, /sizes of its tensors/],
    [{ random: "1234" }, /random/],
    [{ random: [1, 2, 3] }, /see random/],
    [{ sampler: null }, /the checkpoint has no sampler/],
    [{ sampler: 1 }, /sampler/],
  ];
  for (const [forged, message] of forgeries) {
    const forgery = writeCheckpoint({ run, state: { ...state, ...forged } as typeof state });
    await rejected(runSmall(resumeFrom(forgery)), "invalid_file", message);
  }
  const noRun = writeCheckpoint({ run: null as never, state });
  await rejected(runSmall(resumeFrom(noRun)), "invalid_file", /the checkpoint has no run/);
  // Nothing but the checksum and the format.
  const values = new Uint32Array(1);
  const metadata = new Map([["format", "latentflow checkpoint 1"]]);
  const empty = writeSafetensors([{ name: "checksum", shape: [1], values }], metadata);
  const end = empty.length - 4;
  new DataView(empty.buffer).setUint32(end, checksum(empty.subarray(0, end)), true);
  await rejected(runSmall(resumeFrom(empty)), "invalid_file", /the checkpoint has no history/);
});

test.run();
