// The file of a worker, the package's export "latentflow/worker": it does a part of the work of `encode`, `decode`
// and `train`, with an instance of the kernels and packed weights of its own.
import { builtinModule } from "../../../builtin-module.ts";
import { GraphDecoder } from "../../../decoder/decoder.ts";
import { gradientFlow, nesterovFlow } from "../../../flow.ts";
import type { Makers } from "../../../recipe.ts";
import { amd } from "../../../solver/amd.ts";
import { dormandPrince } from "../../../solver/dormand-prince.ts";
import { euler } from "../../../solver/euler.ts";
import { linearGrid, logGrid } from "../../../solver/grid.ts";
import { lbfgs } from "../../../solver/lbfgs.ts";
import { rk4 } from "../../../solver/rk4.ts";
import { wasmEngine } from "../engine.ts";
import { packDecoder } from "../packed.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { failure, WorkerCall } from "./worker-calls.ts";
import { WorkerTraining } from "./worker-training.ts";

/** What solvers and flows are made by, when they come as recipes. */
const MAKERS: Makers = {
  ...{ gradientFlow, nesterovFlow },
  ...{ amd, lbfgs, euler, rk4, dormandPrince, linearGrid, logGrid },
};

const post = listen(handle);
const calls = new Map<number, WorkerCall>();
let ready: ReturnType<typeof start> | undefined;

async function handle(message: ToWorker): Promise<void> {
  try {
    if (message.type === "start") {
      ready = start(message);
      await ready;
      post({ type: "ready" });
      return;
    }
    const { packed, engine, training } = await ready!;
    const { decoder } = packed;
    if (message.type === "train") {
      await training.follow(message.step);
      return;
    }
    const { call } = message;
    if (message.type === "open") {
      calls.set(call, new WorkerCall(call, engine, decoder, message.description, MAKERS, post));
    } else if (message.type === "samples") {
      calls.get(call)?.add(message.samples, message.data);
    } else if (message.type === "stop") {
      calls.get(call)?.stop();
    } else {
      calls.delete(call);
    }
  } catch (error) {
    post(failure("call" in message ? message.call : undefined, error));
  }
}

async function start(message: Extract<ToWorker, { type: "start" }>) {
  const decoder = new GraphDecoder(message.decoder);
  decoder.parameters.set(message.parameters);
  const packed = await packDecoder(decoder, message.compiled);
  return { packed, engine: wasmEngine(packed), training: new WorkerTraining(packed, message.compiled) };
}

/** Listens to the main thread; returns the function that answers it. */
function listen(hear: (message: ToWorker) => void): (message: FromWorker) => void {
  const threads = builtinModule("node:worker_threads");
  const parentPort = threads?.parentPort;
  if (threads && !parentPort && typeof globalThis.postMessage !== "function") {
    throw new Error("latentflow/worker is the file of a worker: give its path or URL to wasm({ worker })");
  }
  if (parentPort) {
    parentPort.on("message", hear);
    return (message) => parentPort.postMessage(message);
  }
  globalThis.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => hear(data));
  return (message) => globalThis.postMessage(message);
}
