// A process that trains with checkpoints in a file and stands still in mid-run: forked with the file, it tells
// "training", waits to be told to go on, and in the end tells what came of it.
import { setTimeout } from "node:timers/promises";
import { LatentflowError } from "../../src/errors.ts";
import { runSmall } from "./small-run.ts";

const [file] = process.argv.slice(2) as [string];
let isTold = false;
process.once("message", () => {
  isTold = true;
});
let isWaiting = false;
const fileSystem = process.getBuiltinModule("node:fs/promises");
const { unlink } = fileSystem;
// What is written next is first removed: there it can wait, before the checkpoint and after an update.
fileSystem.unlink = async (path) => {
  if (isWaiting) while (!isTold) await setTimeout(5);
  await unlink(path);
};
const end = await runSmall({
  checkpoint: { file, resume: true, everySeconds: 0 },
  onProgress({ images }) {
    if (images !== 15) return;
    isWaiting = true;
    process.send!("training");
  },
}).then(
  () => "it came to its end",
  (error) => (error instanceof LatentflowError ? `${error.code}: ${error.message}` : String(error)),
);
process.send!(end, () => process.disconnect());
