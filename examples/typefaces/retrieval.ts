// Completion by looking up: the training style whose given letters overlap most with those that are given.
import type { Samples } from "./dataset.ts";
import { FIELD_SIZE, LETTERS, SAMPLE_SIZE } from "./geometry/cell.ts";
import { coverageOf } from "./geometry/ink.ts";

/** Ink that each style has in common with each training style, letter by letter, in pixels. */
export interface Overlaps {
  readonly trainingCount: number;
  /** [styles, training styles, letters] */
  readonly common: Float32Array;
  /** Ink of each letter: [styles, letters] and [training styles, letters]. */
  readonly ink: Float32Array;
  readonly trainingInk: Float32Array;
}

/** Computes the overlaps of styles with training styles. */
export function overlapsWith(training: Samples, samples: Samples): Overlaps {
  const [count, trainingCount] = [samples.styles.length, training.styles.length];
  const common = new Float32Array(count * trainingCount * LETTERS.length);
  const [coverage, trainingCoverage] = [coverageOfAll(samples), coverageOfAll(training)];
  for (let i = 0; i < count; i++) {
    for (let letter = 0; letter < LETTERS.length; letter++) {
      const own = coverage.subarray((i * LETTERS.length + letter) * FIELD_SIZE).subarray(0, FIELD_SIZE);
      const inked = Array.from(own.keys()).filter((p) => own[p]! > 0);
      const pixels = Uint16Array.from(inked);
      for (let j = 0; j < trainingCount; j++) {
        const start = (j * LETTERS.length + letter) * FIELD_SIZE;
        let sum = 0;
        for (let k = 0; k < pixels.length; k++) {
          const p = pixels[k]!;
          sum += Math.min(own[p]!, trainingCoverage[start + p]!);
        }
        common[(i * trainingCount + j) * LETTERS.length + letter] = sum;
      }
    }
  }
  return { trainingCount, common, ink: inkOf(coverage), trainingInk: inkOf(trainingCoverage) };
}

/** Indices of the training styles nearest to a style by the ink of some letters, the nearest first. */
export function nearestStyles(overlaps: Overlaps, style: number, letters: string, count: number): number[] {
  const { trainingCount, common, ink, trainingInk } = overlaps;
  const indices = [...letters].map((letter) => LETTERS.indexOf(letter));
  const likeness = Array.from({ length: trainingCount }, (_, j) => {
    let [shared, sum] = [0, 0];
    for (const letter of indices) {
      shared += common[(style * trainingCount + j) * LETTERS.length + letter]!;
      sum += ink[style * LETTERS.length + letter]! + trainingInk[j * LETTERS.length + letter]!;
    }
    return shared / (sum - shared);
  });
  return [...likeness.keys()].sort((a, b) => likeness[b]! - likeness[a]!).slice(0, count);
}

function coverageOfAll({ styles, values }: Samples): Float32Array {
  const size = LETTERS.length * FIELD_SIZE;
  const coverage = new Float32Array(styles.length * size);
  for (let i = 0; i < styles.length; i++) {
    for (let p = 0; p < size; p++) coverage[i * size + p] = coverageOf(values[i * SAMPLE_SIZE + p]!);
  }
  return coverage;
}

/** Sums of fields of coverage. */
function inkOf(coverage: Float32Array): Float32Array {
  const sums = new Float32Array(coverage.length / FIELD_SIZE);
  for (let p = 0; p < coverage.length; p++) sums[Math.floor(p / FIELD_SIZE)]! += coverage[p]!;
  return sums;
}
