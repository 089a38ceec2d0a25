import { CONTENDERS, type ContenderName } from "./contenders.ts";
import { type Crossing, findCrossings } from "./crossing.ts";
import { DECODERS, type DecoderName } from "./decoders.ts";
import { DEFAULT_STEPS, type Settings, type SolverName } from "./settings.ts";

/** The first result: one sample, from the call of `encode` on, with decoder and sample in memory. */
export interface Start {
  readonly contender: ContenderName;
  readonly solver: SolverName;
  readonly decoder: DecoderName;
  /** Nothing of the backend is loaded, compiled or packed. */
  readonly coldSeconds: number;
  /** The same once more. */
  readonly warmSeconds: number;
}

/** One batch size of one contender, with one solver on one decoder. */
export interface Row {
  readonly contender: ContenderName;
  readonly solver: SolverName;
  readonly decoder: DecoderName;
  /** How many samples were encoded at once. */
  readonly size: number;
  /** How many calls the medians are of. */
  readonly calls: number;
  /** The first call of this size, in which WebGPU compiles for it. */
  readonly firstSeconds: number;
  /** The median. */
  readonly seconds: number;
  readonly samplesPerSecond: number;
  /** The time of the call by all that was computed: a forward and a backward pass of one sample. */
  readonly microsecondsPerGradient: number;
  readonly meanLoss: number;
  /** What the backend ran. */
  readonly build: string;
  /** How many threads of WASM did the work, and why so few. */
  readonly threads?: number;
  readonly reason?: string;
  /** What went wrong and how the work went on. */
  readonly incidents?: readonly string[];
}

/** What was not measured, and why: from a size on, or all of a contender on a decoder. */
export interface Absence {
  readonly contender: ContenderName;
  readonly solver: SolverName;
  readonly decoder: DecoderName;
  readonly size: number | undefined;
  readonly reason: string;
}

/** Where it was measured. */
export interface Environment {
  /** The browser, or Node, with its version. */
  readonly runtime: string;
  readonly cores: number;
  /** The GPU's name as WebGPU tells it, or undefined where there is none. */
  readonly adapter: string | undefined;
  /** Is that a program on the CPU? */
  readonly adapterIsSoftware: boolean;
}

/** Everything about one benchmark: what the JSON file holds. */
export interface Report {
  readonly title: string;
  /** ISO 8601. */
  readonly date: string;
  readonly environment: Environment;
  readonly settings: Settings;
  /** False for one that was cancelled. */
  readonly complete: boolean;
  readonly starts: readonly Start[];
  readonly rows: readonly Row[];
  readonly absences: readonly Absence[];
  readonly crossings: readonly Crossing[];
}

export function makeReport(
  from: Pick<Report, "environment" | "settings" | "complete" | "starts" | "rows" | "absences">,
): Report {
  return {
    title: "latentflow: WASM against WebGPU",
    date: new Date().toISOString(),
    ...from,
    crossings: findCrossings(from.rows),
  };
}

/** A table as people see it, in the page as in Markdown. */
export interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  readonly body: readonly (readonly string[])[];
}

export function tablesOf({ starts, rows }: Pick<Report, "starts" | "rows">): Table[] {
  return [
    {
      caption: "Time to the first result: one sample",
      head: ["decoder", "solver", "backend", "cold", "warm"],
      body: starts.map(({ contender, solver, decoder, coldSeconds, warmSeconds }) => [
        DECODERS[decoder].label,
        solver,
        CONTENDERS[contender].label,
        showSeconds(coldSeconds),
        showSeconds(warmSeconds),
      ]),
    },
    {
      caption: "By batch size",
      head: [
        ...["decoder", "solver", "backend", "batch", "first call", "call"],
        ...["samples/s", "µs per z-gradient", "mean loss"],
      ],
      body: rows.map((row) => [
        DECODERS[row.decoder].label,
        row.solver,
        CONTENDERS[row.contender].label,
        String(row.size),
        showSeconds(row.firstSeconds),
        showSeconds(row.seconds),
        showNumber(row.samplesPerSecond),
        showNumber(row.microsecondsPerGradient),
        row.meanLoss.toFixed(4),
      ]),
    },
  ];
}

