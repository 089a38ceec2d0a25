import type { Channel } from "./benchmark.ts";
import type { Reply } from "./responder.ts";

/** A worker to measure in. */
export function openWorker(): Channel {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  /** Ends the waiting of the request under way. */
  let giveUp: (reason: Error) => void = () => {};
  worker.addEventListener("error", ({ message }) => giveUp(new Error(message || "the worker ended")));
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        giveUp = reject;
        worker.onmessage = ({ data }: MessageEvent<Reply>) => resolve(data);
        worker.postMessage(request);
      }),
    close() {
      worker.terminate();
      giveUp(new Error("cancelled"));
    },
  };
}
