import { readDataset } from "latentflow/train";
import type { FromTrainer, ToTrainer } from "./messages.ts";
import { Trainer } from "./trainer.ts";

// The worker that trains: carries out the page's commands one after the other.

/** The worker's own scope, which TypeScript's library for pages lacks. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToTrainer>) => void) | null;
  postMessage(message: FromTrainer): void;
}

const scope = globalThis as unknown as WorkerScope;
let trainer: Promise<Trainer> | undefined;
/** Ends the run of the last command. */
let running = new AbortController();
/** The last command's end. */
let last: Promise<void> = Promise.resolve();

scope.onmessage = ({ data: command }) => {
  // A run goes on until it is told to stop, and each command needs the run before it to have stopped.
  running.abort();
  running = new AbortController();
  const { signal } = running;
  last = last.then(() => carryOut(command, signal)).catch(fail);
};

async function carryOut(command: ToTrainer, signal: AbortSignal): Promise<void> {
  if (command.kind === "open") trainer = open(command);
  if (!trainer) throw new Error("The training has not been opened.");
  const opened = await trainer;
  if (command.kind === "open") await opened.check();
  if (command.kind === "train") {
    await opened.run(signal);
    scope.postMessage({ kind: "stopped", hasEnded: opened.hasEnded });
  }
  if (command.kind === "reset") {
    opened.reset();
    await opened.check();
  }
  if (command.kind === "file") {
    const { format } = command;
    scope.postMessage({ kind: "file", format, bytes: await opened.file(format) });
  }
}

async function open({ seen, unseen }: ToTrainer & { kind: "open" }): Promise<Trainer> {
  const data = { seen: await readDataset(seen), unseen: await readDataset(unseen) };
  return new Trainer(data, {
    onStep: (step) => scope.postMessage({ kind: "step", ...step }),
    onCheck: (check) => scope.postMessage({ kind: "check", ...check }),
  });
}

function fail(error: unknown): void {
  scope.postMessage({ kind: "failure", message: error instanceof Error ? error.message : String(error) });
}
