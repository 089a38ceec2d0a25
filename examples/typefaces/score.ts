// Scores of completed letters, means over families, so that a family of eighteen styles counts as much as one of one.
import type { Samples } from "./dataset.ts";
import { fieldOf, RANGE, SAMPLE_SIZE } from "./geometry/cell.ts";
import { countParts, overlapOf } from "./geometry/ink.ts";

/** How close completed letters are to those of the font. */
export interface Score {
  /** Intersection over union of the ink. */
  readonly iou: number;
  /** Root mean square of the distances' errors, in pixels. */
  readonly rmse: number;
  /** Share of letters whose ink has as many connected parts as the font's. */
  readonly whole: number;
}

/** Field of a letter that was completed for a style. */
export type CompletedField = (style: number, letter: string) => Float32Array;

/** Scores the completion of letters of all styles. */
export function scoreOf({ styles, values }: Samples, letters: string, completed: CompletedField): Score {
  const byFamily = new Map<string, Score[]>();
  for (const [i, { family }] of styles.entries()) {
    const truth = values.subarray(i * SAMPLE_SIZE, (i + 1) * SAMPLE_SIZE);
    let [common, either, squares, whole] = [0, 0, 0, 0];
    for (const letter of letters) {
      const [right, guess] = [fieldOf(truth, letter), completed(i, letter)];
      const overlap = overlapOf(right, guess);
      common += overlap.common;
      either += overlap.either;
      squares += squaredError(right, guess) / right.length;
      if (countParts(guess) === countParts(right)) whole++;
    }
    const scores = byFamily.get(family.name) ?? [];
    const rmse = RANGE * Math.sqrt(squares / letters.length);
    scores.push({ iou: common / either, rmse, whole: whole / letters.length });
    byFamily.set(family.name, scores);
  }
  return meanScore([...byFamily.values()].map(meanScore));
}

/** The mean of scores, number by number. */
export function meanScore(scores: readonly Score[]): Score {
  const mean = (key: keyof Score) => scores.reduce((sum, score) => sum + score[key], 0) / scores.length;
  return { iou: mean("iou"), rmse: mean("rmse"), whole: mean("whole") };
}

/** Sum of squared errors of fields, the guess clipped as fields are. */
function squaredError(right: Float32Array, guess: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < right.length; i++) sum += (right[i]! - Math.max(-1, Math.min(1, guess[i]!))) ** 2;
  return sum;
}
