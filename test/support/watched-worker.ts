// A worker of the library that tells, on a channel of its own, the ways to its crossings into WASM.
import { BroadcastChannel } from "node:worker_threads";
import "../../src/backend/wasm/threads/latentflow-worker.ts";
import { markCrossings, WAYS, watchWays } from "./crossings.ts";

const channel = new BroadcastChannel(WAYS);
(channel as unknown as { unref(): void }).unref();
markCrossings(watchWays((way) => channel.postMessage(way)).mark);
