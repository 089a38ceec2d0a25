import { median } from "../timing.ts";
import { CONTENDER_NAMES, CONTENDERS, type ContenderName } from "./contenders.ts";
import { DECODERS, type DecoderName, samplesFor } from "./decoders.ts";
import type { Absence, Row, Start } from "./report.ts";
import type { Measurement, Reply, Request, Subject } from "./responder.ts";
import type { Settings, SolverName } from "./settings.ts";

/** A thread or process that answers requests. */
export interface Channel {
  ask(request: Request): Promise<Reply>;
  close(): void;
}

/** Opens a channel; its requests reject once it is closed, or when what answers them ends. */
export type OpenChannel = () => Channel;

/** What has been measured. */
export interface Findings {
  readonly starts: readonly Start[];
  readonly rows: readonly Row[];
  readonly absences: readonly Absence[];
  /** The GPU's name, once that is known. */
  readonly adapter: string | undefined;
}

/** How far the benchmark has come. */
export interface Progress {
  /** Measurements, of `total`. */
  readonly done: number;
  readonly total: number;
  /** What is being measured, for people. */
  readonly current: string;
  readonly findings: Findings;
}

/** A call that has taken longer, in seconds, is not measured again: what disturbs it does so for a small share. */
const LONG = 5;

/**
 * Measures all contenders with each solver on each decoder, size after size, in turns. It ends early, with what there is, when
 * the signal is aborted; what fails is noted and the others go on.
 */
export async function runBenchmark(
  settings: Settings,
  open: OpenChannel,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (progress: Progress) => void },
): Promise<Findings> {
  const benchmark = new Benchmark(settings, open, signal, onProgress);
  for (const solver of settings.solvers) {
    for (const decoder of settings.decoders) await benchmark.measureSubjects({ solver, decoder });
  }
  return benchmark.findings;
}

/** What all contenders are given to do. */
interface Work {
  readonly solver: SolverName;
  readonly decoder: DecoderName;
}

/** A contender with its channel, while it can still be measured. */
interface Entrant {
  readonly name: ContenderName;
  readonly work: Work;
  readonly label: string;
  readonly channel: Channel;
  /** Why it is measured no further. */
  absent?: string;
  /** Its last row. */
  last: { readonly size: number; readonly seconds: number } | undefined;
}

class Benchmark {
  readonly findings = {
    starts: [] as Start[],
    rows: [] as Row[],
    absences: [] as Absence[],
    adapter: undefined as string | undefined,
  };
  private readonly settings: Settings;
  private readonly open: OpenChannel;
  private readonly signal: AbortSignal;
  private readonly onProgress: (progress: Progress) => void;
  private done = 0;
  private readonly total: number;

  constructor(
    settings: Settings,
    open: OpenChannel,
    signal: AbortSignal,
    onProgress: (progress: Progress) => void,
  ) {
    this.settings = settings;
    this.open = open;
    this.signal = signal;
    this.onProgress = onProgress;
    this.total =
      settings.solvers.length *
      settings.decoders.length *
      (1 + settings.sizes.length) *
      CONTENDER_NAMES.length;
  }

  async measureSubjects(work: Work): Promise<void> {
    const entrants = CONTENDER_NAMES.map((name): Entrant => {
      const label = `${CONTENDERS[name].label}, ${work.solver}, ${DECODERS[work.decoder].label}`;
      return { name, work, label, channel: this.open(), last: undefined };
    });
    const closeAll = () => {
      for (const { channel } of entrants) channel.close();
    };
    this.signal.addEventListener("abort", closeAll);
    try {
      const samples = await samplesFor(work.decoder);
      for (const entrant of entrants) await this.attempt(entrant, () => this.start(entrant, samples));
      for (const size of this.settings.sizes) await this.measureSize(entrants, size);
    } finally {
      this.signal.removeEventListener("abort", closeAll);
      closeAll();
    }
  }

