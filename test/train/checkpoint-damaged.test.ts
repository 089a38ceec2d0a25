import { test } from "uvu";
import { readCheckpoint } from "../../src/train/checkpoint-format.ts";
import { refused, rejected } from "../support/refusal.ts";
import { resumeFrom, runSmall, runWithCheckpoints, smallDecoder } from "../support/small-run.ts";

test("every truncation and every flipped byte is found", async () => {
  const { checkpoints } = await runWithCheckpoints();
  const bytes = checkpoints[0]!;
  const pattern = /^(the checkpoint|not a )/;
  for (let length = 0; length < bytes.length; length++) {
    refused(() => readCheckpoint(bytes.subarray(0, length)), "invalid_file", pattern);
  }
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at]! ^= 1 << (at % 8);
    refused(() => readCheckpoint(damaged), "invalid_file", pattern);
  }
  const damaged = bytes.slice();
  damaged[damaged.length - 100]! ^= 1;
  refused(
    () => readCheckpoint(damaged),
    "invalid_file",
    /^the checkpoint is damaged: its checksum is [0-9a-f]{8}, expected [0-9a-f]{8}$/,
  );
  await rejected(
    runSmall(resumeFrom(damaged)),
    "invalid_file",
    /^train: checkpoint: resume: the checkpoint is damaged/,
  );
  await rejected(
    runSmall(resumeFrom(smallDecoder.toSafetensors())),
    "invalid_file",
    /not a checkpoint of this version: its format is undefined, expected "latentflow checkpoint 2"/,
  );
});

test.run();
