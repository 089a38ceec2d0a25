// Script of a worker, the package's export "latentflow/worker": it does a part of the work of `encode`, `decode` and `train`,
// with its own instances of the kernels and its own packed weights.

import { builtinModule } from "../../../base/builtin-module.ts";
import { hasCode } from "../../../base/errors.ts";
import { messageOf } from "../../../base/realms.ts";
import { GraphDecoder } from "../../../decoder/decoder.ts";
import type { CompiledKernels } from "../../../kernels/instance.ts";
import { type PackedDecoder, packDecoder } from "../packed.ts";
import { adoptJacobian } from "../preconditioner.ts";
import { buffersOf, type FromWorker, failure, type ToWorker } from "./messages.ts";
import { WorkerCall } from "./worker-call.ts";
import { WorkerTraining } from "./worker-training.ts";

/** Decoder that this worker holds, packed. */
interface PackedHere {
  readonly number: number;
  readonly packed: PackedDecoder;
  readonly training: WorkerTraining;
  /** Memory last reported to the main thread for the decoder, in bytes. */
  reported: number;
}

/** Call that this worker takes part in, with its decoder. */
interface OpenCall {
  readonly held: PackedHere;
  readonly work: WorkerCall;
}

const post = receiveBy(receive);
let compiled: CompiledKernels;
// Promises, so that a message for a decoder or call that is not ready yet waits its turn. A decoder's promise is replaced at
// each change, and rejects with the error of a failed one: the next call with that decoder is declined.
const decoders = new Map<number, Promise<PackedHere>>();
const calls = new Map<number, Promise<OpenCall | undefined>>();

async function receive(message: ToWorker): Promise<void> {
  try {
    if (message.type === "samples") {
      // Samples skip the table of handlers, to arrive as fast as possible.
      await (await calls.get(message.call))?.work.add(message.samples, message.data);
    } else {
      await HANDLERS[message.type](message as never);
    }
  } catch (error) {
    post(failure("call" in message ? message.call : undefined, error));
  }
}

const HANDLERS: {
  readonly [Type in Exclude<ToWorker["type"], "samples">]: (
    message: Extract<ToWorker, { readonly type: Type }>,
  ) => unknown;
} = {
  start(message) {
    compiled = message.compiled;
    post({ type: "ready" });
  },
  decoder: (message) => keep(message.decoder, hold(message)),
  forget: ({ decoder }) => decoders.delete(decoder),
  open(message) {
    const opened = open(message);
    calls.set(message.call, opened);
    return opened;
  },
  async stop({ call }) {
    (await calls.get(call))?.work.stop();
  },
  async close({ call }) {
    const opened = await calls.get(call);
    calls.delete(call);
    if (opened) reportMemory(opened.held);
  },
  // If there is no memory for the Jacobian, the call that needs it reports that.
  jacobian: ({ decoder, rows }) =>
    change(decoder, ({ packed }) => adoptJacobian(packed, rows).catch(unlessOutOfMemory)),
  train: ({ decoder, step }) => change(decoder, ({ training }) => training.take(step)),
};

function keep(decoder: number, held: Promise<PackedHere>): void {
  // Every later use of the promise gets the error.
  held.catch(() => {});
  decoders.set(decoder, held);
}

/** Changes a held decoder after all earlier changes to it are done; ignored if the decoder is not held. */
function change(decoder: number, make: (held: PackedHere) => Promise<void>): void {
  const changed = decoders.get(decoder)?.then(async (held) => {
    await make(held);
    return held;
  });
  if (changed) keep(decoder, changed);
}

function unlessOutOfMemory(error: unknown): void {
  if (!hasCode(error, "out_of_memory")) throw error;
}

async function hold(message: Extract<ToWorker, { readonly type: "decoder" }>): Promise<PackedHere> {
  const decoder = new GraphDecoder(message.graph);
  decoder.parameters.set(message.parameters);
  const packed = await packDecoder(decoder, compiled);
  return { number: message.decoder, packed, training: new WorkerTraining(packed), reported: 0 };
}

/**
 * Opens a call: waits for its decoder, and makes its queue of samples.
 *
 * @returns undefined if the decoder could not be packed, which a "declined" message reports to the main thread
 */
async function open(message: Extract<ToWorker, { readonly type: "open" }>): Promise<OpenCall | undefined> {
  const { call, decoder, description } = message;
  let held: PackedHere;
  try {
    held = (await decoders.get(decoder))!;
  } catch (error) {
    // The failed decoder stays in the map, so that the next call is declined too: if this call has already ended, the main
    // thread ignores the message, considers the decoder held, and does not send it again.
    post({ type: "declined", call, message: messageOf(error) });
    return undefined;
  }
  reportMemory(held);
  return { held, work: new WorkerCall(call, held.packed, description, post) };
}

/** Reports the memory of a decoder to the main thread, if it has changed. */
function reportMemory(held: PackedHere): void {
  const { number, packed } = held;
  const bytes = packed.arena.byteLength;
  if (bytes === held.reported) return;
  held.reported = bytes;
  post({ type: "memory", decoder: number, bytes });
}

/** Registers `receive` for messages from the main thread; returns the function that sends messages to it. */
function receiveBy(receive: (message: ToWorker) => void): (message: FromWorker) => void {
  const threads = builtinModule("node:worker_threads");
  const parentPort = threads?.parentPort;
  if (threads && !parentPort && typeof globalThis.postMessage !== "function") {
    throw new Error("latentflow/worker is the file of a worker: give its path or URL to wasm({ worker })");
  }
  if (parentPort) {
    parentPort.on("message", receive);
    return (message) => parentPort.postMessage(message, buffersOf(message));
  }
  globalThis.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => receive(data));
  return (message) => globalThis.postMessage(message, buffersOf(message) as never);
}
