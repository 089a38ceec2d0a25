import { test } from "uvu";
import * as assert from "uvu/assert";
import { adam } from "../../src/backend/optimizer.ts";
import { checksum } from "../../src/base/checksum.ts";
import { writeSafetensors } from "../../src/files/safetensors.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/train/checkpoint.ts";
import type { CodesState } from "../../src/train/codes.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { refused, rejected } from "../support/refusal.ts";
import { resumeFrom, runSmall, runWithCheckpoints, smallDecoder } from "../support/small-run.ts";

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
  const { trainer, sampler, history, validation } = state;
  const codes = state.codes!;
  const withNumber = (values: Float64Array, at: number, value: number) =>
    values.map((v, i) => (i === at ? value : v));
  const withStep = (at: number, step: object) =>
    history.map((own, i) => (i === at ? { ...own, ...step } : own));
  const forgeries: [state: object, message: RegExp][] = [
    [
      { images: "x" },
      /one that a run like this one writes: images is "x", expected an integer >= 0 and <= 51/,
    ],
    [{ images: -1 }, /writes: images is -1, expected/],
    [{ images: 52 }, /images is 52, expected an integer >= 0 and <= 51/],
    [{ images: 22.5 }, /images is 22\.5, expected/],
    [{ images: 20 }, /images is 20, expected 22, as many as its sampler has drawn/],
    [{ trainer: { ...trainer, updates: null } }, /no updates/],
    [{ trainer: { ...trainer, updates: -1 } }, /updates is -1, expected an integer >= 0 and <= 5/],
    [{ trainer: { ...trainer, updates: 6 } }, /updates is 6, expected an integer >= 0 and <= 5/],
    [{ history: withStep(4, { images: 21 }) }, /its history ends after 21 images, expected 22/],
    [{ history: [] }, /updates is 5, expected an integer >= 0 and <= 0/],
    [
      { history: withStep(1, { images: -5 }) },
      /history\[1\]\.images is -5, expected an integer >= 5 and <= 22/,
    ],
    [{ history: withStep(0, { images: Number.NaN }) }, /history\[0\]\.images is NaN/],
    [{ history: withStep(3, { gradientNorm: -0.1 }) }, /history\[3\]\.gradientNorm is -0\.1/],
    [
      { validation: [...validation, validation[0]!] },
      /validation\[2\]\.images is 0, expected an integer >= 22/,
    ],
    [
      { codes: { ...codes, values: withNumber(codes.values, 7, Number.NaN) } },
      /codes\[7\] is NaN, expected a finite/,
    ],
    [{ codes: { ...codes, values: withNumber(codes.values, 0, Infinity) } }, /codes\[0\] is Infinity/],
    [{ trainer: { ...trainer, parameters: new Float32Array(112) } }, /sizes of its tensors/],
    [{ trainer: { ...trainer, vectors: trainer.vectors.slice(1) } }, /sizes of its tensors/],
    [{ trainer: { ...trainer, vectors: [...trainer.vectors, ...trainer.vectors] } }, /sizes of its tensors/],
    [{ codes: undefined }, /sizes of its tensors/],
    [{ codes: { ...state.codes, values: new Float64Array(50) } }, /sizes of its tensors/],
    [{ codes: { ...state.codes, updates: new Float64Array(1) } }, /sizes of its tensors/],
    [{ codes: { ...state.codes, vectors: [new Float64Array(51)] } }, /sizes of its tensors/],
    [{ random: "1234" }, /random is "1234", expected four integers/],
    [{ random: [1, 2, 3] }, /random is an Array, expected four integers/],
    [{ random: [1, 2, 3, -4] }, /random\[3\] is -4, expected/],
    [{ random: [1, 2, 3, null] }, /random\[3\] is null, expected/],
    [{ sampler: null }, /the checkpoint has no sampler/],
    [{ sampler: 1 }, /sampler: the state is 1, expected/],
    [{ sampler: { ...sampler, epoch: -1 } }, /sampler: epoch is -1, expected/],
    [
      { sampler: { ...sampler, position: 4 } },
      /sampler: position is 4, expected a multiple of the batchSize 5/,
    ],
    [{ sampler: { ...sampler, position: 18 } }, /sampler: position is 18, expected/],
    [{ sampler: { ...sampler, epoch: 0 } }, /images is 22, expected 5/],
    [{ sampler: { ...sampler, random: [1, 2, 3, 2 ** 32] } }, /sampler: random\[3\] is 4294967296, expected/],
  ];
  for (const [forged, message] of forgeries) {
    const forgery = writeCheckpoint({ run, state: { ...state, ...forged } as typeof state });
    await rejected(runSmall(resumeFrom(forgery)), "invalid_file", message);
  }
  // As it is, it is one.
  await runSmall(resumeFrom(writeCheckpoint({ run, state })));
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

test("of kept codes, too, the counts and all numbers have to be possible", async () => {
  const options: TrainOptions = { codes: "kept", codeOptimizer: adam(), warmStart: false };
  const { checkpoints } = await runWithCheckpoints(options);
  const { run, state } = readCheckpoint("checkpoint", checkpoints[5]!);
  const codes = state.codes!;
  const withFirst = (values: Float64Array, value: number) => values.map((v, i) => (i === 0 ? value : v));
  const forgeries: [codes: CodesState, message: RegExp][] = [
    [
      { ...codes, updates: withFirst(codes.updates, -1) },
      /codes\.updates\[0\] is -1, expected an integer >= 0/,
    ],
    [{ ...codes, updates: withFirst(codes.updates, 1.5) }, /codes\.updates\[0\] is 1\.5/],
    [{ ...codes, updates: withFirst(codes.updates, 6) }, /codes\.updates\[0\] is 6, expected .* <= 5/],
    [
      { ...codes, vectors: [codes.vectors[0]!, withFirst(codes.vectors[1]!, Number.NaN)] },
      /codes\.1\[0\] is NaN, expected a finite number/,
    ],
  ];
  for (const [forged, message] of forgeries) {
    const forgery = writeCheckpoint({ run, state: { ...state, codes: forged } });
    await rejected(runSmall({ ...options, ...resumeFrom(forgery) } as TrainOptions), "invalid_file", message);
  }
  await runSmall({ ...options, ...resumeFrom(writeCheckpoint({ run, state })) } as TrainOptions);
});

test("rows of another width are refused", async () => {
  const { checkpoints } = await runWithCheckpoints();
  const bytes = checkpoints[5]!;
  const header = new TextDecoder().decode(bytes).replace('"shape":[5,3]', '"shape":[3,5]');
  assert.ok(header.includes('"shape":[3,5]'));
  const forged = bytes.slice();
  // What is in the header alone is one byte a character.
  const at = header.indexOf('"shape":[3,5]');
  forged.set(new TextEncoder().encode('"shape":[3,5]'), at);
  const end = forged.length - 4;
  new DataView(forged.buffer).setUint32(end, checksum(forged.subarray(0, end)), true);
  refused(
    () => readCheckpoint("run.checkpoint", forged),
    "invalid_file",
    /^run\.checkpoint: the checkpoint's history is \[3,5\], expected rows of 3$/,
  );
});

test.run();
