import { messageOf } from "../../../brand.ts";
import { makeControl } from "../../../control.ts";
import type { Decoder } from "../../../decoder/decoder.ts";
import { LatentflowError } from "../../../errors.ts";
import type { Makers } from "../../../recipe.ts";
import type { Control } from "../../../solver/base.ts";
import { allSamples } from "../../feed.ts";
import type { WasmEngine } from "../engine.ts";
import type { DecodeData, DecodeDescription, FromWorker, SolveData, SolveDescription } from "./messages.ts";
import { WorkerSolve } from "./worker-solve.ts";

/** A worker's part of a call, whatever it computes. */
interface Work {
  add(samples: readonly number[], data: SolveData | DecodeData): void;
  readonly hasMore: boolean;
  /** Works until it has nothing left, or until the call is stopped. */
  run(control: Control): Promise<void>;
  /** Sends what has ended. */
  flush(): void;
}

/** A worker's part of a call: it runs while it has samples, and stops and reports what goes wrong. */
export class WorkerCall {
  private readonly work: Work;
  private readonly abort = new AbortController();
  private readonly control: Control;
  private running = false;

  constructor(
    private readonly call: number,
    engine: WasmEngine,
    decoder: Decoder,
    description: SolveDescription | DecodeDescription,
    makers: Makers,
    private readonly post: (message: FromWorker) => void,
  ) {
    const send: Send = (samples, results) => post({ type: "results", call, samples, results });
    this.work =
      description.kind === "solve"
        ? (new WorkerSolve(engine, decoder, description, makers, send) as Work)
        : new WorkerDecode(engine, decoder, description, send);
    this.control = makeControl(this.abort.signal, () => this.work.flush());
  }

  add(samples: readonly number[], data: SolveData | DecodeData): void {
    this.work.add(samples, data);
    if (!this.running) void this.run();
  }

  stop(): void {
    this.abort.abort();
    if (!this.running) this.post({ type: "stopped", call: this.call });
  }

  private async run(): Promise<void> {
    this.running = true;
    try {
      while (this.work.hasMore && !this.control.aborted()) await this.work.run(this.control);
    } catch (error) {
      this.post(failure(this.call, error));
    }
    this.running = false;
    if (this.control.aborted()) this.post({ type: "stopped", call: this.call });
  }
}

/** What has gone wrong, as a message. */
export function failure(call: number | undefined, error: unknown): FromWorker {
  const code = error instanceof LatentflowError ? error.code : undefined;
  return { type: "failed", call, code, message: messageOf(error) };
}

type Send = (
  samples: readonly number[],
  results: Extract<FromWorker, { type: "results" }>["results"],
) => void;

/** A worker's part of a decoding: delivery after delivery. */
class WorkerDecode implements Work {
  private readonly deliveries: { samples: readonly number[]; z: Float32Array }[] = [];

  constructor(
    private readonly engine: WasmEngine,
    private readonly decoder: Decoder,
    private readonly description: DecodeDescription,
    private readonly send: Send,
  ) {}

  get hasMore(): boolean {
    return this.deliveries.length > 0;
  }

  add(samples: readonly number[], data: SolveData | DecodeData): void {
    this.deliveries.push({ samples, z: (data as DecodeData).z });
  }

  async run(control: Control): Promise<void> {
    const { samples, z } = this.deliveries.shift()!;
    const { toLogits } = this.description;
    const outputs = new Float32Array(samples.length * this.decoder.outputSize);
    await this.engine.decode({ z, outputs, toLogits }, control, allSamples(samples.length));
    if (!control.aborted()) this.send(samples, outputs);
  }

  flush(): void {}
}