  /** Does a piece of the work, if an entrant is still there; notes what goes wrong. */
  private async attempt(entrant: Entrant, step: () => Promise<void>, size?: number): Promise<void> {
    if (this.signal.aborted || entrant.absent !== undefined) return;
    try {
      await step();
    } catch (error) {
      if (this.signal.aborted) return;
      entrant.absent = error instanceof Error ? error.message : String(error);
      this.findings.absences.push({ contender: entrant.name, ...entrant.work, size, reason: entrant.absent });
    }
  }

  private async start(entrant: Entrant, samples: Float32Array | undefined): Promise<void> {
    this.report(`${entrant.label}: the first sample`);
    const { steps, sizes } = this.settings;
    const subject: Subject = {
      contender: entrant.name,
      ...entrant.work,
      steps,
      most: sizes.at(-1)!,
      samples,
    };
    const ready = await entrant.channel.ask({ subject });
    if ("error" in ready) throw new Error(ready.error);
    const cold = await measure(entrant, 1);
    this.findings.adapter ??= cold.backend.adapter;
    const warm: number[] = [];
    for (let round = 0; round < this.settings.rounds; round++) warm.push((await measure(entrant, 1)).seconds);
    const seconds = { coldSeconds: cold.seconds, warmSeconds: median(warm) };
    this.findings.starts.push({ contender: entrant.name, ...entrant.work, ...seconds });
    this.done++;
  }

  private async measureSize(entrants: readonly Entrant[], size: number): Promise<void> {
    const calls = new Map<Entrant, Measurement[]>();
    for (const entrant of entrants) {
      await this.attempt(
        entrant,
        async () => {
          this.report(`${entrant.label}: ${size} at once`);
          const expected = entrant.last ? (entrant.last.seconds * size) / entrant.last.size : 0;
          if (expected > this.settings.limit) {
            const reason = `would take about ${Math.round(expected)} s, the limit is ${this.settings.limit} s`;
            throw new Error(reason);
          }
          calls.set(entrant, [await measure(entrant, size)]);
        },
        size,
      );
    }
    for (let round = 0; round < this.settings.rounds; round++) {
      for (const [entrant, measured] of calls) {
        if (this.isEnough(entrant, measured)) continue;
        await this.attempt(entrant, async () => void measured.push(await measure(entrant, size)), size);
      }
    }
    for (const [entrant, measured] of calls) this.addRow(entrant, size, measured);
    this.done += entrants.length;
  }

  private isEnough(entrant: Entrant, measured: readonly Measurement[]): boolean {
    const counted = countedCalls(entrant, measured);
    return counted.length >= this.settings.rounds || (counted.at(-1)?.seconds ?? 0) > LONG;
  }

  private addRow(entrant: Entrant, size: number, measured: readonly Measurement[]): void {
    const counted = countedCalls(entrant, measured);
    if (counted.length === 0) return;
    const seconds = median(counted.map((call) => call.seconds));
    const { meanLoss, gradients, backend } = counted.at(-1)!;
    entrant.last = { size, seconds };
    this.findings.rows.push({
      contender: entrant.name,
      ...entrant.work,
      size,
      calls: counted.length,
      firstSeconds: measured[0]!.seconds,
      seconds,
      samplesPerSecond: size / seconds,
      microsecondsPerGradient: (seconds / gradients) * 1e6,
      meanLoss,
      build: backend.build,
      ...(backend.threads !== undefined && { threads: backend.threads }),
      ...(backend.reason !== undefined && { reason: backend.reason }),
      ...(backend.incidents && { incidents: backend.incidents }),
    });
  }

  private report(current: string): void {
    const { done, total, findings } = this;
    this.onProgress({ done, total, current, findings });
  }
}

/** The calls of a size without the first where that compiles. */
function countedCalls({ name }: Entrant, measured: readonly Measurement[]): readonly Measurement[] {
  return CONTENDERS[name].compilesForSize ? measured.slice(1) : measured;
}

async function measure({ channel }: Entrant, count: number): Promise<Measurement> {
  const reply = await channel.ask({ count });
  if ("error" in reply) throw new Error(reply.error);
  if (!("measurement" in reply)) throw new Error("expected a measurement");
  return reply.measurement;
}
