import { makeControl } from "../../../control.ts";
import type { Decoder } from "../../../decoder/decoder.ts";
import { cutFixed } from "../../../decoder/fixed.ts";
import { orderOf } from "../../../flow.ts";
import type { Control } from "../../../solver/base.ts";
import { Solution } from "../../../solver/solution.ts";
import type { Problem, SampleSet, Task } from "../../backend.ts";
import { allSamples, type Feed, type SampleRange } from "../../feed.ts";
import { solveOn } from "../../solve.ts";
import type { Decoding } from "../decode.ts";
import type { WasmEngine } from "../engine.ts";
import {
  type CallData,
  type CallDescription,
  type CallKind,
  type FromWorker,
  failure,
  type Results,
} from "./messages.ts";

/** A worker's part of a job, whatever it computes. */
interface WorkerJob<Kind extends CallKind = CallKind> {
  add(samples: readonly number[], data: CallData<Kind>): void;
  readonly hasMore: boolean;
  /** Works until it has nothing left, or until the call is stopped. */
  run(control: Control): Promise<void>;
  /** Sends what has ended, if it has waited. */
  flush?(): void;
}

type Send = (results: readonly Results[]) => void;

/** What a worker's job works with. */
interface Here {
  readonly engine: WasmEngine;
  readonly decoder: Decoder;
  readonly send: Send;
}

const BEGIN: {
  readonly [Kind in CallKind]: (here: Here, description: CallDescription<Kind>) => WorkerJob<Kind>;
} = {
  solve: (here, description) => new WorkerSolve(here, description),
  decode: (here, description) => new WorkerDecode(here, description),
  jacobian: (here) => new WorkerJacobian(here),
};

/** A worker's part of a call: it runs while it has samples, and stops and reports what goes wrong. */
export class WorkerCall {
  private readonly job: WorkerJob;
  private readonly abort = new AbortController();
  private readonly control: Control;
  private running = false;

  constructor(
    private readonly call: number,
    engine: WasmEngine,
    decoder: Decoder,
    description: CallDescription,
    private readonly post: (message: FromWorker) => void,
  ) {
    const send: Send = (results) => post({ type: "results", call, results });
    const begin = BEGIN[description.kind] as (here: Here, description: CallDescription) => WorkerJob;
    this.job = begin({ engine, decoder, send }, description);
    this.control = makeControl(this.abort.signal, () => this.job.flush?.());
  }

  add(samples: readonly number[], data: CallData): void {
    this.job.add(samples, data);
    if (!this.running) void this.run();
  }

  stop(): void {
    this.abort.abort();
    if (!this.running) this.post({ type: "stopped", call: this.call });
  }

  private async run(): Promise<void> {
    this.running = true;
    try {
      while (this.job.hasMore && !this.control.aborted()) await this.job.run(this.control);
    } catch (error) {
      this.post(failure(this.call, error));
    }
    this.running = false;
    if (this.control.aborted()) this.post({ type: "stopped", call: this.call });
  }
}

/** The data of a problem whose samples come later. */
const NOTHING = new Float32Array(0);

/** Samples that have come together: a problem of their own. */
interface Delivery {
  readonly samples: readonly number[];
  readonly problem: Problem;
  readonly solution: Solution;
  /** How many of them are at work, or have been. */
  taken: number;
  /** Those that have ended and whose results have not been sent. */
  ended: number[];
  /** How many results have been sent. */
  sent: number;
}

/** Samples are solved in the order they come in; results are sent as soon as there are any. */
class WorkerSolve implements WorkerJob<"solve">, Feed<SampleSet> {
  private readonly task: Task;
  /** Those of which results are still to be sent. */
  private deliveries: Delivery[] = [];

  constructor(
    private readonly here: Here,
    private readonly description: CallDescription<"solve">,
  ) {
    const { decoder } = here;
    const { pair, loss, prior, sampleCount, batchSize, sharedWeights, hasOwnWeights, isFused } = description;
    const weights = sharedWeights ?? (hasOwnWeights ? NOTHING : undefined);
    this.task = {
      problem: { decoder, loss, prior, sampleCount, batchSize, targets: NOTHING, weights, fixed: [] },
      ...{ pair, isFused },
    };
  }

  get hasMore(): boolean {
    return this.nextDelivery !== undefined;
  }

