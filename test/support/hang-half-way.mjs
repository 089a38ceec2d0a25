// Loaded before the program: the file whose name is in HANG_AT is written to its half, then the process says so on
// stderr and hangs, to be killed.
import fileSystem from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";

const { open } = fileSystem;
fileSystem.open = async (path, ...rest) => {
  const handle = await open(path, ...rest);
  if (!basename(String(path)).startsWith(`${process.env.HANG_AT}.`)) return handle;
  const { writeFile } = handle;
  handle.writeFile = async (content, ...options) => {
    const bytes = Buffer.from(content);
    // The first checkpoint is empty, and only looks whether files can be written.
    if (bytes.length === 0) return writeFile.call(handle, content, ...options);
    await handle.write(bytes.subarray(0, bytes.length / 2));
    await handle.sync();
    process.stderr.write("half\n");
    setInterval(() => {}, 1000);
    await new Promise(() => {});
  };
  return handle;
};
syncBuiltinESMExports();
