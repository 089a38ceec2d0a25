import { Engine, type WorkerLike } from "../page/engine/client.ts";
import type { FontCalls, FontLetter } from "./engine/messages.ts";

/** Maximum time for reading a font, in milliseconds, since a malicious file may take forever. */
const MOST_TIME = 15_000;

const startReader = () => new Worker(new URL("./engine/font-worker.ts", import.meta.url), { type: "module" });

/**
 * Reads the lower-case letters of a font file in a separate worker, which is then terminated.
 *
 * @param time maximum time in milliseconds
 * @param start starts the worker
 * @throws Error for the reasons of `readFont` in engine/font-file.ts, and if the time is exceeded
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
