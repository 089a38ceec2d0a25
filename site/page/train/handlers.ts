import { readDataset } from "latentflow/train";
import type { HandlersOf } from "../engine/serve.ts";
import type { TrainCalls } from "./messages.ts";
import { Trainer } from "./trainer.ts";

/** State of the worker that trains: its trainer, once the digits are loaded. */
export interface Training {
  trainer?: Trainer | undefined;
}

export const TRAIN_HANDLERS: HandlersOf<TrainCalls, Training> = {
  async open(training, { seen, unseen }) {
    training.trainer = new Trainer({ seen: await readDataset(seen), unseen: await readDataset(unseen) });
    return training.trainer.check();
  },

  async train(training, _, { signal, report }) {
    const trainer = opened(training);
    await trainer.run(signal, {
      onStep: (step) => report({ kind: "step", step }),
      onCheck: (check) => report({ kind: "check", check }),
    });
    return { hasEnded: trainer.hasEnded };
  },

  async reset(training) {
    const trainer = opened(training);
    trainer.reset();
    return trainer.check();
  },

  async file(training, { format }) {
    return opened(training).file(format);
  },
};

function opened({ trainer }: Training): Trainer {
  if (!trainer) throw new Error("The digits have not been loaded. Reload the page to load them again.");
  return trainer;
}
