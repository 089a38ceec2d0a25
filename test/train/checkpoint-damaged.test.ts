import { test } from "uvu";
import { checksum } from "../../src/base/checksum.ts";
import { FORMAT, readCheckpoint } from "../../src/train/checkpoint-format.ts";
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
  // Among the numbers; in the name of the format, which is not that of another version then.
  for (const at of [damaged.length - 100, Buffer.from(bytes).indexOf(FORMAT) + FORMAT.length - 1]) {
    damaged.set(bytes);
    damaged[at]! ^= 1;
    refused(
      () => readCheckpoint(damaged),
      "invalid_file",
      /^the checkpoint is damaged: its checksum is [0-9a-f]{8}, expected [0-9a-f]{8}$/,
    );
  }
  await rejected(
    runSmall(resumeFrom(damaged)),
    "invalid_file",
    /^train: checkpoint: resume: the checkpoint is damaged/,
  );
  await rejected(
    runSmall(resumeFrom(smallDecoder.toSafetensors())),
    "invalid_file",
    /not a checkpoint, but another safetensors file; give a run.s checkpoint\.safetensors/,
  );
});

test("an intact checkpoint of another version is refused as that, and not as damaged", async () => {
  const { checkpoints } = await runWithCheckpoints();
  const bytes = Buffer.from(checkpoints[0]!);
  bytes.write("1", bytes.indexOf(FORMAT) + FORMAT.length - 1);
  bytes.writeUInt32LE(checksum(bytes.subarray(0, -4)), bytes.length - 4);
  refused(
    () => readCheckpoint(bytes),
    "invalid_file",
    /^not a checkpoint of this version: its format is "latentflow checkpoint 1", expected "latentflow checkpoint 2"$/,
  );
});

test.run();
