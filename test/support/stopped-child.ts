// A process that trains with checkpoints in a file and stands still in mid-run: forked with the file, it tells
// "training", waits to be told to go on, and in the end tells what came of it.
import { once } from "node:events";
import { LatentflowError } from "../../src/base/errors.ts";
import { runSmall } from "./small-run.ts";

const [file] = process.argv.slice(2) as [string];
let isDue = false;
const fileSystem = process.getBuiltinModule("node:fs/promises");
const { unlink } = fileSystem;
// The file that is written next is first removed: there it waits, after it has looked at its lock.
fileSystem.unlink = async (path) => {
  if (isDue && path === `${file}.temporary`) {
    isDue = false;
    const told = once(process, "message");
    process.send!("training");
    await told;
  }
  await unlink(path);
};
const end = await runSmall({
  checkpoint: { file, resume: true, everySeconds: 0 },
  onProgress({ images }) {
    if (images === 15) isDue = true;
  },
}).then(
  () => "it came to its end",
  (error) => (error instanceof LatentflowError ? `${error.code}: ${error.message}` : String(error)),
);
process.send!(end, () => process.disconnect());
