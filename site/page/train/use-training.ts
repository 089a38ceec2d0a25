import { onScopeDispose, ref, shallowRef } from "vue";
import { Engine } from "../engine/client.ts";
import { visitorsMessageOf } from "../message-of.ts";
import type { Check, DigitFiles, FileFormat, Step, TrainCalls } from "./messages.ts";

/** State of the training in the page. */
export type Phase = "opening" | "ready" | "training" | "paused" | "ended" | "failed";

/** Starts the worker that trains, and tracks its state. The worker is terminated with the component. */
export function useTraining(files: DigitFiles) {
  const phase = ref<Phase>("opening");
  const problem = ref("");
  const steps = shallowRef<readonly Step[]>([]);
  const checks = shallowRef<readonly Check[]>([]);
  const engine = new Engine<TrainCalls>(
    () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }),
  );
  /** Pauses the training in progress. */
  let running = new AbortController();
  /** Settles when the last call has ended. */
  let last: Promise<unknown> = Promise.resolve();

  onScopeDispose(() => engine.close());

  /** Calls the worker after earlier calls have ended; a training in progress is paused. */
  function inTurn<Reply>(call: (signal: AbortSignal) => Promise<Reply>): Promise<Reply> {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    const reply = last.then(() => call(signal));
    last = reply.catch(() => {});
    return reply;
  }

  function fail(error: unknown): void {
    phase.value = "failed";
    problem.value = visitorsMessageOf(error);
  }

  /** Shows an untrained decoder, from its check. */
  function begin(check: Check): void {
    steps.value = [];
    checks.value = [check];
    phase.value = "ready";
  }

  function train(): void {
    phase.value = "training";
    const onProgress = (progress: TrainCalls["train"]["progress"]) => {
      if (progress.kind === "step") steps.value = [...steps.value, progress.step];
      else checks.value = [...checks.value, progress.check];
    };
    inTurn((signal) => engine.call("train", undefined, { signal, onProgress })).then(({ hasEnded }) => {
      if (phase.value === "training") phase.value = hasEnded ? "ended" : "paused";
    }, fail);
  }

  function reset(): void {
    phase.value = "opening";
    inTurn(() => engine.call("reset", undefined)).then(begin, fail);
  }

  inTurn(() => engine.call("open", files)).then(begin, fail);

  return {
    phase,
    problem,
    steps,
    checks,
    train,
    pause: () => running.abort(),
    reset,
    /** Returns the current decoder as a file; pauses a training in progress. */
    file: (format: FileFormat): Promise<Uint8Array> => inTurn(() => engine.call("file", { format })),
  };
}