/** What there is to say beside the tables, a sentence each. */
export function remarksOf(report: Omit<Report, "crossings">): string[] {
  const { environment, settings, absences, rows, complete } = report;
  const { adapter, adapterIsSoftware } = environment;
  const remarks: string[] = [];
  if (!complete) remarks.push("Cancelled before its end.");
  if (adapterIsSoftware) {
    remarks.push(`${adapter} is software, a program on the CPU: these figures say nothing of a GPU.`);
  }
  if (settings.steps < DEFAULT_STEPS) {
    remarks.push(`Samples were stopped after ${settings.steps} steps, unless they stopped by themselves.`);
  }
  for (const { contender, solver, decoder, size, reason } of absences) {
    const from = size === undefined ? "" : `, from ${size} on`;
    remarks.push(
      `Not measured: ${CONTENDERS[contender].label}, ${solver}, ${DECODERS[decoder].label}${from}: ${reason}.`,
    );
  }
  for (const { contender, solver, decoder, size, reason, incidents = [] } of rows) {
    for (const incident of [...(reason ? [reason] : []), ...incidents]) {
      remarks.push(
        `${CONTENDERS[contender].label}, ${solver}, ${DECODERS[decoder].label}, ${size} at once: ${incident}.`,
      );
    }
  }
  return remarks;
}

/** How the figures are to be read, a sentence each. */
export const METHOD = [
  "MLP is the paper's decoder, 20 → 150 → 300 → 600 → 784, trained on MNIST; ×4 has each hidden unit four times, and computes the same function. They encode digits, the first of the MNIST test file.",
  "DCGAN is 100 → 4×4×256 → 8×8×128 → 16×16×64 → 32×32×3 by transposed convolutions, with random weights. It encodes 64 pictures that it made itself, with a tenth of noise, again and again where more are encoded.",
  "Each backend encodes the same samples with lbfgs() and with amd(), unless one of them was chosen. The chart is of the first.",
  "Cold: nothing of the backend is loaded, compiled or packed; browsers and drivers may remember shaders from an earlier run. First call: of this batch size, for which WebGPU compiles.",
  "A z-gradient is one sample's pass forward and back, a pass forward alone half of one. Medians of calls in turns.",
];

export function toMarkdown(report: Report): string {
  const { title, date, environment, settings, crossings } = report;
  const { runtime, cores, adapter, adapterIsSoftware } = environment;
  const facts = [
    `Date: ${date}`,
    `Runtime: ${runtime}; ${cores} cores`,
    `Adapter: ${adapter ?? "none"}${adapterIsSoftware ? " (software)" : ""}`,
    `Solvers: ${settings.solvers.join(", ")}, at most ${settings.steps} steps. Calls measured: ${settings.rounds}, one of long ones`,
  ];
  const findings = [...crossings.map(showCrossing), ...remarksOf(report)];
  return [
    `# ${title}`,
    bullets(facts),
    ...tablesOf(report).flatMap(({ caption, head, body }) => [`## ${caption}`, markdownTable(head, body)]),
    ...(findings.length > 0 ? ["## What it says", bullets(findings)] : []),
    "## How it was measured",
    bullets(METHOD),
    "",
  ].join("\n\n");
}

export function showCrossing({ solver, decoder, contender, other, size }: Crossing): string {
  const [first, second] = [CONTENDERS[contender].label, CONTENDERS[other].label];
  if (size === "never") {
    return `${solver}, ${DECODERS[decoder].label}: ${first} was slower than ${second} at every batch size measured.`;
  }
  if (size === "always") {
    return `${solver}, ${DECODERS[decoder].label}: ${first} was faster than ${second} at every batch size measured.`;
  }
  return `${solver}, ${DECODERS[decoder].label}: ${first} overtakes ${second} at a batch of about ${Math.round(size)}.`;
}

function showSeconds(seconds: number): string {
  return seconds < 1 ? `${showNumber(seconds * 1000)} ms` : `${showNumber(seconds)} s`;
}

/** Three digits, or all before the point. */
function showNumber(value: number): string {
  return value < 1000 ? value.toPrecision(3) : Math.round(value).toLocaleString("en");
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join("\n");
}

function markdownTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const escaped = [head, head.map(() => "---"), ...body].map((cells) =>
    cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | "),
  );
  return escaped.map((line) => `| ${line} |`).join("\n");
}
