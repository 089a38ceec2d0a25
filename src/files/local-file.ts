import { builtinModule } from "../base/builtin-module.ts";
import { onAbort } from "../base/on-abort.ts";
import { throwIfAborted } from "../base/realms.ts";
import { checkIsFile } from "./durable-file.ts";
import { allocate, checkSize, collect, type Limits } from "./limits.ts";

/** Returns Node's module `fs/promises`; undefined in other runtimes. */
export const nodeFiles = () => builtinModule("node:fs/promises");

/** Number of bytes read between two checks of the abort signal. */
const PIECE = 2 ** 20;

/**
 * Reads a whole file, device or named pipe in Node.
 *
 * @throws LatentflowError `invalid_file` if it is larger than `maxBytes`; errors of the file system unchanged
 */
export async function readFile(path: string | URL | Buffer, limits: Limits): Promise<Uint8Array> {
  const isPipe = (await nodeFiles()!.stat(path)).isFIFO();
  return isPipe ? collect(chunksOfPipe(path, limits.signal), limits) : readStored(path, limits);
}

/**
 * Reads a whole file or device in Node.
 *
 * @throws LatentflowError `invalid_file` if it is a named pipe, or larger than `maxBytes`; errors of the file system unchanged
 */
export async function readStored(path: string | URL | Buffer, limits: Limits): Promise<Uint8Array> {
  const { maxBytes, signal } = limits;
  const handle = await openAtOnce(path);
  try {
    const status = await handle.stat();
    if (status.isFIFO()) checkIsFile(status);
    // Devices have no size, and files that the system generates on reading, as in /proc, have size 0.
    if (!status.isFile() || status.size === 0) return await collect(piecesOf(handle), limits);
    checkSize("the file has", status.size, maxBytes);
    const bytes = allocate(Uint8Array, status.size);
    let filled = 0;
    while (filled < bytes.length) {
      throwIfAborted(signal);
      const { bytesRead } = await handle.read(bytes, filled, Math.min(PIECE, bytes.length - filled), null);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

/**
 * Opens a file for reading, in Node. If a named pipe has taken its place since it was looked at, that is opened without waiting
 * for a writer, which would block one of Node's threads.
 */
export function openAtOnce(path: string | URL | Buffer): Promise<FileHandle> {
  const { O_RDONLY, O_NONBLOCK } = builtinModule("node:fs")!.constants;
  return nodeFiles()!.open(path, O_RDONLY | O_NONBLOCK);
}

type FileHandle = Awaited<ReturnType<NonNullable<ReturnType<typeof nodeFiles>>["open"]>>;

async function* piecesOf(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(2 ** 16), 0, 2 ** 16, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * Yields the bytes of a named pipe, read as a non-blocking socket. Reading it as a file would block one of Node's threads
 * until a writer opens the pipe, and neither an abort signal nor process.exit() ends that.
 */
async function* chunksOfPipe(
  path: string | URL | Buffer,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const { openSync, constants } = builtinModule("node:fs")!;
  const { Socket } = builtinModule("node:net")!;
  // A signal that has already aborted sends no event.
  throwIfAborted(signal);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const pipe = new Socket({ fd, readable: true, writable: false });
  const stop = onAbort(signal, () => void pipe.destroy());
  try {
    yield* pipe as AsyncIterable<Uint8Array>;
  } finally {
    stop();
    pipe.destroy();
  }
}
