// What every project does: encode a few samples on two threads, and decode them. The plain build is asked for, whose
// numbers are the same bits on every machine; so they can be compared to those of another environment.
import { createDecoder, decode, encode, wasm } from "latentflow";

export const makeDecoder = () =>
  createDecoder({ layers: [4, 24, 12], outputActivation: "sigmoid", loss: "bce", seed: 1 });

export const samples = Float32Array.from({ length: 8 * 12 }, (_, i) => ((i * 7) % 11) / 10);

/** @param {import("latentflow").WasmOptions} options what this environment needs for threads */
export function threaded(options) {
  // A module of the caller's is the build itself.
  return wasm({ threads: 2, ...("module" in options ? {} : { relaxed: false }), ...options });
}

/**
 * @param {import("latentflow").WasmOptions} [options] what this environment needs for threads
 * @param {typeof globalThis} [realm] whose arrays the data are
 * @returns the numbers as bits, the number of threads, and why they were fewer than two
 */
export async function encodeSome(options = {}, realm = globalThis) {
  const decoder = makeDecoder();
  const backend = threaded(options);
  const result = await encode(decoder, realm.Float32Array.from(samples), { backend });
  return reportOn(decoder, result, backend, realm);
}

/** What the encoding of the samples has given, and what decoding gives; after it the decoder is not needed. */
export async function reportOn(decoder, result, backend, realm = globalThis) {
  const x = await decode(decoder, realm.Float32Array.from(result.z), { backend });
  decoder.dispose();
  const { threads, reason } = result.backend;
  return { bits: { z: bitsOf(result.z), loss: bitsOf(result.loss), x: bitsOf(x) }, threads, reason };
}

/** The same, or what went wrong. */
export function report(options, realm) {
  return encodeSome(options, realm).catch((error) => ({ error: `${error}\n${error?.stack ?? ""}` }));
}

/** Puts a report where the test looks for it: in the page, or as a line on the standard output. */
export function show(report, document = globalThis.document) {
  const text = JSON.stringify(report);
  if (document === undefined) {
    console.log(`latentflow: ${text}`);
  } else {
    const element = document.createElement("pre");
    element.id = "report";
    element.textContent = text;
    document.body.append(element);
  }
}

export async function tell(options) {
  show(await report(options));
}

/** @param {Float32Array} values */
function bitsOf(values) {
  return [...new Uint32Array(values.buffer, values.byteOffset, values.length)];
}
