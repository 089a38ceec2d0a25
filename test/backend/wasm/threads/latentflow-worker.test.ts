import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ToWorker } from "../../../../src/backend/wasm/threads/messages.ts";
import { newInstance } from "../../../../src/kernels/instance.ts";
import { compileKernels } from "../../../../src/kernels/load.ts";
import { workerUrl } from "../../../support/threads.ts";

test("a worker calls kernels on the memories that it was given, until they are dropped", async () => {
  const { module } = await compileKernels(false);
  const { arena } = await newInstance(module);
  const values = arena.allocate((piece) => piece(16)).layout;
  arena.f32(values, 4).set([1, 2, 3, 4]);
  const worker = new Worker(workerUrl);
  const next = async () => (await once(worker, "message"))[0];
  assert.is((await next()).type, "ready");
  const run = { type: "run", key: 7, name: "sumOfSquares", args: [values, 4] } as const;
  const ask = (message: ToWorker) => {
    worker.postMessage(message);
    return next();
  };
  const kernels = { module, memory: arena.memory };
  for (const given of [kernels, undefined]) {
    assert.equal(await ask({ ...run, kernels: given }), { type: "result", value: 30 });
  }
  worker.postMessage({ type: "drop", key: 7 });
  assert.is((await ask({ ...run, kernels: undefined })).type, "error");
  await ask({ ...run, name: "none", kernels });
  assert.match((await ask({ ...run, kernels: undefined })).message, /undefined/, "which a failure brought");
  await worker.terminate();
});

test.run();
