// The file of a worker, the package's export "latentflow/worker": it does a part of the work of `encode`, `decode`
// and `train`, with instances of the kernels and packed weights of its own.

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

/** Decoder held and packed by this worker. */
interface PackedHere {
  readonly number: number;
  readonly packed: PackedDecoder;
  readonly training: WorkerTraining;
  /** Memory last reported for the decoder, in bytes. */
  reported: number;
}

/** A call that this worker takes part in. */
interface OpenCall {
  readonly held: PackedHere;
  readonly work: WorkerCall;
}

const post = receiveBy(receive);
let compiled: CompiledKernels;
// Promises, so that what is asked of a decoder or a call while it gets ready is done then, in turn. A decoder's is
// another one after each change, and rejects with what has gone wrong: the next call with it is declined.
const decoders = new Map<number, Promise<PackedHere>>();
const calls = new Map<number, Promise<OpenCall | undefined>>();

async function receive(message: ToWorker): Promise<void> {
  try {
    if (message.type === "samples") {
      // The way of the samples themselves, which is as short as it can be.
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
  // Where there is no room for it, the call that needs it says so.
  jacobian: ({ decoder, rows }) =>
    change(decoder, ({ packed }) => adoptJacobian(packed, rows).catch(unlessOutOfMemory)),
  train: ({ decoder, step }) => change(decoder, ({ training }) => training.take(step)),
};

function keep(decoder: number, held: Promise<PackedHere>): void {
  // Each that awaits it has the error.
  held.catch(() => {});
  decoders.set(decoder, held);
}

/** Changes a held decoder after all earlier changes of it are done; ignored if it is not held. */
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

/** @returns undefined where the decoder could not be packed, which a message to the main thread says */
async function open(message: Extract<ToWorker, { readonly type: "open" }>): Promise<OpenCall | undefined> {
  const { call, decoder, description } = message;
  let held: PackedHere;
  try {
    held = (await decoders.get(decoder))!;
  } catch (error) {
    // It stays among the decoders, so that the next call is declined as well: where this one has ended already, the main
    // thread ignores the message, takes the decoder for held, and does not send it again.
    post({ type: "declined", call, message: messageOf(error) });
    return undefined;
  }
  reportMemory(held);
  return { held, work: new WorkerCall(call, held.packed, description, post) };
}

/** Reports the memory of a decoder, if it has changed. */
function reportMemory(held: PackedHere): void {
  const { number, packed } = held;
  const bytes = packed.arena.byteLength;
  if (bytes === held.reported) return;
  held.reported = bytes;
  post({ type: "memory", decoder: number, bytes });
}

/** Registers `receive` for messages of the main thread; returns the function that answers. */
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
