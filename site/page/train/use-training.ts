import { onScopeDispose, ref, shallowRef } from "vue";
import type { Check, FileFormat, FromTrainer, Step, ToTrainer } from "./messages.ts";

/** State of the training on the page. */
export type Phase = "opening" | "ready" | "training" | "paused" | "ended" | "failed";

/** Addresses of the digits: to train on, and to look at. */
export interface DigitFiles {
  readonly seen: string;
  readonly unseen: string;
}

/**
 * Starts the worker that trains, and follows it. The worker ends with the component.
 *
 * @param files made absolute: a worker has another base than the page
 */
export function useTraining(files: DigitFiles) {
  const phase = ref<Phase>("opening");
  const problem = ref("");
  const steps = shallowRef<readonly Step[]>([]);
  const checks = shallowRef<readonly Check[]>([]);
  const waiting: { resolve(bytes: Uint8Array): void; reject(error: Error): void }[] = [];
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

  worker.onmessage = ({ data: event }: MessageEvent<FromTrainer>) => take(event);
  worker.onerror = ({ message }) => fail(message || "the worker's file could not be loaded");
  onScopeDispose(() => worker.terminate());
  send({ kind: "open", ...files });

  function send(command: ToTrainer): void {
    worker.postMessage(command);
  }

  function fail(message: string): void {
    phase.value = "failed";
    problem.value = message;
    for (const { reject } of waiting.splice(0)) reject(new Error(message));
  }

  function take(event: FromTrainer): void {
    if (event.kind === "step") steps.value = [...steps.value, event];
    if (event.kind === "check") {
      // The check of an untrained decoder: what came before is of a run that has been reset.
      const isUntrained = event.round === 0;
      checks.value = isUntrained ? [event] : [...checks.value, event];
      if (isUntrained) {
        steps.value = [];
        phase.value = "ready";
      }
    }
    if (event.kind === "stopped" && phase.value === "training") {
      phase.value = event.hasEnded ? "ended" : "paused";
    }
    if (event.kind === "file") waiting.shift()?.resolve(event.bytes);
    if (event.kind === "failure") fail(event.message);
  }

  return {
    phase,
    problem,
    steps,
    checks,
    train() {
      phase.value = "training";
      send({ kind: "train" });
    },
    pause: () => send({ kind: "pause" }),
    reset() {
      phase.value = "opening";
      send({ kind: "reset" });
    },
    /** Returns the decoder as it is, as a file; a run under way is paused. */
    file(format: FileFormat): Promise<Uint8Array> {
      send({ kind: "file", format });
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
  };
}
