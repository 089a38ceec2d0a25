import type { Decoder } from "../../../decoder/decoder.ts";
import { cutFixed } from "../../../decoder/fixed.ts";
import type { Control } from "../../../solver/base.ts";
import { makeControl } from "../../../solver/control.ts";
import { orderOf } from "../../../solver/flow.ts";
import { Solution } from "../../../solver/solution.ts";
import type { Problem, SampleSet, Task } from "../../backend.ts";
import { allSamples, type Feed, type SampleRange } from "../../feed.ts";
import { type Decoding, decodeRows } from "../decode.ts";
import { computeJacobianRows } from "../jacobian-rows.ts";
import type { PackedDecoder } from "../packed.ts";
import { solveSamples } from "../solve.ts";
import {
  type CallData,
  type CallDescription,
  type CallKind,
  type FromWorker,
  failure,
  type Results,
} from "./messages.ts";

/** Part of a call's job that a worker does: its queue of samples, and the work on them. */
interface WorkerJob<Kind extends CallKind = CallKind> {
  add(samples: readonly number[], data: CallData<Kind>): void;
  readonly hasMore: boolean;
  readonly task: unknown;
  /**
   * Processes the job's queue, all or part of it: solves or decodes samples, or computes rows of the transposed Jacobian. The
   * caller repeats it while `hasMore`. Returns early if the API call that the job belongs to is stopped.
   *
   * @param task the job's own `task`
   * @param samples the job itself, as the source of its queued samples
   */
  work(packed: PackedDecoder, task: unknown, control: Control, samples: unknown): Promise<void>;
  /** Sends finished results that have not been sent; after an abort the states of unfinished samples too. */
  flush?(isAborted: boolean): void;
}

type Send = (results: readonly Results[]) => void;

const BEGIN: {
  readonly [Kind in CallKind]: (
    packed: PackedDecoder,
    description: CallDescription<Kind>,
    send: Send,
  ) => WorkerJob<Kind>;
} = {
  solve: ({ decoder }, description, send) => new WorkerSolve(decoder, description, send),
  decode: (packed, description, send) => new WorkerDecode(packed, description, send),
  jacobian: (_packed, _description, send) => new WorkerJacobian(send),
};

/** Part of a call that a worker does: works while it has samples, stops on request and reports errors. */
export class WorkerCall {
  private readonly job: WorkerJob;
  private readonly abort = new AbortController();
  private readonly control: Control;
  private isAtWork = false;

  constructor(
    private readonly call: number,
    private readonly packed: PackedDecoder,
    description: CallDescription,
    private readonly post: (message: FromWorker) => void,
  ) {
    const send: Send = (results) => post({ type: "results", call, results });
    const begin = BEGIN[description.kind] as (
      packed: PackedDecoder,
      description: CallDescription,
      send: Send,
    ) => WorkerJob;
    this.job = begin(packed, description, send);
    this.control = makeControl(this.abort.signal, () => this.job.flush?.(false));
  }

  /** Adds samples to the queue, and starts work unless it is running. Resolves when the work that it started has ended. */
  async add(samples: readonly number[], data: CallData): Promise<void> {
    const { job, packed, control } = this;
    job.add(samples, data);
    if (this.isAtWork) return;
    this.isAtWork = true;
    try {
      while (job.hasMore && !control.aborted()) {
        await job.work(packed, job.task, control, job);
        job.flush?.(control.aborted());
      }
    } catch (error) {
      this.post(failure(this.call, error));
    }
    this.isAtWork = false;
    if (control.aborted()) this.post({ type: "stopped", call: this.call });
  }

  /** Stops working on the call's samples; sends "stopped" once the work has ended. */
  stop(): void {
    this.abort.abort();
    if (!this.isAtWork) this.post({ type: "stopped", call: this.call });
  }
}

/** Empty data for a problem whose samples arrive later. */
const NOTHING = new Float32Array(0);

/** Batch of samples that arrived with one message from the main thread, as a separate problem. */
interface Delivery {
  readonly samples: readonly number[];
  readonly problem: Problem;
  readonly solution: Solution;
  /** Number of samples of the batch on which work has started. */
  taken: number;
  /** Finished samples whose results have not been sent, by index in the batch. */
  ended: number[];
  /** Number of samples whose results have been sent. */
  sent: number;
}

/** Solves batches of samples in the order of their arrival; sends results as soon as samples finish. */
class WorkerSolve implements WorkerJob<"solve">, Feed<SampleSet> {
  readonly work = solveSamples<SampleSet>;
  readonly task: Task<SampleSet>;
  /** Batches from the main thread with results still to be sent. */
  private deliveries: Delivery[] = [];