  add(samples: readonly number[], { targets, weights, fixed, z0 }: CallData<"solve">): void {
    const { problem, pair } = this.task;
    const { saveAt, sharedWeights } = this.description;
    const sampleCount = samples.length;
    const solution = new Solution(sampleCount, problem.decoder.latentSize, z0, {
      order: orderOf(pair.flow),
      saveAt,
    });
    const delivery: Delivery = {
      ...{ samples, solution, taken: 0, ended: [], sent: 0 },
      problem: { ...problem, sampleCount, targets, fixed, weights: weights ?? sharedWeights },
    };
    solution.onEnd = (sample) => void delivery.ended.push(sample);
    this.deliveries.push(delivery);
  }

  async run(control: Control): Promise<void> {
    await solveOn(this.here.engine, this.task, control, this);
    this.flush();
    if (control.aborted()) this.sendUnfinished();
  }

  take(most: number): SampleSet | undefined {
    const delivery = this.nextDelivery;
    if (!delivery) return undefined;
    const { problem, solution, taken: first, samples } = delivery;
    const count = Math.min(most, samples.length - first);
    delivery.taken += count;
    return { problem, solution, first, count };
  }

  flush(): void {
    const results: Results[] = [];
    for (const delivery of this.deliveries) {
      const { ended } = delivery;
      if (ended.length === 0) continue;
      results.push(resultsOf(delivery, ended));
      delivery.ended = [];
      delivery.sent += ended.length;
    }
    if (results.length === 0) return;
    this.deliveries = this.deliveries.filter(({ sent, samples }) => sent < samples.length);
    this.here.send(results);
  }

  private get nextDelivery(): Delivery | undefined {
    return this.deliveries.find(({ taken, samples }) => taken < samples.length);
  }

  /** After an abort: where those that were at work have come to. */
  private sendUnfinished(): void {
    const results = this.deliveries.map((delivery) => {
      const begun = delivery.solution.statuses().slice(0, delivery.taken);
      return resultsOf(
        delivery,
        [...begun.keys()].filter((sample) => begun[sample] === "aborted"),
      );
    });
    this.here.send(results);
  }
}

function resultsOf({ samples, solution }: Delivery, ended: readonly number[]): Results<"solve"> {
  return { samples: ended.map((sample) => samples[sample]!), values: solution.copyOut(ended) };
}

/**
 * Samples are decoded in the order they come in, pass by pass. What a pass has decoded is sent before the next one, so that
 * the main thread gives more samples meanwhile.
 */
class WorkerDecode implements WorkerJob<"decode"> {
  private readonly passes: ({ samples: readonly number[] } & Pick<Decoding, "z" | "fixed">)[] = [];

  constructor(
    private readonly here: Here,
    private readonly description: CallDescription<"decode">,
  ) {}

  get hasMore(): boolean {
    return this.passes.length > 0;
  }

  add(samples: readonly number[], { z, fixed }: CallData<"decode">): void {
    const { decoder, engine } = this.here;
    const { latentSize } = decoder;
    for (let first = 0; first < samples.length; first += engine.rows) {
      const end = Math.min(first + engine.rows, samples.length);
      this.passes.push({
        samples: samples.slice(first, end),
        z: z.subarray(first * latentSize, end * latentSize),
        fixed: cutFixed(decoder, fixed, first, end),
      });
    }
  }

  async run(control: Control): Promise<void> {
    const { samples, z, fixed } = this.passes.shift()!;
    const { toLogits } = this.description;
    const { engine, decoder, send } = this.here;
    const outputs = new Float32Array(samples.length * decoder.outputSize);
    await engine.decode({ z, fixed, outputs, toLogits }, control, allSamples(samples.length));
    if (!control.aborted()) send([{ samples, values: outputs }]);
  }
}

/** Rows of J₀ᵀ, sent as soon as a pass has them. */
class WorkerJacobian implements WorkerJob<"jacobian">, Feed {
  private readonly ranges: SampleRange[] = [];

  constructor(private readonly here: Here) {}

  get hasMore(): boolean {
    return this.ranges.length > 0;
  }

  add(samples: readonly number[]): void {
    this.ranges.push({ first: samples[0]!, count: samples.length });
  }

  take(most: number): SampleRange | undefined {
    const range = this.ranges.shift();
    if (!range) return undefined;
    const { first } = range;
    const count = Math.min(most, range.count);
    if (count < range.count) this.ranges.unshift({ first: first + count, count: range.count - count });
    return { first, count };
  }

  async run(control: Control): Promise<void> {
    const { engine, send } = this.here;
    await engine.jacobianRows(this, control, ({ first, count }, values) => {
      send([{ samples: Array.from({ length: count }, (_, i) => first + i), values }]);
    });
  }
}
