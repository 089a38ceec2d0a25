import { createRandom } from "../../src/base/random.ts";
import { LETTERS } from "./geometry/cell.ts";

/** Numbers of letters given. */
export const COUNTS = [1, 3, 5, 10] as const;

/** Letters given and letters that never are, by which completions are scored. */
export interface LetterOrder {
  /** The letters in the order in which they are given: the first, the first three and so on. */
  readonly given: string;
  /** Letters that are never given. */
  readonly others: string;
}

/** Draws the letters that are given, by a seed. */
export function letterOrder(seed: number): LetterOrder {
  const random = createRandom(seed);
  const letters = [...LETTERS];
  for (let i = letters.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [letters[i], letters[j]] = [letters[j]!, letters[i]!];
  }
  const most = Math.max(...COUNTS);
  return { given: letters.slice(0, most).join(""), others: letters.slice(most).sort().join("") };
}
