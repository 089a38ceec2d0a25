import { createRandom } from "../../src/base/random.ts";
import type { Variation } from "./geometry/typeface.ts";
import type { Style } from "./styles.ts";

/**
 * Draws a variation of a style, as another style of its family could be: up to 20 % narrower or wider, up to 7° more or
 * less slanted, and up to half a pixel of a cap height of 21 bolder or lighter, light styles less.
 *
 * @param seed of the style
 * @param copy number of the variation
 */
export function drawVariation(style: Style, seed: number, copy: number): Variation {
  const random = createRandom(seed, copy);
  const between = (low: number, high: number) => low + (high - low) * random.uniform();
  const slant = style.isItalic ? between(-0.12, 0.08) : between(-0.08, 0.16);
  const thicker = style.weight <= 300 ? between(-0.05, 0.45) : between(-0.4, 0.5);
  return { stretch: Math.exp(between(-0.2, 0.2)), slant, thicker };
}
