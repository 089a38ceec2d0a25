// What a page does with the library, reported as JSON in the page itself so that a test can read it there (and
// a person, too). The library and the files' addresses differ from page to page.
import { trainTiny } from "./tiny-training.js";

/** Samples of the calls that are long enough to be watched and aborted. */
const MANY = 60;

/**
 * With `?threads` in the page's address it reports `shared` alone.
 *
 * @param {typeof import("latentflow") & typeof import("latentflow/train")} library
 * @param {string} decoderUrl
 * @param {string} digitsUrl
 * @param {string} [worker] where the library does not find it by itself
 */
export async function runScenario(library, decoderUrl, digitsUrl, worker) {
  const element = document.createElement("pre");
  const report = await findReport(library, decoderUrl, digitsUrl, worker).catch(
    ({ name, code, message }) => ({ error: { name, code, message } }),
  );
  element.id = "report";
  element.textContent = JSON.stringify(report, undefined, 2);
  document.body.append(element);
}

async function findReport(library, decoderUrl, digitsUrl, worker) {
  const { encode, loadDecoder, summary, wasm } = library;
  const decoder = await loadDecoder(decoderUrl);
  const y = await loadDigits(digitsUrl);
  const first = (count) => y.subarray(0, count * decoder.outputSize);
  const shared = await shareAmongThreads((threads) => {
    const backend = wasm({ threads, ...(worker && { worker }) });
    return encode(decoder, first(20), { backend });
  });
  if (new URLSearchParams(location.search).has("threads")) return { shared };
  return {
    shared,
    first16: summary(await encode(decoder, first(16))),
    liveliness: await countTicks(() => encode(decoder, first(MANY))),
    abort: await abortedBy((signal, onProgress) => encode(decoder, first(MANY), { signal, onProgress })),
    tiny: await trainTiny(library),
    training: await trainTwice(library, decoder, first(20)),
  };
}

/** Trains to the end, and again from the first checkpoint kept on the way. */
async function trainTwice({ amd, train }, decoder, y) {
  const kept = [];
  const options = { solver: amd({ maxSteps: 10 }), warmStart: true, validation: { data: y } };
  const save = (bytes) => void kept.push(bytes);
  const whole = await train(decoder, y, { ...options, checkpoint: { save, everySeconds: 0 } });
  const resumed = await train(decoder, y, { ...options, checkpoint: { save, resume: kept[1] } });
  const same = whole.decoder.parameters.every((value, i) => value === resumed.decoder.parameters[i]);
  return { images: whole.history.at(-1).images, resumedFrom: resumed.resumedFrom.images, same };
}

async function loadDigits(url) {
  const stream = (await fetch(url)).body.pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return Float32Array.from(bytes.subarray(16), (value) => value / 255);
}

/** How often a timer of 1 ms fires while `work` goes on, and how long that is. */
async function countTicks(work) {
  const start = performance.now();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await work();
  clearInterval(timer);
  return { ticks, seconds: (performance.now() - start) / 1000 };
}

/** What a call on two threads says of them, and whether it gives what it gives on one. */
async function shareAmongThreads(call) {
  const [alone, shared] = [await call(1), await call(2)];
  const { threads, reason } = shared.backend;
  return { threads, reason, isSame: alone.z.every((value, i) => value === shared.z[i]) };
}

/** What a call rejects with when it is aborted at its first sign of progress. */
async function abortedBy(call) {
  const controller = new AbortController();
  try {
    await call(controller.signal, () => controller.abort());
    return "not aborted";
  } catch (error) {
    return error.name;
  }
}
