import { table } from "../report.ts";
import { CONTENDERS, describeSetting } from "./contenders.ts";
import { DECODERS, leastRatio } from "./decoders.ts";
import { PATIENT } from "./measure.ts";
import { CRITERIA, type Criterion } from "./reach.ts";
import {
  type AheadResults,
  type DecoderFigure,
  hardest,
  type Reached,
  type ReachedBy,
  soonest,
} from "./results.ts";

export const HEADING = "## Ahead of PyTorch's best";

/** The section of the page. */
export function aheadSection(results: AheadResults): string {
  const { machine, torch } = results;
  const figures = results.decoders.map((figure) => ({
    figure,
    ...DECODERS.find(({ name }) => name === figure.name)!,
  }));
  return [
    HEADING,
    "`npm run bench:peers -- --ahead --write` writes this section alone: seven trained decoders, one thread each, `lbfgs()` in WASM, " +
      "relaxed SIMD, against what one would write in PyTorch (float32).",
    [
      "All start at z = 0. **A sample is there** when its loss is within 1e-3 of the best that any run found for it, the mean when " +
        "the mean loss is within 1e-3 of the mean of those.",
      "**Settings.** Every setting of the grid below ran once; of each contender the one that was soonest to a criterion counts. " +
        "Those within three times the soonest of all are then timed in turns with ours, and medians over the rounds are given.",
      `**A run is cut** after ${PATIENT} times as long as ours takes to its own end, ${results.seconds[0]} s at least and ` +
        `${results.seconds[1]} at most; that of one sample after the other after the most; peers.json says which were. It ends before ` +
        "that after as many evaluations as the grid names, or where so many more lower the sum of the losses by less than 1e-5 of it.",
      "**Times.** PyTorch's are taken along its run, where losses are known that its method has computed anyway. Ours are whole calls " +
        "with the fewest steps that get there, staging and results included. A decoder's first call takes longer, by what *once* says: " +
        "packing, and the matrix that samples are preconditioned by.",
      "**None has a stop** but L-BFGS sample by sample, which goes on to the next sample where `lbfgs()` with its defaults would. Ours " +
        "has a tolerance of 1e-12; what `lbfgs()` with its defaults comes to is said below each table.",
    ]
      .map((item) => `- ${item}`)
      .join("\n"),
    `${machine.processor}, ${machine.cores} cores; ${machine.system}; Node ${machine.node}; PyTorch ${torch.version}, ${torch.blas}, ` +
      `${torch.cpu}; ${machine.date}, load before the run ${machine.load}. ` +
      (results.clock === "cpu"
        ? "**Others were using the machine: times are those of the processes on the processor, and no clock's on the wall.**"
        : "Times are wall times.") +
      (results.quick ? " **A quick run: too few samples and repeats to be quoted.**" : ""),
    "PyTorch's best time divided by ours:",
    table(
      ["", "mean", "50 %", "95 %", "meant", ""],
      figures.map(({ figure, title, latents }) => {
        const least = leastRatio(latents);
        const ratios = CRITERIA.map((criterion) => ratioAt(figure, criterion));
        return [
          title,
          ...CRITERIA.map((criterion, i) => showRatio(ratios[i], soonest(figure, criterion)?.name)),
          `≥ ${least}×`,
          ratios.every((ratio) => ratio === undefined || ratio >= least) ? "met" : "**missed**",
        ];
      }),
    ),
    "A dash: nothing came there, neither PyTorch nor ours.",
    ...figures.flatMap(({ figure, title }) => [
      `### ${title}`,
      `${figure.samples} samples; the mean of the best losses is ${figure.bestLoss.toPrecision(5)}. Passes are of a sample, forward or ` +
        "back, a tangent counts as one; they and the µs of a pass are to the last of the three times that is given.",
      table(
        ["", "mean, s", "50 %, s", "95 %, s", "there", "passes", "µs a pass", "setting"],
        [
          lineOf("latentflow, lbfgs", figure.ours.share, figure.ours.reached, figure.samples),
          ...figure.contenders.map(({ name, share, reached }) =>
            lineOf(name, share, reached, figure.samples),
          ),
        ],
      ),
      `Ours to its own end: ${showSeconds(figure.ours.end.seconds)} s, ${figure.ours.end.passes.toFixed(1)} passes, ` +
        `${(100 * figure.ours.end.share).toFixed(0)} % of the samples there; once ` +
        `${figure.ours.onceMilliseconds.toFixed(1)} ms.`,
      ...whyBehind(figure, leastRatio(DECODERS.find(({ name }) => name === figure.name)!.latents)),
    ]),
    "### The settings that were tried",
    table(
      ["", "what it is", "settings", "evaluations at most", "without a fall"],
      CONTENDERS.map(({ name, about, settings, evaluations, patience }) => [
        ...[name, about, settings.map(describeSetting).join("; ")],
        ...(patience ? [`${evaluations}`, `${patience}`] : ["–", "–"]),
      ]),
    ),
  ].join("\n\n");
}

