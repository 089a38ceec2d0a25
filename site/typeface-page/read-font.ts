import { Engine, type WorkerLike } from "../page/engine/client.ts";
import type { FontCalls, FontLetter } from "./engine/messages.ts";

/** Milliseconds that reading a font may take: a file may be made so that it never ends. */
const MOST_TIME = 15_000;

const startReader = () => new Worker(new URL("./engine/font-worker.ts", import.meta.url), { type: "module" });

/**
 * Reads the small letters of a font file in a worker of its own, which ends with it.
 *
 * @param start starts the worker
 * @throws Error as `readFont` of engine/font-file.ts, and if the time is over
 */
export async function readFontWithin(
  file: File,
  time = MOST_TIME,
  start: () => WorkerLike = startReader,
): Promise<readonly FontLetter[]> {
  const reader = new Engine<FontCalls>(start);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `${file.name} takes longer than ${time / 1000} seconds to read. Choose another font.`;
    timer = setTimeout(() => reject(new Error(message)), time);
  });
  try {
    return await Promise.race([reader.call("readFont", { file }), late]);
  } finally {
    clearTimeout(timer);
    reader.close();
  }
}
