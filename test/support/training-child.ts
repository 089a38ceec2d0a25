// A process that trains with checkpoints, to be killed: forked with the checkpoints' file and what it is to be killed
// at, which it tells its parent:
//   STEP N        the Nth time that a checkpoint comes to this step of being written; there it hangs
//   update N      the update up to image N; it goes on, but not for more than LEEWAY images
// At its end it waits, too.
import fileSystem from "node:fs/promises";
import { dirname } from "node:path";
import { runSmall } from "./small-run.ts";

/** The steps of a checkpoint's writing. */
export type Step = "half" | "written" | "between" | "replaced";

const LEEWAY = 10;
const [file, step, count] = process.argv.slice(2) as [string, Step | "update", string];
const { open, rename } = fileSystem;
let passes = 0;

// A channel that somebody listens to keeps the process alive until it is killed; without a parent it is in vain.
process.on("disconnect", () => process.exit(1));

function tellParent(message: string): Promise<void> {
  return new Promise((resolve) => process.send!(message, () => resolve()));
}

async function hangAt(here: Step): Promise<void> {
  if (here !== step) return;
  passes++;
  if (passes < Number(count)) return;
  await tellParent(here);
  await new Promise(() => {});
}

fileSystem.open = async (path, ...rest) => {
  // The folder is opened to make the renaming last.
  if (path === dirname(file)) await hangAt("replaced");
  const handle = await open(path, ...rest);
  const { writeFile } = handle;
  handle.writeFile = async (content, ...options) => {
    const bytes = content as Uint8Array;
    // The first one is empty, and only looks whether files can be written here.
    if (bytes.length > 0 && step === "half") {
      await handle.write(bytes.subarray(0, bytes.length / 2));
      await handle.sync();
      await hangAt("half");
      await handle.truncate(0);
      await handle.write(bytes, 0, bytes.length, 0);
      return;
    }
    await writeFile.call(handle, content, ...options);
  };
  return handle;
};

fileSystem.rename = async (from, to) => {
  if (String(to).endsWith(".previous")) await hangAt("written");
  else await hangAt("between");
  await rename(from, to);
};

await runSmall({
  checkpoint: { file, resume: true, everySeconds: 0 },
  onProgress: ({ images }) => {
    if (step !== "update") return;
    if (images === Number(count)) void tellParent("update");
    if (images >= Number(count) + LEEWAY) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
});
await tellParent("end");
await new Promise(() => {});
