// A process that tries to lock files, for races: forked, it is told "lock FILE" and answers "won" or "refused", or
// what went wrong; told "release", it gives back what it has won.

import { LatentflowError } from "../../src/base/errors.ts";
import { fileModules, resolveOnce } from "../../src/files/durable-file.ts";
import { type Lock, lockFile } from "../../src/train/checkpoint-lock.ts";

let lock: Lock | undefined;

process.on("message", async (told: string) => {
  if (told === "release") {
    await lock?.check();
    await lock?.release();
    lock = undefined;
    process.send!("released");
    return;
  }
  try {
    lock = await lockFile("race", resolveOnce(told.slice("lock ".length)), fileModules()!);
    process.send!("won");
  } catch (error) {
    process.send!(error instanceof LatentflowError && error.code === "locked" ? "refused" : String(error));
  }
});
process.send!("ready");
