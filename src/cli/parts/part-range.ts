import { invalid } from "../../base/refuse.ts";
import { countOf } from "../output/report.ts";
import { type ResultsPlan, sampleBytes } from "./results-plan.ts";

// The words of runs in parts:
//   part    results of consecutive samples, saved in one file; a run has parts of equal size, give or take a sample
//   range   the samples of a part: its index, the first sample and their number
//   block   samples of a part that are read and encoded together
//   group   samples that are written to the files of results together, of one part or several
//   folder  a run's finished parts and the manifest, which says what run it is

/** Consecutive samples of a run that are encoded and saved together. */
export interface PartRange {
  /** Index of the part, from 0. */
  readonly index: number;
  /** Index, in the whole data, of the first sample. */
  readonly first: number;
  readonly count: number;
}

/** Part of a run that one process computes: number `index`, counted from 0, of `count`. */
export interface ChosenPart {
  readonly index: number;
  readonly count: number;
}

/** Division of a run's samples into parts of equal size. */
export interface Division {
  /** Total number of samples. */
  readonly samples: number;
  /** Number of parts. */
  readonly parts: number;
}

/**
 * Limits of a part's size if neither `--parts` nor `--part` is given: its multiply-adds for decoding each sample once, which one
 * thread encodes in about five minutes, at 30 GFLOP/s and with the 40 passes or so of L-BFGS for each sample; the bytes of its
 * results; and its samples. They bound the work lost to an interrupt, and memory.
 */
const STANDARD = { operations: 1e11, bytes: 2 ** 26, samples: 100_000 };

/** Maximum number of bytes of a part's results: half of the 2 GiB that Node can read into one buffer. */
const MOST_BYTES = 2 ** 30;

/**
 * Divides a run into as many parts as are asked for. By default a part takes some minutes; changing this rule would make runs in
 * progress be refused unless `--parts` gives the old number.
 *
 * @param operations multiply-adds for decoding a sample
 * @throws LatentflowError `invalid_argument` if parts would be without samples, or too large
 */
export function divide(
  { part, parts }: { readonly part?: ChosenPart; readonly parts?: number | undefined },
  plan: ResultsPlan,
  operations: number,
): Division {
  const { samples } = plan;
  const bytes = sampleBytes(plan);
  const size = Math.min(STANDARD.operations / operations, STANDARD.bytes / bytes, STANDARD.samples);
  const standard = Math.max(1, Math.ceil(samples / Math.max(1, Math.floor(size))));
  const count = part?.count ?? parts ?? standard;
  const given = part ? `--part ${part.index}/${part.count}` : `--parts ${count}`;
  const most = Math.max(1, samples);
  const [there, allowed] = [countOf(samples, "sample"), countOf(most, "part")];
  if (count > most) throw invalid(`${given}: there are ${there}, expected at most ${allowed}`);
  const least = Math.ceil((samples * bytes) / MOST_BYTES);
  if (count < least)
    throw invalid(`${given}: the results of a part would be more than 1 GiB; give ${least} parts or more`);
  return { samples, parts: count };
}

/** Returns the samples of the part with the given index, from 0. */
export function rangeOf(index: number, { samples, parts }: Division): PartRange {
  const first = Math.floor((index * samples) / parts);
  return { index, first, count: Math.floor(((index + 1) * samples) / parts) - first };
}

/** Returns the samples of all parts, in order. */
export function rangesOf(division: Division): PartRange[] {
  return Array.from({ length: division.parts }, (_, index) => rangeOf(index, division));
}