/** The section of a page; empty where it has none. */
export function sectionOf(page: string): string {
  const start = page.indexOf(`${HEADING}\n`);
  if (start < 0) return "";
  const next = page.indexOf("\n## ", start);
  return page.slice(start, next < 0 ? undefined : next).trimEnd();
}

/** The page with this section in place of the one that it has, or at its end. */
export function withSection(page: string, section: string): string {
  const start = page.indexOf(`${HEADING}\n`);
  if (start < 0) return `${page.trimEnd()}\n\n${section}\n`;
  const next = page.indexOf("\n## ", start);
  return `${page.slice(0, start)}${section}\n${next < 0 ? "" : page.slice(next)}`;
}

/** PyTorch's best time divided by ours: 0 where ours is never there, infinite where only ours is; undefined where none is. */
export function ratioAt(figure: DecoderFigure, criterion: Criterion): number | undefined {
  const best = soonest(figure, criterion);
  const own = figure.ours.reached[criterion];
  if (!best) return own ? Number.POSITIVE_INFINITY : undefined;
  return best.reached.ratio ?? 0;
}

function showRatio(ratio: number | undefined, name: string | undefined): string {
  if (ratio === undefined) return "–";
  if (ratio === Number.POSITIVE_INFINITY) return "only ours";
  return ratio === 0 ? `only PyTorch (${name})` : `${ratio.toFixed(2)}× (${name})`;
}

function lineOf(name: string, share: number, reached: ReachedBy, samples: number): string[] {
  const criterion = hardest(reached);
  const one = criterion && reached[criterion];
  return [
    name,
    ...CRITERIA.map((each) => (reached[each] ? showSeconds(reached[each].seconds) : "–")),
    `${(100 * share).toFixed(0)} %`,
    ...(one ? [one.passes.toFixed(1), microseconds(one, samples).toFixed(1)] : ["–", "–"]),
    one?.setting ? describeSetting(one.setting) : "",
  ];
}

/** Of each time that is behind: is it the passes, or what one takes? */
function whyBehind(figure: DecoderFigure, least: number): string[] {
  return CRITERIA.flatMap((criterion) => {
    const ratio = ratioAt(figure, criterion);
    const best = soonest(figure, criterion);
    const own = figure.ours.reached[criterion];
    if (ratio === undefined || ratio >= least || !best) return [];
    const what = { mean: "the mean", half: "50 %", most: "95 %" }[criterion];
    if (!own) return [`Behind at ${what}: ours does not come there.`];
    const theirs = best.reached;
    return [
      `Behind at ${what}: ours takes ${own.passes.toFixed(1)} passes of ${microseconds(own, figure.samples).toFixed(1)} µs, ` +
        `${best.name} ${theirs.passes.toFixed(1)} of ${microseconds(theirs, figure.samples).toFixed(1)} µs.`,
    ];
  });
}

function microseconds({ seconds, passes }: Reached, samples: number): number {
  return (1e6 * seconds) / (samples * passes);
}

function showSeconds(seconds: number): string {
  return seconds.toPrecision(3);
}