  constructor(
    decoder: Decoder,
    private readonly description: CallDescription<"solve">,
    private readonly send: Send,
  ) {
    const { pair, problem, sharedWeights, hasOwnWeights, saveAt } = description;
    const weights = sharedWeights ?? (hasOwnWeights ? NOTHING : undefined);
    this.task = {
      problem: { ...problem, decoder, targets: NOTHING, weights, fixed: [] },
      pair,
      isRecorded: saveAt !== undefined,
      samplesIn: (samples) => samples,
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
      samples,
      solution,
      taken: 0,
      ended: [],
      sent: 0,
      problem: { ...problem, sampleCount, targets, fixed, weights: weights ?? sharedWeights },
    };
    solution.onEnd = (sample) => void delivery.ended.push(sample);
    this.deliveries.push(delivery);
  }

  take(most: number): SampleSet | undefined {
    const delivery = this.nextDelivery;
    if (!delivery) return undefined;
    const { problem, solution, taken: first, samples } = delivery;
    const count = Math.min(most, samples.length - first);
    delivery.taken += count;
    return { problem, solution, first, count };
  }

  flush(isAborted: boolean): void {
    const results: Results[] = [];
    for (const delivery of this.deliveries) {
      const { ended } = delivery;
      if (ended.length === 0) continue;
      results.push(resultsOf(delivery, ended));
      delivery.ended = [];
      delivery.sent += ended.length;
    }
    if (results.length > 0) {
      this.deliveries = this.deliveries.filter(({ sent, samples }) => sent < samples.length);
      this.send(results);
    }
    if (isAborted) this.sendUnfinished();
  }

  private get nextDelivery(): Delivery | undefined {
    return this.deliveries.find(({ taken, samples }) => taken < samples.length);
  }

  /** Sends the states of samples that were started and not finished, after an abort. */
  private sendUnfinished(): void {
    const results = this.deliveries.map((delivery) => {
      const begun = delivery.solution.statuses().slice(0, delivery.taken);
      return resultsOf(
        delivery,
        [...begun.keys()].filter((sample) => begun[sample] === "aborted"),
      );
    });
    this.send(results);
  }
}

function resultsOf({ samples, solution }: Delivery, ended: readonly number[]): Results<"solve"> {
  return { samples: ended.map((sample) => samples[sample]!), values: solution.copyOut(ended) };
}

/**
 * Decodes samples in the order of arrival, pass by pass. The results of a pass are sent before the next one starts, so that the
 * main thread can send more samples in the meantime.
 */
class WorkerDecode implements WorkerJob<"decode"> {
  private readonly passes: ({ samples: readonly number[] } & Pick<Decoding, "z" | "fixed">)[] = [];

  constructor(
    private readonly packed: PackedDecoder,
    readonly task: CallDescription<"decode">,
    private readonly send: Send,
  ) {}

  get hasMore(): boolean {
    return this.passes.length > 0;
  }

  add(samples: readonly number[], { z, fixed }: CallData<"decode">): void {
    const { decoder, rows } = this.packed;
    const { latentSize } = decoder;
    for (let first = 0; first < samples.length; first += rows) {
      const end = Math.min(first + rows, samples.length);
      this.passes.push({
        samples: samples.slice(first, end),
        z: z.subarray(first * latentSize, end * latentSize),
        fixed: cutFixed(decoder, fixed, first, end),
      });
    }
  }

  async work(
    packed: PackedDecoder,
    { toLogits }: CallDescription<"decode">,
    control: Control,
  ): Promise<void> {
    const { samples, z, fixed } = this.passes.shift()!;
    const outputs = new Float32Array(samples.length * packed.decoder.outputSize);
    await decodeRows(packed, { z, fixed, outputs, toLogits }, control, allSamples(samples.length));
    if (!control.aborted()) this.send([{ samples, values: outputs }]);
  }
}

/** Computes rows of J₀ᵀ, the transposed Jacobian at the decoder's start latent; sends each pass's rows as soon as it ends. */
class WorkerJacobian implements WorkerJob<"jacobian">, Feed {
  readonly task = undefined;
  private readonly ranges: SampleRange[] = [];

  constructor(private readonly send: Send) {}

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

  work(packed: PackedDecoder, _task: undefined, control: Control): Promise<void> {
    return computeJacobianRows(packed, control, this, ({ first, count }, values) => {
      this.send([{ samples: Array.from({ length: count }, (_, i) => first + i), values }]);
    });
  }
}
