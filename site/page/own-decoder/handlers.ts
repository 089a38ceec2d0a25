import { type Decoder, decode, encode } from "latentflow";
import { descriptionOf } from "../engine/handlers.ts";
import type { HandlersOf } from "../engine/serve.ts";
import { readDecoder, readSamples } from "./files.ts";
import type { FileCalls } from "./messages.ts";

/** Decoder and samples that a visitor has opened. */
export interface Opened {
  decoder?: Decoder | undefined;
  samples?: Float32Array | undefined;
}

export const FILE_HANDLERS: HandlersOf<FileCalls, Opened> = {
  async readDecoder(opened, { file }, { signal }) {
    const decoder = await readDecoder(file, signal);
    const description = descriptionOf(decoder);
    if (signal.aborted) decoder.dispose();
    signal.throwIfAborted();
    opened.decoder?.dispose();
    Object.assign(opened, { decoder, samples: undefined });
    return description;
  },

  async readSamples(opened, { file }, { signal }) {
    const decoder = needed(opened.decoder, "a decoder");
    const y = await readSamples(file, decoder, signal);
    signal.throwIfAborted();
    opened.samples = y;
    const missing = y.reduce((count, value) => count + Number(Number.isNaN(value)), 0);
    return { y: y.slice(), missing, count: y.length / decoder.outputSize };
  },

  async encode(opened, { loss }, { signal, report }) {
    const decoder = needed(opened.decoder, "a decoder");
    const result = await encode(decoder, needed(opened.samples, "a picture or an array"), {
      loss,
      signal,
      onProgress: ({ done, total }) => report({ done, total }),
    });
    const { z, seconds, status, loss: losses, warnings } = result;
    return { z, x: await decode(decoder, z, { signal }), loss: losses, status, warnings, seconds };
  },
};

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`There is nothing to encode: choose ${what} first.`);
  return value;
}
