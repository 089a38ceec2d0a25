import type { Chart } from "./chart.ts";

// What is reproduced: elements of the paper, each a number of jobs, and what a page says of their results.

/** What a reproduction is asked for. */
export interface Settings {
  /** Next to nothing of the work, to see that everything runs: its figures mean nothing. */
  readonly quick: boolean;
  /** Of the smaller runs. */
  readonly seeds: number;
}

/** What a job may use while it runs. */
export interface JobContext<Result = never> {
  /** A folder of its own, for what a killed job goes on from. */
  readonly folder: string;
  /** Says which share of the job is done. */
  progress(share: number): void;
  /** Keeps what there is of the result: pages show it where a job takes longer than a sitting. */
  soFar(result: Result): void;
}

/** The data sets. */
export type DataName = "MNIST" | "SegMNIST" | "Fashion-MNIST";

/** A job: a decoder trained and tested, say. What it returns is kept as JSON. */
export interface Job<Result> {
  /** Says what is done, with which seed: a change of what is computed changes it. */
  readonly id: string;
  /** What it reads. Fashion-MNIST is fetched before the first job that does. */
  readonly data: DataName;
  /** About how long it takes on one core of the machine of site/performance/index.md: only the time left follows from it. */
  readonly seconds: number;
  run(context: JobContext<Result>): Promise<Result>;
}

/** What a job has found, and how. */
export interface Kept<Result> {
  readonly result: Result;
  /** Of computing on one core, over all sittings; of the clock on the wall where `versions` names no commit. */
  readonly seconds: number;
  readonly versions: Readonly<Record<string, string>>;
  /** Of the job: the result is what there was of it so far. Left out when the job is done. */
  readonly share?: number;
}

/** The results there are, by the jobs' ids. */
export type Results<Result> = ReadonlyMap<string, Result>;

/** One line for the walk through the paper: the paper's figure beside ours. */
export interface Summary {
  readonly paper: string;
  readonly letter: string;
  readonly ours: string;
  /** Whether what the paper claims of it holds here, in a sentence. */
  readonly holds: string;
}

/** A page about an element, without the heading. */
export interface Page {
  readonly markdown: string;
  /** What follows the charts and pictures, such as tables of all figures. */
  readonly appendix?: string;
  /** By the name of the file, without its ending. */
  readonly charts?: Readonly<Record<string, Chart>>;
  /** SVG, by the name of the file, without its ending. */
  readonly pictures?: Readonly<Record<string, string>>;
  readonly summary: Summary;
}

/** An element of the paper. */
export interface Element<Result = never> {
  readonly name: string;
  readonly title: string;
  /** The file in reproduce/ that says what is run. */
  readonly source: string;
  jobs(settings: Settings): readonly Job<Result>[];
  /** What can be said of the results so far, some of which may be missing. */
  page(
    results: Results<Result>,
    settings: Settings,
    /** Of another element, by its name. */
    resultsOf: (element: string) => Results<unknown>,
  ): Page;
}
